"""Each row rule refuses exactly the rows that breach it, and says which value, what was expected, and what to do."""

import json
from dataclasses import replace

import pytest
from duckdb import CatalogException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.check.deliver import receive
from data_contracts.check.judge_tables import judge_tables
from tests.data_contracts.judging import judge_each, judge_rows, side_by_side
from tests.data_contracts.raw_rows import LENIENT, activity, change, deal, engine_of, lead, raw, rows_of

LEADS = [lead("l0", "2026-01-01"), lead("l1", "2026-01-15")]


CASES = [
    (
        "leads",
        [lead("l0"), lead(None), lead("  ")],
        [(2, "lead_id.not_missing"), (3, "lead_id.not_missing")],
        "lead_id is missing; fill it in",
    ),
    (
        "leads",
        [lead("l0"), lead("l1", "31.12.2025"), lead("l2", "2026-02-30")],
        [(2, "created_at.has_type"), (3, "created_at.has_type")],
        "created_at '31.12.2025' is not a time; write it like 2024-02-29",
    ),
    ("leads", [lead("l0"), lead("l1", " ")], [(2, "created_at.not_missing")], "created_at is missing; fill it in"),
    (
        "leads",
        [lead("l0", "2026-05-01T12:00:00"), lead("l1", "2026-05-01T12:00:01")],
        [(2, "created_at.not_in_future")],
        "created_at '2026-05-01 12:00:01' lies after the extract of 2026-05-01 12:00:00 UTC; correct it",
    ),
    (
        "leads",
        [lead("l0"), lead("l1"), lead("l0", "2026-03-03")],
        [(3, "lead_id.unique")],
        "lead_id 'l0' is not unique: another row with it is kept; deliver one of them",
    ),
    (
        "leads",
        [lead("l0"), lead("l1", "2026-03-01", merged_into="l0", merged_at="2026-02-28")],
        [(2, "merged_at.not_before")],
        "merged_at '2026-02-28 00:00:00' lies before created_at, 2026-03-01 00:00:00; correct one of them",
    ),
    (
        "stage_changes",
        [change("l0"), change("l9"), change(None)],
        [(2, "lead_id.references"), (3, "lead_id.not_missing")],
        "lead_id 'l9' is no accepted lead (unknown, or refused itself); deliver it, or correct the id",
    ),
    (
        "stage_changes",
        [change("l1", entered_at="2026-01-15"), change("l1", entered_at="2026-01-14T23:59:59")],
        [(2, "entered_at.not_before")],
        "entered_at '2026-01-14 23:59:59' lies before the creation of its lead, 2026-01-15 00:00:00",
    ),
    (
        "stage_changes",
        [change("l0", "mql"), change("l0", "sal"), change("l0", "MQL", "2026-02-01T00:00:00Z")],
        [(3, "lead_id+stage+entered_at.unique")],
        "lead_id+stage+entered_at 'l0|mql|2026-02-01 00:00:00' is not unique",
    ),
    (
        "stage_changes",
        [change("l0", recorded_at="2026-02-03"), change("l0", "sal", recorded_at="2026-01-31")],
        [(2, "recorded_at.not_before")],
        "recorded_at '2026-01-31 00:00:00' lies before entered_at, 2026-02-01 00:00:00",
    ),
    (
        "activities",
        [activity("a0", "l0"), activity("a0", "l1"), activity(None, "l0"), activity(None, "l0")],
        [(2, "activity_id.unique"), (3, "activity_id.not_missing"), (4, "activity_id.not_missing")],
        "activity_id 'a0' is not unique",
    ),
    (
        "activities",
        [activity("a0", "l0", recorded_at="x"), activity("a1", "l0", recorded_at="2026-05-02")],
        [(1, "recorded_at.has_type"), (2, "recorded_at.not_in_future")],
        "recorded_at 'x' is not a time",
    ),
    (
        "opportunities",
        [deal("o0", "l0", amount="0"), deal("o1", "l0", amount="-0.01"), deal("o2", "l0", amount="tbd")],
        [(2, "amount.at_least"), (3, "amount.has_type")],
        "amount '-0.01' is less than 0; correct it",
    ),
    (
        "opportunities",
        [deal("o0", "l0", closed_at="2026-03-01"), deal("o1", "l0", closed_at="2026-02-28")],
        [(2, "closed_at.not_before")],
        "closed_at '2026-02-28 00:00:00' lies before created_at, 2026-03-01 00:00:00",
    ),
    (
        "opportunities",
        [
            deal("o0", "l0", closed_at="2026-04-01", churned_at="2026-04-01", margin="-5.5"),
            deal("o1", "l0", closed_at="2026-04-01", churned_at="2027-01-01"),
            deal("o2", "l0", closed_at="2026-04-01", churned_at="2026-03-31", margin="5"),
            deal("o3", "l0", margin="half"),
        ],
        [(3, "churned_at.not_before"), (4, "margin.has_type")],
        "churned_at '2026-03-31 00:00:00' lies before closed_at, 2026-04-01 00:00:00",
    ),
    (
        "opportunities",
        [deal("o0", "l1", created_at="2026-01-15"), deal("o1", "l1", created_at="2026-01-14")],
        [(2, "created_at.not_before")],
        "created_at '2026-01-14 00:00:00' lies before the creation of its lead, 2026-01-15 00:00:00",
    ),
]
"""A table, its rows, which of them are refused by which rules, and the reason of one of them."""


