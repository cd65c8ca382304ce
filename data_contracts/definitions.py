"""The definitions that marketing and sales agreed on."""

import datetime as dt
from typing import Annotated

from pydantic import Field, field_validator

from data_contracts.conditions import Condition
from data_contracts.section import Section, Share
from data_contracts.vocabulary import ENTRY, Stage, Transition


class TransitionDefinition(Section):
    """`horizon_days`: how long after the moment of prediction the transition counts."""

    horizon_days: Annotated[int, Field(gt=0)]


class IcpCriterion(Condition):
    """One line of the ideal customer profile."""

    name: str
    weight: Annotated[float, Field(gt=0)] = 1.0


class IdealCustomerProfile(Section):
    """The agreed profile.

    `fit_boundaries` are the least fit (weighted share of the known criteria met) of grades A, B and C; below is D.
    """

    criteria: tuple[IcpCriterion, ...] = ()
    fit_boundaries: tuple[Share, Share, Share] = (0.8, 0.6, 0.4)


class Persona(Section):
    """A named segment of buyers: leads whose attribute has one of the values."""

    name: str
    attribute: str
    one_of: tuple[str, ...]


class ActivityPoints(Section):
    """Points of the hand-tuned rule for each activity of a kind within `within_days`, `max_points` in all."""

    kind: str
    points: float
    within_days: int = 365
    max_points: float | None = None


class AttributePoints(Section):
    """Points of the hand-tuned rule for an attribute having one of the values."""

    attribute: str
    one_of: tuple[str, ...]
    points: float


class PointRule(Section):
    """The hand-tuned rule in force: a lead with `threshold` points is an MQL."""

    threshold: float
    activities: tuple[ActivityPoints, ...] = ()
    attributes: tuple[AttributePoints, ...] = ()


class Contact(Section):
    """What counts as sales having worked a lead. Without it, "no SQL" would often mean "nobody called".

    A lead was contacted if it entered one of `stages` or had an outbound activity of one of `kinds`. Where the CRM
    records neither, `assume_contacted_because` says why every lead may be taken as contacted.

    `kinds` is not written by hand: as settings are read, it becomes the kinds of `[crm.kinds]` that say
    `counts_as_contact`. So the agreement keeps it under its version.
    """

    stages: tuple[Stage, ...] = (Stage.SAL, Stage.SQL, Stage.OPPORTUNITY, Stage.WON)
    kinds: tuple[str, ...] = ()
    assume_contacted_because: str = ""


class SnapshotPlan(Section):
    """When a lead is looked at for training.

    `entry_delay_minutes` after it enters the stage; then, while it is open in it, every `every_days` days up to
    `up_to_days` days, and `judged_at_days` days after it. Models are judged on each of the latter by itself: they are
    the ages at which people act on a score.
    """

    entry_delay_minutes: Annotated[float, Field(ge=0)] = 1.0
    every_days: Annotated[int, Field(gt=0)] = 7
    up_to_days: Annotated[int, Field(ge=0)] = 90
    judged_at_days: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 3, 7, 14)

    @property
    def judged_days(self) -> tuple[int, ...]:
        """The days of the plan that are judged by themselves, in order; the entry is always among them."""
        return tuple(sorted({ENTRY, *self.judged_at_days}))

    @property
    def days(self) -> tuple[int, ...]:
        """All days of the plan, in order.

        Examples
        --------
        >>> SnapshotPlan(every_days=7, up_to_days=20, judged_at_days=(1, 30)).days
        (0, 1, 7, 14, 30)
        """
        return tuple(sorted({*range(0, self.up_to_days + 1, self.every_days), *self.judged_days}))


class Definitions(Section):
    """The agreement between marketing and sales. It has a version, and every output carries it."""

    version: str
    effective_from: dt.date
    agreed_by: tuple[str, ...] = ()
    transitions: dict[Transition, TransitionDefinition]
    icp: IdealCustomerProfile = IdealCustomerProfile()
    personas: tuple[Persona, ...] = ()
    point_rule: PointRule | None = None
    contact: Contact = Contact()
    sales_ready: tuple[Condition, ...] = ()
    """What an SQL meets once budget and decision maker are there: all of these. Nothing: the CRM does not say."""
    snapshots: SnapshotPlan = SnapshotPlan()
    learn_since: dt.date | None = None
    """Snapshots before this day are not learnt from (say, because outcomes were not recorded yet)."""

    @field_validator("transitions")
    @classmethod
    def _known_chains(
        cls, transitions: dict[Transition, TransitionDefinition]
    ) -> dict[Transition, TransitionDefinition]:
        allowed = ({Transition.MQL_TO_SQL, Transition.SQL_TO_WIN}, {Transition.MQL_TO_WIN})
        if set(transitions) not in allowed:
            raise ValueError("define either both mql_to_sql and sql_to_win, or mql_to_win alone")
        return transitions

    @property
    def first_transition(self) -> Transition:
        """The transition that starts at MQL: the one the hand-off threshold is about."""
        return Transition.MQL_TO_SQL if Transition.MQL_TO_SQL in self.transitions else Transition.MQL_TO_WIN
