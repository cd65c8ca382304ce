"""Verdicts on a table, and the breaches that follow from failed ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_contracts.check.deliver import Delivered
from data_contracts.check.judge_rows import Judged
from data_contracts.check.translate_words import unmapped_breaches
from data_contracts.column_rules import InVocabulary
from data_contracts.errors import Breach
from data_contracts.history import TableCheck, Verdict
from data_contracts.privacy import LOOKS_PERSONAL, masked
from data_contracts.settings import Checks
from data_contracts.wording import listed, percent, rows

COLUMN_EXISTS = "column_exists"
NOT_EMPTY = "not_empty"
VOLUME = "volume"
REFUSED_SHARE = "refused_share"
NOT_PERSONAL = "not_personal"
"""Rules about a table as a whole, beside its row rules: the end of the rule's id."""

_TOP_RULES = 5


@dataclass(frozen=True, slots=True)
class Counted:
    """What is needed to say in words what failed: how the table fared now, and how many rows it had before."""

    table: Delivered
    judged: Judged | None
    check: TableCheck | None
    rows_before: int


def breaches_of(verdicts: Sequence[Verdict], *, counted: Mapping[str, Counted], checks: Checks) -> list[Breach]:
    """One breach for each failed verdict, and one for each word that nothing maps.

    A row rule that too many rows of a table breach is told within the breach of the table's share of refused rows.
    """
    failed = [verdict for verdict in verdicts if not verdict.success]
    over = {verdict.table for verdict in failed if verdict.rule.endswith(f".{REFUSED_SHARE}")}
    breaches: list[Breach] = []
    for verdict in failed:
        kind = verdict.rule.rsplit(".", 1)[-1]
        judged = counted[verdict.table].judged
        if kind == InVocabulary.kind and judged is not None and judged.words is not None:
            breaches += unmapped_breaches(judged.words, judged.table.contract, verdict.column)
        elif verdict.severity == "critical" or verdict.table not in over:
            found, remedy = _told(verdict, counted[verdict.table], kind=kind, checks=checks)
            breaches.append(Breach(verdict.table, verdict.rule, found, remedy))
    return breaches


def _told(verdict: Verdict, counted: Counted, *, kind: str, checks: Checks) -> tuple[str, str]:
    """What was found, and what to do about it."""
    table = verdict.table
    if kind == COLUMN_EXISTS:
        return _told_of_column(verdict.column, counted.table)
    if kind == NOT_EMPTY:
        return "the table has no rows", f"export it again, or correct the WHERE in the SELECT of {table}"
    if kind == VOLUME:
        share = verdict.rows / counted.rows_before
        return (
            f"{rows(verdict.rows)} where the last accepted run had {counted.rows_before:,} ({percent(share)})",
            "export it again; if it is right, raise max_volume_drop_share in [checks] for one run",
        )
    if kind == NOT_PERSONAL:
        mend = (
            f"take {verdict.column} out of [crm.attributes]"
            if verdict.column in counted.table.attributes
            else f"leave it out of the SELECT of {table}, or empty such values there"
        )
        return (
            f"{verdict.column} {LOOKS_PERSONAL} in {rows(verdict.unexpected)}",
            f"{mend}: what identifies a person never becomes a feature",
        )
    allowed = percent(checks.max_refused_share)
    share = verdict.unexpected / verdict.rows if verdict.rows else 0.0
    many = f"{verdict.unexpected:,} of {rows(verdict.rows)} ({percent(share)}, at most {allowed})"
    remedy = (
        f"see reason and raw_row in the table `quarantine` (where \"table\" = '{table}'), mend them in the CRM or the "
        "SELECT, or raise max_refused_share in [checks]"
    )
    if kind != REFUSED_SHARE:
        return f"{many} breach {verdict.rule}", remedy
    top = list(counted.check.breaches.items())[:_TOP_RULES] if counted.check else []
    return f"{many} are refused: {', '.join(f'{rule} ({n:,})' for rule, n in top)}", remedy


def _told_of_column(column: str, table: Delivered) -> tuple[str, str]:
    if column in table.missing:
        return (
            f"column {column} is missing (there are {listed(map(masked, table.columns))})",
            f"add it to the SELECT of {table.name}, or rename what holds it: SELECT ... AS {column}",
        )
    return (
        f"column {column} was there in the last accepted run and is gone",
        f"bring it back; if it is gone for good, say so in the SELECT of {table.name}: NULL AS {column}",
    )