@pytest.fixture(scope="module")
def judged_cases(engine):
    """What became of each of the cases, beside two leads."""
    return judge_each([{"leads": LEADS} | {table: rows} for table, rows, _, _ in CASES], engine=engine)


@pytest.mark.parametrize("nth", range(len(CASES)), ids=[f"{table}: {reason}" for table, _, _, reason in CASES])
def test_a_rule_refuses_the_rows_that_breach_it_and_no_others(judged_cases, nth):
    table, rows, refused, reason = CASES[nth]
    judged = judged_cases[nth]
    assert judged.refused(table) == refused
    assert [row["table"] for row in judged.quarantine] == [table] * len(refused), "no row of another table"
    assert any(row["reason"].startswith(reason) for row in judged.quarantine)
    assert len(judged.tables[table]) == len(rows) - len({source_row for source_row, _ in refused})


def test_an_expected_close_may_lie_in_the_future(engine):
    judged = judge_rows(
        raw({"leads": LEADS, "opportunities": [deal("o0", "l0", expected_close_at="2027-01-01")]}, engine=engine)
    )
    assert judged.refused("opportunities") == []


def test_an_activity_may_lie_before_the_lead_and_may_be_entered_before_it_happens(engine):
    planned = activity("a0", "l0", "2026-03-01", kind="meeting", recorded_at="2026-02-01")
    judged = judge_rows(
        raw({"leads": LEADS, "activities": [planned, activity("a1", "l1", "2025-12-24")]}, engine=engine)
    )
    assert judged.refused("activities") == []


def test_every_breach_of_a_row_is_recorded_and_the_row_counts_once(engine):
    rows = [deal("o0", "l9", amount="-5", created_at="soon", closed_at="2030-01-01")]
    judged = judge_rows(raw({"leads": LEADS, "opportunities": rows}, engine=engine))
    assert judged.refused("opportunities") == [
        (1, "amount.at_least"),
        (1, "closed_at.not_in_future"),
        (1, "created_at.has_type"),
        (1, "lead_id.references"),
    ]
    assert judged.checks["opportunities"].refused == 1
    assert judged.checks["opportunities"].breaches["opportunities.amount.at_least"] == 1


def test_a_quarantined_row_is_kept_as_it_was_delivered(engine):
    rows = [change("l0"), change("l9 ", "Marketing Qualified", " 2026-02-01 ", reason="=cmd()", unknown="secret")]
    judged = judge_rows(raw({"leads": LEADS, "stage_changes": rows}, engine=engine))
    (breach,) = judged.quarantine
    assert breach["table"] == "stage_changes"
    assert breach["row_key"] == "l9|mql|2026-02-01 00:00:00"
    assert (breach["column_name"], breach["value"]) == ("lead_id", "l9")
    assert json.loads(breach["raw_row"]) == {
        "lead_id": "l9 ",
        "stage": "Marketing Qualified",
        "entered_at": " 2026-02-01 ",
        "reason": "=cmd()",
    }, "as delivered, without the columns that nobody declared"


def test_rows_of_a_refused_lead_are_refused_in_turn(engine):
    rows = {
        "leads": [lead("l0"), lead("l1", "not a date")],
        "activities": [activity("a0", "l0"), activity("a1", "l1")],
        "stage_changes": [change("l1"), change("l0")],
        "opportunities": [deal("o0", "l1")],
    }
    judged = judge_rows(raw(rows, engine=engine))
    assert judged.refused("activities") == [(2, "lead_id.references")]
    assert judged.refused("stage_changes") == [(1, "lead_id.references")]
    assert judged.refused("opportunities") == [(1, "lead_id.references")]


def test_of_rows_with_one_key_the_first_that_breaches_nothing_else_is_kept(engine):
    rows = [lead("l0", "not a date"), lead("l0", "2026-01-02"), lead("l0", "2026-01-03")]
    judged = judge_rows(raw({"leads": rows}, engine=engine))
    assert judged.refused("leads") == [(1, "created_at.has_type"), (1, "lead_id.unique"), (3, "lead_id.unique")]
    assert [str(row["created_at"]) for row in judged.tables["leads"]] == ["2026-01-02 00:00:00"]


