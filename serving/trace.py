"""One lead's whole way, from CRM row to written-back score, noun by noun."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_contracts.columns import TABLES
from data_contracts.errors import UnknownLeadError
from data_contracts.history import CrmHistory, Quarantine, RawHistory
from data_contracts.releases import Thresholds
from data_contracts.scores import ScoredLeads
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from data_contracts.vocabulary import Unsettled
from data_contracts.wording import estimate_text
from features.build import build_features
from features.known import known_at
from features.outcomes import outcomes_of
from features.snapshots import scoring_snapshots, training_snapshots
from models.fitted import ScoringRelease
from serving.publish import plan_write_back
from serving.score import refuse_other_catalogue, refuse_other_definitions, score_batch

Rows = tuple[tuple[str, str], ...]
Refused = tuple[Mapping[str, Any], ...]

N_CONTRIBUTIONS = 8
"""Contributions shown of each model: the weightiest are the reasons, a few more show what came close."""

MISSING = "–"

_NOT_SCORED: Rows = (("nothing", "it was not open and is not scored; what stands in the CRM is left as it is"),)

_LEAD_TABLES = tuple(name for name, contract in TABLES.items() if any(c.name == "lead_id" for c in contract.columns))


@dataclass(frozen=True, slots=True)
class Step:
    """What one noun holds for the lead: pairs of a label and a value, both for reading."""

    noun: str
    meaning: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class Trace:
    """One lead's way through every noun, in order."""

    lead_id: str
    as_of: dt.datetime
    steps: tuple[Step, ...]


def as_text(trace: Trace) -> str:
    """`trace` as plain text: a numbered heading for each noun, its rows below.

    Examples
    --------
    >>> step = Step("Thresholds", "the boundaries", (("hand-off", "0.3"), ("fit letters", "0.8, 0.6")))
    >>> print(as_text(Trace("L1", dt.datetime(2026, 5, 1), (step,))))
    L1 as of 2026-05-01 00:00 UTC
    <BLANKLINE>
     1 Thresholds: the boundaries
         hand-off     0.3
         fit letters  0.8, 0.6
    """
    lines = [f"{trace.lead_id} as of {_shown(trace.as_of)} UTC"]
    for number, step in enumerate(trace.steps, start=1):
        width = max((len(label) for label, _ in step.rows), default=0)
        lines += ["", f"{number:2d} {step.noun}: {step.meaning}"]
        lines += [f"     {label:<{width}}  {value}".rstrip() for label, value in step.rows]
    return "\n".join(lines)


def trace_lead(
    history: CrmHistory,
    release: ScoringRelease,
    *,
    settings: Settings,
    lead_id: str,
    quarantine: Quarantine,
    published: pa.Table,
    as_of: dt.datetime,
    raw: RawHistory | None = None,
) -> Trace:
    """What each noun holds for one lead, computed by the same functions that score all of them.

    Parameters
    ----------
    history
        Checked history.
    release
        What scores.
    settings
        The definitions in force.
    lead_id
        The CRM's id.
    quarantine
        The refused rows of the same check.
    published
        What stands in the CRM now, as `ScoreSink.published` gives it.
    as_of
        The moment of scoring (UTC, naive).
    raw
        What the source says now; None where it cannot be asked.

    Raises
    ------
    UnknownLeadError
        Where there is no such lead, saying whether its row was refused (and why) or merged into another.
    ReleaseError
        Where the release does not belong to these definitions or this feature catalogue.
    """
    refused = _refused_rows(quarantine, lead_id)
    near = _around(history, raw, lead_id, refused=refused)
    refuse_other_definitions(release, settings.definitions)
    snapshot = _of_lead(scoring_snapshots(near, settings.definitions, as_of=as_of), lead_id)
    features = build_features(near, snapshot, settings=settings)
    refuse_other_catalogue(release, features.catalogue_digest)
    frame = features.table.to_pyarrow().to_pandas()
    scored = score_batch(frame, release, settings=settings)
    standing = published.filter(pc.equal(published["lead_id"], lead_id))
    return Trace(
        lead_id=lead_id,
        as_of=as_of,
        steps=(
            Step("RawHistory", "what the CRM said", _raw_rows(history, raw, lead_id, settings=settings)),
            Step("CrmHistory", "what can be trusted, and what was refused", _history_rows(near, lead_id, refused)),
            Step("Snapshots", "the lead at this moment", _snapshot_rows(near, frame, as_of=as_of, lead_id=lead_id)),
            Step("KnownHistory", "what was known then", _known_rows(near, snapshot, settings=settings)),
            Step("FeatureTable", "what the models read", _feature_rows(frame, release)),
            Step("LabelledTable", "what the models learnt from it", _label_rows(near, settings, lead_id=lead_id)),
            Step("FittedTransition", "what the models make of it", _model_rows(frame, release)),
            Step("Thresholds", "the boundaries", _threshold_rows(release)),
            Step("ScoringRelease", "what was promoted", _release_rows(release)),
            Step("ScoredLeads", "what it is worth", _scored_rows(scored)),
            Step(
                "WriteBackPlan",
                "what would change in the CRM",
                _plan_rows(scored, standing, thresholds=release.manifest.thresholds, settings=settings),
            ),
            Step("PublishReceipt", "what stands in the CRM now", _published_rows(standing)),
        ),
    )


