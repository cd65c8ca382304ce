"""The whole way of some leads, from CRM row to written-back score, noun by noun."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.calls import CallList
from data_contracts.history import CrmHistory, Quarantine
from data_contracts.traces import NotTraced, Rows, Step, Trace
from features.catalogue import catalogue_digest
from serving import trace_history as found
from serving import trace_scores as made
from serving.asked_leads import Delivered, RowsByLead, around, known_ids, refused_rows, why_unknown
from serving.calls import with_calls
from serving.one_score import Regime, asked_at
from serving.score import refuse_other_catalogue, refuse_other_definitions, score_batch


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
    delivered
        What the source says now of the leads that are asked about; None where it cannot be asked.
    """

    quarantine: Quarantine
    published: pa.Table
    calls: CallList
    delivered: Delivered | None = None


def trace_leads(
    history: CrmHistory, lead_ids: Sequence[str], *, regime: Regime, beside: Surroundings, as_of: dt.datetime
) -> tuple[Trace | NotTraced, ...]:
    """What each noun holds for each lead, in the order of `lead_ids`, by the same functions that score all leads.

    The history and the quarantine are read once, whatever the number of leads.

    Parameters
    ----------
    history
        Checked history.
    lead_ids
        The CRM's ids, each once.
    regime
        What scores: the release, the definitions and the hand-off boundaries in force.
    beside
        Refused rows, what the source says, what stands in the CRM.
    as_of
        The moment of scoring (UTC, naive).

    Returns
    -------
    tuple
        Of a lead that is not in the history: whether its row was refused (and why), left out or merged into another.

    Raises
    ------
    ReleaseError
        Where the release does not belong to these definitions or this feature catalogue.
    """
    refuse_other_definitions(regime.release, regime.settings.definitions)
    refuse_other_catalogue(regime.release, catalogue_digest(regime.settings))
    refused = refused_rows(beside.quarantine, lead_ids)
    with around(history, lead_ids) as near:
        there = known_ids(near, lead_ids)
        told = {
            lead_id: NotTraced(lead_id, why_unknown(history, lead_id, refused=refused, delivered=beside.delivered))
            for lead_id in lead_ids
            if lead_id not in there
        }
        known = [lead_id for lead_id in lead_ids if lead_id in there]
        asked = _Asked(history, near, known, refused)
        traced = _traces(asked, regime=regime, beside=beside, as_of=as_of) if known else {}
    return tuple(traced[lead_id] if lead_id in there else told[lead_id] for lead_id in lead_ids)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The leads that are traced, the history around them, and what was refused of them."""

    history: CrmHistory
    near: CrmHistory
    lead_ids: Sequence[str]
    refused: RowsByLead


def _traces(asked: _Asked, *, regime: Regime, beside: Surroundings, as_of: dt.datetime) -> Mapping[str, Trace]:
    nouns = [*_nouns(asked, regime=regime, beside=beside, as_of=as_of)]
    return {
        lead_id: Trace(lead_id, as_of, tuple(Step(noun, meaning, rows[lead_id]) for noun, meaning, rows in nouns))
        for lead_id in asked.lead_ids
    }


def _nouns(
    asked: _Asked, *, regime: Regime, beside: Surroundings, as_of: dt.datetime
) -> Iterator[tuple[str, str, Mapping[str, Rows]]]:
    """Each noun with its meaning and the rows of each lead."""
    release, settings, thresholds = regime.release, regime.settings, regime.thresholds
    near, ids = asked.near, asked.lead_ids
    open_leads = asked_at(near, ids, regime=regime, as_of=as_of)
    frame = open_leads.frame
    calls, standing = (_of_ids(table, ids) for table in (beside.calls.rows, beside.published))
    scored = pa.table(with_calls(score_batch(frame, release, settings=settings, thresholds=thresholds), calls))
    delivered = found.raw_rows(asked.history, beside.delivered, ids, settings=settings)
    planned = made.plan_rows(scored, standing, ids, thresholds=thresholds, settings=settings)
    boundaries = dict.fromkeys(ids, made.threshold_rows(release, thresholds))
    yield "RawHistory", "what the CRM said", delivered
    yield "CrmHistory", "what can be trusted, and what was refused", found.history_rows(near, ids, asked.refused)
    yield "Snapshots", "the lead at this moment", found.snapshot_rows(near, frame, ids, as_of=as_of)
    known = found.known_rows(near, open_leads.snapshots, ids, settings=settings)
    yield "KnownHistory", "what was known then", known
    yield "FeatureTable", "what the models read", made.feature_rows(frame, release, ids)
    yield "LabelledTable", "what the models learnt from it", found.label_rows(near, ids, settings=settings)
    yield "FittedTransition", "what the models make of it", made.model_rows(frame, release, ids)
    yield "Thresholds", "the boundaries", boundaries
    yield "ScoringRelease", "what was promoted", made.release_rows(frame, release, ids)
    yield "CallList", "what there is room for", made.call_rows(calls, ids)
    yield "ScoredLeads", "what it is worth, and what to do", made.scored_rows(scored, ids)
    yield "WriteBackPlan", "what would change in the CRM", planned
    yield "PublishReceipt", "what stands in the CRM now", made.published_rows(standing, ids)


def _of_ids(table: pa.Table, lead_ids: Sequence[str]) -> pa.Table:
    return table.filter(pc.is_in(table["lead_id"], value_set=pa.array(lead_ids, pa.string())))
