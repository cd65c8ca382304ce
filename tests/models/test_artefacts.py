import json
import operator
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import VotingClassifier
from sklearn.preprocessing import FunctionTransformer

from data_contracts.errors import ReleaseError
from data_contracts.vocabulary import Transition
from models.artefacts import TRUSTED_TYPES, load_manifest, load_release, save_release, untrusted_types
from models.calibrate import CALIBRATORS, fit_calibrator
from models.chain import win_probabilities
from models.estimators import model_frame, raw_probabilities
from models.fitted import ContactModel
from models.win_calibrator import fit_win_calibrator
from tests.data_contracts.test_contact_records import report as contact_report
from tests.example_release import (
    COLUMNS,
    LIGHTGBM,
    LOGISTIC,
    base_rate,
    chain_summary,
    fitted,
    leads,
    recalibration,
    release_of,
    two_step_release,
    with_estimator,
)
from tests.models.test_win_calibrator import leads as leads_with_wins


@pytest.mark.parametrize("setting", [LOGISTIC, LIGHTGBM], ids=lambda setting: setting.estimator)
def test_a_release_predicts_and_explains_the_same_after_a_round_trip(setting, tmp_path):
    release, frame = two_step_release(setting=setting), leads(50, seed=3)
    save_release(release, tmp_path)
    loaded = load_release(tmp_path)
    assert loaded.manifest == release.manifest
    for transition, model in release.transitions.items():
        again = loaded.transitions[transition]
        np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
        np.testing.assert_array_equal(again.contributions(frame), model.contributions(frame))


def test_what_was_tried_comes_back_with_the_error_of_its_difference_which_an_older_release_lacks(tmp_path):
    told = base_rate(Transition.MQL_TO_WIN)
    (tried,) = told.summary.candidates
    tried = tried.model_copy(update={"difference": 0.0012, "standard_error": 0.0008})
    told = replace(told, summary=told.summary.model_copy(update={"candidates": (tried,)}))
    save_release(release_of({Transition.MQL_TO_WIN: told}), tmp_path)
    file = tmp_path / "release.json"
    assert load_manifest(file).transitions[0].candidates == (tried,)
    kept = json.loads(file.read_text(encoding="utf-8"))
    for name in ("difference", "standard_error"):
        del kept["transitions"][0]["candidates"][0][name]
    file.write_text(json.dumps(kept), encoding="utf-8")
    assert load_manifest(file).transitions[0].candidates[0].standard_error is None


@pytest.mark.parametrize("calibrator", [name for name in CALIBRATORS if name != "none"])
def test_every_calibrator_comes_back_with_the_same_probabilities(calibrator, tmp_path):
    random = np.random.default_rng(0)
    raw = random.random(2_000)
    outcome = random.random(2_000) < raw**2
    learnt = fit_calibrator(calibrator, raw, outcome=outcome, weight=np.ones(2_000), lead=np.arange(2_000))
    model = replace(fitted(Transition.MQL_TO_WIN), calibrator=learnt)
    save_release(release_of({Transition.MQL_TO_WIN: model}), tmp_path)
    again = load_release(tmp_path).transitions[Transition.MQL_TO_WIN]
    assert type(again.calibrator) is type(learnt)
    np.testing.assert_array_equal(again.predict(leads(50)), model.predict(leads(50)))