# ---------------------------------------------------------------------------------------------------------------------
# The lead's part of the history
# ---------------------------------------------------------------------------------------------------------------------


def _around(history: CrmHistory, raw: RawHistory | None, lead_id: str, *, refused: Refused) -> CrmHistory:
    """The history of the lead and of the others at its account: all that its features depend on."""
    leads = history.leads
    own = leads.filter(leads.lead_id == lead_id).to_pyarrow().to_pylist()
    if not own:
        raise UnknownLeadError(_why_unknown(history, raw, lead_id, refused=refused))
    account_id = own[0]["account_id"]
    account = ibis.literal(account_id, type="string")
    near = leads.filter((leads.lead_id == lead_id) | (leads.account_id == account))
    lead_ids = near.lead_id.to_pyarrow().to_pylist()
    object_ids = [*lead_ids, account_id] if account_id is not None else lead_ids
    tables = dict(history.tables)
    for name in _LEAD_TABLES:
        tables[name] = tables[name].filter(tables[name].lead_id.isin(lead_ids))
    accounts, changes = tables["accounts"], tables["attribute_changes"]
    tables["accounts"] = accounts.filter(accounts.account_id == account)
    tables["attribute_changes"] = changes.filter(changes.object_id.isin(object_ids))
    # Held once: a dozen queries follow, and each would otherwise be written with all of these filters in it.
    return replace(history, tables={name: table.cache() for name, table in tables.items()})


def _refused_rows(quarantine: Quarantine, lead_id: str) -> Refused:
    """The breaches of the lead's own rows, whichever table they are in."""
    rows = quarantine.table
    given = rows.raw_row.cast("json")
    is_own = [given[key].unwrap_as("string") == lead_id for key in ("lead_id", "object_id")]
    is_lead = (rows.table == "leads") & (rows.row_key == lead_id)
    found = rows.filter(ibis.or_(*(own.fill_null(False) for own in is_own), is_lead))
    told = found.select("table", "source_row", "rule", "reason").order_by("table", "source_row", "rule")
    return tuple(told.to_pyarrow().to_pylist())


def _why_unknown(history: CrmHistory, raw: RawHistory | None, lead_id: str, *, refused: Refused) -> str:
    reasons = [breach["reason"] for breach in refused if breach["table"] == "leads"]
    if reasons:
        remedy = "mend it in the CRM or the source's SELECT and check again"
        return f"lead {lead_id!r} is in quarantine: {'; '.join(reasons)}; {remedy}"
    merged = [row for row in _delivered(raw, "leads", lead_id) if row.get("merged_into")]
    if merged:
        survivor = merged[0]["merged_into"]
        return f"lead {lead_id!r} was merged into {survivor!r} and its history belongs to that one; trace {survivor!r}"
    example = history.leads.order_by("lead_id").limit(1).lead_id.to_pyarrow().to_pylist()
    looks = f"; ids look like {example[0]!r}" if example else ""
    return f"there is no lead {lead_id!r} in the checked history{looks}"


