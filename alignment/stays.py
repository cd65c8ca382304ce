"""How long leads stayed in each open stage, and deals open, and which of them went well."""

import ibis
import ibis.expr.types as ir

from data_contracts.definitions import Definitions
from data_contracts.history import CrmHistory
from data_contracts.metrics.stuck import Waits
from data_contracts.vocabulary import DealOutcome, Stage, Transition
from features.stages import ordered_changes, reached_stages

WAITING = (Stage.MQL, Stage.SAL, Stage.SQL, Stage.OPPORTUNITY)
"""The open stages from the hand-off on."""

STOPPED = (Stage.LOST, Stage.DISQUALIFIED, Stage.NURTURE)


def goal_of(stage: Stage, definitions: Definitions) -> Stage:
    """What a stay in `stage` leads to where it goes well: the last stage of the transition that it lies in."""
    is_before_sql = stage in (Stage.MQL, Stage.SAL)
    return Stage.SQL if is_before_sql and Transition.MQL_TO_SQL in definitions.transitions else Stage.WON


def stays_of(history: CrmHistory, definitions: Definitions) -> ir.Table:
    """Every stay of a lead in one of the `WAITING` stages: a run of entries into it that no other stage interrupts.

    Returns
    -------
    Table
        `lead_id`, `stage`, `since_at`, `until_at` (missing while it stands there) and `went_well`: it got to the goal
        of the stage before it was lost, disqualified or nurtured. Lazy.
    """
    changes = ordered_changes(history.stage_changes)
    in_lead = ibis.window(group_by="lead_id", order_by="position")
    is_new = changes.stage != changes.stage.lag().over(in_lead).fill_null("")
    runs = changes.mutate(is_new=is_new).filter(ibis._.is_new)
    runs = runs.mutate(until_at=runs.entered_at.lead().over(in_lead), **_ahead(runs, definitions))
    stays = runs.filter(runs.stage.isin(WAITING))
    goal = stays.stage.cases(*[(stage.value, stays[_ahead_of(goal_of(stage, definitions))]) for stage in WAITING])
    went_well = (goal < stays.stops_ahead.fill_null(goal + 1)).fill_null(False)
    return stays.select("lead_id", "stage", "until_at", since_at="entered_at", went_well=went_well)


def _ahead(runs: ir.Table, definitions: Definitions) -> dict[str, ir.Value]:
    """The place in its lead of the next goal of each kind, and of the next stop, from each run on."""
    onwards = ibis.cumulative_window(group_by="lead_id", order_by=ibis.desc("position"))
    goals = {goal_of(stage, definitions) for stage in WAITING}
    wanted = {_ahead_of(goal): reached_stages(goal) for goal in sorted(goals)} | {"stops_ahead": STOPPED}
    nowhere = ibis.null("int64")
    return {
        name: runs.stage.isin(stages).ifelse(runs.position, nowhere).min().over(onwards)
        for name, stages in wanted.items()
    }


def _ahead_of(goal: Stage) -> str:
    return f"{goal}_ahead"


def deals_of(history: CrmHistory) -> ir.Table:
    """Every deal as a stay: `lead_id`, `stage` (opportunity), `since_at`, `until_at` and `went_well`.

    Also `opportunity_id`, `amount`, `expected_close_at` and `is_open`. A deal that closed nobody knows when is left
    out: how long it took is not known.
    """
    deals = history.opportunities
    is_open = deals.outcome == DealOutcome.OPEN.value
    told = deals.filter(is_open | deals.closed_at.notnull())
    is_open = told.outcome == DealOutcome.OPEN.value
    return told.select(
        "lead_id",
        "opportunity_id",
        "amount",
        "expected_close_at",
        stage=ibis.literal(Stage.OPPORTUNITY.value),
        since_at="created_at",
        until_at=is_open.ifelse(ibis.null(told.closed_at.type()), told.closed_at),
        went_well=told.outcome == DealOutcome.WON.value,
        is_open=is_open,
    )


def place_of(waits: Waits, stage: Stage) -> int:
    """The order in which stages are shown: along the funnel, deals last."""
    return WAITING.index(stage) + len(WAITING) * (waits is Waits.DEAL)
