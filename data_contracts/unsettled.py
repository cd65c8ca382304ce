"""Leads whose way is known without its date: closed leads that look open, and steps that a label depends on.

An ending that nobody dated cannot be put in order with what is dated, so the lead is taken as closed. An ending with a
date that can be trusted, after which the lead dated its return to an open stage, is none.
"""

from ibis.backends.duckdb import Backend

from data_contracts.columns import Rule
from data_contracts.delivery import Findings
from data_contracts.vocabulary import CLOSED_STAGES, DealOutcome, Stage, Unsettled
from data_contracts.wording import leads
from data_contracts.workbench import (
    ACCEPTED_LEADS,
    BREACHES,
    STANDING,
    SURVIVORS,
    UNSETTLED,
    literal,
    literals,
    typed,
)

_MOST_PAIRS = 10
_CLOSED = literals(CLOSED_STAGES)
_CONVERTED = literals((Stage.SQL, Stage.OPPORTUNITY, Stage.WON))
"""Stages that labels depend on: of the transitions' last stages, the earliest and those beyond."""

_RANK = f"list_position([{literals(Stage)}], stage)"


def _breached(table: str, rules: str) -> str:
    return f"SELECT source_row FROM {BREACHES} WHERE table_name = {literal(table)} AND rule LIKE {literal(rules)}"


_OF_SURVIVOR = "coalesce(survivor_id, lead_id) AS lead_id"

_STANDING = f"""
    WITH accepted AS (
        SELECT {_OF_SURVIVOR}, stage, entered_at FROM {typed("stage_changes")} LEFT JOIN {SURVIVORS} USING (lead_id)
        WHERE source_row NOT IN ({_breached("stage_changes", "%")})
    ),
    ways AS (
        SELECT lead_id, max_by(stage, (entered_at, {_RANK})) AS stage, max(entered_at) AS last_at,
               max(entered_at) FILTER (stage NOT IN ({_CLOSED})) AS open_at,
               max(entered_at) FILTER (stage IN ({_CLOSED})) AS left_at,
               max(entered_at) FILTER (stage = {literal(Stage.WON)}) AS won_at,
               bool_or(stage IN ({_CONVERTED})) AS is_converted
        FROM accepted GROUP BY lead_id
    )
    SELECT lead_id, coalesce(stage, {literal(Stage.LEAD)}) AS shown, coalesce(stage IN ({_CLOSED}), false) AS is_closed,
           coalesce(is_converted, false) AS is_converted, last_at, open_at, left_at, won_at
    FROM {ACCEPTED_LEADS} LEFT JOIN ways USING (lead_id)
    WHERE lead_id NOT IN (SELECT lead_id FROM {SURVIVORS})
"""

_ACCEPTED_LEAD_ROWS = f"""
    SELECT lead_id, current_stage FROM {typed("leads")} WHERE source_row NOT IN ({_breached("leads", "%")})
"""


def find_unsettled(engine: Backend, *, are_there_deals: bool) -> None:
    """Fill `UNSETTLED`, and make `STANDING`, from the typed and judged tables.

    Rows of merged leads count as their survivors'. Deals are looked at where `are_there_deals`, refused ones too: a
    refused row is still what the CRM said.
    """
    engine.con.execute(f"CREATE TABLE {STANDING} AS {_STANDING}")
    found = [_refused_stages(), _current_stages()]
    if are_there_deals:
        found.append(_closed_deals())
    for query in found:
        engine.con.execute(f"INSERT INTO {UNSETTLED} {query}")


