"""What the nouns from the features on hold of some leads, as pairs of a label and a value for reading.

Each function reckons once for all leads, and gives the rows of each. `frame` has the features of those that are open.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data_contracts.amounts import amount_text
from data_contracts.evaluation_table import age_judged
from data_contracts.recalibration import P_WIN_BEFORE_SQL, mend_text
from data_contracts.scores import ScoredLeads
from data_contracts.settings import Settings
from data_contracts.thresholds import Thresholds
from data_contracts.traces import Rows
from data_contracts.wording import estimate_text
from models.amounts import expected_amounts
from models.calibration import curve_interval
from models.explain import Explained
from models.fitted import FittedTransition, ScoringRelease
from serving.asked_leads import by_lead, rows_of
from serving.publish import plan_write_back
from serving.shown import MISSING, shown

N_CONTRIBUTIONS = 8
"""Contributions shown of each model: the weightiest are the reasons, a few more show what came close."""

_NOT_SCORED: Rows = (("nothing", "it was not open and is not scored; what stands in the CRM is left as it is"),)


def feature_rows(frame: pd.DataFrame, release: ScoringRelease, lead_ids: Sequence[str]) -> Mapping[str, Rows]:
    """The features that say something; how many are 0 and how many are missing."""
    names = [column.name for column in release.manifest.features]
    found = {lead_id: _features_of(row, names) for lead_id, row in rows_of(frame).items()}
    return {lead_id: found.get(lead_id, _NOT_SCORED) for lead_id in lead_ids}


def _features_of(row: Mapping[str, Any], names: Sequence[str]) -> Rows:
    missing = {name for name in names if pd.isna(row[name])}
    there = [name for name in names if name not in missing]
    telling = [(name, shown(row[name])) for name in there if row[name] != 0]
    return (*telling, ("zero", str(len(there) - len(telling))), ("missing", str(len(missing))))


def model_rows(frame: pd.DataFrame, release: ScoringRelease, lead_ids: Sequence[str]) -> Mapping[str, Rows]:
    """Each transition's model, its gain, and each lead's probability with the log-odds that it is made of."""
    rows: dict[str, Rows] = dict.fromkeys(lead_ids, ())
    for model in release.transitions.values():
        of_model, own = tuple(_summary_rows(model)), _own_rows(model, frame)
        rows = {lead_id: (*told, *of_model, *own.get(lead_id, ())) for lead_id, told in rows.items()}
    chain = release.manifest.chain
    if chain is None or chain.recalibration is None:
        return rows
    mended = (P_WIN_BEFORE_SQL, mend_text(chain.recalibration))
    return {lead_id: (*told, mended) for lead_id, told in rows.items()}


def _summary_rows(model: FittedTransition) -> Iterator[tuple[str, str]]:
    summary = model.summary
    yield (
        str(summary.transition),
        f"{summary.estimator}, calibrator {summary.calibrator}, {summary.n_converted} of {summary.n_labelled} "
        f"labelled leads converted within {summary.horizon_days} days",
    )
    if summary.recalibration is not None:
        yield "  between trainings", mend_text(summary.recalibration)
    for evaluation in summary.evaluations:
        yield f"  gain {age_judged(evaluation)}", estimate_text(evaluation.model.gain, least=4)


def _own_rows(model: FittedTransition, frame: pd.DataFrame) -> Mapping[str, Rows]:
    """What the model makes of each lead of `frame`."""
    if frame.empty:
        return {}
    explained, is_unlike = model.explained(frame), model.is_unlike(frame)
    probabilities = _probability_texts(model, explained.probability)
    mend = model.summary.recalibration
    is_mended = mend is not None and mend.mend != "none"

    def told_of(place: int) -> Iterator[tuple[str, str]]:
        yield "  probability", probabilities[place]
        if is_unlike[place]:
            yield "  extrapolated", "sales contacted hardly any lead like it: no outcome of such a lead was learnt from"
        yield from _log_odds_rows(explained, place, is_mended=is_mended)

    return {lead_id: tuple(told_of(place)) for place, lead_id in enumerate(frame["lead_id"])}


def _log_odds_rows(explained: Explained, place: int, *, is_mended: bool) -> Iterator[tuple[str, str]]:
    """The log-odds of the lead in row `place`: the weightiest contributions, and all else that they are the sum of.

    The figures add up as they are shown: the rounding of all of them is in that of the other features.
    """
    each = explained.contributions.iloc[place]
    shown_names = each[each != 0].abs().sort_values(ascending=False, kind="stable").index[:N_CONTRIBUTIONS]
    baseline, calibration, total = (
        _rounded(figures[place]) for figures in (explained.baseline, explained.calibration, explained.log_odds())
    )
    contributions = {name: _rounded(each[name]) for name in shown_names}
    yield "  baseline", f"{baseline:+.4f} log-odds"
    yield from ((f"  {name}", f"{contribution:+.4f}") for name, contribution in contributions.items())
    others = total - baseline - calibration - sum(contributions.values())
    yield "  all other features" if contributions else "  all features", f"{_rounded(others):+.4f}"
    yield "  calibration and mend" if is_mended else "  calibration", f"{calibration:+.4f}"
    yield "  sum", f"{total:+.4f} log-odds, a probability of {explained.probability[place]:.4f}"


def _rounded(log_odds: float) -> float:
    """`log_odds` as it is shown; 0.0 for what would be shown as -0."""
    return round(float(log_odds), 4) + 0.0


def _probability_texts(model: FittedTransition, probability: np.ndarray) -> Sequence[str]:
    """Each lead's probability, and what came of later leads that were given the same."""
    if model.summary.calibration is None:
        return [f"{p:.4f}" for p in probability]
    ends = curve_interval(model.summary.calibration.curve, probability)
    return [
        f"{p:.4f}; of later leads given the same, {low:.1%} to {high:.1%} converted (95 % interval)"
        for p, low, high in zip(probability, *ends, strict=True)
    ]


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


