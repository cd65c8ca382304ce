"""After the win: the worked examples of its page, what always adds up, and what a CRM may lack."""

import datetime as dt
import math

import numpy as np
import pytest

from alignment.after_win import NO_ACCOUNTS, NO_CHURN, NO_DEALS, NO_MARGIN, after_win
from alignment.milestones import milestones_of
from data_contracts.metrics.after_win import FORMULAS, WITHIN_DAYS
from data_contracts.metrics.periods import Period
from tests.alignment.metric_pages import assert_as_worked_out, formulas_not_said, page_specs


def told(history, settings, **options):
    return after_win(milestones_of(history, settings), history, **options)


COMPUTED = {
    "repeats by year": lambda history, settings: told(history, settings).repeats.to_pylist(),
    "churn by year": lambda history, settings: told(history, settings).churn.to_pylist(),
    "margin by source": lambda history, settings: told(history, settings).margin_by_source.to_pylist(),
    "margin by fit": lambda history, settings: told(history, settings).margin_by_fit.to_pylist(),
}


@pytest.mark.parametrize("spec", page_specs("after_win", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def test_the_page_says_each_formula():
    assert formulas_not_said("after_win", FORMULAS) == []
    assert all(f"within {WITHIN_DAYS} days" in one.says for one in FORMULAS[:2])


def won(lead_id, closed_at="2026-02-01", **values):
    return {"opportunity_id": f"{lead_id}{closed_at}{values}", "lead_id": lead_id, "outcome": "won",
            "created_at": "2026-01-10", "closed_at": closed_at} | values  # fmt: skip


def of(*deals):
    return {
        "accounts": [{"account_id": "X"}],
        "leads": [{"lead_id": "A", "account_id": "X", "source": "web"}, {"lead_id": "B", "account_id": "X"}],
        "opportunities": [*deals],
    }


def test_a_history_without_won_deals_says_so(make_history, settings):
    lost = won("A") | {"outcome": "lost"}
    for tables in ({"leads": [{"lead_id": "A"}]}, of(lost)):
        found = told(make_history(tables), settings)
        assert found.why_not == dict.fromkeys(("repeats", "churn", "margin"), NO_DEALS)
        assert found.repeats.num_rows == found.churn.num_rows == found.margin_by_fit.num_rows == 0


def test_what_the_crm_does_not_record_is_missing_and_never_none(make_history, settings):
    found = told(make_history(of(won("A"), won("B", "2026-03-01"))), settings)
    assert found.why_not == {"churn": NO_CHURN, "margin": NO_MARGIN}
    assert (found.churn.num_rows, found.margin_by_source.num_rows) == (0, 0)
    assert found.repeats.num_rows == 1


def test_without_accounts_nobody_can_be_seen_to_come_back(make_history, settings):
    alone = {"leads": [{"lead_id": "A"}, {"lead_id": "B"}], "opportunities": [won("A"), won("B")]}
    assert told(make_history(alone), settings).why_not["repeats"] == NO_ACCOUNTS
    again = alone | {"opportunities": [won("A"), won("A", "2026-05-01", created_at="2026-03-01")]}
    assert told(make_history(again), settings).repeats.to_pylist()[0]["repeated"] == 1


def test_two_deals_that_were_won_on_one_local_day_are_one_purchase(make_history, settings_with):
    berlin = settings_with(policy={"calendar": {"time_zone": "Europe/Berlin"}})
    first, late = won("A", "2026-02-01 08:00"), won("B", "2026-02-01 22:59", created_at="2026-02-01 09:00")
    (row,) = told(make_history(of(first, late), under=berlin), berlin).repeats.to_pylist()
    assert (row["customers"], row["repeated"], row["open_before"]) == (1, 0, 0)
    next_day = late | {"closed_at": "2026-02-01 23:00"}
    (row,) = told(make_history(of(first, next_day), under=berlin), berlin).repeats.to_pylist()
    assert row["repeated"] == 1


def test_a_deal_that_was_won_nobody_knows_when_is_counted_beside(make_history, settings):
    found = told(make_history(of(won("A"), won("B") | {"closed_at": None, "margin": 5.0, "amount": 10.0})), settings)
    assert found.without_date == 1
    assert found.repeats.to_pylist()[0]["repeated"] == 0
    assert found.margin_by_source.to_pylist()[0]["margin"] == 5.0, "when it was won does not matter to its margin"


def test_nobody_watched_for_a_year_means_no_rate(make_history, settings):
    history = make_history(of(won("A")), extracted_at=dt.datetime(2027, 1, 30))
    assert told(history, settings).repeats.to_pylist()[0]["repeat_rate"] is None
    history = make_history(of(won("A")), extracted_at=dt.datetime(2027, 1, 31))
    assert told(history, settings).repeats.to_pylist()[0]["repeat_rate"] == 0.0


def test_fit_is_told_as_it_was_known_at_the_hand_off(make_history, settings):
    tables = of(won("A", margin=7.0)) | {
        "stage_changes": [{"lead_id": "A", "stage": "mql", "entered_at": "2026-01-05 00:00"}],
        "attribute_changes": [
            {"object": "account", "object_id": "X", "attribute": "industry", "old_value": "software",
             "new_value": "mining", "changed_at": "2026-01-20"},
        ],
    }  # fmt: skip
    tables["accounts"] = [{"account_id": "X", "industry": "mining"}]
    assert [row["group"] for row in told(make_history(tables), settings).margin_by_fit.to_pylist()] == ["A"]


def test_a_share_without_an_amount_or_of_amounts_of_nothing_is_not_known(make_history, settings):
    (row,) = told(make_history(of(won("A", margin=7.0, amount=0.0))), settings).margin_by_source.to_pylist()
    assert (row["with_both"], row["margin_share"], row["margin_per_deal"]) == (1, None, 7.0)


def test_each_customer_and_deal_is_counted_once_and_the_groups_make_up_the_whole(make_history, settings):
    random = np.random.default_rng(3)
    ids = [f"L{nth:02d}" for nth in range(60)]
    leads = [{"lead_id": lead_id, "account_id": f"X{nth // 3}", "source": random.choice(["web", "fair", None])}
             for nth, lead_id in enumerate(ids)]  # fmt: skip
    start = dt.datetime(2026, 1, 1)
    deals = []
    for nth in range(90):
        created = start + dt.timedelta(days=int(random.integers(0, 300)))
        closed = created + dt.timedelta(days=int(random.integers(0, 60)))
        churned = closed + dt.timedelta(days=int(random.integers(0, 300)))
        deals.append(won(str(random.choice(ids)), opportunity_id=f"O{nth}", created_at=created, closed_at=closed,
                         churned_at=random.choice([churned, None]), margin=random.choice([-5.0, 20.0, None]),
                         amount=random.choice([50.0, None])))  # fmt: skip
    history = make_history({"accounts": [{"account_id": f"X{nth}"} for nth in range(20)], "leads": leads,
                            "opportunities": deals}, extracted_at=dt.datetime(2027, 6, 1))  # fmt: skip
    whole, parts = (told(history, settings, every=Period.QUARTER, by=by) for by in ("", "source"))
    for name in ("customers", "repeated", "open_before"):
        assert sum(whole.repeats[name].to_pylist()) == sum(parts.repeats[name].to_pylist())
    accounts = {lead["lead_id"]: lead["account_id"] for lead in leads}
    assert sum(whole.repeats["customers"].to_pylist()) == len({accounts[deal["lead_id"]] for deal in deals})
    assert sum(whole.churn["deals"].to_pylist()) == sum(parts.churn["deals"].to_pylist()) == len(deals)
    total = math.fsum(deal["margin"] for deal in deals if deal["margin"] is not None)
    for table in (whole.margin_by_source, whole.margin_by_fit):
        assert sum(table["margin"].to_pylist()) == pytest.approx(total)
        assert sum(table["deals"].to_pylist()) == len(deals)
    for row in whole.margin_by_source.to_pylist():
        assert row["margin_share_low"] <= row["margin_share"] <= row["margin_share_high"]
