"""Scores become field changes in the CRM: planned, shown, and handed to a sink."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from data_contracts.errors import PublishError
from data_contracts.ports import ScoreSink
from data_contracts.scores import P_NEXT_INTERVAL, REASONS, PublishReceipt, ScoredLeads, WriteBackPlan
from data_contracts.thresholds import Thresholds
from data_contracts.vocabulary import FieldContent

_BATCH_ROWS = 100_000
CHANGES_SCHEMA = pa.schema([(name, pa.string()) for name in ("lead_id", "field", "old_value", "new_value")])


def _decimals(values: pa.Array, *, places: int) -> pa.Array:
    return pa.array([None if value is None else f"{value:.{places}f}" for value in values.to_pylist()], pa.string())


def _interval(scores: pa.RecordBatch) -> pa.Array:
    """The share of later leads given the same probability that converted, from lowest to highest."""
    ends = zip(*(_decimals(scores[name], places=3).to_pylist() for name in P_NEXT_INTERVAL), strict=True)
    return pa.array([None if low is None else f"{low} to {high}" for low, high in ends], pa.string())


def _time(values: pa.Array) -> pa.Array:
    return pc.strftime(values.cast(pa.timestamp("s"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")


def _day(values: pa.Array) -> pa.Array:
    return pc.strftime(values.cast(pa.timestamp("s"), safe=False), format="%Y-%m-%d")


def _reasons(scores: pa.RecordBatch) -> pa.Array:
    told = zip(*(scores[name].to_pylist() for name in REASONS), strict=True)
    return pa.array(["; ".join(filter(None, reasons)) or None for reasons in told], pa.string())


FIELD_VALUES: dict[FieldContent, Callable[[pa.RecordBatch], pa.Array]] = {
    FieldContent.GRADE: lambda scores: scores["grade"],
    FieldContent.P_SQL: lambda scores: _decimals(scores["p_sql"], places=4),
    FieldContent.P_WIN: lambda scores: _decimals(scores["p_win"], places=4),
    FieldContent.INTERVAL: _interval,
    FieldContent.EXPECTED_VALUE: lambda scores: _decimals(scores["expected_value"], places=2),
    FieldContent.ACTION: lambda scores: scores["action"],
    FieldContent.RESPOND_BY: lambda scores: _time(scores["respond_by_at"]),
    FieldContent.EXPECTED_HAND_OFF: lambda scores: _day(scores["expected_at"]),
    FieldContent.RECHECK: lambda scores: _day(scores["recheck_at"]),
    FieldContent.REASONS: _reasons,
    FieldContent.EXTRAPOLATED: lambda scores: pc.if_else(scores["is_extrapolated"], "yes", "no"),
    FieldContent.RELEASE: lambda scores: scores["release_id"],
}
"""What a CRM field can hold: text for each of the scored leads. It is rounded here and nowhere else, so that a value
that did not move is equal as text: probabilities have four decimals, the interval beside that of the next transition
three, values two, times are ISO 8601 in UTC."""

Fields = Mapping[str, FieldContent]
"""What each field holds, by its name in the CRM."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one lead: what stands in the CRM and what would stand there. Missing is None."""

    lead_id: str
    field: str
    old_value: str | None
    new_value: str | None


