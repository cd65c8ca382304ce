"""Leads whose way is known without its date: closed leads that look open, and steps that a label depends on.

An ending that nobody dated cannot be put in order with what is dated, so the lead is taken as closed. An ending with a
date that can be trusted, after which the lead dated its return to an open stage, is none.
"""

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from data_contracts.check.deliver import Findings
from data_contracts.check.judge_rows import SURVIVOR, Judged
from data_contracts.check.merge_leads import KnownLeads
from data_contracts.ports import Engine
from data_contracts.rules import Unique
from data_contracts.vocabulary import CLOSED_STAGES, DealOutcome, Stage, Unsettled
from data_contracts.wording import leads

_MOST_PAIRS = 10
_CONVERTED = (Stage.SQL, Stage.OPPORTUNITY, Stage.WON)
"""Stages that labels depend on: of the transitions' last stages, the earliest and those beyond."""

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 — UTC, as all times here
_RANKS = 16
"""More than there are stages: of two that were entered at the same microsecond, the later one holds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where stage changes leave leads.

    Attributes
    ----------
    table
        One row a surviving lead: `standing_id`, `shown` (its stage), `is_closed`, `is_converted`, and the time of its
        last entry into any stage (`last_at`), an open one (`open_at`), a closed one (`left_at`), and into won
        (`won_at`).
    leads
        The accepted leads with their `current_stage`.
    """

    table: ir.Table
    leads: ir.Table

    def beside(self, rows: ir.Table) -> ir.Table:
        """`rows` of surviving leads, each with where its lead stands."""
        return rows.join(self.table, rows.lead_id == self.table.standing_id)


def where_leads_stand(engine: Engine, leads: Judged, stage_changes: Judged, known: KnownLeads) -> Standing:
    """Where the accepted stage changes leave each surviving lead. Rows of merged leads count as their survivors'."""
    rows = _of_survivor(stage_changes.accepted)
    rank = rows.stage.cases(*[(stage.value, number) for number, stage in enumerate(Stage)], else_=0)
    order = rows.entered_at.delta(ibis.literal(_EPOCH), unit="microsecond") * _RANKS + rank
    is_closed = rows.stage.isin(CLOSED_STAGES)
    ways = rows.group_by(way_of=rows.lead_id).aggregate(
        stage=rows.stage.argmax(order),
        last_at=rows.entered_at.max(),
        open_at=rows.entered_at.max(where=~is_closed),
        left_at=rows.entered_at.max(where=is_closed),
        won_at=rows.entered_at.max(where=rows.stage == Stage.WON),
        is_converted=rows.stage.isin(_CONVERTED).any(),
    )
    survivors = known.table.filter(known.table.survivor_id.isnull()).select(standing_id="known_id")
    standing = survivors.left_join(ways, survivors.standing_id == ways.way_of)
    table = standing.select(
        "standing_id",
        "last_at",
        "open_at",
        "left_at",
        "won_at",
        shown=standing.stage.fill_null(Stage.LEAD.value),
        is_closed=standing.stage.isin(CLOSED_STAGES).fill_null(False),
        is_converted=standing.is_converted.fill_null(False),
    )
    return Standing(engine.keep_for_now("standing", table), leads.accepted.select("lead_id", "current_stage"))


def _of_survivor(rows: ir.Table) -> ir.Table:
    return rows.mutate(lead_id=ibis.coalesce(rows[SURVIVOR], rows.lead_id))


def find_unsettled(standing: Standing, stage_changes: Judged, deals: Judged | None) -> ir.Table:
    """The rows of `CrmHistory.unsettled`.

    Refused deals are looked at too: a refused row is still what the CRM said.
    """
    found = [_refused_stages(standing, stage_changes), _current_stages(standing)]
    if deals is not None:
        found += _closed_deals(standing, deals)
    return ibis.union(*found)


def _found(rows: ir.Table, *, stage: ir.Value, reason: Unsettled, is_ending: ir.Value) -> ir.Table:
    found = rows.select("lead_id", stage=stage, reason=ibis.literal(reason.value), is_ending=is_ending)
    # Every part of a union needs the very same types, whatever an engine knows never to be missing.
    return found.cast({"lead_id": "string", "stage": "string", "reason": "string", "is_ending": "boolean"})


