"""Checked history in, leak reports out: what may have known the outcome."""

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir

from data_contracts.check import open_checked
from data_contracts.history import CrmHistory
from data_contracts.leaks import ByFate, Count, LeakReport
from data_contracts.progress import Say, silent
from data_contracts.settings import Settings
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import Transition
from features.leak_evidence import change_counts, fates_of, filled_counts, recording_counts
from models.leak_rules import ChangeCounts, RecordingCounts
from models.leaks import LeakEvidence, leak_report
from pipelines.in_force import refuse_lacking_attributes, refuse_redeclared
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.tables import build_table


def report_leaks(
    settings: Settings, *, run: RunStep = directly, say: Say = silent, warn: Say = silent
) -> Mapping[Transition, LeakReport]:
    """The leak report of every transition under `settings`; nothing is trained or kept.

    Raises `SourceError` where the checked history lacks an attribute of the settings, and `TooFewOutcomesError` where a
    transition has no outcome yet.
    """
    refuse_redeclared(settings, warn=warn)
    with Store.of(settings).open_history() as engine:
        history = open_checked(engine).history
        refuse_lacking_attributes(history, settings)
        reports = {}
        for transition in settings.definitions.transitions:
            table = run(build_table, engine, history, settings, transition=transition, say=say)
            evidence = run(gather_evidence, history, settings, transition=transition)
            reports[transition] = run(find_leaks, table, evidence, settings, say=say)
    return reports


def find_leaks(table: LabelledTable, evidence: LeakEvidence, settings: Settings, *, say: Say = silent) -> LeakReport:
    """The leak report of the transition of `table`, with a line before it is made."""
    say(f"{table.transition}: looking for what may have known the outcome")
    return leak_report(table, evidence, crm=settings.crm)


def gather_evidence(history: CrmHistory, settings: Settings, *, transition: Transition) -> LeakEvidence:
    """What history says about the leads of `transition`: their fates, and counts of changes and recordings."""
    fates = fates_of(history, transition=transition)
    frame = fates.to_pyarrow().to_pandas()
    is_open = frame["decided_at"].isna()
    n = {"converted": int(frame["has_converted"].sum()), "still_open": int(is_open.sum())}
    n["closed"] = len(frame) - n["converted"] - n["still_open"]
    has_attributes = bool(settings.crm.feature_attributes)
    changed = _rows(change_counts(history, fates, crm=settings.crm)) if has_attributes else []
    changes = {
        row["attribute"]: ChangeCounts(row["n_changes"], row["n_at_conversion"], row["n_after"]) for row in changed
    }
    recordings = {row["kind"]: _recordings(row, n) for row in _rows(recording_counts(history, fates, crm=settings.crm))}
    filled = _rows(filled_counts(history, fates, crm=settings.crm)) if has_attributes else []
    return LeakEvidence(
        fates=frame,
        changes=changes,
        recordings=recordings,
        filled={name: _filled(name, filled, n) for name in settings.crm.feature_attributes},
    )


def _rows(table: ir.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return rows


def _recordings(row: Mapping[str, Any], n: Mapping[str, int]) -> RecordingCounts:
    return RecordingCounts(
        n_early_converted=row["n_early_converted"],
        n_late_converted=row["n_late_converted"],
        n_early_closed=row["n_early_closed"],
        n_late_closed=row["n_late_closed"],
        n_ahead=row["n_ahead"],
        n=row["n"],
        by_fate=ByFate(
            converted=Count(n_having=row["n_leads_converted"], n=n["converted"]),
            closed=Count(n_having=row["n_leads_closed"], n=n["closed"]),
            still_open=Count(n_having=row["n_leads_open"], n=n["still_open"]),
        ),
    )


def _filled(name: str, rows: list[dict[str, Any]], n: Mapping[str, int]) -> ByFate:
    def having(*, has_converted: bool, is_open: bool) -> int:
        return sum(row[name] for row in rows if (row["has_converted"], row["is_open"]) == (has_converted, is_open))

    return ByFate(
        converted=Count(n_having=having(has_converted=True, is_open=False), n=n["converted"]),
        closed=Count(n_having=having(has_converted=False, is_open=False), n=n["closed"]),
        still_open=Count(n_having=having(has_converted=False, is_open=True), n=n["still_open"]),
    )