def test_a_release_is_a_manifest_and_one_file_for_each_model(tmp_path):
    save_release(two_step_release(), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mql_to_sql.skops", "release.json", "sql_to_win.skops"]
    assert json.loads((tmp_path / "release.json").read_text())["release_id"] == "2026-05-01-abc123"


def test_a_base_rate_needs_no_file_and_comes_back(tmp_path):
    save_release(release_of({Transition.MQL_TO_WIN: base_rate(Transition.MQL_TO_WIN)}), tmp_path)
    loaded = load_release(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["release.json"]
    assert loaded.transitions[Transition.MQL_TO_WIN].predict(leads(2)).tolist() == [0.25, 0.25]


@pytest.mark.parametrize("make", [fitted, base_rate])
def test_what_tells_leads_unlike_all_others_comes_back_with_a_model_and_without(make, tmp_path):
    model, frame = make(Transition.MQL_TO_SQL), leads(50)
    like_visits = fitted(Transition.MQL_TO_SQL).estimators[0]
    limit = float(np.median(raw_probabilities(like_visits, model_frame(frame, COLUMNS))))
    told = model.summary.model_copy(update={"contact": contact_report(unlike_up_to=limit)})
    unlike = replace(model, summary=told, contact=ContactModel(like_visits, limit))
    save_release(release_of({Transition.MQL_TO_SQL: unlike}), tmp_path)
    again = load_release(tmp_path).transitions[Transition.MQL_TO_SQL]
    assert 0 < unlike.is_unlike(frame).sum() < 50
    np.testing.assert_array_equal(again.is_unlike(frame), unlike.is_unlike(frame))
    (tmp_path / "mql_to_sql.contact.skops").unlink()
    with pytest.raises(ReleaseError, match=r"mql_to_sql.contact.skops is missing; train a new release"):
        load_release(tmp_path)


def test_artefacts_hold_no_class_of_ours_and_no_pickle(tmp_path):
    save_release(two_step_release(setting=LIGHTGBM), tmp_path)
    with zipfile.ZipFile(tmp_path / "mql_to_sql.skops") as archive:
        names, schema = archive.namelist(), archive.read("schema.json").decode()
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
    modules = {part.split('"')[0].split(".")[0] for part in schema.split('"__module__": "')[1:]}
    assert modules <= {"builtins", "collections", "lightgbm", "numpy", "scipy", "sklearn"}


EVIL = {
    "posix.system": FunctionTransformer(os.system),
    "operator.methodcaller": operator.methodcaller("system", "true"),
    "builtins.eval": FunctionTransformer(eval),
}


@pytest.mark.parametrize("named", EVIL)
def test_a_planted_file_is_refused_by_name_before_anything_is_rebuilt(named, tmp_path):
    save_release(two_step_release(), tmp_path)
    planted = {"estimators": [EVIL[named]], "calibrator": None}
    (tmp_path / "sql_to_win.skops").write_bytes(skops.io.dumps(planted))
    with pytest.raises(ReleaseError, match=rf"sql_to_win\.skops holds 1 type\(s\) that are not trusted \({named}\)"):
        load_release(tmp_path)


def test_a_file_cannot_say_itself_what_to_trust(tmp_path):
    save_release(two_step_release(), tmp_path)
    content = skops.io.dumps({"estimators": [EVIL["posix.system"]], "calibrator": None, "trusted": ["posix.system"]})
    assert untrusted_types(content) == ("posix.system",)


def test_an_untrusted_type_is_refused_already_on_saving(tmp_path):
    release = with_estimator(two_step_release(), Transition.MQL_TO_SQL, EVIL["posix.system"])
    with pytest.raises(ReleaseError, match=r"posix\.system"):
        save_release(release, tmp_path)
    assert not (tmp_path / "release.json").exists()


def test_public_scikit_learn_estimators_need_no_entry_in_the_list():
    assert untrusted_types(skops.io.dumps(VotingClassifier([]))) == ()


def test_the_trusted_list_names_exactly_what_our_models_need(tmp_path):
    found = set()
    for setting in (LOGISTIC, LIGHTGBM):
        save_release(two_step_release(setting=setting), tmp_path)
        found |= set(skops.io.get_untrusted_types(file=tmp_path / "mql_to_sql.skops"))
    assert found == set(TRUSTED_TYPES)


def test_features_that_the_manifest_does_not_list_are_refused_on_saving(tmp_path):
    release = two_step_release(features=())
    with pytest.raises(ReleaseError, match="mql_to_sql: the model reads other features"):
        save_release(release, tmp_path)


def _cut_short(folder: Path) -> None:
    file = folder / "mql_to_sql.skops"
    file.write_bytes(file.read_bytes()[:500])


def _not_a_pair(folder: Path) -> None:
    (folder / "mql_to_sql.skops").write_bytes(skops.io.dumps([1, 2]))


BROKEN = {
    "there is no release in": lambda folder: (folder / "release.json").unlink(),
    "is not the manifest of a release .* `leadscore promote` the new version": lambda folder: (
        folder / "release.json"
    ).write_text("{}"),
    r"mql_to_sql\.skops is missing": lambda folder: (folder / "mql_to_sql.skops").unlink(),
    r"mql_to_sql\.skops is damaged.*BadZipFile": _cut_short,
    r"mql_to_sql\.skops is damaged.*TypeError": _not_a_pair,
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_folder_says_what_is_wrong_with_it(message, tmp_path):
    save_release(two_step_release(), tmp_path)
    BROKEN[message](tmp_path)
    with pytest.raises(ReleaseError, match=message):
        load_release(tmp_path)


@pytest.mark.parametrize("name", ["sigmoid", "beta", "sigmoid_by_age"])
@pytest.mark.parametrize("mend", [None, recalibration("level_and_slope", intercept=-0.4, slope=0.8)])
def test_the_calibrator_of_wins_comes_back_with_the_same_probabilities(name, mend, tmp_path):
    calibrator = fit_win_calibrator(name, leads_with_wins(2_000, intercept=1.0))
    chain = chain_summary(name).model_copy(update={"recalibration": mend})
    release = replace(two_step_release(chain=chain), win_calibrator=calibrator)
    save_release(release, tmp_path)
    again = load_release(tmp_path)
    frame = leads(50).assign(stage="mql", days_in_stage=3.0)
    assert again.win_calibrator.name == name
    pd.testing.assert_frame_equal(
        win_probabilities(again.transitions, frame, chain=again.chain),
        win_probabilities(release.transitions, frame, chain=release.chain),
    )


def test_a_release_whose_calibrator_of_wins_is_missing_is_refused(tmp_path):
    calibrator = fit_win_calibrator("sigmoid", leads_with_wins(2_000))
    save_release(replace(two_step_release(chain=chain_summary("sigmoid")), win_calibrator=calibrator), tmp_path)
    (tmp_path / "win_calibrator.skops").unlink()
    with pytest.raises(ReleaseError, match=r"win_calibrator\.skops is missing"):
        load_release(tmp_path)


def test_a_product_that_needs_no_calibrator_has_no_file(tmp_path):
    save_release(two_step_release(chain=chain_summary("none")), tmp_path)
    assert not (tmp_path / "win_calibrator.skops").exists()
    assert load_release(tmp_path).win_calibrator is None
