"""Results as rows: no two models with one name, no figure that hides on which side of 0 it lies."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.releases import Estimate
from data_contracts.scores import ScoredLeads
from data_contracts.vocabulary import Moment, Transition
from pipelines.report import (
    action_rows,
    evaluation_rows,
    evaluation_warning,
    extrapolated_text,
    model_names,
    standing,
    training_warnings,
)
from pipelines.train import TrainingRun
from tests.example_release import base_rate, evaluation, figures, manifest, release_of, summary

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def judged(*models: str, **changes):
    """An evaluation of `models`, the chosen one first."""
    of_any = evaluation(SQL, model=models[0], **changes)
    return of_any.model_copy(update={"models": tuple(figures(model) for model in models)})


@pytest.mark.parametrize("chosen", ["logistic_regression", "lightgbm", "base_rate", "something_new"])
def test_no_two_models_of_a_table_have_one_name(chosen: str):
    names = model_names(judged(chosen, "base_rate", "point_rule", "logistic_regression"))
    assert len(set(names)) == len(names) == 4
    assert [row["model"] for row in evaluation_rows(judged(chosen, "base_rate"))] == [names[0], "base rate"]


def test_the_chosen_model_is_ours_and_its_baseline_is_plain():
    names = model_names(judged("logistic_regression", "base_rate", "logistic_regression"))
    assert names == ["our model (logistic regression)", "base rate", "plain logistic regression"]


def test_a_gain_just_above_0_does_not_read_as_0():
    small = judged("lightgbm", "base_rate")
    gain = Estimate(value=0.0012, low=0.0004, high=0.0021)
    model = small.models[0].model_copy(update={"gain": gain})
    rows = evaluation_rows(small.model_copy(update={"models": (model, small.models[1])}))
    assert rows[0]["gain"] == "0.0012 [0.0004, 0.0021]"


def test_an_evaluation_without_signal_is_warned_of_with_its_snapshots():
    assert evaluation_warning(judged("lightgbm")) is None
    at_entry = evaluation_warning(judged("lightgbm", gain=0.0))
    assert at_entry == "mql_to_sql, entry snapshots: no gain over the base rate can be told from chance"
    at_all = judged("lightgbm", gain=0.0).model_copy(update={"moment": None})
    assert evaluation_warning(at_all) == "mql_to_sql, all snapshots: no gain over the base rate can be told from chance"


def test_a_training_is_warned_of_every_evaluation_and_of_what_scores_instead():
    silent = summary(WIN, estimator="base_rate", gain=0.0)
    assert training_warnings(manifest(summary(SQL, estimator="lightgbm"), silent)) == [
        "sql_to_win, entry snapshots: no gain over the base rate can be told from chance",
        "sql_to_win: without signal, every lead is given the base rate",
    ]
    assert silent.evaluations[0].moment is Moment.ENTRY


def test_a_release_that_was_held_back_says_why_and_how_to_promote_it():
    release = release_of({SQL: base_rate(SQL)})
    made = TrainingRun(version="3", release=release, is_promoted=False, held_back_because="it found no signal")
    assert standing(made) == (
        'a candidate, held back because it found no signal; `leadscore promote 3 --because "..."` puts it into force'
    )
    assert standing(replace(made, is_promoted=True, held_back_because=None)) == "promoted to production"


def scores_of(folder, **columns) -> ScoredLeads:
    path = folder / "scores.parquet"
    pq.write_table(pa.table(columns), path)
    n_leads = len(next(iter(columns.values())))
    return ScoredLeads(
        path, n_leads, manifest().as_of, release_id="r1", definitions_version="2026.1", data_fingerprint="f1"
    )


def test_how_many_leads_are_extrapolated_is_said_in_a_sentence(tmp_path):
    scored = scores_of(tmp_path, is_extrapolated=[True, False, True])
    assert extrapolated_text(scored).startswith("2 of 3 are extrapolated: no labelled leads resemble them")
    nobody = scores_of(tmp_path, is_extrapolated=pa.array([], pa.bool_()))
    assert extrapolated_text(nobody).startswith("0 of 0 are extrapolated")


def test_a_mean_probability_of_a_fraction_of_a_thousandth_is_not_0(tmp_path):
    scored = scores_of(tmp_path, action=["nurture"], p_win=[0.0004], expected_value=[40.0])
    assert action_rows(scored)[0]["mean p_win"] == "0.0004"
