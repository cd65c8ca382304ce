"""What is known of young leads helps and does not mislead: open ones count in part, by how long they were followed."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from models.split import learning_rows
from models.young import YoungLeads
from tests.models.conftest import TableFactory

AT = dt.datetime(2026, 3, 1)
HORIZON = dt.timedelta(days=30)


def rows(*leads: tuple[str, float, float | None, float | None, float | None]) -> pd.DataFrame:
    """Leads by name, days from `as_of` to `AT`, and after how many days each was contacted, converted and left."""
    names, followed, contacted, converted, left = zip(*leads, strict=True)
    as_of = [AT - dt.timedelta(days=days) for days in followed]
    return pd.DataFrame(
        {
            "lead_id": names,
            "as_of": pd.to_datetime(as_of),
            "outcome_known_at": pd.to_datetime([moment + HORIZON for moment in as_of]),
            "contacted_after_days": np.array(contacted, dtype=float),
            "converted_after_days": np.array(converted, dtype=float),
            "left_after_days": np.array(left, dtype=float),
            "converted": [value is not None for value in converted],
            "day": 0,
            "weight": 1.0,
        }
    )


def mature(*converted_after: float, n_not: int = 4) -> pd.DataFrame:
    """Leads of long ago: some converted after so many days, `n_not` did not."""
    told = [(f"M{i}", 100.0, 0.0, after, None) for i, after in enumerate(converted_after)]
    return rows(*told, *((f"N{i}", 100.0, 0.0, None, None) for i in range(n_not)))


EARLY = dt.datetime(2020, 1, 1)


def test_young_are_those_that_sales_works_and_whose_horizon_has_not_passed():
    told = rows(("young", 10, 0, None, None), ("mature", 31, 0, None, None), ("future", -1, 0, None, None),
                ("called later", 10, 12, None, None), ("old", 29, 0, None, None))  # fmt: skip
    assert YoungLeads(told).at(AT, since=EARLY).rows["lead_id"].tolist() == ["young", "old"]
    later = YoungLeads(told).at(AT, since=AT - dt.timedelta(days=20))
    assert later.rows["lead_id"].tolist() == ["young"]


def test_what_happened_after_the_moment_was_not_known():
    told = rows(("converted", 10, 0, 4, None), ("will convert", 10, 0, 12, None), ("left", 10, 0, None, 3),
                ("will leave", 10, 0, None, 15))  # fmt: skip
    known = YoungLeads(told).at(AT, since=EARLY)
    assert known.has_converted.tolist() == [True, False, False, False]
    assert known.has_left.tolist() == [False, False, True, False]
    assert known.open_rows["lead_id"].tolist() == ["will convert", "will leave"]


def test_an_open_lead_counts_in_part_as_one_that_will_convert():
    """Half of the conversions came within 10 days. p = 0.4: of five such leads, 0.4 (1 - 1/2) / (1 - 0.4 / 2) = 1/4."""
    known = YoungLeads(rows(("open", 10, 0, None, None))).at(AT, since=EARLY)
    joined = known.joined(mature(5.0, 20.0), p_open=np.array([0.4]))
    halves = joined[joined["lead_id"] == "open"]
    weights = dict(zip(halves["converted"], halves["weight"], strict=True))
    assert weights == {True: pytest.approx(0.4 * 0.5 / 0.8), False: pytest.approx(1 - 0.4 * 0.5 / 0.8)}


def test_a_lead_just_seen_keeps_its_probability_and_one_followed_for_long_has_nearly_lost_it():
    known = YoungLeads(rows(("new", 0.5, 0, None, None), ("old", 29.9, 0, None, None))).at(AT, since=EARLY)
    joined = known.joined(mature(5.0, 20.0), p_open=np.array([0.4, 0.4]))
    will = joined[joined["converted"]].set_index("lead_id")["weight"]
    assert will["new"] == pytest.approx(0.4)
    assert will["old"] == pytest.approx(0.0)


def test_ended_leads_count_as_they_ended_and_all_rows_are_in_order_of_time():
    known = YoungLeads(rows(("won", 10, 0, 4, None), ("lost", 12, 0, None, 3))).at(AT, since=EARLY)
    joined = known.joined(mature(5.0), p_open=np.empty(0))
    assert joined["as_of"].is_monotonic_increasing
    assert joined.set_index("lead_id").loc[["won", "lost"], "converted"].tolist() == [True, False]
    assert len(joined) == 5 + 2


def test_of_a_sample_of_accounts_as_large_a_share_of_the_young_is_taken(make_table: TableFactory):
    table = make_table(n_leads=4_000, leads_per_account=1)
    rows = learning_rows(table, most_rows=len(table.labelled()) // 4)
    whole, sampled = YoungLeads.of(table, table.labelled()), YoungLeads.of(table, rows)
    assert len(sampled.rows) / len(whole.rows) == pytest.approx(0.25, abs=0.04)
    labelled = set(table.labelled()["group_id"])
    assert set(sampled.rows["group_id"]) & labelled == set(rows["group_id"]), "accounts are taken whole"
    new = {account for account in sampled.rows["group_id"] if account not in labelled}
    assert 0 < len(new) < len(set(whole.rows["group_id"]) - labelled)


@pytest.mark.slow
def test_young_leads_leave_the_rate_as_it_is():
    """Of 100,000 leads a fifth converts, most of them soon; whatever is known of the young, the mean rate stays."""
    random = np.random.default_rng(0)
    n = 100_000
    followed = random.uniform(0, 100, n)
    after = np.where(random.random(n) < 0.2, np.minimum(random.exponential(8.0, n), 30.0), np.nan)
    told = rows(*zip([f"L{i}" for i in range(n)], followed, np.zeros(n), after, np.full(n, np.nan), strict=True))
    told["converted"] = ~np.isnan(after)
    old = told[told["outcome_known_at"] <= AT]
    known = YoungLeads(told).at(AT, since=EARLY)
    joined = known.joined(old, p_open=np.full(len(known.open_rows), 0.2))
    assert np.average(joined["converted"], weights=joined["weight"]) == pytest.approx(0.2, abs=0.004)
    quick = joined[joined["as_of"] > AT - dt.timedelta(days=5)]
    assert np.average(quick["converted"], weights=quick["weight"]) == pytest.approx(0.2, abs=0.02)
