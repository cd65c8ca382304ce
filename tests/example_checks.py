"""Reports and kept checks of a small source, for tests of what is told of them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from data_contracts.history import CheckReport, TableCheck, Verdict
from data_contracts.kept_checks import KeptCheck

EXTRACTED_AT = dt.datetime(2026, 6, 30, 18)
LEAD_IS_KNOWN = "activities.lead_id.references"


def table_check(table: str, *, rows: int, refused: int = 0, **changes: Any) -> TableCheck:
    """A table of which `refused` rows breach one rule, and none are left out."""
    told: dict[str, Any] = {
        "table": table,
        "select_digest": "s1",
        "delivered": rows,
        "rows": rows,
        "accepted": rows - refused,
        "refused": refused,
        "breaches": {f"{table}.lead_id.references": refused} if refused else {},
    }
    return TableCheck(**(told | changes))


def report(*tables: TableCheck, **changes: Any) -> CheckReport:
    """By default 1,000 leads, and 2,000 activities of which 30 are refused."""
    told: dict[str, Any] = {
        "source": "example",
        "extracted_at": EXTRACTED_AT,
        "definitions_version": "2026.1",
        "fingerprint": "f2",
        "tables": tables or (table_check("leads", rows=1_000), table_check("activities", rows=2_000, refused=30)),
        "warnings": ("spend is absent: no cost per lead", "leads: absent, and missing in every row: source"),
        "verdicts": (
            verdict(LEAD_IS_KNOWN, promise="lead_id is an accepted lead", unexpected=30),
            verdict("leads.lead_id.unique", promise="lead_id is unique", unexpected=0),
        ),
        "absent": ("spend",),
    }
    return CheckReport(**(told | changes))


def verdict(rule: str, *, promise: str, unexpected: int) -> Verdict:
    """What Great Expectations found about `rule`, tolerated."""
    return Verdict(
        table=rule.split(".", maxsplit=1)[0],
        rule=rule,
        promise=promise,
        expectation="",
        column="",
        success=True,
        unexpected=unexpected,
        rows=2_000,
        severity="warning",
    )


def kept(day: int, *tables: TableCheck, stopped_by: tuple[str, ...] = (), **changes: Any) -> KeptCheck:
    """A check on that day of June 2026, of the extract of the evening before."""
    at = dt.datetime(2026, 6, day, 4)
    told: Mapping[str, Any] = {"extracted_at": at - dt.timedelta(hours=10), "fingerprint": f"day {day}", "warnings": ()}
    made = KeptCheck.of(report(*tables, **(told | changes)), checked_at=at)
    return made.model_copy(update={"stopped_by": stopped_by, "fingerprint": "" if stopped_by else made.fingerprint})
