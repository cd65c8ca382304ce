"""Every hand-off to sales, one row each: by when sales owed a touch, when it came, and what sales decided."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from alignment.cohorts import JACKKNIFE_GROUP
from alignment.intervals import Integers
from alignment.milestones import Milestones
from data_contracts.errors import SettingsError
from data_contracts.history import CrmHistory
from data_contracts.policy import Policy
from data_contracts.privacy import masked
from data_contracts.settings import Settings
from data_contracts.snapshots import TEAM
from data_contracts.today import OWNER
from data_contracts.vocabulary import Stage
from features.outcomes import sales_touches
from features.stages import ordered_changes, reached_stages, standing_stages

Flags = npt.NDArray[np.bool_]

TURNED_DOWN = (Stage.DISQUALIFIED, Stage.LOST)
"""Decisions that owe marketing a reason. Nurture is "not now", and says so itself."""

TIME_ZONE = "time_zone"


@dataclass(frozen=True)
class HandOffs:
    """Every hand-off, as known at the moment of `milestones`.

    Attributes
    ----------
    frame
        One row a hand-off, in order of `lead_id` and time.

        | column | holds |
        |---|---|
        | `lead_id`, `nth` | the lead's first hand-off is 1; later ones are recycles |
        | `handed_off_at` | the entry into MQL, where the lead did not wait for sales already |
        | `is_skipped` | the lead was never shown in MQL before: it is the entry into the first stage beyond |
        | `next_handed_off_at` | when the lead was handed off anew; missing for its last hand-off |
        | `respond_by_at` | when sales owed the first touch, in the working hours of `time_zone` |
        | `touched_at` | sales' first touch at the hand-off or after it, and before the next one |
        | `contacted_at` | the same, whether before the next one or not |
        | `response_hours`, `watched_hours` | working hours from it to `touched_at`, and to the next one or to now |
        | `decided_at`, `decision` | the first of sql (or beyond), disqualified, lost, nurture, before the next one |
        | `reason` | of the decision, in the CRM's words; an address in it is masked |
        | `owner_id`, `team` | the lead's owner now, and the owner's team; the policy's where nobody knows it |
        | `time_zone` | the owner's; that of the policy's calendar where nobody knows it |
        | `is_unsettled` | nobody knows when the lead was closed: it counts in no rate |
        | `place`, `jackknife_group` | the lead's row in `milestones.frame`, and the group of its account |
    milestones
        Of the leads: what they are grouped by, the settings, the moment.
    """

    frame: pd.DataFrame
    milestones: Milestones

    @property
    def as_of(self) -> dt.datetime:
        """What is known at this moment (UTC, naive)."""
        return self.milestones.as_of

    @property
    def settings(self) -> Settings:
        """What was counted by."""
        return self.milestones.settings

    @property
    def groups(self) -> Integers:
        """The jackknife group of each hand-off's account."""
        return self.frame[JACKKNIFE_GROUP].to_numpy(dtype=np.int64)

    @property
    def counted(self) -> Flags:
        """Whether each hand-off counts in rates: it is dated, and sales was owed the time to respond."""
        return ~(self.frame["is_skipped"] | self.frame["is_unsettled"]).to_numpy(dtype=bool)

    @property
    def unknown_because(self) -> str:
        """Why nobody can tell when sales touched a lead; empty where the CRM records it."""
        because = self.settings.definitions.contact.assume_contacted_because
        return f"nothing records whom sales contacted; it is agreed that {because}" if because else ""

    def told(self, by: str) -> pd.Series:
        """What each hand-off's lead is grouped by: `owner_id`, `team`, or a column of `milestones.frame`.

        Raises `KeyError` where there is no such column.
        """
        if by in (OWNER, TEAM):
            return self.frame[by]
        return self.milestones.frame[by].iloc[self.frame["place"].to_numpy()].reset_index(drop=True)

    def of(self, rows: Flags) -> "HandOffs":
        """The chosen hand-offs alone."""
        return replace(self, frame=self.frame[rows].reset_index(drop=True))


