"""Which leads are closed, or converted, nobody knows when."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from tests.data_contracts.judging import judge_each
from tests.data_contracts.raw_rows import change, check, deal, lead, raw, rows_of, settings

LENIENT = settings(max_refused_share=1.0, stages={"Marketing Qualified": "mql"})
LOST_DEAL, WON_DEAL = deal("d0", "l0", outcome="lost"), deal("d0", "l0", outcome="won")
LOST_AT_AN_UNKNOWN_TIME = [change("l0", "lost", "soon")]
LOST_AND_RECORDED_BEFORE_IT_HAPPENED = change("l0", "lost", "2026-03-01", recorded_at="2026-02-01")
RECYCLED = [change("l0", "nurture", "2026-03-10"), change("l0", "mql", "2026-04-01")]
RECYCLED_BEFORE_THE_DEAL = [change("l0", "nurture", "2026-02-10"), change("l0", "mql", "2026-02-20")]
MERGED = [lead("l0"), lead("l1", merged_into="l0", merged_at="2026-02-15")]
SAYS_LOST, SAYS_OPPORTUNITY = ([lead("l0", current_stage=stage)] for stage in ("lost", "opportunity"))


@dataclass(frozen=True)
class Case:
    """`l0`, an MQL since 1 February, what else is known of it, and as what it is unsettled: stage and reason."""

    told: str
    changes: Sequence[dict[str, str | None]] = ()
    deals: Sequence[dict[str, str | None]] = ()
    leads: Sequence[dict[str, str | None]] = (lead("l0"),)
    ended: Sequence[tuple[str, str]] = ()
    """As what the lead ends, at an unknown time."""
    open: Sequence[tuple[str, str]] = ()
    """What happened at an unknown time and leaves the lead open."""

    @property
    def tables(self):
        return history_of(self.changes, self.deals, self.leads)


def history_of(changes, deals, leads):
    """The rows of `l0`, an MQL, and of what else is given."""
    return {"leads": leads, "stage_changes": [change("l0"), *changes], "opportunities": deals}


CASES = [
    *(
        Case(
            f"{stage} in quarantine, entered at {when}: closed nobody knows when",
            changes=[change("l0", stage, when)],
            ended=[(stage, "stage_refused")],
        )
        for stage in ("won", "lost", "disqualified", "nurture")
        for when in (None, "soon", "2030-01-01", "2020-01-01")
    ),
    *(
        Case(
            f"a refused {stage}, on which a label depends, leaves the lead open",
            changes=[change("l0", stage, "soon")],
            open=[(stage, "stage_refused")],
        )
        for stage in ("sql", "opportunity")
    ),
    *(
        Case(f"a refused {stage}, on which nothing depends, changes nothing", [change("l0", stage, "soon")])
        for stage in ("lead", "mql", "sal")
    ),
    Case(
        "a repeated ending has a twin that is kept",
        [change("l0", "lost", "2026-03-01"), change("l0", "lost", "2026-03-01"), change("l0", "mql", "2026-04-01")],
    ),
    Case(
        "a dated ending that is refused is one",
        [LOST_AND_RECORDED_BEFORE_IT_HAPPENED],
        ended=[("lost", "stage_refused")],
    ),
    Case(
        "a dated ending that is refused, and followed by a dated return, is none",
        [LOST_AND_RECORDED_BEFORE_IT_HAPPENED, change("l0", "mql", "2026-04-01", recorded_at="2026-04-01")],
    ),
    Case(
        "an undated ending is not undone by a return of which nobody knows whether it came later",
        [*LOST_AT_AN_UNKNOWN_TIME, change("l0", "mql", "2026-04-01")],
        ended=[("lost", "stage_refused")],
    ),
    Case(
        "a date that breaks a rule (before the lead) is none to put in order",
        [change("l0", "lost", "2025-01-01"), change("l0", "mql", "2026-04-01")],
        ended=[("lost", "stage_refused")],
    ),
    Case(
        "a refused loss says nothing where a dated ending follows",
        [*LOST_AT_AN_UNKNOWN_TIME, change("l0", "nurture", "2026-04-01")],
    ),
    Case(
        "a refused win still says something where a dated ending follows",
        [change("l0", "won", "soon"), change("l0", "nurture", "2026-04-01")],
        ended=[("won", "stage_refused")],
    ),
    *(
        Case(
            f"a deal {outcome} and closed at {closed_at}, on which nobody can rely, closes its lead",
            deals=[deal("d0", "l0", outcome=outcome, closed_at=closed_at)],
            ended=[(outcome, "deal_undated")],
        )
        for outcome in ("won", "lost")
        for closed_at in (None, "soon", "2030-01-01", "2026-02-01")
    ),
    Case("an open deal keeps its lead open", deals=[LOST_DEAL, deal("d1", "l0")]),
    Case(
        "an undated loss is settled by the same ending in the stages",
        [change("l0", "lost", "2026-03-10")],
        [LOST_DEAL],
    ),
    Case("an undated loss is settled by an ending after it, though the lead returned", RECYCLED, [LOST_DEAL]),
    Case(
        "an undated loss is not settled by an ending before the deal",
        RECYCLED_BEFORE_THE_DEAL,
        [LOST_DEAL],
        ended=[("lost", "deal_undated")],
    ),
    Case(
        "an undated win is not settled by a loss after which the lead returned",
        RECYCLED,
        [WON_DEAL],
        ended=[("won", "deal_undated")],
    ),
    Case(
        "a deal closed while the stages stand open closes its lead",
        deals=[LOST_DEAL | {"closed_at": "2026-03-10"}],
        ended=[("lost", "deal_closed")],
    ),
    Case(
        "a deal closed as the stages say is no news",
        [change("l0", "lost", "2026-03-10")],
        [LOST_DEAL | {"closed_at": "2026-03-10"}],
    ),
    Case(
        "a lead that came back after its deal was closed is open",
        [change("l0", "mql", "2026-03-11")],
        [LOST_DEAL | {"closed_at": "2026-03-10"}],
    ),
    Case(
        "the rows of a merged lead are its survivor's",
        [change("l1", "lost", "soon")],
        [deal("d0", "l1", outcome="lost")],
        MERGED,
        ended=[("lost", "deal_undated"), ("lost", "stage_refused")],
    ),
    Case(
        "rows of leads that are not accepted settle nothing",
        [change("nobody", "lost", "soon")],
        [deal("d0", "nobody", outcome="lost")],
    ),
    Case("a lead that the CRM says is lost is closed", leads=SAYS_LOST, ended=[("lost", "current_stage")]),
    Case(
        "a lead that the CRM says is lost, and that was won, is settled",
        [change("l0", "won", "2026-03-01")],
        leads=SAYS_LOST,
    ),
    Case(
        "a lead that the CRM says converted lacks the label",
        leads=SAYS_OPPORTUNITY,
        open=[("opportunity", "current_stage")],
    ),
    Case(
        "a lead that the CRM says converted, and that was an SQL, is settled",
        [change("l0", "sql", "2026-03-01")],
        leads=SAYS_OPPORTUNITY,
    ),
]


@pytest.fixture(scope="module")
def unsettled(engine):
    """By what is told of a case: lead, stage, reason, and whether it ends there, in order."""
    judged = judge_each([case.tables for case in CASES], LENIENT, engine=engine)
    return {case.told: list(found.unsettled) for case, found in zip(CASES, judged, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.told)
def test_a_lead_is_unsettled_where_its_rows_leave_it_so(unsettled, case):
    ended = [("l0", stage, reason, True) for stage, reason in case.ended]
    assert unsettled[case.told] == ended + [("l0", stage, reason, False) for stage, reason in case.open]


def test_the_current_stage_is_mapped_as_stages_are_and_held_against_them():
    leads = [lead("l0", current_stage="Marketing Qualified"), lead("l1", current_stage="LOST"), lead("l2")]
    changes = [change("l0"), change("l1", "mql"), change("l2", "lost", "2026-03-01")]
    report = check(raw({"leads": leads, "stage_changes": changes}), LENIENT).report
    [told] = [warning for warning in report.warnings if "current_stage says" in warning]
    assert told.startswith(
        "leads: current_stage says something else than the stage changes show for 1 lead (says lost, shows mql: 1);"
    )


def test_the_report_counts_unsettled_leads_by_reason():
    leads = [lead("l0"), lead("l1"), lead("l2")]
    changes = [change("l1", "lost", "soon"), change("l2", "sql", "soon")]
    checked = check(raw(history_of(changes, [LOST_DEAL], leads)), LENIENT)
    assert len(rows_of(checked.history.unsettled)) == 3
    assert [warning for warning in checked.report.warnings if "1 lead whose" in warning] == [
        "closed nobody knows when, neither scored nor learnt from: 1 lead whose deal is closed without a date",
        "closed nobody knows when, neither scored nor learnt from: 1 lead whose stage change is in quarantine",
        "labels left out: 1 lead whose stage change is in quarantine",
    ]


def test_who_is_unsettled_is_part_of_the_fingerprint():
    rows = {"leads": [lead("l0")], "stage_changes": [change("l0"), change("l0", "sql", "2026-03-01")]}
    settled = check(raw(rows), LENIENT)
    rows["stage_changes"] += LOST_AT_AN_UNKNOWN_TIME
    unsettled = check(raw(rows), LENIENT)
    for name in ("leads", "stage_changes"):
        assert rows_of(settled.history.tables[name]) == rows_of(unsettled.history.tables[name])
    assert settled.report.fingerprint != unsettled.report.fingerprint
