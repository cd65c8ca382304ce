"""One lead's whole way, from CRM row to written-back score, noun by noun."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.calls import CallList
from data_contracts.history import CrmHistory, Quarantine, RawHistory
from data_contracts.settings import Settings
from data_contracts.thresholds import Thresholds
from models.fitted import ScoringRelease
from serving import trace_steps as steps
from serving.calls import with_calls
from serving.one_lead import around, refused_rows
from serving.one_score import Regime, lead_alone
from serving.score import refuse_other_catalogue, score_batch


@dataclass(frozen=True, slots=True)
class Step:
    """What one noun holds for the lead: pairs of a label and a value, both for reading."""

    noun: str
    meaning: str
    rows: steps.Rows


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
    lines = [f"{trace.lead_id} as of {steps.shown(trace.as_of)} UTC"]
    for number, step in enumerate(trace.steps, start=1):
        width = max((len(label) for label, _ in step.rows), default=0)
        lines += ["", f"{number:2d} {step.noun}: {step.meaning}"]
        lines += [f"     {label:<{width}}  {value}".rstrip() for label, value in step.rows]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies beside the checked history.

    Attributes
    ----------
    quarantine
        The refused rows of the same check.
    published
        What stands in the CRM now, as `ScoreSink.published` gives it.
    calls
        The call list of the last scoring.
    raw
        What the source says now; None where it cannot be asked.
    """

    quarantine: Quarantine
    published: pa.Table
    calls: CallList
    raw: RawHistory | None = None


def trace_lead(
    history: CrmHistory,
    release: ScoringRelease,
    *,
    settings: Settings,
    thresholds: Thresholds,
    lead_id: str,
    beside: Surroundings,
    as_of: dt.datetime,
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
    thresholds
        The hand-off boundaries in force.
    lead_id
        The CRM's id.
    beside
        Refused rows, what the source says, what stands in the CRM.
    as_of
        The moment of scoring (UTC, naive).

    Raises
    ------
    UnknownLeadError
        Where there is no such lead, saying whether its row was refused (and why) or merged into another.
    ReleaseError
        Where the release does not belong to these definitions or this feature catalogue.
    """
    refused = refused_rows(beside.quarantine, lead_id)
    regime = Regime(release, settings, thresholds)
    with around(history, beside.raw, lead_id, refused=refused) as near:
        return Trace(lead_id, as_of, tuple(_steps(history, near, lead_id, regime=regime, beside=beside, as_of=as_of)))


def _steps(
    history: CrmHistory, near: CrmHistory, lead_id: str, *, regime: Regime, beside: Surroundings, as_of: dt.datetime
) -> Iterator[Step]:
    release, settings, thresholds = regime.release, regime.settings, regime.thresholds
    refused = refused_rows(beside.quarantine, lead_id)
    alone = lead_alone(near, lead_id, regime=regime, as_of=as_of)
    refuse_other_catalogue(release, alone.catalogue_digest)
    snapshot, frame = alone.snapshot, alone.frame
    own = score_batch(frame, release, settings=settings, thresholds=thresholds)
    calls = beside.calls.rows.filter(pc.equal(beside.calls.rows["lead_id"], lead_id))
    scored = pa.table(with_calls(own, calls))
    standing = beside.published.filter(pc.equal(beside.published["lead_id"], lead_id))
    yield from (
        Step("RawHistory", "what the CRM said", steps.raw_rows(history, beside.raw, lead_id, settings=settings)),
        Step("CrmHistory", "what can be trusted, and what was refused", steps.history_rows(near, lead_id, refused)),
        Step("Snapshots", "the lead at this moment", steps.snapshot_rows(near, frame, as_of=as_of, lead_id=lead_id)),
        Step("KnownHistory", "what was known then", steps.known_rows(near, snapshot, settings=settings)),
        Step("FeatureTable", "what the models read", steps.feature_rows(frame, release)),
        Step("LabelledTable", "what the models learnt from it", steps.label_rows(near, settings, lead_id=lead_id)),
        Step("FittedTransition", "what the models make of it", steps.model_rows(frame, release)),
        Step("Thresholds", "the boundaries", steps.threshold_rows(release, thresholds)),
        Step("ScoringRelease", "what was promoted", steps.release_rows(release, frame)),
        Step("CallList", "what there is room for", steps.call_rows(calls)),
        Step("ScoredLeads", "what it is worth, and what to do", steps.scored_rows(scored)),
        Step(
            "WriteBackPlan",
            "what would change in the CRM",
            steps.plan_rows(scored, standing, thresholds=thresholds, settings=settings),
        ),
        Step("PublishReceipt", "what stands in the CRM now", steps.published_rows(standing)),
    )