def hand_offs_of(history: CrmHistory, milestones: Milestones) -> HandOffs:
    """Every hand-off of the leads of `milestones`, as known at the extract of `history`.

    | the lead | is handed off |
    |---|---|
    | enters MQL while it does not wait for sales | then: first, recycled, or moved back by sales from SQL |
    | enters MQL again while it waits, or falls back from SAL | not anew: the clock goes on |
    | skipped MQL | once, at its first stage beyond: no time to respond was owed |
    | comes back straight into SAL or beyond | not anew: sales took it back by itself |

    Parameters
    ----------
    history
        The one that `milestones` are of.
    """
    settings = milestones.settings
    rows = _with_touches(_with_decisions(_numbered(history, settings), history), history, settings)
    frame = rows.order_by("lead_id", "nth").to_pyarrow().to_pandas()
    leads = milestones.frame[["lead_id", "is_unsettled", OWNER, TEAM]]
    leads = leads.assign(**{"place": np.arange(len(leads)), JACKKNIFE_GROUP: milestones.groups})
    frame = _with_sellers(frame.merge(leads, on="lead_id", validate="many_to_one"), history, settings.policy)
    return HandOffs(_tidied(_with_hours(frame, settings.policy, milestones.as_of)), milestones)


def hand_off_moments(history: CrmHistory, settings: Settings) -> ir.Table:
    """Each hand-off, lazily: `lead_id`, `nth`, `stage` (that it entered), `handed_off_at`, `known_from`.

    The lead does not wait for sales by then: it is in none of the stages of the first transition, up to its last.
    """
    changes = _numbered(history, settings)
    begun = changes.filter(changes.starts == 1)
    return begun.select("lead_id", "nth", "stage", "known_from", handed_off_at="entered_at")


def _numbered(history: CrmHistory, settings: Settings) -> ir.Table:
    """The stage changes from each lead's first hand-off on, with `nth`: the number of the hand-off they belong to."""
    waiting = standing_stages(settings.definitions.first_transition)
    changes = ordered_changes(history.stage_changes)
    changes = changes.filter(changes.known_from <= history.extracted_at)
    in_order = ibis.window(group_by="lead_id", order_by="position")
    from_mql = changes.stage.isin(reached_stages(Stage.MQL)).ifelse(changes.position, ibis.null("int64"))
    changes = changes.mutate(before=changes.stage.lag().over(in_order), from_mql=from_mql)
    first = changes.from_mql.min().over(ibis.window(group_by="lead_id"))
    starts_anew = (changes.stage == Stage.MQL) & ~changes.before.isin(waiting).fill_null(False)
    changes = changes.mutate(starts=(starts_anew | (changes.position == first)).fill_null(False).ifelse(1, 0))
    running = ibis.cumulative_window(group_by="lead_id", order_by="position")
    changes = changes.mutate(nth=changes.starts.sum().over(running).cast("int64"))
    return changes.filter(changes.nth > 0)


def _with_decisions(changes: ir.Table, history: CrmHistory) -> ir.Table:
    """One row a hand-off: when and in which stage it began, what sales decided first, and when the next one came."""
    reasons = history.stage_changes.filter(history.stage_changes.reason.notnull())
    changes = changes.left_join(
        reasons.select("lead_id", "stage", "entered_at", "reason"), ["lead_id", "stage", "entered_at"]
    )
    decision = ibis.cases(
        (changes.stage.isin(reached_stages(Stage.SQL)), Stage.SQL.value),
        (changes.stage.isin((*TURNED_DOWN, Stage.NURTURE)), changes.stage),
        else_=ibis.null("string"),
    )
    # An aggregate of the first row skips missing values: without a text in their place, a later reason would be taken.
    changes = changes.mutate(decision=decision, reason=changes.reason.fill_null(""))
    decides = changes.decision.notnull()
    rows = changes.group_by("lead_id", "nth").aggregate(
        handed_off_at=changes.entered_at.argmin(changes.position),
        stage=changes.stage.argmin(changes.position),
        decided_at=changes.entered_at.argmin(changes.position, where=decides),
        decision=changes.decision.argmin(changes.position, where=decides),
        reason=changes.reason.argmin(changes.position, where=decides),
    )
    following = rows.handed_off_at.lead().over(ibis.window(group_by="lead_id", order_by="nth"))
    return rows.mutate(reason=rows.reason.nullif(""), next_handed_off_at=following)


