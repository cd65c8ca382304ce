import datetime as dt
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from data_contracts.past_scores import PastLeads, PastScores
from data_contracts.recalibration import Parent
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from models.release import PACKAGES, assemble_release, inputs_of, source_digest
from tests.example_history import history, settings
from tests.example_release import AMOUNTS, COLUMNS, GRADING, INPUTS, THRESHOLDS, base_rate, estimate

SETTINGS = settings()
HISTORY = history({})


TABLE = LabelledTable(
    transition=Transition.MQL_TO_SQL,
    horizon_days=30,
    frame=pd.DataFrame(),
    columns=COLUMNS,
    catalogue_digest="c1" * 8,
    counts={},
    extracted_at=HISTORY.extracted_at,
)
TABLES = {Transition.MQL_TO_SQL: TABLE}


def inputs(**changes: object):
    return inputs_of(HISTORY, SETTINGS, **{"tables": TABLES, **changes})


def test_the_same_inputs_give_the_same_id_which_begins_with_the_day_of_the_extract():
    assert inputs() == inputs()
    assert inputs().release_id == inputs().release_id
    assert inputs().release_id.startswith("2026-05-01-")


CHANGES = {
    "source": "other",
    "currency": "USD",
    "extracted_at": dt.datetime(2026, 5, 1, 1),
    "data_fingerprint": "f2",
    "configuration_digest": "d2",
    "catalogue_digest": "c2",
    "test_from": dt.datetime(2026, 1, 1),
    "seed": 1,
    "policy_digest": "p2",
    "code_version": "0.2.0",
    "code_digest": "e2",
    "libraries": {"numpy": "3.0.0"},
    "parent": Parent(release_id="2026-04-01-parent", trained_on=dt.datetime(2026, 4, 1)),
}


def test_every_input_takes_part_in_the_id():
    assert set(CHANGES) == set(type(INPUTS).model_fields)
    ids = {INPUTS.model_copy(update={name: value}).release_id for name, value in CHANGES.items()}
    assert len(ids | {INPUTS.release_id}) == len(CHANGES) + 1


def test_the_inputs_name_the_history_the_settings_and_what_computes():
    made = inputs(test_from=dt.datetime(2026, 1, 1), seed=3)
    assert (made.data_fingerprint, made.extracted_at) == (HISTORY.fingerprint, HISTORY.extracted_at)
    assert (made.test_from, made.seed, made.source) == (dt.datetime(2026, 1, 1), 3, "example")
    assert set(made.libraries) == {"numpy", "scipy", "scikit-learn", "lightgbm", "pandas", "duckdb", "ibis-framework"}
    assert made.catalogue_digest == TABLE.catalogue_digest
    assert inputs_of(HISTORY, settings(version="2026.2"), tables=TABLES) != inputs()
    assert inputs_of(replace(HISTORY, fingerprint="other"), SETTINGS, tables=TABLES) != inputs()


def test_figures_take_no_part_in_the_id(monkeypatch):
    monkeypatch.setattr("models.release.choose_grading", lambda *_, **__: GRADING)
    monkeypatch.setattr("models.release.past_scores", lambda *_, **__: PastScores(pd.DataFrame(), 1.0))
    monkeypatch.setattr("models.release.choose_thresholds", lambda *_, **__: THRESHOLDS)
    model = base_rate(Transition.MQL_TO_SQL)
    evaluation = model.summary.evaluations[0]
    other = evaluation.model.model_copy(update={"auc": estimate(0.71)})
    evaluations = (evaluation.model_copy(update={"models": (other, *evaluation.models[1:])}),)
    differing = replace(model, summary=model.summary.model_copy(update={"evaluations": evaluations}))

    def made(fitted, *, created_at):
        return assemble_release(
            SETTINGS,
            inputs=inputs(),
            tables=TABLES,
            fitted={Transition.MQL_TO_SQL: fitted},
            amounts=AMOUNTS,
            created_at=created_at,
            past=PastLeads(pd.DataFrame(), 1.0, pd.DataFrame()),
        ).manifest

    first = made(model, created_at=dt.datetime(2026, 5, 2))
    second = made(differing, created_at=dt.datetime(2026, 5, 3))
    assert first.transitions != second.transitions
    assert first.release_id == second.release_id == inputs().release_id
    assert first.configuration.definitions == SETTINGS.definitions
    assert first.configuration.attributes == SETTINGS.crm.attributes


@pytest.mark.parametrize("package", PACKAGES)
def test_the_digest_of_the_code_changes_with_any_line_of_what_makes_figures(tmp_path: Path, package: str):
    def tree(name: str) -> Path:
        for each in PACKAGES:
            (tmp_path / name / each).mkdir(parents=True)
            (tmp_path / name / each / "module.py").write_text("x = 1\n")
        (tmp_path / name / "crm").mkdir()
        return tmp_path / name

    same, other_line, elsewhere = tree("same"), tree("other_line"), tree("elsewhere")
    (other_line / package / "module.py").write_text("x = 2\n")
    (elsewhere / "crm" / "module.py").write_text("x = 2\n")
    assert source_digest(same) == source_digest(elsewhere)
    assert source_digest(same) != source_digest(other_line)
