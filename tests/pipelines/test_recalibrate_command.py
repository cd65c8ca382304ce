"""Between two trainings, probabilities follow what came: a release of its own, past the gate, with its parent."""

import datetime as dt
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.special import expit, logit

from data_contracts.estimates import Estimate
from data_contracts.recalibration import FOLLOWS, P_WIN_BEFORE_SQL, Recalibration
from data_contracts.settings import Settings, load_settings
from data_contracts.vocabulary import Transition
from models.fitted import ScoringRelease
from models.recalibrate import mend_in_use
from models.registry import ReleaseRegistry
from pipelines.in_force import registry_of
from pipelines.ingest import ingest_history
from pipelines.promote import promote
from pipelines.recalibrate import RecalibrationRun, recalibrate
from pipelines.score import score_open_leads
from pipelines.store import Store
from simulation import simulate
from tests.example_release import chain_summary
from tests.models.test_chain import raised
from tests.pipelines.test_in_force import AT, CONFIG, ROOT, record, release_under, run, samples

pytestmark = pytest.mark.whole

LONG_AGO = dt.datetime(2025, 1, 1)
"""The extract of the release in production: nearly all leads of the history entered later."""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a checked export of 3,000 leads; in production, every lead is given 10 %."""
    folder = tmp_path_factory.mktemp("recalibrate") / "work"
    shutil.copytree(ROOT / "config", folder / "config")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(CONFIG)
        simulate(settings.crm.data_folder, n_leads=3_000, seed=3)
        ingest_history(settings)
        registry(settings).record(of_long_ago(settings), samples=samples(settings))
        promote(settings, "1", because="the first", at=AT, by="ops")
    return folder


def of_long_ago(settings: Settings) -> ScoringRelease:
    """A release that gives every lead 10 %, and a win before SQL a quarter of the product's odds; far more come now."""
    release = release_under(settings, release_id="trained")
    models = {}
    for transition, model in release.transitions.items():
        rate = model.summary.base_rate_by_age.model_copy(update={"probability": (0.1,)})
        models[transition] = replace(model, summary=model.summary.model_copy(update={"base_rate_by_age": rate}))
    inputs = release.manifest.inputs.model_copy(update={"extracted_at": LONG_AGO})
    summaries = tuple(model.summary for model in models.values())
    told = {"inputs": inputs, "transitions": summaries, "chain": chain_summary("sigmoid")}
    manifest = release.manifest.model_copy(update=told)
    return replace(release, manifest=manifest, transitions=models, win_calibrator=raised(-1.5).calibrator)


