"""The touches of each lead, one row a lead: its first steps in order, and what came before MQL and before sales."""

import datetime as dt
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from alignment.funnel import ENDED, whole_days
from alignment.incidence import Followed
from alignment.intervals import Integers
from alignment.milestones import Milestones
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from data_contracts.vocabulary import Direction, KindFamily, Stage
from features.deeds import as_done
from features.outcomes import entries_of, sales_touches
from features.stages import reached_stages

MOST_STEPS = 6
"""So many first steps are kept of each lead. Paths have one less: the last one says who went on."""

NO_TOUCHES = (KindFamily.MAILING, KindFamily.ASSESSMENT)
"""What many got alike, and what we thought of a lead, is nothing that happened between it and us."""


def step(nth: int) -> str:
    """The column of the kind of the `nth` step, from 1."""
    return f"step_{nth}"


def step_at(nth: int) -> str:
    """The column of the moment at which the `nth` step began, from 1."""
    return f"step_{nth}_at"


@dataclass(frozen=True, slots=True, eq=False)
class LeadTouches:
    """What happened between each lead and us, as known at the moment of the milestones.

    Attributes
    ----------
    frame
        One row a lead, aligned with the frame of the milestones.

        | column | holds |
        |---|---|
        | `step_1`, `step_1_at` and so on | the kind of each of its first steps, and when the step began |
        | `n_steps`, `n_touches` | of all time; repeats of a kind in a row are one step |
        | `first_touch_at`, `last_touch_at` | of all time; missing where there is no touch |
        | `last_before_mql` | the kind of its last touch before MQL |
        | `contacted_at` | sales' first contact, as the definitions say what that is |
        | `n_before_sales` | touches before it |
    """

    frame: pd.DataFrame

    @property
    def is_empty(self) -> bool:
        """Whether no touch of any lead is known: then nobody can be said to be silent."""
        return not self.frame["n_touches"].any()


def touches_of(history: CrmHistory, settings: Settings) -> ir.Table:
    """Each touch: `lead_id`, `kind`, `direction` and `touched_at`. Lazy.

    Mailings and assessments are none, nor is what turned out to be of no kind. A touch that went the other way than its
    kind usually does, such as an email that the lead wrote, is a kind of its own: `email (inbound)`.
    """
    kinds = {name: each for name, each in settings.crm.kinds.items() if each.family not in NO_TOUCHES}
    done = as_done(history.activities, settings.crm.kinds)
    known = ibis.greatest(done.occurred_at, done.recorded_at) < history.extracted_at
    done = done.filter(done.kind.isin(list(kinds)), known)
    by_us = [name for name, each in kinds.items() if each.direction is Direction.OUTBOUND]
    usual = done.kind.isin(by_us).ifelse(Direction.OUTBOUND.value, Direction.INBOUND.value)
    said = (done.direction == usual).ifelse(done.kind, done.kind.concat(" (", done.direction, ")"))
    return done.select("lead_id", "direction", kind=said, touched_at="occurred_at")


def lead_touches(history: CrmHistory, milestones: Milestones) -> LeadTouches:
    """The touches of every lead of `milestones`, from the history that these are of. Activities stay in the engine."""
    settings = milestones.settings
    touches = _in_order(touches_of(history, settings))
    for moments in (_first_contacts(history, settings), _mqls(history)):
        touches = touches.left_join(moments, "lead_id").drop("lead_id_right")
    steps = {
        **{step(nth): touches.kind.min(where=touches.step == nth) for nth in range(1, MOST_STEPS + 1)},
        **{step_at(nth): touches.touched_at.min(where=touches.step == nth) for nth in range(1, MOST_STEPS + 1)},
    }
    found = touches.group_by("lead_id").aggregate(
        **steps,
        n_steps=touches.step.max(),
        n_touches=touches.count(),
        first_touch_at=touches.touched_at.min(),
        last_touch_at=touches.touched_at.max(),
        last_before_mql=touches.kind.argmax(touches.position, where=touches.touched_at < touches.mql_at),
        n_before_sales=touches.count(where=touches.touched_at < touches.contacted_at),
    )
    contacts = _first_contacts(history, settings).to_pyarrow().to_pandas().set_index("lead_id")
    words = ["last_before_mql", *(step(nth) for nth in range(1, MOST_STEPS + 1))]
    told = found.to_pyarrow().to_pandas(categories=words).set_index("lead_id")
    frame = told.reindex(milestones.frame["lead_id"]).assign(
        contacted_at=contacts["contacted_at"].reindex(milestones.frame["lead_id"])
    )
    # Engines meet the kinds in any order; sums over paths follow that of the categories.
    kinds = {name: frame[name].cat.set_categories(sorted(frame[name].cat.categories)) for name in words}
    counts = {name: frame[name].fillna(0).astype("int64") for name in ("n_steps", "n_touches", "n_before_sales")}
    moments = {name: frame[name].astype("datetime64[us]") for name in frame if str(name).endswith("_at")}
    return LeadTouches(frame.assign(**kinds, **counts, **moments).reset_index(drop=True))


def _in_order(touches: ir.Table) -> ir.Table:
    """`touches` with `position` (order in the lead) and `step` (from 1: touches of one kind in a row share one)."""
    order = ibis.window(group_by="lead_id", order_by=["touched_at", "kind"])
    before = touches.kind.lag().over(order)
    placed = touches.mutate(position=ibis.row_number().over(order), before=before)
    is_new = placed.before.isnull() | (placed.before != placed.kind)
    placed = placed.mutate(is_new=is_new.ifelse(1, 0).cast("int64"))
    so_far = ibis.cumulative_window(group_by="lead_id", order_by="position")
    return placed.mutate(step=placed.is_new.sum().over(so_far)).drop("before", "is_new")


def _first_contacts(history: CrmHistory, settings: Settings) -> ir.Table:
    """`lead_id` and `contacted_at` of the leads that sales contacted: by a deed, or by a stage that shows it."""
    touches = sales_touches(history, settings=settings, transition=settings.definitions.first_transition)
    known = touches.filter(touches.known_from < history.extracted_at)
    return known.group_by("lead_id").aggregate(contacted_at=known.happened_at.min())


def _mqls(history: CrmHistory) -> ir.Table:
    """`lead_id` and `mql_at` of the leads that became MQL, as in the milestones."""
    entries = entries_of(history.stage_changes, reached_stages(Stage.MQL))
    return entries.group_by("lead_id").aggregate(mql_at=entries.happened_at.min())


def followed_since(
    started: pd.Series, *, reached: pd.Series, ended: pd.Series, groups: Integers, as_of: dt.datetime
) -> Followed:
    """How each lead fared from `started` on: `reached` and `ended` are moments, missing where it did not come to pass.

    What was reached counts, whatever ended later.
    """
    until = reached.fillna(ended).fillna(pd.Timestamp(as_of))
    return Followed(
        days=whole_days(until - started),
        watched=whole_days(pd.Timestamp(as_of) - started),
        reached=reached.notna().to_numpy(),
        ended=(reached.isna() & ended.notna()).to_numpy(),
        groups=groups,
    )


def ended_at(milestones: Milestones) -> pd.Series:
    """Since when each lead has stood in lost or disqualified; missing where it does not."""
    frame = milestones.frame
    since: pd.Series = frame["stands_since"].where(frame["stands"].isin(ENDED))
    return since
