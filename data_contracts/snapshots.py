"""One lead at one moment: what was known of it then, its features, and what became of it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import ibis.expr.types as ir
import pandas as pd

from data_contracts.sayings import Saying
from data_contracts.vocabulary import OutcomeStatus, Transition

DAYS_IN_STAGE = "days_in_stage"
"""The column, of what was known and of the features: how long the lead has been in its stage."""

FIT_SHARE = "icp_fit_share"
"""The feature that says how much of the agreed profile the lead meets."""

POINTS = "point_rule_points"
"""The column beside the features with the points of the hand-tuned rule."""

TEAM, SUPPRESSED_BY = "team", "suppressed_by"
"""The columns of whom a lead belongs to in sales, and of what keeps it from being handed off."""

MISSES = "icp_misses"
"""The column beside the features with the criteria that the lead is known to miss."""

PROFILE_GROUPS = ("icp_fit", "attributes")
"""The groups of features that say who a lead is: the agreed criteria, and the declared attributes."""

KNOWN_COLUMNS = (
    "snapshot_id", "stage", "source", "campaign", "has_buying_group",
    "lead_age_days", DAYS_IN_STAGE, "created_weekday", "created_hour",
)  # fmt: skip
"""The columns of `KnownHistory.snapshots` before the declared attributes."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """One row is one lead at one moment, for one transition.

    Attributes
    ----------
    table
        | column | what it is |
        |---|---|
        | `snapshot_id` | int64, unique |
        | `lead_id` | |
        | `account_id` | the lead's account at the extract; missing where it has none |
        | `group_id` | that account, or the lead itself: snapshots of one group are resampled together |
        | `transition` | what the lead waits for (`Transition`) |
        | `day` | int64: days of the plan since its entry was known, 0 at entry; missing in snapshots for scoring |
        | `stage` | as known at `as_of` |
        | `spell_started_at` | since when it waits, as known at `as_of` (UTC); missing in snapshots for scoring |
        | `as_of` | UTC timestamp |
    """

    table: ir.Table


@dataclass(frozen=True, slots=True)
class KnownHistory:
    """What was known at each snapshot. Facts have `age_days >= 0` and no timestamp, so no feature can look ahead.

    Attributes
    ----------
    snapshots
        One row a snapshot: `snapshot_id`, `stage`, `source`, `campaign`, `lead_age_days`, `days_in_stage`,
        `created_weekday` (0 is Monday), `created_hour` (UTC), `has_buying_group` (whether its account is known and
        small enough for its people to decide together), and the declared attributes as they were known, by name.
    activities
        `snapshot_id`, `kind`, `direction`, `age_days`: the lead's own.
    account_activities
        `snapshot_id`, `other_lead_id`, `kind`, `direction`, `age_days`: those of the others at the lead's account.
    account_leads
        `snapshot_id`, `other_lead_id`, `age_days` (since its creation): the others at the account.
    stage_changes
        `snapshot_id`, `stage`, `age_days`: the lead's own.
    account_stage_changes
        `snapshot_id`, `other_lead_id`, `stage`, `age_days`: those of the others at the account.
    """

    snapshots: ir.Table
    activities: ir.Table
    account_activities: ir.Table
    account_leads: ir.Table
    stage_changes: ir.Table
    account_stage_changes: ir.Table


FeatureType = Literal["number", "category", "text"]
"""A category's value is read as a whole, a text's by its words."""

TEXT = pd.StringDtype(na_value=float("nan"))
WORDS = ("lead_id", "account_id", "group_id", "transition", "stage", "outcome_status", "won_status")
"""Columns of words that are no features."""


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """What a column of a `FeatureTable` means, and how it is said.

    Attributes
    ----------
    group
        The features it is listed with: `behaviour`, `icp_fit`, ...
    said
        Its unit, its meaning and the words for a value of it.
    missing
        What a missing value means.
    family
        Features of one family say much the same: pricing opened in 7, 30 and 90 days. Empty: it stands alone.
    """

    name: str
    type: FeatureType
    group: str
    said: Saying
    missing: str
    family: str = ""

    @property
    def unit(self) -> str:
        """Of a number; empty for a category or a text."""
        return self.said.unit

    @property
    def meaning(self) -> str:
        """A phrase that completes "this lead:"."""
        return self.said.meaning


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """One row is one snapshot, one column a feature.

    Attributes
    ----------
    table
        The columns of `Snapshots.table`; the features; then two columns that are no features: `point_rule_points` (the
        hand-tuned rule's points) and `icp_misses` (array of the names of ICP criteria that are known and not met).
    columns
        The features in order.
    catalogue_digest
        What the features mean and how they are computed. A release made under another digest is refused.
    """

    table: ir.Table
    columns: tuple[FeatureColumn, ...]
    catalogue_digest: str

    def to_pandas(self) -> pd.DataFrame:
        """The table in memory, in order of `snapshot_id`: numbers are float64, categories and texts pandas strings."""
        return frame_of(self.table.order_by("snapshot_id"), self.columns)


def frame_of(table: ir.Table, columns: Sequence[FeatureColumn]) -> pd.DataFrame:
    """`table` in memory: of the `columns`, numbers are float64 and all others pandas strings, as all words are."""
    # An engine may give a decimal where Ibis says float64.
    frame: pd.DataFrame = table.to_pyarrow().cast(table.schema().to_pyarrow()).to_pandas()
    types = {column.name: "float64" if column.type == "number" else TEXT for column in columns}
    return frame.astype(types | {name: TEXT for name in WORDS if name in frame.columns})


@dataclass(frozen=True, slots=True)
class LabelledTable:
    """A `FeatureTable` of one transition with outcomes, in memory, in order of `as_of` (ties by `lead_id`).

    Attributes
    ----------
    frame
        The columns of `FeatureTable.table` and `outcome_status` (`OutcomeStatus`), `converted` (bool; False for all but
        converted), `outcome_known_at` (`as_of` plus the horizon), `contacted_after_days` (from `as_of` until
        sales' touch was known), `touched_after_days` (to its first touch after `as_of`), `converted_after_days` and
        `left_after_days` (until it was known that the lead converted, or left the stages; the four are missing where
        it did not happen in time, and known of censored snapshots too), `weight` (1/(1 + d/7) on day d, 0 where there
        is no label). Categories and texts are pandas strings. Of `mql_to_sql`, where `sql_to_win` follows, also
        `won_status` (what became of it on the whole way to a win), `won_known_at` (`as_of` plus both horizons) and
        `won_after_days` (until the win was known).
    columns
        The features in order.
    counts
        How many snapshots have each `OutcomeStatus`: what was learnt from and what was left out.
    extracted_at
        When the extract was taken (UTC, naive): outcomes are as known then.
    sampled_share
        The share of the accounts that is in `frame`, 1.0 where it is all of them. Every snapshot of an account is in it
        or none, and all accounts are as likely, so that shares and means need no correction; numbers of leads do.
    """

    transition: Transition
    horizon_days: int
    frame: pd.DataFrame
    columns: tuple[FeatureColumn, ...]
    catalogue_digest: str
    counts: Mapping[OutcomeStatus, int]
    extracted_at: dt.datetime
    sampled_share: float = 1.0

    def labelled(self, day: int | None = None) -> pd.DataFrame:
        """The rows whose outcome is a label (converted or not), of one day of the plan if given."""
        rows = self.frame["outcome_status"].isin([OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED])
        if day is not None:
            rows &= self.frame["day"] == day
        return self.frame[rows]