def _refused_stages() -> str:
    """Refused steps into a closed stage, or into one that a label depends on; repeated rows have a twin that is kept.

    A refused loss says nothing where a dated ending follows, for the lead is closed and did not convert either way.
    """
    is_dated = f"source_row NOT IN ({_breached('stage_changes', 'stage_changes.entered_at.%')})"
    return f"""
        SELECT DISTINCT lead_id, stage, {literal(Unsettled.STAGE_REFUSED)}, is_ending
        FROM (
            SELECT lead_id, stage, is_closed,
                   stage IN ({_CLOSED}) AND NOT coalesce({is_dated} AND open_at > entered_at, false) AS is_ending
            FROM (
                SELECT {_OF_SURVIVOR}, source_row, stage, entered_at
                FROM {typed("stage_changes")} LEFT JOIN {SURVIVORS} USING (lead_id)
                WHERE source_row IN ({_breached("stage_changes", "%")})
                      AND source_row NOT IN ({_breached("stage_changes", f"%.{Rule.UNIQUE}")})
            )
            JOIN {STANDING} USING (lead_id)
        )
        WHERE stage IN ({_CONVERTED}) OR (is_ending AND NOT is_closed)
    """


def _closed_deals() -> str:
    """Deals that ended, of leads that stand open without an open deal: without a date, or with nothing said since.

    An undated deal is settled by a dated ending of its lead since it began: it is that ending.
    """
    is_dated = f"source_row NOT IN ({_breached('opportunities', 'opportunities.closed_at.%')})"
    won, is_open = literal(DealOutcome.WON), literal(DealOutcome.OPEN)
    return f"""
        WITH deals AS (
            SELECT {_OF_SURVIVOR}, outcome, created_at,
                   CASE WHEN {is_dated} THEN closed_at END AS closed_at
            FROM {typed("opportunities")} LEFT JOIN {SURVIVORS} USING (lead_id)
        ),
        ended AS (
            SELECT lead_id, outcome, created_at, closed_at, last_at,
                   CASE WHEN outcome = {won} THEN won_at ELSE left_at END AS ended_at
            FROM deals JOIN {STANDING} USING (lead_id)
            WHERE outcome <> {is_open} AND NOT is_closed
                  AND lead_id NOT IN (SELECT lead_id FROM deals WHERE outcome = {is_open} AND lead_id IS NOT NULL)
        )
        SELECT DISTINCT lead_id, outcome, {literal(Unsettled.DEAL_UNDATED)}, true
        FROM ended WHERE closed_at IS NULL AND NOT coalesce(ended_at >= coalesce(created_at, ended_at), false)
        UNION ALL
        SELECT DISTINCT lead_id, outcome, {literal(Unsettled.DEAL_CLOSED)}, true
        FROM ended WHERE closed_at IS NOT NULL AND coalesce(last_at <= closed_at, true)
    """


def _current_stages() -> str:
    """What the CRM says at the extract and no stage change shows: that the lead is closed, or that it converted."""
    return f"""
        SELECT lead_id, current_stage, {literal(Unsettled.CURRENT_STAGE)}, current_stage IN ({_CLOSED})
        FROM ({_ACCEPTED_LEAD_ROWS}) JOIN {STANDING} USING (lead_id)
        WHERE (current_stage IN ({_CLOSED}) AND NOT is_closed)
           OR (current_stage IN ({_CONVERTED}) AND current_stage NOT IN ({_CLOSED}) AND NOT is_converted)
    """


def unsettled_leads(engine: Backend) -> Findings:
    """A warning for each reason why leads are neither scored nor learnt from, and why labels are left out."""
    counted = engine.con.execute(
        f"SELECT is_ending, reason, count(DISTINCT lead_id) FROM {UNSETTLED} GROUP BY ALL ORDER BY 1 DESC, 2"
    ).fetchall()
    costs = {True: "closed nobody knows when, neither scored nor learnt from", False: "labels left out"}
    return Findings(
        warnings=tuple(
            f"{costs[is_ending]}: {leads(n)} {Unsettled(reason).meaning}" for is_ending, reason, n in counted
        )
    )


def current_stages_against_history(engine: Backend) -> Findings:
    """A warning where the CRM's current stages are not those that the stage changes end in, by pair."""
    pairs = engine.con.execute(
        f"""
        SELECT current_stage, shown, count(*) FROM ({_ACCEPTED_LEAD_ROWS}) JOIN {STANDING} USING (lead_id)
        WHERE current_stage <> shown GROUP BY ALL ORDER BY 3 DESC, 1, 2
        """
    ).fetchall()
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
