"""What each noun holds for one lead, as pairs of a label and a value for reading."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.amounts import amount_text
from data_contracts.columns import TABLES
from data_contracts.evaluation_table import age_judged
from data_contracts.history import CrmHistory, RawHistory
from data_contracts.recalibration import P_WIN_BEFORE_SQL, mend_text
from data_contracts.scores import ScoredLeads
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from data_contracts.thresholds import Thresholds
from data_contracts.vocabulary import Transition, Unsettled
from data_contracts.wording import estimate_text
from features.known import known_at
from features.outcomes import outcomes_of
from features.snapshots import training_snapshots
from models.amounts import expected_amounts
from models.calibration import curve_interval
from models.explain import Explained
from models.fitted import FittedTransition, ScoringRelease
from serving.one_lead import LEAD_TABLES, Refused, delivered_rows, of_lead
from serving.publish import plan_write_back

Rows = tuple[tuple[str, str], ...]
"""Pairs of a label and a value, both for reading."""

N_CONTRIBUTIONS = 8
"""Contributions shown of each model: the weightiest are the reasons, a few more show what came close."""

MISSING = "–"

_NOT_SCORED: Rows = (("nothing", "it was not open and is not scored; what stands in the CRM is left as it is"),)


def raw_rows(history: CrmHistory, raw: RawHistory | None, lead_id: str, *, settings: Settings) -> Rows:
    """How many rows are delivered, and the lead's own row: canonical columns and declared attributes only, so that
    nothing is shown that identifies a person.
    """
    if raw is None:
        return (("not there", "the source cannot be read any more"),)
    if raw.extracted_at != history.extracted_at:
        told = f"its extract is of {shown(raw.extracted_at)} now, the checked one was of {shown(history.extracted_at)}"
        return (("moved on", told),)
    printable = {column.name for column in TABLES["leads"].columns} | set(settings.crm.attributes)
    rows: list[tuple[str, str]] = []
    for table in LEAD_TABLES:
        delivered = delivered_rows(raw, table, lead_id)
        if delivered:
            rows.append((table, f"{len(delivered)} row(s) delivered"))
        if table == "leads":
            rows += [
                (f"  {name}", shown(value)) for row in delivered for name, value in row.items() if name in printable
            ]
    return tuple(rows) or (("nothing", "the source has no row of it any more"),)


def history_rows(near: CrmHistory, lead_id: str, refused: Refused) -> Rows:
    """How many rows of each table are trusted, the lead's stages in order, and what was refused with its reasons."""
    rows = []
    for name in LEAD_TABLES:
        table = near.tables[name]
        rows.append((name, f"{table.filter(table.lead_id == lead_id).count().to_pyarrow().as_py()} row(s) trusted"))
    changes = near.stage_changes
    ordered = changes.filter(changes.lead_id == lead_id).order_by("entered_at", "recorded_at")
    for change in ordered.to_pyarrow().to_pylist():
        rows.append((f"  {shown(change['entered_at'])}", f"{change['stage']}, known {shown(change['recorded_at'])}"))
    for breach in refused:
        rows.append((f"refused: {breach['table']} row {breach['source_row']}", str(breach["reason"])))
    return tuple(rows)


def snapshot_rows(near: CrmHistory, frame: pd.DataFrame, *, as_of: dt.datetime, lead_id: str) -> Rows:
    """The lead as it waits at `as_of`; where it does not, its last stage known then and why it counts as closed."""
    if frame.empty:
        changes = near.stage_changes
        known = changes.filter(changes.lead_id == lead_id, changes.entered_at < as_of, changes.recorded_at < as_of)
        stages = known.order_by(ibis.desc("entered_at")).limit(1).stage.to_pyarrow().to_pylist()
        not_open = ("not open", f"nothing to score; the last stage known then is {stages[0] if stages else 'none'}")
        return (not_open, *_unsettled_rows(near, lead_id))
    return tuple((name, shown(frame[name].iloc[0])) for name in ("stage", "transition", "as_of", "account_id"))


def _unsettled_rows(near: CrmHistory, lead_id: str) -> Rows:
    """Why the lead counts as closed though its stage changes may stand open."""
    own = near.unsettled.filter(near.unsettled.lead_id == lead_id, near.unsettled.is_ending)
    found = own.order_by("reason", "stage").to_pyarrow().to_pylist()
    return tuple(
        ("closed", f"{row['stage']}, nobody knows when: a lead {Unsettled(row['reason']).meaning}") for row in found
    )


