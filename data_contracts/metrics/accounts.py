"""Accounts: how active each is, how far it got, and how many of those that both teams want to win are reached."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.metrics.estimate_fields import estimate_fields
from data_contracts.metrics.formula import Formula

ACTIVITY = Formula(
    name="account activity",
    says="over the people of the account and the days of the last 90 on which one of them did something, the sum of "
    "1/2 to the power of (days ago / 30): a person who is active today counts 1, one of 30 days ago a half",
)
ACCOUNT_VALUE = Formula(
    name="expected value of an account",
    says="sum of the expected values of its leads that have a score",
)
ENGAGED = Formula(
    name="engaged accounts",
    says="accounts somebody of which did something within the last 30 days",
)
PENETRATION = Formula(
    name="penetration",
    says="of the accounts, the share with any lead, with a lead that reached the stage, or engaged now; target "
    "accounts beside all others that the CRM knows",
)
FORMULAS = (ACTIVITY, ACCOUNT_VALUE, ENGAGED, PENETRATION)

ACCOUNTS_SCHEMA = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        *(pa.field(name, pa.bool_(), nullable=False) for name in ("is_known", "is_target", "is_engaged")),
        pa.field("rank", pa.int64()),
        pa.field("activity", pa.float64(), nullable=False),
        pa.field("expected_value", pa.float64()),
        *(
            pa.field(name, pa.int64(), nullable=False)
            for name in ("leads", "active_30", "active_90", "touches_30", "touches_90")
        ),
        pa.field("last_touch_at", pa.timestamp("us")),
        pa.field("furthest", pa.string()),
        pa.field("open_deals", pa.int64(), nullable=False),
        pa.field("open_amount", pa.float64()),
        pa.field("without_amount", pa.int64(), nullable=False),
    ]
)
"""One account, the first by rank first; then those without one, by id.

| column | holds |
|---|---|
| `account_id` | the lead's own id where nobody knows its account |
| `is_known` | whether the CRM knows it as an account |
| `is_target` | whether it meets `target_accounts` of the settings |
| `is_engaged` | `ENGAGED` |
| `rank` | from 1: by expected value where scores are given, else by activity; missing where that is not above 0 |
| `activity` | `ACTIVITY` |
| `expected_value` | `ACCOUNT_VALUE`; missing where no lead of it has a score |
| `leads` | people; 0 for a target account that nobody came from |
| `active_30`, `active_90` | people who did something in the last 30 or 90 days |
| `touches_30`, `touches_90` | what they did: inbound touches |
| `last_touch_at` | the last touch of any direction |
| `furthest` | the furthest milestone of any of its leads; missing where it has none |
| `open_deals`, `open_amount` | of all its leads, in the settings' currency; missing where no deal says an amount |
| `without_amount` | open deals that say none |
"""

PEOPLE_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("account_id", "lead_id")),
        pa.field("activity", pa.float64(), nullable=False),
        pa.field("touches_90", pa.int64(), nullable=False),
        pa.field("last_inbound_at", pa.timestamp("us"), nullable=False),
    ]
)
"""A person who did something in the last 90 days, by account, the most active first."""

PENETRATION_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("group", "measure")),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("accounts", "reached")),
        *estimate_fields("share"),
    ]
)
"""How many accounts of a group got so far.

| column | holds |
|---|---|
| `group` | `target`, or `other`: all other accounts that the CRM knows |
| `measure` | a milestone that the history shows, or `engaged` |
| `share` | `PENETRATION`: `reached / accounts`, with Wilson's interval; missing where there are no accounts |
"""


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """What is going on at each account.

    Attributes
    ----------
    rows
        Of `ACCOUNTS_SCHEMA`.
    people
        Of `PEOPLE_SCHEMA`.
    penetration
        Of `PENETRATION_SCHEMA`; no rows where no target accounts are agreed on.
    ranked_by
        `expected_value` or `activity`.
    targets_said
        The condition that makes a target account, in words; empty where none is agreed on.
    as_of
        What is known at this moment (UTC, naive).
    definitions_version
        Under which the words were translated.
    """

    rows: pa.Table
    people: pa.Table
    penetration: pa.Table
    ranked_by: str
    targets_said: str
    as_of: dt.datetime
    definitions_version: str

    @property
    def idle_targets(self) -> pa.Table:
        """The target accounts that are not engaged now, of `ACCOUNTS_SCHEMA`."""
        return self.rows.filter(pc.and_not(self.rows["is_target"], self.rows["is_engaged"]))

    def active_beside(self, lead_id: str, account_id: str) -> tuple[str, ...]:
        """Who else was active at the lead's account in the last 90 days, the most active first."""
        there = self.people.filter(pc.equal(self.people["account_id"], account_id))["lead_id"].to_pylist()
        return tuple(each for each in there if each != lead_id)
