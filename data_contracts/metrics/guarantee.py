"""The lead guarantee: hand-offs that missed the profile that was agreed at the time, as a ledger of credits."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from data_contracts.estimates import Record
from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Period


class CreditState(StrEnum):
    """How a hand-off stands in the ledger. One that nobody disputes and that keeps the agreement stands in none."""

    CREDITED = "credited"
    """It misses the profile: credited without anybody asking."""
    DISPUTED = "disputed"
    """Sales says that it was not what was agreed; marketing has not said so yet."""
    UPHELD = "upheld"
    """Marketing agrees with sales: it is credited."""
    WITHDRAWN = "withdrawn"
    """The dispute, or the credit, was taken back."""


MAY_FOLLOW: Mapping[CreditState, tuple[CreditState | None, ...]] = {
    CreditState.DISPUTED: (None, CreditState.WITHDRAWN),
    CreditState.UPHELD: (CreditState.DISPUTED,),
    CreditState.WITHDRAWN: (CreditState.CREDITED, CreditState.DISPUTED, CreditState.UPHELD),
}
"""What may be said of a hand-off, by how it stands before; None for one that is not in the ledger."""


def standing(said: CreditState | None, *, is_miss: bool) -> CreditState | None:
    """How a hand-off stands of which `said` was said last; None where it is in no ledger.

    A miss is a credit without a dispute, so a dispute of one has nothing left to ask.

    >>> print(standing(CreditState.DISPUTED, is_miss=True), standing(CreditState.WITHDRAWN, is_miss=True))
    credited withdrawn
    """
    return CreditState.CREDITED if is_miss and said in (None, CreditState.DISPUTED) else said


FIT_SHARE = Formula(
    name="fit share",
    says="weights of the criteria that the lead met at its hand-off / weights of the criteria that were known of it "
    "then, under the version of the definitions in force on the local day of the hand-off",
)
KNOWN_SHARE = Formula(
    name="known share",
    says="weights of the criteria that were known of the lead at its hand-off / weights of all its criteria",
)
MISSES = Formula(
    name="misses the profile",
    says="a fit share below the least fit of grade C in that version, so that the lead's fit is graded D; what is not "
    "known of a lead is no miss",
)
OFF_ICP_SHARE = Formula(
    name="off-ICP share",
    says="hand-offs of the period that miss the profile / hand-offs of the period that can be judged: a version with "
    "criteria was in force, and one of them at least was known of the lead",
)
CREDITS = Formula(
    name="credits",
    says="hand-offs of the period that miss the profile, and those that sales disputed and marketing upheld; without "
    "those that were withdrawn",
)
FORMULAS = (FIT_SHARE, KNOWN_SHARE, MISSES, OFF_ICP_SHARE, CREDITS)

LEDGER_SCHEMA = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("handed_off_at", pa.timestamp("us"), nullable=False),
        pa.field("definitions_version", pa.string()),
        pa.field("fit_share", pa.float64()),
        pa.field("known_share", pa.float64(), nullable=False),
        pa.field("missed", pa.list_(pa.string()), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("since_at", pa.timestamp("us"), nullable=False),
        pa.field("credited_at", pa.timestamp("us")),
        pa.field("because", pa.string()),
        *(pa.field(name, pa.string()) for name in ("source", "campaign", "persona", "team", "owner_id")),
    ]
)
"""One hand-off in the ledger.

| column | holds |
|---|---|
| `handed_off_at` | when the lead entered MQL; one that was handed off again may have a row for each |
| `definitions_version` | in force on the local day of the hand-off; missing before the first |
| `fit_share` | `FIT_SHARE`; missing where nothing was known, or nothing agreed |
| `known_share` | `KNOWN_SHARE`: a miss of which little was known rests on little |
| `missed` | the names of the criteria that were known and not met |
| `state` | a `CreditState`, since `since_at` |
| `credited_at` | since when it is a credit; missing where it is none |
| `because` | why sales disputed it, marketing upheld it, or it was withdrawn: what was said last |
| `source` to `owner_id` | of the lead, as everywhere |
"""

DISPUTES_SCHEMA = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("handed_off_at", pa.timestamp("us"), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us"), nullable=False),
        pa.field("by", pa.string(), nullable=False),
        pa.field("because", pa.string(), nullable=False),
    ]
)
"""One word about one hand-off: by it the hand-off has been in `state` since `at`. Nothing that was said is changed."""


class HandOffWord(Record):
    """What was said of a hand-off, and what it was said of.

    Attributes
    ----------
    state
        What it says.
    because
        Why; masked where it looks like an address of somebody.
    definitions_version, fit_share, missed
        As in `LEDGER_SCHEMA`, of the hand-off; None where nothing was in force, or known.
    """

    lead_id: str
    handed_off_at: dt.datetime
    state: CreditState
    at: dt.datetime
    by: str
    because: str
    definitions_version: str | None
    fit_share: float | None
    missed: tuple[str, ...]


GUARANTEE_SCHEMA = pa.schema(
    [
        pa.field("cohort", pa.timestamp("us"), nullable=False),
        pa.field("group", pa.string()),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("hand_offs", "judged", "unknown", "not_agreed")),
        pa.field("off_icp", pa.int64(), nullable=False),
        *estimate_fields("off_icp_share"),
        *(pa.field(state.value, pa.int64(), nullable=False) for state in CreditState),
        pa.field("credits", pa.int64(), nullable=False),
    ]
)
"""The hand-offs of one period and group.

| column | holds |
|---|---|
| `cohort` | the local day on which the period begins in which the leads were handed off |
| `group` | what the leads share, such as a campaign; missing where all are counted, or nothing is known of them |
| `hand_offs` | `judged + unknown + not_agreed` |
| `unknown` | no criterion was known of the lead: it is not said to miss |
| `not_agreed` | no version was in force yet, or the one in force has no criteria |
| `off_icp` | `MISSES`, whatever became of the credit |
| `off_icp_share` | `OFF_ICP_SHARE` with its 95 % interval; missing where none can be judged |
| `credited` to `withdrawn` | how many stand so; the others are in no ledger |
| `credits` | `CREDITS`: `credited + upheld` |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Guarantee:
    """The ledger of credits, and how many hand-offs missed the profile.

    Attributes
    ----------
    ledger
        Of `LEDGER_SCHEMA`, the latest hand-off first.
    rows
        Of `GUARANTEE_SCHEMA`, by cohort and group, the earliest first.
    as_of
        What is known, and was said, at this moment (UTC, naive).
    period
        Of the cohorts.
    by
        What groups share; empty where there are none.
    versions
        Of the definitions that hand-offs were judged by, the earliest first.
    not_judged_by
        Why criteria could not be judged by, each a sentence: say, their attribute is not declared any more. They count
        as not known of any lead.
    unmatched
        Words about hand-offs that the history does not show any more: they are in no number.
    """

    ledger: pa.Table
    rows: pa.Table
    as_of: dt.datetime
    period: Period
    by: str
    versions: tuple[str, ...]
    not_judged_by: tuple[str, ...]
    unmatched: int
