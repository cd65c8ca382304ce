"""Why customers buy and why they do not: reasons, objections and competitors, as sales wrote them down."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa

from data_contracts.estimates import Estimate
from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula
from data_contracts.metrics.periods import Span


class Topic(StrEnum):
    """What a reason is about. No deal and no lead is in more than one of the first four in a period."""

    WON_DEAL = "won_deal"
    LOST_DEAL = "lost_deal"
    LOST_LEAD = "lost_lead"
    DISQUALIFIED = "disqualified"
    OBJECTION = "objection"
    COMPETITOR = "competitor"

    @property
    def said(self) -> str:
        """As both teams read it."""
        return {
            Topic.WON_DEAL: "why deals were won",
            Topic.LOST_DEAL: "why deals were lost",
            Topic.LOST_LEAD: "why leads were lost before there was a deal",
            Topic.DISQUALIFIED: "why leads were disqualified",
            Topic.OBJECTION: "what buyers objected, in closed deals",
            Topic.COMPETITOR: "who else was asked, in closed deals",
        }[self]


class Trend(StrEnum):
    """How the share of a reason moved from the periods before to the last whole one."""

    RISING = "rising"
    FALLING = "falling"
    CHANCE = "chance"
    TOO_FEW = "too_few"


REASON_SHARE = Formula(
    name="share of a reason",
    says="of the deals or leads of a topic that ended in the period and say a reason, the share that says this "
    "one; of those that say none, the share of all",
)
AMOUNT_BY_REASON = Formula(
    name="amount by reason",
    says="sum of the amounts of the deals that say the reason, as far as they have one",
)
REASON_TREND = Formula(
    name="trend of a reason",
    says="share of the reason in the last whole period less its share in the periods before; rising or falling "
    "where a test of the two shares, with leads of one account going together, and Holm's correction for "
    "all reasons of the topic, leave chance less than 5 %",
)
COMPETITOR_WIN_RATE = Formula(
    name="win rate against a competitor",
    says="of the closed deals that name the competitor, the share that was won",
)
NAMED_SHARE = Formula(
    name="share that names a competitor",
    says="of the won deals, and of the lost ones, the share that names any competitor: where they differ, win "
    "rates against competitors are off, because sales writes them down for one kind rather than for the "
    "other",
)
FORMULAS = (REASON_SHARE, AMOUNT_BY_REASON, REASON_TREND, COMPETITOR_WIN_RATE, NAMED_SHARE)


_WORDS = [pa.field("topic", pa.string(), nullable=False), pa.field("reason", pa.string())]

REASONS_SCHEMA = pa.schema(
    [
        pa.field("period", pa.timestamp("us"), nullable=False),
        *_WORDS,
        pa.field("is_rest", pa.bool_(), nullable=False),
        pa.field("n", pa.int64(), nullable=False),
        *estimate_fields("share"),
        pa.field("amount", pa.float64()),
        pa.field("without_amount", pa.int64()),
    ]
)
"""One reason in one period; the earliest period first, in each topic the most frequent reason over all periods first.

| column | holds |
|---|---|
| `period` | the local day on which it begins |
| `topic` | a `Topic` |
| `reason` | as most write it, masked where it holds an address; missing where none was said, and of the rest |
| `is_rest` | all reasons together that are too rare to be shown |
| `n` | deals or leads, each once a period; those of a topic are all that ended so |
| `share` | `REASON_SHARE` with its interval |
| `amount`, `without_amount` | `AMOUNT_BY_REASON`, and the deals that have none; missing for leads without a deal |
"""

TREND_SCHEMA = pa.schema(
    [
        *_WORDS,
        *(pa.field(name, pa.int64(), nullable=False) for name in ("n_before", "said_before", "n_now", "said_now")),
        pa.field("share_before", pa.float64()),
        pa.field("share_now", pa.float64()),
        *estimate_fields("change"),
        pa.field("p_value", pa.float64()),
        pa.field("trend", pa.string(), nullable=False),
    ]
)
"""How one reason that is shown moved.

| column | holds |
|---|---|
| `n_before`, `said_before` | deals or leads of the periods before the last that say it, and that say any |
| `n_now`, `said_now` | the same of the last whole period |
| `change` | `share_now - share_before`, with its own interval, for this reason alone |
| `p_value` | of `REASON_TREND`, corrected for all reasons of the topic; missing where there are too few |
| `trend` | a `Trend` |
"""

COMPETITORS_SCHEMA = pa.schema(
    [
        pa.field("competitor", pa.string()),
        pa.field("is_rest", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("won", "lost")),
        *estimate_fields("win_rate"),
        pa.field("shrunken_win_rate", pa.float64()),
        pa.field("amount_won", pa.float64()),
        pa.field("amount_lost", pa.float64()),
    ]
)
"""Closed deals of all periods together against one competitor, the one with the most deals first.

| column | holds |
|---|---|
| `competitor` | missing for deals that name none, and for the rest |
| `is_rest` | all competitors together that are too rare to be shown |
| `win_rate` | `COMPETITOR_WIN_RATE` with its interval |
| `shrunken_win_rate` | drawn towards the common one of the named, as `ranking.SHRUNKEN` is; of the named alone |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Why:
    """What sales wrote down about wins, losses, objections and competitors.

    Attributes
    ----------
    reasons
        Of `REASONS_SCHEMA`.
    trends
        Of `TREND_SCHEMA`.
    competitors
        Of `COMPETITORS_SCHEMA`; no rows where no closed deal names any.
    naming_won, naming_lost
        `NAMED_SHARE` of won and of lost deals.
    spans
        The whole periods that are counted, the earliest first; the last is what trends are about.
    silent
        Topics of which something ended, and of which nobody says why.
    undated
        Closed deals that nobody knows the day of: they are counted nowhere.
    as_of
        What is known at this moment (UTC, naive).
    definitions_version
        Under which the words were translated.
    """

    reasons: pa.Table
    trends: pa.Table
    competitors: pa.Table
    naming_won: Estimate
    naming_lost: Estimate
    spans: tuple[Span, ...]
    silent: tuple[Topic, ...]
    undated: int
    as_of: dt.datetime
    definitions_version: str
