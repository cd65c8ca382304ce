"""The two performance vectors: the worked examples of their page, what always adds up, and what nobody knows."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alignment.incidence import Followed, incidence
from alignment.milestones import milestones_of
from alignment.vectors import performance_vectors
from data_contracts.metrics.periods import Period
from data_contracts.targets import Targets
from features.known_before import known_before
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

TARGETS = Targets(version="1", periods=({"period": "2026-Q1", "qualified_pipeline": 1000, "revenue": 250},))


def _by(every, by=""):
    def compute(history, settings):
        return performance_vectors(history, milestones_of(history, settings), every=every, by=by).rows.to_pylist()

    return compute


def _with_targets(history, settings, targets=TARGETS):
    under = settings.model_copy(update={"targets": targets})
    return performance_vectors(history, milestones_of(history, under))


def _plan(history, settings):
    told = _with_targets(history, settings).plan
    return [row.model_dump() | {"reached_share": row.reached_share} for row in told]


def _planned(history, settings):
    return [{"period": name, "share": share} for name, share in _with_targets(history, settings).planned_shares]


COMPUTED = {
    "vectors by quarter": _by(Period.QUARTER),
    "vectors against plan": _plan,
    "translation planned": _planned,
}


@pytest.mark.parametrize("spec", page_specs("vectors", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def deal(number, lead, **told):
    return {"opportunity_id": str(number), "lead_id": lead, "outcome": "open", "created_at": "2026-02-01"} | told


def test_a_history_without_deals_says_so(make_history, settings):
    history = make_history({"leads": [{"lead_id": "A"}]})
    told = _with_targets(history, settings)
    assert told.rows.num_rows == 0
    assert told.notes == ("The CRM shows no deals: there is no pipeline to count.",)
    assert [row.measured for row in told.plan] == [0.0, 0.0, 0.0]


def test_where_no_amount_is_known_no_share_is(make_history, settings):
    history = make_history({"leads": [{"lead_id": "A"}], "opportunities": [deal(1, "A")]})
    (row,) = _by(Period.QUARTER)(history, settings)
    assert (row["n_without_amount"], row["share_so_far"], row["share"]) == (1, None, None)


def test_the_mean_that_an_unknown_amount_weighs_is_of_its_own_cohort(make_history, settings):
    rows = [deal(1, "A", amount=100, outcome="won", closed_at="2026-03-01"), deal(2, "A")]
    other = deal(3, "A", amount=10_000, created_at="2026-05-01")
    history = make_history({"leads": [{"lead_id": "A"}], "opportunities": [*rows, other]})
    assert _by(Period.QUARTER)(history, settings)[0]["share_so_far"] == 100 / (100 + 100)


def test_at_an_earlier_moment_open_deals_have_no_amount_and_still_weigh(make_history, settings):
    rows = [
        deal(1, "A", amount=100, outcome="won", closed_at="2026-03-01"),
        deal(2, "A", amount=300, outcome="lost", closed_at="2026-09-01"),
    ]
    history = make_history({"leads": [{"lead_id": "A"}], "opportunities": rows})
    earlier = known_before(history, dt.datetime(2026, 7, 1), attributes=settings.crm.attributes)
    told = performance_vectors(earlier, milestones_of(earlier, settings))
    (row,) = told.rows.to_pylist()
    assert (row["n_open"], row["n_without_amount"], row["created_amount"]) == (1, 1, 100)
    assert row["share"] == pytest.approx(1 / 2)
    assert any("No open deal has a known amount" in note for note in told.notes)


@pytest.mark.parametrize(("undated", "is_known"), [(5, True), (6, False)])
def test_a_share_is_unknown_where_more_than_a_twentieth_closed_nobody_knows_when(
    make_history, settings, undated, is_known
):
    rows = [
        deal(1, "A", amount=100 - undated, outcome="won", closed_at="2026-03-01"),
        deal(2, "A", amount=undated, outcome="lost"),
    ]
    history = make_history({"leads": [{"lead_id": "A"}], "opportunities": rows})
    told = performance_vectors(history, milestones_of(history, settings))
    (row,) = told.rows.to_pylist()
    assert row["n_undated"] == 1
    assert (row["share"] is not None) == is_known
    assert any("no date of their close" in note for note in told.notes)


def test_a_target_of_a_period_that_has_not_begun_or_of_another_length_is_left_out(make_history, settings):
    targets = Targets(periods=({"period": "2027-Q1", "revenue": 1}, {"period": "2026", "revenue": 1}))
    history = make_history({"leads": [{"lead_id": "A"}]})
    told = _with_targets(history, settings, targets=targets)
    assert told.plan == ()


def test_a_target_of_0_has_no_share(make_history, settings):
    targets = Targets(periods=({"period": "2026-Q1", "revenue": 0},))
    told = _with_targets(make_history({"leads": [{"lead_id": "A"}]}), settings, targets=targets)
    assert [(row.is_over, row.reached_share) for row in told.plan] == [(True, None)]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_parts_make_up_the_whole_by_period_and_by_source(make_history, settings, seed):
    random = np.random.default_rng(seed)
    leads = [{"lead_id": f"L{n}", "account_id": f"A{n % 3}", "source": [None, "web", "fair"][n % 3]} for n in range(9)]
    deals = []
    for n in range(60):
        created_at = dt.datetime(2025, 1, 1) + dt.timedelta(days=float(random.uniform(0, 500)))
        outcome = str(random.choice(["open", "won", "lost"]))
        closed_at = created_at + dt.timedelta(days=float(random.uniform(0, 200)))
        told = {"outcome": outcome, "closed_at": None if outcome == "open" or n % 9 == 0 else closed_at}
        amount = None if n % 7 == 0 else float(random.integers(0, 5)) * 100
        deals.append(deal(n, f"L{n % 9}", created_at=created_at, amount=amount, **told))
    accounts = [{"account_id": f"A{n}"} for n in range(3)]
    history = make_history({"accounts": accounts, "leads": leads, "opportunities": deals})
    milestones = milestones_of(history, settings)
    for every, by in ((Period.MONTH, ""), (Period.QUARTER, "source"), (Period.YEAR, "source")):
        told = performance_vectors(history, milestones, every=every, by=by).rows.to_pandas()
        assert told["n_created"].sum() == len(deals)
        assert told["n_without_amount"].sum() == sum(one["amount"] is None for one in deals)
        assert told["created_amount"].sum() == pytest.approx(sum(one["amount"] or 0 for one in deals))
        assert (told["n_open"] + told["n_won"] + told["n_lost"] == told["n_created"]).all()
        parts = told["open_amount"] + told["won_amount"] + told["lost_amount"]
        assert np.allclose(parts, told["created_amount"])
        assert told["share_so_far"].dropna().between(0, 1).all()
        assert not told.duplicated(["cohort", "group"]).any()


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.sampled_from("rew"), st.integers(1, 4), st.integers(0, 5)),
        min_size=1,
        max_size=15,
    )
)
@hypothesis_settings(max_examples=50, deadline=None)
def test_a_row_of_weight_three_counts_as_three_rows(rows):
    def told(rows, weights):
        days = np.array([row[0] for row in rows])
        return Followed(
            days=days,
            watched=days + np.array([row[1] for row in rows]),
            reached=np.array([row[2] == "r" for row in rows]),
            ended=np.array([row[2] == "e" for row in rows]),
            groups=np.array([row[4] for row in rows]),
            weights=weights,
        )

    weighted = incidence(told(rows, np.array([float(row[3]) for row in rows])))
    repeated = incidence(told([row for row in rows for _ in range(row[3])], None))
    assert np.allclose(weighted.curve, repeated.curve)
    assert np.allclose(weighted.replicates, repeated.replicates)
    assert weighted.n <= len(rows) + 1e-9


def test_rows_without_weight_count_for_nothing():
    told = Followed(
        days=np.array([3, 5]),
        watched=np.array([9, 9]),
        reached=np.array([True, False]),
        ended=np.array([False, True]),
        groups=np.array([0, 1]),
        weights=np.zeros(2),
    )
    assert incidence(told).within(5).value is None
