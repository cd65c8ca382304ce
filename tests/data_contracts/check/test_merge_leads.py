import datetime as dt

from tests.data_contracts.judging import judge_rows
from tests.data_contracts.raw_rows import EXTRACTED_AT, activity, change, deal, lead, raw


def merged(lead_id, into, at="2026-03-01", created_at="2026-01-01"):
    return lead(lead_id, created_at, merged_into=into, merged_at=at)


def time(text):
    return dt.datetime.fromisoformat(text)


def test_a_merged_lead_leaves_and_its_rows_become_the_survivors(engine):
    rows = {
        "leads": [lead("a"), merged("b", "a")],
        "activities": [activity("a0", "a"), activity("b0", "b")],
        "stage_changes": [change("b")],
        "opportunities": [deal("o0", "b")],
    }
    judged = judge_rows(raw(rows, engine=engine))
    assert judged.column("leads", "lead_id") == ["a"]
    for table, ids in {"activities": ["a", "a"], "stage_changes": ["a"], "opportunities": ["a"]}.items():
        assert judged.column(table, "lead_id") == ids
    assert judged.checks["leads"].accepted == 2, "a merged lead was not refused"
    assert judged.quarantine == []


def test_what_was_the_merged_leads_counts_as_recorded_at_the_merger_and_happened_when_it_did(engine):
    rows = {"leads": [lead("a"), merged("b", "a", "2026-03-01")], "activities": [activity("b0", "b", "2026-02-01")]}
    (moved,) = judge_rows(raw(rows, engine=engine)).tables["activities"]
    assert moved["occurred_at"] == time("2026-02-01")
    assert moved["recorded_at"] == time("2026-03-01")


def test_what_was_recorded_after_the_merger_keeps_its_time(engine):
    late = activity("b0", "b", "2026-02-01", recorded_at="2026-04-01")
    rows = {"leads": [lead("a"), merged("b", "a", "2026-03-01")], "activities": [late]}
    (moved,) = judge_rows(raw(rows, engine=engine)).tables["activities"]
    assert moved["recorded_at"] == time("2026-04-01")


def test_a_chain_of_mergers_ends_at_the_last_survivor_at_the_latest_merger(engine):
    chain = [lead("a"), merged("b", "a", "2026-04-01"), merged("c", "b", "2026-03-01"), merged("d", "c", "2026-02-15")]
    judged = judge_rows(raw({"leads": chain, "activities": [activity("d0", "d")]}, engine=engine))
    (moved,) = judged.tables["activities"]
    assert (moved["lead_id"], moved["recorded_at"]) == ("a", time("2026-04-01"))
    assert judged.column("leads", "lead_id") == ["a"]


def test_a_survivors_earlier_stage_changes_were_not_known_before_it_was_created(engine):
    rows = {
        "leads": [lead("a", "2026-03-10"), merged("b", "a", "2026-03-01")],
        "stage_changes": [change("b", "mql", "2026-02-01"), change("a", "mql", "2026-03-10")],
    }
    judged = judge_rows(raw(rows, engine=engine))
    early, own = sorted(judged.tables["stage_changes"], key=lambda row: row["entered_at"])
    assert early["entered_at"] == time("2026-02-01"), "the truth about when it happened"
    assert early["recorded_at"] == time("2026-03-10"), (
        "not before the survivor, though the merger is said to be earlier"
    )
    assert own["recorded_at"] == time("2026-03-10")
    assert judged.tables["leads"][0]["created_at"] == time("2026-03-10")


def test_leads_that_were_merged_in_a_circle_are_refused_with_all_that_lead_into_it(engine):
    rows = {
        "leads": [lead("x"), merged("a", "b"), merged("b", "c"), merged("c", "b"), merged("s", "s")],
        "activities": [activity("a0", "a"), activity("x0", "x")],
    }
    judged = judge_rows(raw(rows, engine=engine))
    in_circles = {row for row, rule in judged.refused("leads") if rule == "merged_into.no_circle"}
    assert in_circles == {2, 3, 4, 5}
    assert judged.column("leads", "lead_id") == ["x"]
    assert judged.refused("activities") == [(1, "lead_id.references")]
    reasons = {row["reason"] for row in judged.quarantine if row["rule"] == "leads.merged_into.no_circle"}
    assert (
        "merged_into 's' leads in a circle: the chain of mergers never ends at a surviving lead; correct one of them"
        in reasons
    )


def test_a_lead_that_was_merged_into_an_unknown_or_refused_one_is_refused_and_is_in_no_circle(engine):
    rows = [lead("x"), merged("a", "nobody"), merged("b", "a"), lead("r", "not a date"), merged("c", "r")]
    judged = judge_rows(raw({"leads": rows}, engine=engine))
    assert judged.refused("leads") == [
        (2, "merged_into.references"),
        (3, "merged_into.references"),
        (4, "created_at.has_type"),
        (5, "merged_into.references"),
    ]


def test_a_stage_change_that_both_leads_had_stays_the_survivors_own(engine):
    rows = {
        "leads": [lead("a"), merged("b", "a", "2026-04-01")],
        "stage_changes": [change("b", reason="merged"), change("a", reason="own")],
    }
    judged = judge_rows(raw(rows, engine=engine))
    assert judged.refused("stage_changes") == [(1, "lead_id+stage+entered_at.unique")]
    assert judged.column("stage_changes", "reason") == ["own"]


def test_a_merger_without_a_time_counts_as_made_at_the_extract(engine):
    rows = {"leads": [lead("a"), merged("b", "a", None)], "activities": [activity("b0", "b")]}
    (moved,) = judge_rows(raw(rows, engine=engine)).tables["activities"]
    assert moved["recorded_at"] == EXTRACTED_AT
