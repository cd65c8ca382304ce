"""Results as rows and sentences."""

import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.errors import ReleaseError
from data_contracts.gate import Promotion, Way
from data_contracts.scores import ScoredLeads
from data_contracts.vocabulary import Transition
from models.gate import held_back_unread, may_promote
from models.versions import ReleaseVersion
from pipelines.report import (
    action_rows,
    extrapolated_text,
    history_rows,
    moved_by_hand,
    reading_of_the_test,
    standing,
    training_warnings,
)
from pipelines.train import TrainingRun
from tests.example_release import base_rate, manifest, release_of, summary

SQL, WIN = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def test_a_transition_without_signal_is_warned_of_with_both_figures_and_what_scores_instead():
    silent = summary(WIN, estimator="base_rate_by_age", gain=0.0)
    assert training_warnings(manifest(summary(SQL, estimator="lightgbm"), silent)) == [
        "sql_to_win: no signal; gain over the base rate by age at all ages 0.000 [-0.010, 0.010], AUC at entry –, and "
        "both intervals would have to lie above chance; every lead is given the base rate of its age",
    ]


def test_a_release_that_was_held_back_says_why_and_how_to_put_it_into_force_all_the_same():
    release = release_of({SQL: base_rate(SQL)})
    verdict = held_back_unread(release.manifest, ReleaseError("release.json is missing"))
    made = TrainingRun("3", release, verdict)
    assert standing(made) == (
        "a candidate, held back because the release in force cannot be read and compared with: release.json is "
        'missing; `leadscore promote 3 --force --because "..."` puts it into force'
    )
    assert standing(replace(made, verdict=may_promote(release.manifest, None))) == "promoted to production"


def test_training_what_is_in_force_against_the_gate_again_leaves_it_in_production():
    release = release_of({SQL: base_rate(SQL)})
    refused = held_back_unread(release.manifest, ReleaseError("gone"))
    forced_before = refused.model_copy(update={"champion_id": release.manifest.release_id})
    assert TrainingRun("3", release, forced_before).is_promoted
    assert TrainingRun("3", release, forced_before).held_back_because is None
    assert not TrainingRun("3", release, refused).is_promoted


@pytest.mark.parametrize(
    ("n_before", "says"),
    [
        (0, "read once, by this training"),
        (1, "read before, by another release of this history"),
        (3, "read before, by 3 other releases of this history"),
    ],
)
def test_training_says_how_often_its_test_was_read(n_before: int, says: str):
    release = release_of({SQL: base_rate(SQL)})
    made = TrainingRun("3", release, may_promote(release.manifest, None), n_read_before=n_before)
    assert says in reading_of_the_test(made)


def promotion(number: int, *, version: str, way: Way = "rule") -> Promotion:
    """Put into force on the day `number` of May."""
    at = dt.datetime(2026, 5, number, 6, 30, 59)
    return Promotion(
        number=number, version=version, release_id=f"r{version}", at=at, by="ops", way=way, because="why", verdict=None
    )


def test_the_history_is_told_the_latest_first_with_how_and_what_was_overridden():
    forced = promotion(2, version="2", way="forced").model_copy(
        update={"verdict": held_back_unread(manifest(), ReleaseError("gone"))}
    )
    latest, first = history_rows([promotion(1, version="1"), forced])
    assert list(latest.values()) == [
        "2026-05-02 06:30 UTC",
        "2",
        "r2",
        "against the gate",
        "ops",
        "why",
        "the release in force cannot be read and compared with: gone",
    ]
    assert (first["how"], first["overridden"]) == ("by rule", "")


def versions_of(in_force: str | None, *numbers: str) -> list[ReleaseVersion]:
    """Versions with those numbers; `in_force` is in production."""
    return [
        ReleaseVersion(
            number,
            f"r{number}",
            "2026.1",
            "f1",
            dt.datetime(2026, 5, 1),
            ("production",) if number == in_force else (),
            "run",
            held_back_because="",
            promoted_because="",
            promoted_at=None,
        )
        for number in numbers
    ]


@pytest.mark.parametrize(
    ("in_force", "entries", "told"),
    [("1", "1", None), (None, "", None), ("2", "1", "version 2 is in production"), (None, "1", "nothing is in prod")],
)
def test_an_alias_that_was_moved_in_mlflow_is_warned_of(in_force, entries, told):
    versions = versions_of(in_force, "2", "1")
    warning = moved_by_hand(versions, [promotion(n, version=each) for n, each in enumerate(entries, start=1)])
    assert warning is None if told is None else warning.startswith(told)


@pytest.mark.parametrize("in_force", ["2", "3"])
def test_either_of_two_that_were_promoted_at_once_may_be_in_production(in_force: str):
    entries = [promotion(1, version="1"), promotion(2, version="2"), promotion(2, version="3")]
    assert moved_by_hand(versions_of(in_force, "3", "2", "1"), entries) is None
    assert moved_by_hand(versions_of("1", "3", "2", "1"), entries) is not None


def scores_of(folder, **columns) -> ScoredLeads:
    path = folder / "scores.parquet"
    pq.write_table(pa.table(columns), path)
    n_leads = len(next(iter(columns.values())))
    return ScoredLeads(
        path,
        n_leads,
        manifest().as_of,
        release_id="r1",
        definitions_version="2026.1",
        data_fingerprint="f1",
        thresholds_id="t1",
    )


def test_how_many_leads_are_extrapolated_is_said_in_a_sentence(tmp_path):
    scored = scores_of(tmp_path, is_extrapolated=[True, False, True])
    assert extrapolated_text(scored).startswith("2 of 3 are extrapolated: no labelled leads resemble them")
    nobody = scores_of(tmp_path, is_extrapolated=pa.array([], pa.bool_()))
    assert extrapolated_text(nobody).startswith("0 of 0 are extrapolated")


def test_a_mean_probability_of_a_fraction_of_a_thousandth_is_not_0(tmp_path):
    scored = scores_of(tmp_path, action=["nurture"], p_win=[0.0004], expected_value=[40.0])
    assert action_rows(scored)[0]["mean p_win"] == "0.0004"
