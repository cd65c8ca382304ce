"""History on its way in: what the CRM said, what can be trusted, and what was refused."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import ibis.expr.types as ir

from data_contracts.columns import TABLES

QUARANTINE, LEFT_OUT, UNSETTLED, REPORT = BESIDE = ("quarantine", "left_out", "unsettled", "check_report")
"""The tables that a check keeps beside the canonical ones."""


@dataclass(frozen=True, slots=True)
class RawHistory:
    """What the CRM said, in the CRM's words and unchecked.

    Attributes
    ----------
    tables
        Canonical name to table; absent tables are absent. Each has a `source_row` column (int64, from 1): the position
        in what the source returned. Other columns are whatever the source's SELECT yields, mostly strings.
    extracted_at
        When the extract was taken (UTC, naive). Nothing may lie after it.
    source
        The source's name in the settings.
    select_digests
        By table, a digest of the SELECT that gave it; a source that has no SELECTs has none.
    """

    tables: Mapping[str, ir.Table]
    extracted_at: dt.datetime
    source: str
    select_digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CrmHistory:
    """Checked history: canonical columns and types, our vocabulary, unique keys, no orphan rows.

    Attributes
    ----------
    tables
        All canonical tables by name; an absent optional table is there with no rows. `accounts` and `leads`
        also hold the declared attributes. Rows of merged leads belong to the surviving lead and count as recorded no
        earlier than the merger.
    extracted_at
        When the extract was taken (UTC, naive).
    unsettled
        Leads that got to a stage nobody knows when, one row a lead, `stage` and `reason` (`Unsettled`). `is_ending`
        says that the lead is closed by it: it is neither scored nor learnt from. Otherwise it only lacks the labels
        that depend on the stage.
    absent
        Names of the canonical tables that the source does not have.
    fingerprint
        Digest of the checked content: the same data give the same fingerprint.
    definitions_version
        Version of the definitions under which the words were translated.
    """

    tables: Mapping[str, ir.Table]
    unsettled: ir.Table
    extracted_at: dt.datetime
    absent: tuple[str, ...]
    fingerprint: str
    definitions_version: str

    def __getattr__(self, name: str) -> ir.Table:
        """The canonical table called `name`: `history.leads`."""
        if name in TABLES:
            return self.tables[name]
        raise AttributeError(name)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Refused rows. One row is one breach of one refused row; a row may breach several rules.

    Attributes
    ----------
    table
        Columns `table`, `source_row`, `row_key` (string), `rule` (the rule's id), `column_name`, `value` (string),
        `reason` (a sentence with the value and what was expected), `raw_row` (JSON of the row as the source gave it,
        without columns that nobody declared).
    """

    table: ir.Table


@dataclass(frozen=True, slots=True)
class LeftOutRows:
    """Rows that the settings leave out (`[[crm.left_out]]`). They breach nothing, and nothing is learnt from them.

    Attributes
    ----------
    table
        Columns `table`, `source_row`, `row_key` (string), `name` (of the condition in the settings that the row, its
        lead or its account meets), `raw_row` (JSON of the row as the source gave it).
    """

    table: ir.Table


@dataclass(frozen=True, slots=True)
class TableCheck:
    """How one table fared.

    `delivered` counts the rows that the source gave, `rows` those that are judged: without changes of attributes that
    nobody declared. `refused` counts rows, `breaches` counts breaches by rule id. `left_out` counts the rows that the
    settings leave out, by name: `rows` are `accepted`, refused and left out. `select_digest` tells one SELECT from
    another; it is empty where the source has none.
    """

    table: str
    select_digest: str
    delivered: int
    rows: int
    accepted: int
    refused: int
    breaches: Mapping[str, int]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Great Expectations found about one rule of one table.

    Attributes
    ----------
    rule
        The rule's id.
    promise
        What is promised, a sentence.
    expectation, column
        By which of its expectations, and of which column; empty where the rule is about rows or the table.
    success
        Whether few enough rows breach the rule.
    unexpected, rows
        How many rows breach it, and of how many.
    severity
        `critical` stops the run, `warning` refuses rows.
    """

    table: str
    rule: str
    promise: str
    expectation: str
    column: str
    success: bool
    unexpected: int
    rows: int
    severity: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found, for people and for the next run.

    Attributes
    ----------
    warnings
        Sentences: what the source lacks and what that costs, columns that were left out, filled `recorded_at`.
    verdicts
        What Great Expectations found, one verdict a rule.
    absent
        Names of the canonical tables that the source does not have.
    """

    source: str
    extracted_at: dt.datetime
    definitions_version: str
    fingerprint: str
    tables: tuple[TableCheck, ...]
    warnings: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckedHistory:
    """All that a check hands on: the trusted history, the refused rows, those left out, and the report."""

    history: CrmHistory
    quarantine: Quarantine
    left_out: LeftOutRows
    report: CheckReport