def _delivered(raw: RawHistory | None, table: str, lead_id: str) -> list[dict[str, Any]]:
    """The lead's rows of `table` as the source delivers them; none where it cannot be asked or has no such table."""
    if raw is None or table not in raw.tables:
        return []
    rows = raw.tables[table]
    rows = rows.rename({name.lower(): name for name in rows.columns if name != name.lower()})
    if "lead_id" not in rows.columns:
        return []
    found: list[dict[str, Any]] = rows.filter(rows.lead_id.cast("string").strip() == lead_id).to_pyarrow().to_pylist()
    return found


def _of_lead(snapshots: Snapshots, lead_id: str) -> Snapshots:
    return Snapshots(snapshots.table.filter(snapshots.table.lead_id == lead_id).cache())


# ---------------------------------------------------------------------------------------------------------------------
# What each noun holds
# ---------------------------------------------------------------------------------------------------------------------


def _raw_rows(history: CrmHistory, raw: RawHistory | None, lead_id: str, *, settings: Settings) -> Rows:
    """How many rows are delivered, and the lead's own row: canonical columns and declared attributes only, so that
    nothing is shown that identifies a person.
    """
    if raw is None:
        return (("not there", "the source cannot be read any more"),)
    if raw.extracted_at != history.extracted_at:
        told = (
            f"its extract is of {_shown(raw.extracted_at)} now, the checked one was of {_shown(history.extracted_at)}"
        )
        return (("moved on", told),)
    shown = {column.name for column in TABLES["leads"].columns} | set(settings.crm.attributes)
    rows: list[tuple[str, str]] = []
    for table in _LEAD_TABLES:
        delivered = _delivered(raw, table, lead_id)
        if delivered:
            rows.append((table, f"{len(delivered)} row(s) delivered"))
        if table == "leads":
            rows += [(f"  {name}", _shown(value)) for row in delivered for name, value in row.items() if name in shown]
    return tuple(rows) or (("nothing", "the source has no row of it any more"),)


def _history_rows(near: CrmHistory, lead_id: str, refused: Refused) -> Rows:
    rows = []
    for name in _LEAD_TABLES:
        table = near.tables[name]
        rows.append((name, f"{table.filter(table.lead_id == lead_id).count().to_pyarrow().as_py()} row(s) trusted"))
    changes = near.stage_changes
    ordered = changes.filter(changes.lead_id == lead_id).order_by("entered_at", "recorded_at")
    for change in ordered.to_pyarrow().to_pylist():
        rows.append((f"  {_shown(change['entered_at'])}", f"{change['stage']}, known {_shown(change['recorded_at'])}"))
    for breach in refused:
        rows.append((f"refused: {breach['table']} row {breach['source_row']}", str(breach["reason"])))
    return tuple(rows)


def _snapshot_rows(near: CrmHistory, frame: pd.DataFrame, *, as_of: dt.datetime, lead_id: str) -> Rows:
    if frame.empty:
        changes = near.stage_changes
        known = changes.filter(changes.lead_id == lead_id, changes.entered_at < as_of, changes.recorded_at < as_of)
        stages = known.order_by(ibis.desc("entered_at")).limit(1).stage.to_pyarrow().to_pylist()
        not_open = ("not open", f"nothing to score; the last stage known then is {stages[0] if stages else 'none'}")
        return (not_open, *_unsettled_rows(near, lead_id))
    return tuple((name, _shown(frame[name].iloc[0])) for name in ("stage", "transition", "as_of", "account_id"))


def _unsettled_rows(near: CrmHistory, lead_id: str) -> Rows:
    """Why the lead counts as closed though its stage changes may stand open."""
    own = near.unsettled.filter(near.unsettled.lead_id == lead_id, near.unsettled.is_ending)
    found = own.order_by("reason", "stage").to_pyarrow().to_pylist()
    return tuple(
        ("closed", f"{row['stage']}, nobody knows when: a lead {Unsettled(row['reason']).meaning}") for row in found
    )


def _known_rows(near: CrmHistory, snapshot: Snapshots, *, settings: Settings) -> Rows:
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


def _feature_rows(frame: pd.DataFrame, release: ScoringRelease) -> Rows:
    """The features that say something; how many are 0 and how many are missing."""
    if frame.empty:
        return _NOT_SCORED
    values = {column.name: frame[column.name].iloc[0] for column in release.manifest.features}
    missing = [name for name, value in values.items() if pd.isna(value)]
    zero = [name for name, value in values.items() if name not in missing and value == 0]
    telling = [(name, _shown(value)) for name, value in values.items() if name not in missing and value != 0]
    return (*telling, ("zero", str(len(zero))), ("missing", str(len(missing))))


