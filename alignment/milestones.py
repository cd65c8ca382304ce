"""When each lead reached each stage of the funnel, one row a lead: what every shared number is counted from."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import ibis
import ibis.expr.types as ir
import pandas as pd

from alignment.intervals import Integers, account_groups
from alignment.sales_ready import sales_ready_moments
from data_contracts.history import CrmHistory
from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.periods import Span
from data_contracts.settings import Settings
from data_contracts.snapshots import TEAM, Snapshots
from data_contracts.today import CAMPAIGN, OWNER, PERSONA, SOURCE
from data_contracts.vocabulary import CLOSED_STAGES, Stage
from features.listed import told_of_leads
from features.outcomes import sales_touches
from features.routing import routes_of
from features.snapshots import lead_snapshots
from features.stages import FUNNEL, ordered_changes, reached_stages

STAGE_OF = {
    Milestone.MQL: Stage.MQL,
    Milestone.SAL: Stage.SAL,
    Milestone.SQL: Stage.SQL,
    Milestone.OPPORTUNITY: Stage.OPPORTUNITY,
    Milestone.CUSTOMER: Stage.WON,
}
"""The stage that shows a milestone. A lead also reached it where the CRM shows it in a later one."""

MOST_UNTOLD = 0.05
"""A history may begin some days into a year, or a day into a month: nobody came on the first."""

_OPEN_AFTER_HAND_OFF = (Stage.MQL, Stage.SAL, Stage.SQL, Stage.OPPORTUNITY)


def reached_at(milestone: Milestone) -> str:
    """The column of the moment at which a lead reached `milestone`."""
    return f"{milestone}_at"


def shown_at(milestone: Milestone) -> str:
    """The column of the moment at which the CRM first shows a lead in the stage of `milestone` itself."""
    return f"{milestone}_shown_at"


@dataclass(frozen=True)
class Milestones:
    """Every lead with the moments at which it reached each milestone, as known at `as_of`.

    Attributes
    ----------
    frame
        One row a lead, in order of `lead_id`.

        | column | holds |
        |---|---|
        | `lead_id`, `account_id` | the account is the lead itself where the CRM knows none |
        | `lead_at` to `customer_at` | when it first got so far (UTC): entered the stage, or one beyond it |
        | `sal_at` | or sales' first touch from MQL on, where that came before |
        | `sales_ready_at` | when it met all that is agreed on, from SQL on; missing where nothing is |
        | `mql_shown_at` and so on | when the CRM first shows it in that stage itself; missing where it skipped it |
        | `stands`, `stands_since` | its stage, and since when |
        | `n_recycles` | how often it came back from nurture, disqualified or lost |
        | `n_backward` | how often it was moved to an earlier open stage |
        | `is_unsettled` | nobody knows when it got where it is: it counts in no rate |
        | `source`, `campaign`, `persona`, `team`, `owner_id` | and the segments, each under its own name |
    as_of
        The moment of the extract, or an earlier one (UTC, naive).
    settings
        The definitions, segments and working time that were counted by.
    definitions_version
        Of the checked history.
    """

    frame: pd.DataFrame
    as_of: dt.datetime
    settings: Settings
    definitions_version: str

    @cached_property
    def groups(self) -> Integers:
        """The jackknife group of each lead's account, aligned with `frame`."""
        return account_groups(self.frame["account_id"])

    @cached_property
    def recorded(self) -> tuple[Milestone, ...]:
        """The milestones that the history shows of any lead, in funnel order; SAL by its stage or by a touch."""
        sal_at, sql_at = (self.frame[reached_at(one)] for one in (Milestone.SAL, Milestone.SQL))
        found = {one: self.frame[shown_at(one)].notna() for one in STAGE_OF}
        found[Milestone.SAL] |= sal_at.notna() & (sal_at != sql_at)
        found[Milestone.SALES_READY] = self.frame[reached_at(Milestone.SALES_READY)].notna()
        return tuple(one for one in Milestone if one is Milestone.LEAD or found[one].any())

    def tells_of(self, span: Span) -> bool:
        """Whether the history tells of all of `span`, but for `MOST_UNTOLD` of it: a lead had come by then."""
        return bool(
            self.frame[reached_at(Milestone.LEAD)].min() <= span.start_at + MOST_UNTOLD * (span.end_at - span.start_at)
        )

    def of(self, rows: pd.Series) -> "Milestones":
        """The chosen leads alone."""
        return replace(self, frame=self.frame[rows].reset_index(drop=True))

    @property
    def time_zone(self) -> str:
        """Of the local days that periods begin on."""
        return self.settings.policy.calendar.time_zone