def _with_touches(rows: ir.Table, history: CrmHistory, settings: Settings) -> ir.Table:
    touches = sales_touches(history, settings=settings, transition=settings.definitions.first_transition)
    pairs = rows.select("lead_id", "nth", "handed_off_at", "next_handed_off_at").join(touches, "lead_id")
    since = pairs.filter(pairs.happened_at >= pairs.handed_off_at, pairs.known_from <= history.extracted_at)
    is_own = since.next_handed_off_at.isnull() | (since.happened_at < since.next_handed_off_at)
    first = since.group_by("lead_id", "nth").aggregate(
        touched_at=since.happened_at.min(where=is_own), contacted_at=since.happened_at.min()
    )
    return rows.left_join(first, ["lead_id", "nth"]).drop("lead_id_right", "nth_right")


def _with_sellers(frame: pd.DataFrame, history: CrmHistory, policy: Policy) -> pd.DataFrame:
    """`frame` with the team and the time zone of each owner; those of the policy where nobody knows them."""
    sellers = history.sellers.to_pyarrow().to_pandas().set_index("owner_id")
    owners = frame[OWNER].astype(object)
    teams, zones = (owners.map(sellers[name]).astype(object) for name in (TEAM, TIME_ZONE))
    of_policy = frame[TEAM].astype(object)
    return frame.assign(**{TEAM: teams.fillna(of_policy), TIME_ZONE: zones.fillna(policy.calendar.time_zone)})


def _with_hours(frame: pd.DataFrame, policy: Policy, as_of: dt.datetime) -> pd.DataFrame:
    """`frame` with when a touch was owed and how long it took, in the hours of the policy's calendar in each zone."""
    until = frame["next_handed_off_at"].fillna(pd.Timestamp(as_of))
    told = frame.assign(respond_by_at=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]"))
    told = told.assign(response_hours=np.nan, watched_hours=np.nan)
    for zone, rows in frame.groupby(TIME_ZONE).groups.items():
        calendar = policy.calendar.model_copy(update={"time_zone": zone})
        start, hours = frame.loc[rows, "handed_off_at"], policy.respond_within_working_hours
        told.loc[rows, "respond_by_at"] = calendar.add_working_hours(start, hours)
        told.loc[rows, "response_hours"] = calendar.working_hours_between(start, frame.loc[rows, "touched_at"])
        told.loc[rows, "watched_hours"] = calendar.working_hours_between(start, until.loc[rows])
    return told


def _tidied(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with words as categories, times of one resolution, and no address in a reason."""
    shown = {reason: masked(reason) for reason in frame["reason"].dropna().unique()}
    frame = frame.assign(reason=frame["reason"].astype(object).map(shown))
    told: Mapping[str, pd.Series] = {
        **{name: frame[name].astype("category") for name in ("decision", "reason", OWNER, TEAM, TIME_ZONE)},
        **{name: frame[name].astype("datetime64[us]") for name in frame.columns if name.endswith("_at")},
        "is_skipped": frame["stage"] != Stage.MQL,
    }
    return frame.assign(**told).drop(columns="stage")


def refuse_figures_by_owner(settings: Settings) -> None:
    """Raise `SettingsError` where both teams have not asked for figures of each seller."""
    if not settings.pages.figures_by_owner:
        raise SettingsError(
            "[pages]: figures by owner are not agreed on; set figures_by_owner = true, or group by something else"
        )
