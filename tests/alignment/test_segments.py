"""A year by segment: the worked example of its page, and what always adds up."""

import dataclasses
import datetime as dt

import pytest

from alignment import segments as segments_module
from alignment.deals import deals_of
from alignment.milestones import milestones_of
from alignment.segments import segments_of
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.segments import REST
from tests.alignment.metric_pages import assert_as_worked_out, page_specs

YEAR = Span.of(Period.YEAR, dt.date(2026, 1, 1), time_zone="UTC")
AFTER = dt.datetime(2027, 6, 1, 12)


def told_of(history, settings, *, by="region", has_deals=True):
    milestones = milestones_of(history, settings)
    return segments_of(milestones, deals_of(history, milestones), YEAR, by=by, has_deals=has_deals)


COMPUTED = {
    "the regions of 2026": lambda history, settings: told_of(history, settings).rows.to_pylist(),
    "all of 2026": lambda history, settings: told_of(history, settings).total.to_pylist(),
}


@pytest.mark.parametrize("spec", page_specs("segments", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


REGIONS = ("North", "South", "East", "West")


def mixed(n=40):
    """Leads of four regions, some of none; each third gets on, each sixth has a deal that is won or lost."""
    leads = [
        {"lead_id": f"L{i}", "account_id": f"A{i % 5}", "created_at": f"2026-{i % 11 + 1:02d}-05 10:00"}
        for i in range(n)
    ]
    moved = [
        {"lead_id": f"L{i}", "stage": stage, "entered_at": f"2026-{i % 11 + 1:02d}-{day:02d} 10:00"}
        for i in range(n)
        for nth, (stage, day) in enumerate((("mql", 6), ("sql", 8), ("won" if i % 12 else "lost", 20)))
        if i % (3 * nth or 1) == 0
    ]
    deals = [
        {
            "opportunity_id": f"D{i}",
            "lead_id": f"L{i}",
            "amount": 100 + i,
            "created_at": f"2026-{i % 11 + 1:02d}-10 10:00",
            "closed_at": f"2026-{i % 11 + 1:02d}-20 10:00",
            "outcome": "won" if i % 12 else "lost",
        }
        for i in range(0, n, 6)
    ]
    accounts = [{"account_id": f"A{i}", "region": region} for i, region in enumerate((*REGIONS, None))]
    return {"accounts": accounts, "leads": leads, "stage_changes": moved, "opportunities": deals}


@pytest.fixture(scope="module")
def history(make_history):
    return make_history(mixed(), extracted_at=AFTER)


@pytest.fixture(scope="module")
def told(history, settings):
    return told_of(history, settings)


COUNTS = ("leads", "mqls", "sqls", "customers", "pipeline", "revenue", "revenue_before")


def assert_adds_up(told):
    (total,) = told.total.to_pylist()
    known = [one for one in COUNTS if total[one] is not None]
    assert {one: sum(told.rows[one].to_pylist()) for one in known} == {one: total[one] for one in known}
    assert all(told.rows[one].null_count == told.rows.num_rows for one in set(COUNTS) - set(known))


def test_segments_add_up_to_the_whole(told):
    assert_adds_up(told)
    assert told.total["leads"].to_pylist() == [40]


def test_leads_of_no_known_segment_are_a_row_of_their_own_and_their_share_is_told(told):
    assert told.rows["group"].to_pylist() == ["East", "North", "South", "West", None]
    assert told.unknown_share.value == pytest.approx(8 / 40)
    assert told.unknown_share.low < 8 / 40 < told.unknown_share.high


def test_smaller_segments_are_told_together(history, settings, monkeypatch):
    monkeypatch.setattr(segments_module, "MOST_GROUPS", 2)
    told = told_of(history, settings)
    assert told.rows["group"].to_pylist() == ["East", "North", REST, None]
    assert told.rows["leads"].to_pylist() == [8, 8, 16, 8]
    assert_adds_up(told)


def test_of_a_year_that_was_not_watched_to_its_end_it_is_said_which_rates_may_move(make_history, settings, told):
    assert told.not_over == ()
    soon = told_of(make_history(mixed(), extracted_at=dt.datetime(2027, 2, 10)), settings)
    assert soon.not_over == ("win_rate", "translated")


def test_leads_of_other_years_are_counted_in_none(make_history, settings):
    tables = mixed(13)
    tables["leads"][4]["created_at"] = "2025-11-01"  # the one lead of which nobody knows the region
    tables["leads"][9]["account_id"] = "A1"
    tables["leads"][0]["created_at"] = "2025-11-01"
    tables["opportunities"][0] |= {"created_at": "2025-11-02", "closed_at": "2026-01-20"}
    told = told_of(make_history(tables, extracted_at=AFTER), settings)
    (total,) = told.total.to_pylist()
    assert (total["leads"], told.unknown_share.value) == (11, 0.0)
    assert total["translated"] == pytest.approx(106 / (106 + 112))  # D6 is won, D12 lost; D0 is of the year before
    assert_adds_up(told)


def test_revenue_of_the_year_before_stands_beside(make_history, settings):
    tables = mixed(0) | {
        "accounts": [{"account_id": "A", "region": "North"}],
        "leads": [{"lead_id": "L", "account_id": "A", "created_at": "2025-01-08"}],
        "stage_changes": [{"lead_id": "L", "stage": "won", "entered_at": "2025-03-01"}],
        "opportunities": [
            {"opportunity_id": "1", "lead_id": "L", "amount": 70, "created_at": "2025-02-02", "closed_at": "2025-03-01",
             "outcome": "won"},
        ],
    }  # fmt: skip
    (row,) = told_of(make_history(tables, extracted_at=AFTER), settings).rows.to_pylist()
    assert (row["group"], row["revenue"], row["revenue_before"], row["leads"]) == ("North", 0, 70, 0)
    tables["leads"][0]["created_at"] = "2025-02-01"  # of January the history does not tell
    (row,) = told_of(make_history(tables, extracted_at=AFTER), settings).total.to_pylist()
    assert row["revenue_before"] is None


def test_without_deals_there_is_no_money_and_it_says_why(make_history, settings):
    tables = mixed() | {"opportunities": []}
    told = told_of(make_history(tables, extracted_at=AFTER), settings, has_deals=False)
    assert told.rows["revenue"].null_count == told.rows["pipeline"].null_count == told.rows.num_rows
    assert "no deals" in told.why_no_deals


def test_without_leads_there_are_no_rows(make_history, settings):
    told = told_of(make_history({}, extracted_at=AFTER), settings)
    assert (told.rows.num_rows, told.total.num_rows, told.ranking.p_value, told.unknown_share.value) == (
        0,
        1,
        None,
        None,
    )


def test_the_leads_that_are_compared_are_those_of_the_year(history, settings, told):
    assert sum(told.ranking.rows["entered"].to_pylist()) == 40
    assert dataclasses.replace(told).ranking.spans == (YEAR,)


def test_an_unknown_segment_is_refused(history, settings):
    with pytest.raises(KeyError, match="not grouped by 'country'"):
        told_of(history, settings, by="country")