def known_rows(near: CrmHistory, snapshot: Snapshots, *, settings: Settings) -> Rows:
    """How many facts of each kind were known at the snapshot, and the age of the latest in days."""
    known = known_at(near, snapshot, settings=settings)
    tables: Mapping[str, ir.Table] = {
        "own activities": known.activities,
        "own stage changes": known.stage_changes,
        "colleagues who are leads": known.account_leads,
        "colleagues' activities": known.account_activities,
        "colleagues' stage changes": known.account_stage_changes,
    }
    rows = []
    for label, table in tables.items():
        figures = table.aggregate(n=table.count(), latest=table.age_days.min()).to_pyarrow().to_pylist()[0]
        latest = f", the latest {figures['latest']:.2f} days old" if figures["n"] else ""
        rows.append((label, f"{figures['n']} known{latest}"))
    return tuple(rows)


def feature_rows(frame: pd.DataFrame, release: ScoringRelease) -> Rows:
    """The features that say something; how many are 0 and how many are missing."""
    if frame.empty:
        return _NOT_SCORED
    values = {column.name: frame[column.name].iloc[0] for column in release.manifest.features}
    missing = [name for name, value in values.items() if pd.isna(value)]
    zero = [name for name, value in values.items() if name not in missing and value == 0]
    telling = [(name, shown(value)) for name, value in values.items() if name not in missing and value != 0]
    return (*telling, ("zero", str(len(zero))), ("missing", str(len(missing))))


def label_rows(near: CrmHistory, settings: Settings, *, lead_id: str) -> Rows:
    """Each training snapshot of the lead with its outcome and weight."""
    rows = []
    for transition in settings.definitions.transitions:
        snapshots = training_snapshots(near, settings.definitions, transition=transition)
        judged = outcomes_of(near, snapshots, settings=settings, transition=transition)
        own = of_lead(snapshots, lead_id).table.join(judged, "snapshot_id").order_by("as_of")
        for row in own.to_pyarrow().to_pylist():
            label = f"{transition}, {shown(row['as_of'])}"
            rows.append((label, f"day {row['day']}: {row['outcome_status']}, weight {row['weight']:.3f}"))
    return tuple(rows) or (("no snapshot", "it never waited for a transition while it was learnt from"),)


def model_rows(frame: pd.DataFrame, release: ScoringRelease) -> Rows:
    """Each transition's model, its gain, and the lead's probability with the log-odds that it is made of."""
    told = tuple(row for transition in release.transitions for row in _transition_rows(frame, release, transition))
    chain = release.manifest.chain
    if chain is None or chain.recalibration is None:
        return told
    return (*told, (P_WIN_BEFORE_SQL, mend_text(chain.recalibration)))


def _transition_rows(frame: pd.DataFrame, release: ScoringRelease, transition: Transition) -> Iterator[tuple[str, str]]:
    model = release.transitions[transition]
    summary = model.summary
    yield (
        str(transition),
        f"{summary.estimator}, calibrator {summary.calibrator}, {summary.n_converted} of {summary.n_labelled} "
        f"labelled leads converted within {summary.horizon_days} days",
    )
    if summary.recalibration is not None:
        yield "  between trainings", mend_text(summary.recalibration)
    for evaluation in summary.evaluations:
        yield f"  gain {age_judged(evaluation)}", estimate_text(evaluation.model.gain, least=4)
    if frame.empty:
        return
    yield "  probability", _probability_text(model, frame)
    if model.is_unlike(frame).any():
        yield "  extrapolated", "sales contacted hardly any lead like it: no outcome of such a lead was learnt from"
    is_mended = summary.recalibration is not None and summary.recalibration.mend != "none"
    yield from _log_odds_rows(model.explained(frame.head(1)), is_mended=is_mended)


def _log_odds_rows(explained: Explained, *, is_mended: bool) -> Iterator[tuple[str, str]]:
    """The log-odds of the lead: the weightiest contributions, and all else that they are the sum of.

    The figures add up as they are shown: the rounding of all of them is in that of the other features.
    """
    each = explained.contributions.iloc[0]
    shown_names = each[each != 0].abs().sort_values(ascending=False, kind="stable").index[:N_CONTRIBUTIONS]
    baseline, calibration, total = (
        _rounded(figures[0]) for figures in (explained.baseline, explained.calibration, explained.log_odds())
    )
    contributions = {name: _rounded(each[name]) for name in shown_names}
    yield "  baseline", f"{baseline:+.4f} log-odds"
    yield from ((f"  {name}", f"{contribution:+.4f}") for name, contribution in contributions.items())
    others = total - baseline - calibration - sum(contributions.values())
    yield "  all other features" if contributions else "  all features", f"{_rounded(others):+.4f}"
    yield "  calibration and mend" if is_mended else "  calibration", f"{calibration:+.4f}"
    yield "  sum", f"{total:+.4f} log-odds, a probability of {explained.probability[0]:.4f}"