def milestones_of(history: CrmHistory, settings: Settings) -> Milestones:
    """The milestones of every lead of `history`, as known at its extract.

    A history as it stood earlier (`features.known_before`) gives the milestones that were known then.
    """
    leads = told_of_leads(history, settings=settings)
    teams = routes_of(history, Snapshots(lead_snapshots(history)), policy=settings.policy, crm=settings.crm)
    numbered = lead_snapshots(history).select("snapshot_id", "lead_id", "account_id", lead_at="created_at")
    rows = numbered.join(teams.select("snapshot_id", TEAM), "snapshot_id").drop("snapshot_id")
    rows = rows.mutate(account_id=ibis.coalesce(rows.account_id, rows.lead_id))
    for told in (leads, _stages(history), _unsettled(history)):
        rows = rows.left_join(told, "lead_id").drop("lead_id_right")
    rows = _with_touches(rows, history, settings)
    rows = _with_sales_ready(rows, history, settings)
    frame = rows.order_by("lead_id").to_pyarrow().to_pandas()
    return Milestones(_tidied(frame, settings), history.extracted_at, settings, history.definitions_version)


def _stages(history: CrmHistory) -> ir.Table:
    """By lead, when it reached each stage and was shown in it, where it stands, and how often it turned back."""
    changes = ordered_changes(history.stage_changes)
    before = changes.stage.lag().over(ibis.window(group_by="lead_id", order_by="position"))
    changes = changes.mutate(before=before, rank=_rank(changes.stage), rank_before=_rank(before))
    moments = {
        reached_at(milestone): changes.entered_at.min(where=changes.stage.isin(reached_stages(stage)))
        for milestone, stage in STAGE_OF.items()
    }
    shown = {
        shown_at(milestone): changes.entered_at.min(where=changes.stage == stage)
        for milestone, stage in STAGE_OF.items()
    }
    came_back = changes.stage.isin(_OPEN_AFTER_HAND_OFF) & changes.before.isin(CLOSED_STAGES)
    fell_back = (
        changes.stage.notin(CLOSED_STAGES) & changes.before.notin(CLOSED_STAGES) & (changes.rank < changes.rank_before)
    )
    return changes.group_by("lead_id").aggregate(
        **moments,
        **shown,
        stands=changes.stage.argmax(changes.position),
        stands_since=changes.entered_at.argmax(changes.position),
        n_recycles=changes.count(where=came_back),
        n_backward=changes.count(where=fell_back),
    )


def _rank(stage: ir.StringValue) -> ir.IntegerValue:
    return stage.cases(*[(each.value, rank) for rank, each in enumerate(FUNNEL)])


def _unsettled(history: CrmHistory) -> ir.Table:
    return history.unsettled.select("lead_id").distinct().mutate(is_unsettled=ibis.literal(True))


def _with_touches(rows: ir.Table, history: CrmHistory, settings: Settings) -> ir.Table:
    """`rows` with sales' first touch from MQL on as SAL, where that came before the stage."""
    touches = sales_touches(history, settings=settings, transition=settings.definitions.first_transition)
    handed_off = rows.filter(rows.mql_at.notnull()).select("lead_id", "mql_at")
    pairs = handed_off.join(touches, "lead_id")
    first = pairs.filter(pairs.happened_at >= pairs.mql_at, pairs.known_from < history.extracted_at)
    first = first.group_by("lead_id").aggregate(touched_at=first.happened_at.min())
    joined = rows.left_join(first, "lead_id").drop("lead_id_right")
    earlier = ibis.least(joined.sal_at.fill_null(joined.touched_at), joined.touched_at.fill_null(joined.sal_at))
    return joined.mutate(sal_at=earlier).drop("touched_at")


def _with_sales_ready(rows: ir.Table, history: CrmHistory, settings: Settings) -> ir.Table:
    agreed = settings.definitions.sales_ready
    if not agreed:
        return rows.mutate(sales_ready_at=ibis.null(rows.sql_at.type()))
    moments = sales_ready_moments(history, rows.select("lead_id", "account_id", "sql_at"), settings=settings)
    return rows.left_join(moments, "lead_id").drop("lead_id_right")


def _tidied(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The frame with words as categories, counts without gaps and times of one resolution."""
    words = ("stands", SOURCE, CAMPAIGN, PERSONA, TEAM, OWNER, *settings.pages.segments)
    told: Mapping[str, pd.Series] = {
        **{name: frame[name].astype("category") for name in words},
        **{name: frame[name].fillna(0).astype("int64") for name in ("n_recycles", "n_backward")},
        "is_unsettled": frame["is_unsettled"].notna(),
        **{name: frame[name].astype("datetime64[us]") for name in frame.columns if name.endswith(("_at", "_since"))},
    }
    return frame.assign(**told)