def _label_rows(near: CrmHistory, settings: Settings, *, lead_id: str) -> Rows:
    rows = []
    for transition in settings.definitions.transitions:
        snapshots = training_snapshots(near, settings.definitions, transition=transition)
        judged = outcomes_of(near, snapshots, definitions=settings.definitions, transition=transition)
        own = _of_lead(snapshots, lead_id).table.join(judged, "snapshot_id").order_by("as_of")
        for row in own.to_pyarrow().to_pylist():
            label = f"{transition}, {_shown(row['as_of'])}"
            rows.append((label, f"{row['moment']}: {row['outcome_status']}, weight {row['weight']:.3f}"))
    return tuple(rows) or (("no snapshot", "it never waited for a transition while it was learnt from"),)


def _model_rows(frame: pd.DataFrame, release: ScoringRelease) -> Rows:
    return tuple(row for transition in release.transitions for row in _transition_rows(frame, release, transition))


def _transition_rows(frame: pd.DataFrame, release: ScoringRelease, transition: Any) -> Iterator[tuple[str, str]]:
    model = release.transitions[transition]
    summary = model.summary
    yield (
        str(transition),
        f"{summary.estimator}, calibrator {summary.calibrator}, {summary.n_converted} of {summary.n_labelled} "
        f"labelled leads converted within {summary.horizon_days} days",
    )
    for evaluation in summary.evaluations:
        yield f"  gain, {evaluation.moment or 'all moments'}", estimate_text(evaluation.model.gain, least=4)
    if frame.empty:
        return
    yield "  probability", f"{model.predict(frame)[0]:.4f}"
    contributions = model.contributions(frame).iloc[0]
    order = contributions.abs().sort_values(ascending=False, kind="stable").index[:N_CONTRIBUTIONS]
    for name in order:
        if contributions[name]:
            yield f"  {name}", f"{contributions[name]:+.3f} log-odds"


def _threshold_rows(release: ScoringRelease) -> Rows:
    thresholds = release.manifest.thresholds
    return (
        ("hand-off probability", f"{thresholds.hand_off_probability:.4f}"),
        ("fit letters A, B, C from", ", ".join(f"{least:g}" for least in thresholds.fit_boundaries)),
        ("behaviour digits 1, 2, 3 from", ", ".join(f"{least:.4f}" for least in thresholds.behaviour_boundaries)),
        ("policy", thresholds.policy),
    )


def _release_rows(release: ScoringRelease) -> Rows:
    manifest = release.manifest
    names = ("release_id", "source", "as_of", "data_fingerprint", "definitions_version", "catalogue_digest")
    value = f"{manifest.value_of_a_win:,.2f} {manifest.currency}".rstrip()
    return (*((name, _shown(getattr(manifest, name))) for name in names), ("value_of_a_win", value))


def _scored_rows(scored: pa.Table) -> Rows:
    told = tuple((name, _shown(value)) for row in scored.to_pylist() for name, value in row.items())
    return told or _NOT_SCORED


def _plan_rows(scored: pa.Table, standing: pa.Table, *, thresholds: Thresholds, settings: Settings) -> Rows:
    if not scored.num_rows:
        return _NOT_SCORED
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one_lead.parquet"
        pq.write_table(scored, path)
        row = scored.to_pylist()[0]
        one = ScoredLeads(path, 1, row["as_of"], row["release_id"], row["definitions_version"], data_fingerprint="")
        fields = settings.crm.write_back_fields
        plan = plan_write_back(one, standing, fields=fields, thresholds=thresholds)
    changes = plan.changes.to_pylist()
    told = tuple((c["field"], f"{_shown(c['old_value'])} → {_shown(c['new_value'])}") for c in changes)
    return told or (("nothing", "every field stands as it should"),)


def _published_rows(standing: pa.Table) -> Rows:
    told = tuple((name, _shown(value)) for row in standing.to_pylist() for name, value in row.items())
    return told or (("nothing", "it was never published"),)


def _shown(value: object) -> str:
    if value is None or value == "" or value is pd.NaT:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
