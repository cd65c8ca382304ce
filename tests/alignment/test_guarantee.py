"""The lead guarantee: the worked examples of its page, what always adds up, and what is refused."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from alignment.guarantee import lead_guarantee
from alignment.judged import guaranteed_hand_offs, judged_hand_offs
from alignment.milestones import milestones_of
from data_contracts.definitions import Definitions
from data_contracts.metrics.guarantee import DISPUTES_SCHEMA, FORMULAS, MAY_FOLLOW, CreditState, standing
from data_contracts.metrics.periods import Period
from tests.alignment.metric_pages import SETTINGS, assert_as_worked_out, formulas_not_said, page_specs

HANDED_OFF_AT = dt.datetime(2026, 2, 10)
SECTOR = {"name": "sector", "attribute": "industry", "one_of": ["finance"]}
LATER = Definitions.model_validate(
    SETTINGS["definitions"]
    | {"version": "2026.2", "effective_from": dt.date(2026, 7, 1), "icp": {"criteria": [SECTOR]}}
)


def word(lead_id, state, day, because, handed_off_at=HANDED_OFF_AT):
    return {"lead_id": lead_id, "handed_off_at": handed_off_at, "state": state, "at": dt.datetime(2026, 3, day),
            "by": "sales", "because": because}  # fmt: skip


def words(*rows):
    return pa.Table.from_pylist(list(rows), schema=DISPUTES_SCHEMA)


SAID = words(
    word("A", "disputed", 1, "a reseller"),
    word("B", "disputed", 1, "a student"),
    word("B", "upheld", 2, "a student"),
    word("C", "withdrawn", 3, "we keep it"),
)
WHERE_SAID = ", A disputed, B disputed and upheld, C withdrawn"


LAST_JUDGED = {}
"""What was judged last, with what it was judged from: several tables of an example are of the same hand-offs."""


def told(history, settings, *, versions=None, **options):
    of = (history, settings, versions)
    if LAST_JUDGED.get("of") != of:
        LAST_JUDGED.update(of=of, told=(milestones_of(history, settings), judged(history, settings, versions)))
    return lead_guarantee(*LAST_JUDGED["told"], **options)


def judged(history, settings, versions=None):
    agreed = (settings.definitions, LATER) if versions is None else versions
    return judged_hand_offs(guaranteed_hand_offs(history, settings), history, versions=agreed, settings=settings)


def ledger(guarantee):
    shown = {"missed": ", ".join, "definitions_version": "version {}".format}
    return [row | {name: say(row[name]) for name, say in shown.items()} for row in guarantee.ledger.to_pylist()]


COMPUTED = {
    "guarantee by month": lambda history, settings: told(history, settings).rows.to_pylist(),
    "ledger": lambda history, settings: ledger(told(history, settings)),
    f"guarantee by month{WHERE_SAID}": lambda history, settings: told(
        history, settings, disputes=SAID
    ).rows.to_pylist(),
    f"ledger{WHERE_SAID}": lambda history, settings: ledger(told(history, settings, disputes=SAID)),
}


@pytest.mark.parametrize("spec", page_specs("guarantee", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def test_the_page_says_each_formula():
    assert formulas_not_said("guarantee", FORMULAS) == []


def one_lead(*changes, industry="mining"):
    return {
        "accounts": [{"account_id": "X", "industry": industry, "employees": 100}],
        "leads": [{"lead_id": "A", "account_id": "X", "source": "web"}],
        "stage_changes": [{"lead_id": "A", "stage": stage, "entered_at": at} for stage, at in changes],
    }


def test_a_history_without_hand_offs_has_an_empty_ledger(make_history, settings):
    guarantee = told(make_history({"leads": [{"lead_id": "A"}]}), settings)
    assert (guarantee.ledger.num_rows, guarantee.rows.num_rows, guarantee.versions) == (0, 0, ())


def test_without_any_version_nothing_is_judged(make_history, settings):
    history = make_history(one_lead(("mql", "2026-02-10")))
    found = judged(history, settings, ()).frame
    assert found[["lead_id", "is_miss", "has_profile", "is_judged"]].values.tolist() == [["A", False, False, False]]


def test_a_version_without_criteria_is_no_agreement_on_whom_to_hand_off(make_history, settings):
    silent = settings.definitions.model_copy(update={"icp": type(settings.definitions.icp)()})
    (row,) = told(make_history(one_lead(("mql", "2026-02-10"))), settings, versions=[silent]).rows.to_pylist()
    assert (row["hand_offs"], row["not_agreed"], row["judged"], row["off_icp_share"]) == (1, 1, 0, None)


def test_of_two_versions_of_one_day_the_later_one_holds(make_history, settings):
    corrected = LATER.model_copy(update={"effective_from": settings.definitions.effective_from})
    history = make_history(one_lead(("mql", "2026-02-10"), industry="finance"))
    assert told(history, settings, versions=[settings.definitions, corrected]).ledger.num_rows == 0
    assert told(history, settings, versions=[corrected, settings.definitions]).ledger.num_rows == 1


def test_a_version_holds_from_the_local_midnight_of_its_day(make_history, settings_with):
    berlin = settings_with(policy={"calendar": {"time_zone": "Europe/Berlin"}})
    history = make_history(one_lead(("mql", "2026-06-30 22:00"), ("nurture", "2026-07-05")), under=berlin)
    assert told(history, berlin).versions == ("2026.2",)
    earlier = make_history(one_lead(("mql", "2026-06-30 21:59"), ("nurture", "2026-07-05")), under=berlin)
    assert told(earlier, berlin).versions == ("2026.1",)


def test_a_criterion_whose_attribute_is_declared_no_more_counts_as_not_known_and_is_said(make_history, settings):
    gone = SECTOR | {"name": "old sector", "attribute": "sector_code"}
    old = LATER.model_copy(update={"icp": LATER.icp.model_validate({"criteria": [gone]})})
    guarantee = told(make_history(one_lead(("mql", "2026-07-10"))), settings, versions=[old])
    (row,) = guarantee.rows.to_pylist()
    assert (row["judged"], row["unknown"], row["off_icp"]) == (0, 1, 0)
    assert guarantee.not_judged_by == (
        "definitions 2026.2: [definitions.icp]: 'old sector' asks for 'sector_code', "
        "which is not declared in [crm.attributes]",
    )


def test_a_lead_that_sales_took_without_a_hand_off_is_not_guaranteed(make_history, settings):
    assert told(make_history(one_lead(("sql", "2026-02-10"))), settings).rows.num_rows == 0


def test_an_account_that_the_lead_was_attached_to_later_was_not_known(make_history, settings):
    attached = {"object": "lead", "object_id": "A", "attribute": "account_id", "new_value": "X"}
    tables = one_lead(("mql", "2026-02-10")) | {"attribute_changes": [attached | {"changed_at": "2026-02-11"}]}
    (row,) = told(make_history(tables), settings).rows.to_pylist()
    assert (row["unknown"], row["off_icp"]) == (1, 0)


def test_what_was_said_after_the_extract_is_in_no_number(make_history, settings):
    history = make_history(one_lead(("mql", HANDED_OFF_AT), industry="software"),
                           extracted_at=dt.datetime(2026, 3, 5))  # fmt: skip
    assert told(history, settings, disputes=words(word("A", "disputed", 5, "x"))).ledger.num_rows == 1
    assert told(history, settings, disputes=words(word("A", "disputed", 6, "x"))).ledger.num_rows == 0


def test_a_word_about_a_hand_off_that_the_history_does_not_show_is_counted_and_changes_nothing(make_history, settings):
    history = make_history(one_lead(("mql", HANDED_OFF_AT), industry="software"))
    moved = words(word("A", "upheld", 1, "x", handed_off_at=dt.datetime(2026, 2, 9)))
    guarantee = told(history, settings, disputes=moved)
    assert (guarantee.unmatched, guarantee.ledger.num_rows) == (1, 0)


def test_a_dispute_of_a_miss_stands_as_a_credit_since_the_hand_off(make_history, settings):
    history = make_history(one_lead(("mql", HANDED_OFF_AT)))
    (row,) = told(history, settings, disputes=words(word("A", "disputed", 1, "x"))).ledger.to_pylist()
    assert (row["state"], row["credited_at"]) == ("credited", HANDED_OFF_AT)


def test_only_what_makes_sense_may_follow():
    assert MAY_FOLLOW[CreditState.DISPUTED] == (None, CreditState.WITHDRAWN)
    assert CreditState.CREDITED not in MAY_FOLLOW, "the agreement credits, and nobody says so"
    assert standing(None, is_miss=False) is None
    assert standing(CreditState.UPHELD, is_miss=True) is CreditState.UPHELD


def test_a_segment_may_bear_the_name_of_a_column_of_ours(make_history, settings_with):
    state = {"table": "leads", "type": "category", "availability": "immutable", "meaning": "federal state"}
    attributes = {"industry", "employees", "region", "role", "budget"}
    declared = {name: SETTINGS["crm"]["attributes"][name] for name in attributes} | {"state": state}
    under = settings_with(crm={"attributes": declared}, pages={"segments": ["state"]})
    tables = one_lead(("mql", HANDED_OFF_AT))
    tables["leads"][0]["state"] = "Bavaria"
    guarantee = told(make_history(tables, under=under), under, by="state")
    assert [row["group"] for row in guarantee.rows.to_pylist()] == ["Bavaria"]
    assert [row["state"] for row in guarantee.ledger.to_pylist()] == ["credited"]


def test_a_group_that_leads_do_not_have_is_an_error(make_history, settings):
    with pytest.raises(KeyError, match="hair colour"):
        told(make_history(one_lead(("mql", HANDED_OFF_AT))), settings, by="hair colour")


FIRST_DAY = dt.datetime(2025, 12, 1)


def drawn(random, n_leads):
    """A history of leads of every kind: what is known of them, where they came from, and how they moved."""
    moved = [sorted(random.choice(300, size=random.integers(0, 6), replace=False)) for _ in range(n_leads)]
    ids = [f"L{nth:03d}" for nth in range(n_leads)]
    return {
        "accounts": [
            {"account_id": lead_id, "industry": random.choice(["software", "finance", "mining", None]),
             "employees": random.choice([10.0, 100.0, None])}
            for lead_id in ids
        ],
        "leads": [
            {"lead_id": lead_id, "account_id": lead_id, "created_at": FIRST_DAY,
             "source": random.choice(["web", "fair", None])}
            for lead_id in ids
        ],
        "stage_changes": [
            {"lead_id": lead_id, "stage": str(random.choice(["mql", "sal", "nurture", "disqualified"])),
             "entered_at": FIRST_DAY + dt.timedelta(days=int(day))}
            for lead_id, days in zip(ids, moved, strict=True)
            for day in days
        ],
    }  # fmt: skip


def test_each_hand_off_is_counted_once_and_the_parts_make_up_the_whole(make_history, settings):
    history = make_history(drawn(np.random.default_rng(1), 80))
    moments = guaranteed_hand_offs(history, settings).order_by("lead_id", "handed_off_at").to_pyarrow().to_pylist()
    said = words(*(word(moment["lead_id"], "disputed", 1, "x", moment["handed_off_at"]) for moment in moments[::4]))
    whole, parts = (told(history, settings, disputes=said, every=Period.YEAR, by=by) for by in ("", "source"))
    counts = [field.name for field in whole.rows.schema if pa.types.is_int64(field.type)]
    sums = {name: sum(row[name] for row in whole.rows.to_pylist()) for name in counts}
    assert sums == {name: sum(row[name] for row in parts.rows.to_pylist()) for name in counts}
    assert min(sums[name] for name in ("unknown", "not_agreed", "credited", "disputed")) > 0, "there is some of each"
    assert sums["hand_offs"] == len(moments) == sums["judged"] + sums["unknown"] + sums["not_agreed"]
    assert sums["off_icp"] == sums["credited"] == sums["credits"] - sums["upheld"]
    states = [row["state"] for row in whole.ledger.to_pylist()]
    assert {state: states.count(state) for state in CreditState} == {state: sums[state] for state in CreditState}
    for row in parts.rows.to_pylist():
        if row["judged"]:
            assert row["off_icp_share_low"] <= row["off_icp_share"] <= row["off_icp_share_high"]