def _rounded(log_odds: float) -> float:
    """`log_odds` as it is shown; 0.0 for what would be shown as -0."""
    return round(float(log_odds), 4) + 0.0


def _probability_text(model: FittedTransition, frame: pd.DataFrame) -> str:
    """The lead's probability, and what came of later leads that were given the same."""
    probability = model.predict(frame)
    if model.summary.calibration is None:
        return f"{probability[0]:.4f}"
    low, high = curve_interval(model.summary.calibration.curve, probability)
    return (
        f"{probability[0]:.4f}; of later leads given the same, {low[0]:.1%} to {high[0]:.1%} converted (95 % interval)"
    )


def threshold_rows(release: ScoringRelease, thresholds: Thresholds) -> Rows:
    """The boundary of each team and where it comes from, and the boundaries of the grade."""
    grading = release.manifest.grading
    return (
        ("policy", thresholds.policy.version),
        ("ranked by", thresholds.policy.ranked_by.replace("_", " ")),
        *((f"{one.team}: eligible from", f"{one.boundary:.4f}") for one in thresholds.teams),
        *((f"{one.team}: because", one.said) for one in thresholds.teams),
        ("fit letters A, B, C from", ", ".join(f"{least:g}" for least in grading.fit_boundaries)),
        ("behaviour digits 1, 2, 3 from", ", ".join(f"{least:.4f}" for least in grading.behaviour_boundaries)),
    )


def release_rows(release: ScoringRelease, frame: pd.DataFrame) -> Rows:
    """What identifies the release, and what it expects a win to bring, of any lead and of this one."""
    manifest = release.manifest
    names = ("release_id", "source", "as_of", "data_fingerprint", "definitions_version", "catalogue_digest")
    amounts = [("amount of a win", amount_text(manifest.amounts, manifest.currency))]
    if len(frame):
        expected = f"{expected_amounts(manifest.amounts, frame)[0]:,.2f} {manifest.currency}".rstrip()
        amounts.append(("  of this lead", expected))
    return (*((name, shown(getattr(manifest, name))) for name in names), *amounts)


def call_rows(calls: pa.Table) -> Rows:
    """The lead's row of the last call list; what holds nothing is left out."""
    told = tuple((name, shown(value)) for row in calls.to_pylist() for name, value in row.items() if value is not None)
    return told or (("nothing", "it is not on the call list: not eligible, with sales already, or not scored yet"),)


def scored_rows(scored: pa.Table) -> Rows:
    """The lead's row among the scores, column by column."""
    told = tuple((name, shown(value)) for row in scored.to_pylist() for name, value in row.items())
    return told or _NOT_SCORED


def plan_rows(scored: pa.Table, standing: pa.Table, *, thresholds: Thresholds, settings: Settings) -> Rows:
    """Each field that would change, old → new."""
    if not scored.num_rows:
        return _NOT_SCORED
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one_lead.parquet"
        pq.write_table(scored, path)
        row = scored.to_pylist()[0]
        one = ScoredLeads(
            path,
            n_leads=1,
            as_of=row["as_of"],
            release_id=row["release_id"],
            definitions_version=row["definitions_version"],
            data_fingerprint="",
            thresholds_id=thresholds.thresholds_id,
        )
        fields = settings.crm.write_back_fields
        plan = plan_write_back(one, standing, fields=fields, thresholds=thresholds)
    changes = plan.changes.to_pylist()
    told = tuple((c["field"], f"{shown(c['old_value'])} → {shown(c['new_value'])}") for c in changes)
    return told or (("nothing", "every field stands as it should"),)


def published_rows(standing: pa.Table) -> Rows:
    """What stands in the CRM, column by column."""
    told = tuple((name, shown(value)) for row in standing.to_pylist() for name, value in row.items())
    return told or (("nothing", "it was never published"),)


def shown(value: object) -> str:
    """`value` for reading: times to the minute, floats with four digits, `MISSING` for what is not there."""
    if value is None or value == "" or value is pd.NaT:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
