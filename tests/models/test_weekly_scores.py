"""Each week is scored by the last training before it, under boundaries that were chosen before it."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from data_contracts.errors import TooFewOutcomesError
from data_contracts.policy import Policy, Team
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import OutcomeStatus, Transition
from models.thresholds import PAST_WEEKS
from models.weekly_scores import TrainedScores, Week, possible_weeks, refuse_too_few, scores_by_week

BEGINS = dt.datetime(2026, 6, 1)
WEEK = dt.timedelta(weeks=1)
POLICY = Policy(version="1", teams=(Team(name="sales", leads_per_week=5),))


def trained(at: dt.datetime, *, until: dt.datetime, factor: float = 1.0, later: float = 1.0) -> TrainedScores:
    """Twenty new leads a day from `PAST_WEEKS` before the first week on; after `at` they score `later` times that."""
    days = pd.date_range(BEGINS - PAST_WEEKS * WEEK + dt.timedelta(days=1), until, freq="D")
    frame = pd.DataFrame({"as_of": days.repeat(20), "p_first": np.tile(np.arange(1, 21) / 40, len(days)) * factor})
    is_later = frame["as_of"] > at
    frame["p_first"] = frame["p_first"].where(~is_later, frame["p_first"] * later)
    number = [f"L{nth}" for nth in range(len(frame))]
    frame = frame.assign(
        lead_id=number, group_id=number, stage="mql", p_win=np.nan, amount=1.0, snapshot_id=range(len(frame)),
        team="sales", suppressed_by=None,
    )  # fmt: skip
    return TrainedScores(at, frame[frame["as_of"] > at - PAST_WEEKS * WEEK].reset_index(drop=True))


def weeks(n: int) -> list[Week]:
    """All leads were created before the first week, so that any of them may be asked about in any."""
    leads = trained(BEGINS, until=BEGINS + n * WEEK).frame.assign(created_at=BEGINS - PAST_WEEKS * WEEK)
    begins = [BEGINS + number * WEEK for number in range(n)]
    return [Week(at, at + WEEK, leads) for at in begins]


def by_week(found: pd.DataFrame, column: str) -> dict[int, float]:
    return {week: value for week, value in found.groupby("week")[column].max().items() if week >= 0}


def test_what_is_said_of_a_week_moves_no_boundary_of_it():
    ends = BEGINS + 2 * WEEK
    plain, higher = (
        scores_by_week([trained(BEGINS, until=ends, later=later)], weeks(2), policy=POLICY, sampled_share=1.0)
        for later in (1.0, 1.9)
    )
    before, after = (by_week(found, "boundary") for found in (plain, higher))
    assert before[0] == after[0]
    assert before[1] < after[1], "the week after is drawn on it"


def test_a_week_is_scored_by_the_last_training_before_it():
    both = [
        trained(BEGINS, until=BEGINS + WEEK, factor=1.0),
        trained(BEGINS + WEEK, until=BEGINS + 2 * WEEK, factor=0.5),
    ]
    found = scores_by_week(both, weeks(2), policy=POLICY, sampled_share=1.0)
    assert by_week(found, "p_first") == {0: 0.5, 1: 0.25}
    assert found["snapshot_id"].is_unique


def test_the_weeks_before_the_first_are_there_under_its_boundary():
    one = [trained(BEGINS, until=BEGINS + WEEK)]
    found = scores_by_week(one, weeks(1), policy=POLICY, sampled_share=1.0)
    assert (found["week"].min(), found["week"].max()) == (-PAST_WEEKS, 0)
    assert found["boundary"].nunique() == 1
    assert (found.groupby("week").size() == 7 * 20).all()


def table(*known_at: dt.datetime) -> LabelledTable:
    """Two hundred leads that converted and as many that did not, for each moment at which their outcomes were known."""
    n = 400
    moments = pd.to_datetime(list(known_at)).repeat(n)
    number = np.arange(len(moments))
    converted = number % 2 == 0
    frame = pd.DataFrame(
        {
            "lead_id": number, "group_id": number, "as_of": moments - pd.Timedelta(days=30), "day": 0,
            "outcome_known_at": moments, "converted": converted, "weight": 1.0, "contacted_after_days": 1.0,
            "converted_after_days": np.where(converted, 2.0, np.nan),
            "outcome_status": np.where(converted, OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED),
        }
    )  # fmt: skip
    return LabelledTable(Transition.MQL_TO_SQL, 30, frame, (), "", {}, BEGINS)


def test_as_many_weeks_are_possible_as_begin_when_enough_was_known():
    tables = {Transition.MQL_TO_SQL: table(BEGINS - 5 * WEEK)}
    assert possible_weeks(tables, until=BEGINS, fewer_than=26) == 5
    assert possible_weeks(tables, until=BEGINS, fewer_than=4) == 3
    assert possible_weeks({Transition.MQL_TO_SQL: table(BEGINS)}, until=BEGINS, fewer_than=26) == 0


def test_too_few_outcomes_are_refused_with_the_day_and_what_to_do():
    few = table(BEGINS)
    few = LabelledTable(few.transition, 30, few.frame.iloc[:150], (), "", {}, BEGINS)
    with pytest.raises(TooFewOutcomesError, match=r"75 leads that converted by 2026-06-01, where .*; ask for fewer"):
        refuse_too_few({few.transition: few}, hint="ask for fewer")
    refuse_too_few({few.transition: table(BEGINS)}, hint="")