@pytest.fixture
def work(checked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A copy of it as the working folder; its settings."""
    shutil.copytree(checked, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return load_settings(CONFIG)


@pytest.fixture(scope="module")
def mended(checked: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, RecalibrationRun]:
    """Another copy, once it was recalibrated: its settings, and what was made. Tests read it only."""
    folder = Path(shutil.copytree(checked, tmp_path_factory.mktemp("mended") / "work"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        settings = load_settings(CONFIG)
        return settings, recalibrate(settings, created_at=AT, by="ops")


@pytest.fixture(scope="module")
def scored(mended: tuple[Settings, RecalibrationRun]) -> pd.DataFrame:
    """Its open leads, scored by what was made."""
    settings, made = mended
    return pq.read_table(score_open_leads(settings, release=made.version).path).to_pandas()


def registry(settings: Settings) -> ReleaseRegistry:
    return registry_of(Store.of(settings))


def test_a_level_that_moved_makes_a_release_with_its_parent_and_puts_it_into_force(mended):
    settings, made = mended
    mend = made.told["mql_to_sql"]
    assert mend.mend == "level"
    assert mend.gain.value > 0
    assert made.verdict is not None
    assert made.verdict.allows
    manifest = registry(settings).manifest_in_force()
    assert manifest is not None
    assert manifest.release_id == made.release_id
    assert manifest.inputs.parent is not None
    assert manifest.inputs.parent.release_id == made.parent_id
    assert (manifest.trained_on, manifest.as_of > LONG_AGO) == (LONG_AGO, True)
    assert "level mended by" in registry(settings).card("production")


def test_leads_are_scored_by_the_mended_level(mended, scored: pd.DataFrame):
    mend = mended[1].told["mql_to_sql"]
    p = scored.loc[scored["stage"] == "mql", "p_sql"]
    assert p.nunique() == 1
    odds = 0.1 / 0.9
    assert (p / (1 - p)).iloc[0] == pytest.approx(odds * 2.718281828**mend.intercept)
    assert scored.loc[scored["stage"] == "mql", ["p_next_low", "p_next_high"]].notna().all(axis=None)


def test_wins_before_sql_are_mended_beyond_what_their_transitions_were(work: Settings, monkeypatch: pytest.MonkeyPatch):
    """Of 3,000 leads too few were won; here twenty are enough."""
    monkeypatch.setattr("models.recalibrate.LEAST_OUTCOMES", 20)
    made = recalibrate(work, created_at=AT, by="ops")
    mend = made.told[P_WIN_BEFORE_SQL]
    assert mend.mend == "level"
    assert mend.intercept > 0.5
    assert made.verdict is not None
    assert any(check.says.startswith("p_win before SQL: level mended") for check in made.verdict.checks)
    scored = pq.read_table(score_open_leads(work, release=made.version).path).to_pandas()
    mql = scored[scored["stage"] == "mql"].iloc[0]
    release = registry(work).load(made.version)
    told = release.transitions[Transition.SQL_TO_WIN].summary.recalibration
    given_sql = 0.1 if told is None else expit(told.intercept + told.slope * logit(0.1))
    assert mql["p_win"] == pytest.approx(expit(mend.intercept - 1.5 + logit(mql["p_sql"] * given_sql)))
    assert mql["p_win"] < mql["p_sql"]
    assert mql["p_win_given_sql"] == pytest.approx(mql["p_win"] / mql["p_sql"])


def test_where_too_few_wins_came_since_it_is_said_what_becomes_of_them(mended, scored: pd.DataFrame):
    settings, made = mended
    assert P_WIN_BEFORE_SQL not in made.told
    assert re.search(
        r"leads that converted .* 50 are needed; .* until then it follows what is mended", made.left[P_WIN_BEFORE_SQL]
    )
    assert FOLLOWS in registry(settings).card("production")
    mql = scored.query("stage == 'mql'").iloc[0]
    assert mql["p_sql"] > 0.1
    assert mql["p_win"] == pytest.approx(expit(-1.5 + logit(mql["p_sql"] * 0.1)))


def test_once_more_mends_what_the_training_left_and_not_the_mend(mended):
    settings, first = mended
    again = recalibrate(settings, created_at=AT, by="ops")
    assert again.told == first.told
    assert (again.parent_id, again.version) == (first.release_id, None), "it is mended already"


def test_a_mend_that_is_no_longer_asked_for_is_taken_back(work: Settings):
    """In production is a mend of a model that is right: it raises every probability."""
    right = record(work, release_id="right", extracted_at=LONG_AGO)
    registry(work).promote(right, because="trained anew", at=AT, by="ops", force=True)
    trained = registry(work).load(right)
    mended = with_level(trained, 1.0)
    registry(work).record(mended, samples=samples(work))
    registry(work).promote("candidate", because="by hand", at=AT, by="ops", force=True)
    made = recalibrate(work, created_at=AT, by="ops")
    assert made.told["mql_to_sql"].mend == "none"
    assert made.parent_id == "mended by hand"
    back = registry(work).load(made.version).transitions
    assert all(mend_in_use(model) is None for model in back.values() if model.summary.transition == "mql_to_sql")


def with_level(release: ScoringRelease, level: float) -> ScoringRelease:
    """`release` with all log-odds of its first transition raised by `level`."""
    nothing = Estimate(value=None, low=None, high=None)
    mend = Recalibration(
        mend="level", intercept=level, slope=1.0, entered_from=LONG_AGO, entered_until=AT, n_leads=100, n_converted=50,
        slope_before=nothing, intercept_before=nothing, slope_after=nothing, intercept_after=nothing, gain=nothing,
    )  # fmt: skip
    first, *others = release.manifest.transitions
    raised = first.model_copy(update={"recalibration": mend})
    told = {"release_id": "mended by hand", "transitions": (raised, *others)}
    models = dict(release.transitions) | {
        first.transition: replace(release.transitions[first.transition], summary=raised)
    }
    return replace(release, manifest=release.manifest.model_copy(update=told), transitions=models)


def test_the_same_inputs_make_the_same_release(mended, work: Settings):
    _, first = mended
    other = recalibrate(work, created_at=AT, by="somebody else")
    assert (other.release_id, other.told) == (first.release_id, first.told)


def test_where_too_few_leads_entered_since_nothing_is_made_and_why_is_said(work: Settings):
    version = record(work, release_id="of today", extracted_at=dt.datetime(2026, 6, 29))
    registry(work).promote(version, because="trained on all there is", at=AT, by="ops", force=True)
    code, out, err = run("recalibrate")
    assert code == 0
    assert "nothing has to be mended; release of today stays in production" in out
    assert "mql_to_sql: 0 leads that converted after entering since the release's extract" in err
    assert "wait for more outcomes" in err


@pytest.mark.usefixtures("work")
def test_the_command_says_what_was_mended_and_what_the_gate_said():
    code, out, _ = run("recalibrate", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["parent_id"] == "trained"
    assert told["told"]["mql_to_sql"]["mend"] == "level"
    assert told["verdict"]["champion_id"] == "trained"


def test_without_a_release_in_production_there_is_nothing_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    code, _, err = run("recalibrate")
    assert code == 7
    assert "no release was recorded yet" in err
