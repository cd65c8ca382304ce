import datetime as dt
from collections import Counter

import pandas as pd
import pyarrow as pa
import pytest

from data_contracts.calls import NOTHING_BEFORE
from serving.candidates import call_candidates, lots
from tests.example_calls import day, listed, published, sales, scores

EXPLORING = sales(10, exploration_share=0.2).policy  # at most two by lot a week


def candidates(*batches: pa.RecordBatch, before=NOTHING_BEFORE, policy=EXPLORING):
    return call_candidates(batches, before, policy=policy, as_of=day(2))


def test_lots_are_drawn_anew_at_each_moment_and_with_the_same_chance():
    leads = pd.Series([f"L{number}" for number in range(10)])
    moments = [day(1) + dt.timedelta(minutes=minute) for minute in range(1_000)]
    drawn = Counter(int(lots(leads, moment).argmin()) for moment in moments)
    assert set(drawn) == set(range(10))
    assert 60 < min(drawn.values()) <= max(drawn.values()) < 140  # 100 each, give or take four standard errors


def test_it_holds_the_eligible_and_the_lowest_lots_whatever_the_batches():
    values = {f"L{number}": 0.1 for number in range(50)} | {"A": 0.9, "B": 0.8}
    whole = candidates(scores(values))
    assert len(whole.leads) == 2 + 2
    assert whole.n_left_out["sales"] == 50 - 2
    two = [scores(dict(part)) for part in (list(values.items())[:30], list(values.items())[30:])]
    parts = candidates(*two)
    pd.testing.assert_frame_equal(
        parts.leads.sort_values("lead_id", ignore_index=True), whole.leads.sort_values("lead_id", ignore_index=True)
    )
    assert parts.n_left_out == whole.n_left_out


@pytest.mark.parametrize(("action", "team"), [("suppress", "sales"), ("work", "sales"), ("wait", None)])
def test_a_lead_that_is_suppressed_or_worked_or_of_no_team_is_none(action, team):
    assert candidates(scores({"A": 0.9}, action={"A": action}, team={"A": team})).leads.empty


def test_a_lead_that_was_handed_off_is_one_and_is_never_drawn():
    before = published(listed({"A": 0.9}, at=day(1)), next_at=day(2))
    (found,) = candidates(scores({"A": 0.1}), before=before).leads.to_dict("records")
    assert (found["lead_id"], pd.isna(found["lot"])) == ("A", True)
