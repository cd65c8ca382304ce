"""Every table of a delivery, judged: accounts before leads, and leads before what belongs to them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir

from data_contracts.check.deliver import Delivered, is_declared_change
from data_contracts.check.judge_rows import Judged, judge_rows
from data_contracts.check.leave_out import Gone, leave_out, told_apart
from data_contracts.check.merge_leads import KnownLeads, belongs_to_lead, follow_mergers
from data_contracts.check.read_values import type_rows
from data_contracts.check.refuse import set_aside
from data_contracts.check.translate_words import find_words, translated
from data_contracts.check.unsettled import Standing, find_unsettled, where_leads_stand
from data_contracts.history import UNSETTLED
from data_contracts.ports import Engine
from data_contracts.row_rule import SeenInRow
from data_contracts.rules import row_rules
from data_contracts.settings import Settings


@dataclass(frozen=True, slots=True)
class JudgedHistory:
    """Every table that could be judged.

    Attributes
    ----------
    tables
        By canonical name.
    known_leads
        The accepted leads; None where the leads could not be judged.
    quarantined
        The refused rows of each table, as `data_contracts.history.Quarantine` describes them.
    left_out
        The rows that the settings leave out, as `data_contracts.history.LeftOutRows` describes them.
    """

    tables: Mapping[str, Judged]
    known_leads: KnownLeads | None
    quarantined: tuple[ir.Table, ...]
    left_out: tuple[ir.Table, ...]


def judge_tables(
    engine: Engine, tables: Sequence[Delivered], *, settings: Settings, extracted_at: dt.datetime
) -> JudgedHistory:
    """Each table that has its required columns, judged, a referenced table before those that refer to it."""
    several: dict[str, Judged] = {}
    refused: list[ir.Table] = []
    apart: list[ir.Table] = []
    known: KnownLeads | None = None
    gone, conditions = Gone(), settings.crm.left_out
    for table in tables:
        if table.missing:
            continue
        judged = _judged(engine, table, known, settings=settings, extracted_at=extracted_at)
        if table.name == "leads":
            mergers = [rule for rule in judged.rules if isinstance(rule, SeenInRow) and rule.is_about_mergers]
            judged, known = follow_mergers(engine, judged, mergers=mergers, extracted_at=extracted_at)
        judged, gone = leave_out(engine, judged, gone, conditions=conditions)
        several[table.name] = judged
        if (told := told_apart(engine, judged, conditions=conditions)) is not None:
            apart.append(told)
        refused.append(set_aside(engine, judged, extracted_at=extracted_at))
    if known is not None:
        known = gone.without(known)
    return JudgedHistory(several, known_leads=known, quarantined=tuple(refused), left_out=tuple(apart))


def _judged(
    engine: Engine, table: Delivered, known: KnownLeads | None, *, settings: Settings, extracted_at: dt.datetime
) -> Judged:
    """The rows of `table`, typed, in our words, and judged by every rule that can be judged alone."""
    delivered = typed = type_rows(engine, table)
    if table.name == "attribute_changes":
        typed = delivered.filter(is_declared_change(delivered, settings.crm))
    words = find_words(engine, typed, table, crm=settings.crm)
    rows = translated(typed, words, table)
    rules = row_rules(table.contract)
    if belongs_to_lead(table.contract):
        if known is None:
            rules = tuple(rule for rule in rules if not rule.is_about_lead)
        else:
            rows = known.beside(rows)
    breaches = judge_rows(engine, rows, table.contract, rules=rules, extracted_at=extracted_at)
    return Judged(table, delivered=delivered, typed=typed, rows=rows, words=words, rules=rules, breaches=breaches)


def standing_of(engine: Engine, judged: JudgedHistory) -> Standing | None:
    """Where leads stand, with the unsettled ones kept; None where there is nothing to tell it by."""
    several, known = judged.tables, judged.known_leads
    if known is None or "stage_changes" not in several:
        return None
    standing = where_leads_stand(engine, several["leads"], several["stage_changes"], known)
    engine.keep(UNSETTLED, find_unsettled(standing, several["stage_changes"], several.get("opportunities")))
    return standing