def plan_write_back(
    scored: ScoredLeads, published: pa.Table, *, fields: Fields, thresholds: Thresholds
) -> WriteBackPlan:
    """What would change in the CRM, field by field, only where the text differs.

    Parameters
    ----------
    scored
        The scores of one run.
    published
        What stands in the CRM now: `lead_id` and one text column a field. A field that is not there yet counts as
        missing for every lead.
    fields
        What to write, and into which fields of the CRM.
    thresholds
        The boundaries of the release that scored.

    Returns
    -------
    WriteBackPlan
        Carrying it out and planning again gives no changes. A new release alone changes no lead: the field `release`
        names the release that last changed something else of the lead. Leads that were published before and are no
        longer scored are counted and left as they stand.

    Raises
    ------
    PublishError
        Listing the first few leads that `published` holds twice.
    """
    _refuse_twice_published(published["lead_id"])
    parts, still_scored = [CHANGES_SCHEMA.empty_table()], np.zeros(published.num_rows, dtype=bool)
    for scores in ds.dataset(scored.path, format="parquet").to_batches(batch_size=_BATCH_ROWS):
        places = pc.index_in(scores["lead_id"], value_set=published["lead_id"])
        still_scored[places.drop_null().to_numpy()] = True
        parts += _changes(scores, published.take(places), fields=fields)
    changes = pa.concat_tables(parts).sort_by([("lead_id", "ascending"), ("field", "ascending")])
    n_changed = len(changes["lead_id"].unique())
    return WriteBackPlan(
        changes=changes,
        scored=scored,
        thresholds=thresholds,
        n_leads=scored.n_leads,
        n_changed=n_changed,
        n_unchanged=scored.n_leads - n_changed,
        n_left=int((~still_scored).sum()),
    )


def publish(plan: WriteBackPlan, sink: ScoreSink) -> PublishReceipt:
    """What became of `plan` in `sink`. Publishing it again writes nothing new.

    Raises `PublishError` where the sink could not write, or where its receipt does not account for every scored lead.
    """
    receipt = sink.write(plan)
    accounted = receipt.n_written + receipt.n_unchanged + len(receipt.refused)
    if accounted != plan.n_leads:
        raise PublishError(
            f"{sink.name}: {plan.n_leads} leads were to be published and the receipt accounts for {accounted} "
            f"({receipt.n_written} written, {receipt.n_unchanged} unchanged, {len(receipt.refused)} refused); "
            "look into the sink before publishing again"
        )
    return receipt


def preview(plan: WriteBackPlan, n_leads: int) -> tuple[FieldChange, ...]:
    """All changes of the first `n_leads` leads that would change, in the plan's order."""
    shown = set(plan.changes["lead_id"].unique().slice(0, n_leads).to_pylist())
    most_rows = len(shown) * len(plan.changes["field"].unique())
    rows = plan.changes.slice(0, most_rows).to_pylist()
    return tuple(FieldChange(**row) for row in rows if row["lead_id"] in shown)


def _refuse_twice_published(lead_ids: pa.ChunkedArray) -> None:
    counts = pc.value_counts(lead_ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").sort()
    if len(twice):
        named = ", ".join(repr(lead_id) for lead_id in twice.to_pylist()[:5])
        raise PublishError(f"what stands in the CRM holds leads more than once ({named}); remove the extra rows first")


def _changes(scores: pa.RecordBatch, standing: pa.Table, *, fields: Fields) -> list[pa.Table]:
    """The changes of some leads, a table a field; `standing` is what stands of each, missing where nothing does."""
    nothing = pa.nulls(scores.num_rows, pa.string())
    stands = {name: standing[name].combine_chunks().cast(pa.string()) for name in standing.column_names}
    old = {field: stands.get(field, nothing) for field in fields}
    new = {field: FIELD_VALUES[content](scores) for field, content in fields.items()}
    differs = {field: _differ(old[field], new[field]) for field in fields}
    # A new release alone is no news: its name changes beside something else of the lead.
    telling = [differs[field] for field, content in fields.items() if content is not FieldContent.RELEASE]
    is_news = np.logical_or.reduce(telling) if telling else np.ones(scores.num_rows, dtype=bool)
    return [
        pa.table(
            [scores["lead_id"], pa.repeat(field, scores.num_rows), old[field], new[field]], schema=CHANGES_SCHEMA
        ).filter(pa.array(differs[field] & is_news))
        for field in fields
    ]


def _differ(old: pa.Array, new: pa.Array) -> np.ndarray:
    """Whether two texts differ, where missing equals missing."""
    return np.asarray(pc.fill_null(pc.not_equal(old, new), pc.xor(pc.is_null(old), pc.is_null(new))))