def test_spend_without_a_campaign_is_unique_by_period_and_source(engine):
    month = {"period_start_at": "2026-01-01", "source": "Web", "amount": "10"}
    rows = [month, month | {"campaign": "x"}, month | {"source": "Ads"}, month | {"amount": "11"}]
    judged = judge_rows(raw({"spend": rows}, engine=engine))
    assert judged.refused("spend") == [(4, "period_start_at+source+campaign.unique")]


def test_a_seller_in_a_zone_that_nobody_knows_is_refused_and_the_others_stay(engine):
    rows = [{"owner_id": "a", "time_zone": "Europe/Berlin"}, {"owner_id": "b", "time_zone": "CET+1"}, {"owner_id": "c"}]
    judged = judge_rows(raw({"sellers": rows}, engine=engine))
    assert judged.refused("sellers") == [(2, "time_zone.is_time_zone")]
    assert [row["owner_id"] for row in judged.tables["sellers"]] == ["a", "c"]
    told = judged.reason("sellers.time_zone.is_time_zone")
    assert told == "time_zone 'CET+1' is no time zone of the IANA database; it has names like 'Europe/Berlin'"


def test_without_leads_no_row_is_judged_by_its_lead(engine):
    judged = judge_rows(raw({"stage_changes": [change("l0"), change("l0", "sal", "x")]}, engine=engine))
    assert judged.refused("stage_changes") == [(2, "entered_at.has_type")]


dirty = st.sampled_from
lead_rows = st.builds(
    lead,
    dirty(["l0", "l1", "l2", "l3", " l1", "", None]),
    dirty(["2026-01-01", "2026-02-01T10:00:00+02:00", "2026-02-30", "", "2030-01-01", None]),
    merged_into=dirty([None, None, None, "l0", "l2", "l9"]),
    merged_at=dirty([None, "2026-04-01", "x"]),
)
change_rows = st.builds(
    change,
    dirty(["l0", "l1", "l2", "l9", None]),
    dirty(["mql", "SQL", "nonsense", None]),
    dirty(["2026-03-01", "2026-03-02 12:00", "2025-01-01", "soon", "2030-01-01", None]),
    recorded_at=dirty([None, "2026-03-03", "2026-01-01", "?"]),
)
dirty_histories = st.fixed_dictionaries(
    {"leads": st.lists(lead_rows, max_size=8), "stage_changes": st.lists(change_rows, max_size=12)}
)
without_twins = st.fixed_dictionaries(
    {
        # A merger can make two rows one: see test_merge_leads.
        "leads": st.lists(
            lead_rows.map(lambda row: row | {"merged_into": None}),
            max_size=8,
            unique_by=lambda row: (row["lead_id"] or "").strip() or id(row),
        ),
        "stage_changes": st.lists(
            change_rows, max_size=12, unique_by=lambda row: (row["lead_id"], row["stage"], row["entered_at"])
        ),
    }
)
few_and_large = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""An example holds several histories, because judging ten takes as long as judging one."""


@pytest.mark.whole
@few_and_large
@given(st.lists(dirty_histories, min_size=10, max_size=10))
def test_whatever_is_delivered_each_row_is_either_accepted_or_in_quarantine(engine, histories):
    tables = side_by_side(histories)
    judged = judge_rows(raw(tables, engine=engine))
    for table, rows in tables.items():
        check = judged.checks[table]
        refused = {row["source_row"] for row in judged.quarantine if row["table"] == table}
        assert check.rows == len(rows) == check.accepted + check.refused
        assert len(refused) == check.refused
        assert sum(check.breaches.values()) == sum(row["table"] == table for row in judged.quarantine)
    assert len(judged.tables["stage_changes"]) == judged.checks["stage_changes"].accepted
    assert len(judged.tables["leads"]) <= judged.checks["leads"].accepted, "merged leads leave"


@pytest.mark.whole
@few_and_large
@given(st.lists(without_twins, min_size=10, max_size=10), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_change_what_is_accepted(engine, histories, random):
    shuffled = [{name: random.sample(rows, len(rows)) for name, rows in tables.items()} for tables in histories]
    judged = judge_each([*histories, *shuffled], engine=engine)
    for first, second in zip(judged[:10], judged[10:], strict=True):
        for table in ("leads", "stage_changes"):
            assert sorted(first.tables[table], key=str) == sorted(second.tables[table], key=str)


def test_rows_as_delivered_are_let_go_once_the_refused_ones_are_set_aside():
    history = raw({"leads": [lead("a"), lead("b", "soon")], "stage_changes": [change("a")]})
    engine = engine_of(history)
    passing = {name: engine.keep_for_now(f"passing_{name}", table) for name, table in history.tables.items()}
    tables = receive(replace(history, tables=passing), LENIENT.crm)
    judged = judge_tables(engine, tables, settings=LENIENT, extracted_at=history.extracted_at)
    for table in passing.values():
        with pytest.raises(CatalogException, match="passing_"):
            table.count().to_pyarrow()
    assert [row["row_key"] for part in judged.quarantined for row in rows_of(part)] == ["b"]
