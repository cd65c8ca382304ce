"""Results as rows and sentences."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.scores import ScoredLeads
from data_contracts.vocabulary import Transition
from pipelines.report import action_rows, extrapolated_text, standing, training_warnings
from pipelines.train import TrainingRun
from tests.example_release import base_rate, manifest, release_of, summary

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def test_a_transition_without_signal_is_warned_of_with_both_figures_and_what_scores_instead():
    silent = summary(WIN, estimator="base_rate_by_age", gain=0.0)
    assert training_warnings(manifest(summary(SQL, estimator="lightgbm"), silent)) == [
        "sql_to_win: no signal; gain over the base rate by age at all ages 0.000 [-0.010, 0.010], AUC at entry –, and "
        "both intervals would have to lie above chance; every lead is given the base rate of its age",
    ]


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