def release_rows(frame: pd.DataFrame, release: ScoringRelease, lead_ids: Sequence[str]) -> Mapping[str, Rows]:
    """What identifies the release, and what it expects a win to bring, of any lead and of each."""
    manifest = release.manifest
    names = ("release_id", "source", "as_of", "data_fingerprint", "definitions_version", "catalogue_digest")
    of_any = (
        *((name, shown(getattr(manifest, name))) for name in names),
        ("amount of a win", amount_text(manifest.amounts, manifest.currency)),
    )
    amounts = expected_amounts(manifest.amounts, frame) if len(frame) else ()
    own = {
        lead_id: (("  of this lead", f"{amount:,.2f} {manifest.currency}".rstrip()),)
        for lead_id, amount in zip(frame["lead_id"], amounts, strict=True)
    }
    return {lead_id: (*of_any, *own.get(lead_id, ())) for lead_id in lead_ids}


def call_rows(calls: pa.Table, lead_ids: Sequence[str]) -> Mapping[str, Rows]:
    """Each lead's row of the last call list; what holds nothing is left out."""
    nothing: Rows = (("nothing", "it is not on the call list: not eligible, with sales already, or not scored yet"),)
    return {
        lead_id: tuple(row for row in told if row[1] != MISSING) or nothing
        for lead_id, told in column_rows(calls, lead_ids, otherwise=()).items()
    }


def column_rows(table: pa.Table, lead_ids: Sequence[str], *, otherwise: Rows) -> Mapping[str, Rows]:
    """Each lead's row of `table`, column by column; `otherwise` where it has none."""
    found = by_lead(table.to_pylist())
    return {
        lead_id: tuple((name, shown(value)) for row in found.get(lead_id, ()) for name, value in row.items())
        or otherwise
        for lead_id in lead_ids
    }


def scored_rows(scored: pa.Table, lead_ids: Sequence[str]) -> Mapping[str, Rows]:
    """Each lead's row among the scores, column by column."""
    return column_rows(scored, lead_ids, otherwise=_NOT_SCORED)


def published_rows(standing: pa.Table, lead_ids: Sequence[str]) -> Mapping[str, Rows]:
    """What stands in the CRM of each lead, column by column."""
    return column_rows(standing, lead_ids, otherwise=(("nothing", "it was never published"),))


def plan_rows(
    scored: pa.Table, standing: pa.Table, lead_ids: Sequence[str], *, thresholds: Thresholds, settings: Settings
) -> Mapping[str, Rows]:
    """Each field that would change, old → new."""
    unchanged: Rows = (("nothing", "every field stands as it should"),)
    changes = _changes(scored, standing, thresholds=thresholds, settings=settings) if scored.num_rows else {}
    is_scored = frozenset(scored["lead_id"].to_pylist())
    return {lead_id: changes.get(lead_id, unchanged) if lead_id in is_scored else _NOT_SCORED for lead_id in lead_ids}


def _changes(scored: pa.Table, standing: pa.Table, *, thresholds: Thresholds, settings: Settings) -> Mapping[str, Rows]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "asked_leads.parquet"
        pq.write_table(scored, path)
        row = scored.slice(0, 1).to_pylist()[0]
        run = ScoredLeads(
            path,
            n_leads=scored.num_rows,
            as_of=row["as_of"],
            release_id=row["release_id"],
            definitions_version=row["definitions_version"],
            data_fingerprint="",
            thresholds_id=thresholds.thresholds_id,
        )
        plan = plan_write_back(run, standing, fields=settings.crm.write_back_fields, thresholds=thresholds)
    return {
        lead_id: tuple((one["field"], f"{shown(one['old_value'])} → {shown(one['new_value'])}") for one in changes)
        for lead_id, changes in by_lead(plan.changes.to_pylist()).items()
    }