def _refused_stages(standing: Standing, stage_changes: Judged) -> ir.Table:
    """Refused steps into a closed stage, or into one that a label depends on; repeated rows have a twin that is kept.

    A refused loss says nothing where a dated ending follows, for the lead is closed and did not convert either way.
    """
    refused = stage_changes.refused_rows.anti_join(stage_changes.breached(Unique), "source_row")
    undated = stage_changes.breached(column="entered_at").select(undated_row="source_row")
    rows = _of_survivor(refused).left_join(undated, refused.source_row == undated.undated_row)
    rows = standing.beside(rows)
    is_back = (rows.undated_row.isnull() & (rows.open_at > rows.entered_at)).fill_null(False)
    rows = rows.mutate(is_ending=rows.stage.isin(CLOSED_STAGES) & ~is_back)
    matters = rows.filter(rows.stage.isin(_CONVERTED) | (rows.is_ending & ~rows.is_closed))
    found = _found(matters, stage=matters.stage, reason=Unsettled.STAGE_REFUSED, is_ending=matters.is_ending)
    return found.distinct()


def _closed_deals(standing: Standing, deals: Judged) -> list[ir.Table]:
    """Deals that ended, of leads that stand open without an open deal: without a date, or with nothing said since.

    An undated deal is settled by a dated ending of its lead since it began: it is that ending.
    """
    undated = deals.breached(column="closed_at").select(undated_row="source_row")
    rows = deals.rows.left_join(undated, deals.rows.source_row == undated.undated_row)
    rows = _of_survivor(rows)
    closed_at = rows.undated_row.isnull().ifelse(rows.closed_at, ibis.null("timestamp"))
    rows = rows.select("lead_id", "outcome", "created_at", closed_at=closed_at)
    still_open = rows.filter(rows.outcome == DealOutcome.OPEN, rows.lead_id.notnull()).select("lead_id").distinct()
    ended = rows.filter(rows.outcome != DealOutcome.OPEN).anti_join(still_open, "lead_id")
    ended = standing.beside(ended)
    ended = ended.filter(~ended.is_closed)
    ended_at = (ended.outcome == DealOutcome.WON).ifelse(ended.won_at, ended.left_at)
    is_settled = (ended_at >= ibis.coalesce(ended.created_at, ended_at)).fill_null(False)
    is_last = (ended.last_at <= ended.closed_at).fill_null(True)
    without_date = ended.filter(ended.closed_at.isnull() & ~is_settled)
    said_last = ended.filter(ended.closed_at.notnull() & is_last)
    return [
        _found(part, stage=part.outcome, reason=reason, is_ending=ibis.literal(True)).distinct()
        for part, reason in ((without_date, Unsettled.DEAL_UNDATED), (said_last, Unsettled.DEAL_CLOSED))
    ]


def _current_stages(standing: Standing) -> ir.Table:
    """What the CRM says at the extract and no stage change shows: that the lead is closed, or that it converted."""
    rows = standing.beside(standing.leads)
    says_closed = rows.current_stage.isin(CLOSED_STAGES)
    says_converted = rows.current_stage.isin(_CONVERTED) & ~says_closed
    rows = rows.filter((says_closed & ~rows.is_closed) | (says_converted & ~rows.is_converted))
    is_ending = rows.current_stage.isin(CLOSED_STAGES)
    return _found(rows, stage=rows.current_stage, reason=Unsettled.CURRENT_STAGE, is_ending=is_ending)


def unsettled_leads(unsettled: ir.Table) -> Findings:
    """A warning for each reason why leads are neither scored nor learnt from, and why labels are left out."""
    counted = unsettled.group_by("is_ending", "reason").aggregate(n=unsettled.lead_id.nunique())
    found = counted.order_by(counted.is_ending.desc(), "reason").to_pyarrow().to_pylist()
    costs = {True: "closed nobody knows when, neither scored nor learnt from", False: "labels left out"}
    return Findings(
        warnings=tuple(
            f"{costs[row['is_ending']]}: {leads(row['n'])} {Unsettled(row['reason']).meaning}" for row in found
        )
    )


def current_stages_against_history(standing: Standing) -> Findings:
    """A warning where the CRM's current stages are not those that the stage changes end in, by pair."""
    rows = standing.beside(standing.leads)
    rows = rows.filter(rows.current_stage != rows.shown)
    counted = rows.group_by("current_stage", "shown").aggregate(n=rows.count())
    ordered = counted.order_by(counted.n.desc(), "current_stage", "shown").to_pyarrow().to_pylist()
    pairs = [(row["current_stage"], row["shown"], row["n"]) for row in ordered]
    if not pairs:
        return Findings()
    told = [f"says {says}, shows {shows}: {n:,}" for says, shows, n in pairs[:_MOST_PAIRS]]
    if rest := sum(n for _, _, n in pairs[_MOST_PAIRS:]):
        told.append(f"other pairs: {rest:,}")
    total = sum(n for _, _, n in pairs)
    return Findings(
        warnings=(
            f"leads: current_stage says something else than the stage changes show for {leads(total)} "
            f"({'; '.join(told)}); deliver the missing stage changes, or correct the SELECT",
        )
    )
