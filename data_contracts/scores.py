"""Scores on their way out: what a lead is worth, what changes in the CRM, and what was written."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from data_contracts.calls import HAND_OFFS_SCHEMA
from data_contracts.snapshots import SUPPRESSED_BY, TEAM
from data_contracts.thresholds import Thresholds


class Action(StrEnum):
    """What to do next with a lead."""

    HAND_OFF = "hand_off"
    """It is sales' now: the clock runs."""
    WAIT = "wait"
    """It is eligible, and there is no room yet."""
    WORK = "work"
    """Sales has it."""
    NURTURE = "nurture"
    """Not now: marketing keeps contact and looks again at a date."""
    REJECT = "reject"
    """It misses the agreed profile."""
    SUPPRESS = "suppress"
    """The policy never hands it off."""


P_SQL, P_WIN_GIVEN_SQL, P_WIN = CHANCES = ("p_sql", "p_win_given_sql", "p_win")
"""The columns of the probabilities."""

P_NEXT_INTERVAL = ("p_next_low", "p_next_high")
"""The columns of the interval beside the probability of a lead's next transition."""

REASONS = ("reason_1", "reason_2", "reason_3")
"""The columns of the reasons, the strongest first."""

RAISES, LOWERS = "raises: ", "lowers: "
"""How a reason begins."""

SCORED_LEADS_SCHEMA = pa.schema(
    [
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string()),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("as_of", pa.timestamp("us"), nullable=False),
        pa.field(P_SQL, pa.float64()),
        pa.field(P_WIN_GIVEN_SQL, pa.float64()),
        pa.field(P_WIN, pa.float64(), nullable=False),
        *(pa.field(end, pa.float64()) for end in P_NEXT_INTERVAL),
        pa.field("expected_value", pa.float64(), nullable=False),
        pa.field("grade", pa.string(), nullable=False),
        pa.field(TEAM, pa.string()),
        pa.field(SUPPRESSED_BY, pa.string()),
        pa.field("ranking_value", pa.float64(), nullable=False),
        pa.field("is_eligible", pa.bool_(), nullable=False),
        pa.field("n_labelled_alike", pa.int64(), nullable=False),
        pa.field("is_extrapolated", pa.bool_(), nullable=False),
        *(pa.field(reason, pa.string()) for reason in REASONS),
        pa.field("action", pa.string(), nullable=False),
        pa.field("respond_by_at", pa.timestamp("us")),
        pa.field("expected_at", pa.timestamp("us")),
        pa.field("recheck_at", pa.timestamp("us")),
        pa.field("release_id", pa.string(), nullable=False),
        pa.field("definitions_version", pa.string(), nullable=False),
        pa.field("policy_version", pa.string(), nullable=False),
    ]
)
"""One open lead.

| column | holds |
|---|---|
| `account_id` | missing where the lead has no account |
| `p_sql`, `p_win_given_sql` | missing where the release has no such transition; `p_sql` is 1 for an SQL |
| `p_win` | the probability of a win |
| `p_next_low`, `p_next_high` | of later leads given the same, what share converted: the curve's 95 % interval |
| `expected_value` | `p_win` times what the lead brings if it is won (currency of the settings, or 1 a win) |
| `grade` | the fit letter and the behaviour digit: "B2" |
| `team` | whose lead it is by the policy; missing where no team's condition is met |
| `suppressed_by` | the suppression of the policy that is met; missing where none is |
| `ranking_value` | what the policy ranks leads by: the probability of the first transition, or the expected value |
| `is_eligible` | it reaches the boundary of its team |
| `n_labelled_alike` | the labelled leads of the same grade behind the first transition's model |
| `is_extrapolated` | those are too few, sales contacted hardly any lead like it, or it waits too early or too long |
| `reason_1` … | "raises: opened pricing 4 times in the last 7 days", or "lowers: …", or that there is no signal |
| `action` | what to do next |
| `respond_by_at` | of a lead that was handed off: when sales owes the first touch |
| `expected_at` | of a waiting lead: the first day on which there is room for it; missing if it expires before |
| `recheck_at` | of a nurtured lead: when marketing looks at it again |
"""


PUBLISHED_SCORES_SCHEMA = pa.schema(
    [
        *SCORED_LEADS_SCHEMA,
        pa.field("thresholds_id", pa.string(), nullable=False),
        pa.field("data_fingerprint", pa.string(), nullable=False),
        pa.field("boundary", pa.float64()),
    ]
)
"""One score as it was published: the columns of `SCORED_LEADS_SCHEMA`, the thresholds and the history that it was made
under, and the `boundary` of its team then; missing without a team."""

SCORED_HAND_OFFS_SCHEMA = pa.schema(
    [
        *HAND_OFFS_SCHEMA,
        *(SCORED_LEADS_SCHEMA.field(name) for name in ("grade", *CHANCES, "expected_value", "release_id")),
    ]
)
"""One hand-off, with the score by which it was made."""


@dataclass(frozen=True, slots=True)
class ScoredLeads:
    """The scores of one run, one open lead a row, in a Parquet file of `SCORED_LEADS_SCHEMA`, sorted by `lead_id`.

    `data_fingerprint` is that of the history they were made from, `thresholds_id` that of the thresholds in force then.
    The same history, release, thresholds and moment give the same file, byte by byte.
    """

    path: Path
    n_leads: int
    as_of: dt.datetime
    release_id: str
    definitions_version: str
    data_fingerprint: str
    thresholds_id: str


@dataclass(frozen=True, slots=True)
class WriteBackPlan:
    """What would change in the CRM: one row is one field of one lead, only where the value differs.

    Attributes
    ----------
    changes
        Columns `lead_id`, `field`, `old_value`, `new_value` (strings; missing is null), sorted by lead and field.
    n_leads, n_changed, n_unchanged, n_left
        Leads scored, with a change, without one, and leads that were published before and are no longer scored.
    thresholds
        The hand-off boundaries that the leads were scored under: they go out with the scores.
    """

    changes: pa.Table
    scored: ScoredLeads
    thresholds: Thresholds
    n_leads: int
    n_changed: int
    n_unchanged: int
    n_left: int


@dataclass(frozen=True, slots=True)
class PublishReceipt:
    """What became of a plan.

    Attributes
    ----------
    refused
        Why a lead was not written, by lead.
    places
        Where what was written can be looked at: files, or addresses in the CRM.
    """

    sink: str
    release_id: str
    as_of: dt.datetime
    n_written: int
    n_unchanged: int
    refused: Mapping[str, str]
    places: tuple[str, ...]
