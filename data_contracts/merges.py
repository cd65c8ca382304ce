"""Who became whom: merged leads, their survivors, and whose history their rows are.

A merged lead leaves `leads`. Its activities, stage changes and opportunities belong to the survivor at the end of the
chain of mergers, and count as recorded no earlier than the last merger of the chain and than the survivor's creation:
before that, nobody could have seen them at the survivor. When they *happened* is left as it is. So a survivor may have
stage changes that lie before its own creation, but none that was known before it; whoever takes a stage change
as a moment must take the later of `entered_at` and `recorded_at`. The survivor's `created_at` is not moved back either:
before the merger nobody knew that it was older. Opportunities have no `recorded_at`; they keep their own times, and
only tables of outcomes and amounts may use them. A merger without a time counts as made at the extract.
"""

import datetime as dt

from ibis.backends.duckdb import Backend

from data_contracts.columns import TableContract
from data_contracts.delivery import Findings
from data_contracts.wording import rows
from data_contracts.workbench import ACCEPTED_LEADS, BREACHES, CIRCLES, SURVIVORS, count, moment, typed

_CLEAN = f"""
    clean AS (
        SELECT source_row, lead_id, created_at, merged_into, merged_at FROM {typed("leads")}
        WHERE source_row NOT IN (SELECT source_row FROM {BREACHES} WHERE table_name = 'leads')
    )
"""


def follow_mergers(engine: Backend, *, extracted_at: dt.datetime) -> None:
    """Fill `SURVIVORS`, `CIRCLES` and `ACCEPTED_LEADS` from the leads that breach no rule of their own.

    Walks back from the leads that were never merged, so each merged lead is reached once and circles never. A lead
    whose chain ends at an unknown or refused lead is neither accepted nor in a circle.
    """
    con = engine.con
    con.execute(
        f"""
        INSERT INTO {SURVIVORS}
        WITH RECURSIVE {_CLEAN},
        mergers AS (
            SELECT lead_id, merged_into, coalesce(merged_at, {moment(extracted_at)}) AS merged_at
            FROM clean WHERE merged_into IS NOT NULL
        ),
        reached AS (
            SELECT m.lead_id, s.lead_id AS survivor_id, m.merged_at, s.created_at AS survivor_created_at
            FROM mergers AS m JOIN clean AS s ON m.merged_into = s.lead_id WHERE s.merged_into IS NULL
            UNION ALL
            SELECT m.lead_id, r.survivor_id, greatest(m.merged_at, r.merged_at), r.survivor_created_at
            FROM mergers AS m JOIN reached AS r ON m.merged_into = r.lead_id
        )
        SELECT lead_id, survivor_id, merged_at, survivor_created_at FROM reached
        """
    )
    con.execute(
        f"""
        INSERT INTO {ACCEPTED_LEADS}
        WITH {_CLEAN}
        SELECT lead_id, created_at FROM clean
        WHERE merged_into IS NULL OR lead_id IN (SELECT lead_id FROM {SURVIVORS})
        """
    )
    _find_circles(engine)


def _find_circles(engine: Backend) -> None:
    engine.con.execute(
        f"""
        INSERT INTO {CIRCLES}
        WITH RECURSIVE {_CLEAN},
        astray AS (
            SELECT source_row, lead_id, merged_into FROM clean
            WHERE merged_into IS NOT NULL AND lead_id NOT IN (SELECT lead_id FROM {SURVIVORS})
        ),
        dead_ends AS (
            SELECT source_row, lead_id FROM astray WHERE merged_into NOT IN (SELECT lead_id FROM clean)
            UNION ALL
            SELECT a.source_row, a.lead_id FROM astray AS a JOIN dead_ends AS d ON a.merged_into = d.lead_id
        )
        SELECT source_row FROM astray WHERE source_row NOT IN (SELECT source_row FROM dead_ends)
        """
    )


def give_to_survivors(engine: Backend, contract: TableContract) -> None:
    """Make the rows of merged leads in the typed table of `contract` their survivors'; in `leads`, take them out."""
    table = typed(contract.name)
    if contract.name == "leads":
        engine.con.execute(f"DELETE FROM {table} WHERE lead_id IN (SELECT lead_id FROM {SURVIVORS})")
        return
    if not any(reference.column == "lead_id" for reference in contract.references):
        return
    changes = ["lead_id = s.survivor_id"]
    if any(column.name == "recorded_at" for column in contract.columns):
        changes.append(f"recorded_at = greatest({table}.recorded_at, s.merged_at, s.survivor_created_at)")
    engine.con.execute(
        f"UPDATE {table} SET {', '.join(changes)} FROM {SURVIVORS} AS s WHERE {table}.lead_id = s.lead_id"
    )


def undated_mergers(engine: Backend) -> Findings:
    """A warning where leads were merged at an unknown time."""
    merged = f"FROM {typed('leads')} WHERE lead_id IN (SELECT lead_id FROM {SURVIVORS})"
    undated = count(engine, f"SELECT count(*) {merged} AND merged_at IS NULL")
    if not undated:
        return Findings()
    return Findings(warnings=(f"leads: merged at an unknown time, taken for that of the extract: {rows(undated)}",))


def leads_without_account(engine: Backend) -> Findings:
    """A warning where leads name an account that was not accepted: they stay, without the account's attributes."""
    accepted = (
        f"SELECT account_id FROM {typed('accounts')} WHERE source_row NOT IN "
        f"(SELECT source_row FROM {BREACHES} WHERE table_name = 'accounts')"
    )
    lonely = count(engine, f"SELECT count(*) FROM {typed('leads')} WHERE account_id NOT IN ({accepted})")
    if not lonely:
        return Findings()
    return Findings(
        warnings=(f"leads: at an account that was not accepted, of which nothing is known: {rows(lonely)}",)
    )
