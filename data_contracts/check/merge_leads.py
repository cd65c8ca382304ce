"""Who became whom: merged leads, their survivors, and whose history their rows are.

A merged lead leaves `leads`. Its activities, stage changes and opportunities belong to the survivor at the end of the
chain of mergers. They count as recorded no earlier than the last merger of the chain and than the survivor's creation:
before that, nobody could have seen them at the survivor. When they *happened* is left as it is. So a survivor may have
stage changes that lie before its own creation, but none that was known before it. Whoever takes a stage change as a
moment must take the later of `entered_at` and `recorded_at`. The survivor's `created_at` is not moved back either:
before the merger nobody knew that it was older. Opportunities have no `recorded_at`; they keep their own times, and
only tables of outcomes and amounts may use them. A merger without a time counts as made at the extract.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from data_contracts.check.deliver import Findings
from data_contracts.check.judge_rows import SURVIVOR, Judged, in_row
from data_contracts.columns import TableContract
from data_contracts.ports import Engine
from data_contracts.row_rule import SeenInRow
from data_contracts.rules import IS_IN_CIRCLE, IS_LEAD_ACCEPTED
from data_contracts.wording import rows


@dataclass(frozen=True, slots=True)
class KnownLeads:
    """The accepted leads, for the rows that belong to them.

    Attributes
    ----------
    table
        One row an accepted lead, merged ones included: `known_id`, `lead_created_at`; and of merged ones `survivor_id`,
        `last_merged_at` (of the whole chain) and `survivor_created_at`.
    """

    table: ir.Table

    def beside(self, rows: ir.Table) -> ir.Table:
        """`rows`, each with what is known of the lead that it belongs to; nulls where no accepted lead has its id."""
        joined = rows.left_join(self.table, rows.lead_id == self.table.known_id)
        return joined.drop("known_id")


def belongs_to_lead(contract: TableContract) -> bool:
    """Whether the rows of `contract` belong to leads."""
    return any(reference.column == "lead_id" for reference in contract.references)


def follow_mergers(
    engine: Engine, leads: Judged, *, mergers: Sequence[SeenInRow], extracted_at: dt.datetime
) -> tuple[Judged, KnownLeads]:
    """`leads` with the breaches of the rules about `mergers` too, and the leads that are accepted then.

    A lead whose chain ends at an unknown or refused lead is neither accepted nor in a circle.
    """
    clean = engine.keep_for_now(
        "clean_leads", leads.accepted.select("source_row", "lead_id", "created_at", "merged_into", "merged_at")
    )
    chains = _followed(engine, clean, extracted_at=extracted_at)
    survivors = clean.filter(clean.merged_into.isnull())
    ends = survivors.select(survivor_id="lead_id", survivor_created_at="created_at")
    ended = chains.join(ends, chains.target == ends.survivor_id)
    ended = ended.select(merged_id="lead_id", survivor_id="survivor_id", last_merged_at="merged_at",
                         survivor_created_at="survivor_created_at")  # fmt: skip
    found = clean.left_join(ended, clean.lead_id == ended.merged_id)
    found = found.filter(found.merged_into.isnull() | found.survivor_id.notnull())
    table = found.select(
        "survivor_id", "last_merged_at", "survivor_created_at", known_id=found.lead_id, lead_created_at=found.created_at
    )
    known = KnownLeads(engine.keep_for_now("known_leads", table))
    judged = _with_mergers(engine, leads, known, clean=clean, chains=chains, mergers=mergers, extracted_at=extracted_at)
    return judged, known


def _followed(engine: Engine, clean: ir.Table, *, extracted_at: dt.datetime) -> ir.Table:
    """Each merged lead with the end of its chain: `lead_id`, `target`, `merged_at` (the chain's last).

    In every round each lead looks twice as far along its chain, so a chain of n mergers takes log2(n) rounds. Leads
    that are still moving when a round brings none to its end are in a circle, or on the way into one.
    """
    merged = clean.filter(clean.merged_into.notnull())
    chains = merged.select(
        "lead_id", target=merged.merged_into, merged_at=merged.merged_at.fill_null(ibis.literal(extracted_at))
    )
    chains = engine.keep_for_now("mergers_0", chains)
    n_moving, n_before, number = _n_moving(chains), None, 0
    while n_moving and n_moving != n_before:
        number += 1
        chains = engine.keep_for_now(f"mergers_{number}", _stepped(chains))
        n_moving, n_before = _n_moving(chains), n_moving
    return chains


def _moving(chains: ir.Table) -> ir.Table:
    """The leads whose target was merged on."""
    return chains.semi_join(chains.select(merged_id="lead_id"), [("target", "merged_id")])


def _stepped(chains: ir.Table) -> ir.Table:
    further = chains.select(through="lead_id", further="target", further_at="merged_at")
    joined = chains.left_join(further, [("target", "through")])
    later = joined.further_at.isnull().ifelse(joined.merged_at, ibis.greatest(joined.merged_at, joined.further_at))
    return joined.select("lead_id", target=ibis.coalesce(joined.further, joined.target), merged_at=later)


def _n_moving(chains: ir.Table) -> int:
    return int(_moving(chains).count().to_pyarrow().as_py())


def _with_mergers(
    engine: Engine,
    leads: Judged,
    known: KnownLeads,
    *,
    clean: ir.Table,
    chains: ir.Table,
    mergers: Sequence[SeenInRow],
    extracted_at: dt.datetime,
) -> Judged:
    targets = known.table.select(target_id="known_id")
    circling = _moving(chains).select(circling_id="lead_id")
    circling = clean.join(circling, clean.lead_id == circling.circling_id).select(circling_row="source_row")
    rows = leads.rows.left_join(targets, leads.rows.merged_into == targets.target_id)
    rows = rows.left_join(circling, rows.source_row == circling.circling_row)
    rows = rows.mutate(**{IS_LEAD_ACCEPTED: rows.target_id.notnull(), IS_IN_CIRCLE: rows.circling_row.notnull()})
    more = in_row(rows, mergers, extracted_at=extracted_at)
    return replace(leads, breaches=engine.keep_for_now("breaches_of_leads_and_mergers", leads.breaches.union(more)))


def with_survivors(judged: Judged) -> ir.Table:
    """The accepted rows of `judged`, those of merged leads their survivors'; of `leads`, those that were not merged."""
    rows = judged.accepted
    if judged.name == "leads":
        return rows.filter(rows.merged_into.isnull())
    if not belongs_to_lead(judged.table.contract) or SURVIVOR not in rows.columns:
        return rows
    is_merged = rows[SURVIVOR].notnull()
    changes = {"lead_id": ibis.coalesce(rows[SURVIVOR], rows.lead_id)}
    if "recorded_at" in rows.columns:
        latest = ibis.greatest(rows.recorded_at, rows.last_merged_at, rows.survivor_created_at)
        changes["recorded_at"] = is_merged.ifelse(latest, rows.recorded_at)
    return rows.mutate(**changes)


def undated_mergers(leads: Judged) -> Findings:
    """A warning where leads were merged at an unknown time."""
    accepted = leads.accepted
    undated = accepted.filter(accepted.merged_into.notnull(), accepted.merged_at.isnull()).count().to_pyarrow().as_py()
    if not undated:
        return Findings()
    return Findings(warnings=(f"leads: merged at an unknown time, taken for that of the extract: {rows(undated)}",))


def leads_without_account(leads: Judged, accounts: Judged) -> Findings:
    """A warning where leads name an account that was not accepted: they stay, without the account's attributes."""
    named = leads.accepted.filter(leads.accepted.account_id.notnull())
    lonely = named.anti_join(accounts.accepted, "account_id").count().to_pyarrow().as_py()
    if not lonely:
        return Findings()
    return Findings(
        warnings=(f"leads: at an account that was not accepted, of which nothing is known: {rows(lonely)}",)
    )
