"""Scores become field changes in the CRM: planned, shown, and handed to a sink."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from data_contracts.engine import open_engine
from data_contracts.errors import PublishError
from data_contracts.keeping import scratch_folder
from data_contracts.ports import ScoreSink
from data_contracts.releases import Thresholds
from data_contracts.scores import Action, PublishReceipt, ScoredLeads, WriteBackPlan
from data_contracts.vocabulary import FieldContent

_TIME = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"
FIELD_VALUES: dict[FieldContent, str] = {
    FieldContent.GRADE: "grade",
    FieldContent.P_SQL: "printf('%.4f', p_sql)",
    FieldContent.P_WIN: "printf('%.4f', p_win)",
    FieldContent.EXPECTED_VALUE: "printf('%.2f', expected_value)",
    FieldContent.ACTION: "action",
    FieldContent.RESPOND_BY: _TIME.format("respond_by_at"),
    FieldContent.REASONS: "nullif(concat_ws('; ', reason_1, reason_2, reason_3), '')",
    FieldContent.EXTRAPOLATED: "if(is_extrapolated, 'yes', 'no')",
    FieldContent.RELEASE: "release_id",
}
"""What a CRM field can hold, as SQL over the scored leads. Every value is text, rounded here and nowhere else, so that
a value that did not move is equal as text: probabilities have four decimals, values two, times are ISO 8601 in UTC."""

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
        Carrying it out and planning again gives no changes. A lead that was handed off and still is keeps the time by
        which sales responds. A new release alone changes no lead: the field `release` names the release that last
        changed something else of the lead. Leads that were published before and are no longer scored are counted and
        left as they stand.

    Raises
    ------
    PublishError
        Listing the first few leads that `published` holds twice.
    """
    with scratch_folder(scored.path) as spill:
        engine = open_engine(spill=spill)
        try:
            con = engine.con
            con.register("published_now", published)
            con.register("scores", ds.dataset(scored.path, format="parquet"))
            _refuse_twice_published(con)
            columns = ", ".join(f"{FIELD_VALUES[content]} AS {_quoted(field)}" for field, content in fields.items())
            con.execute(f"CREATE TABLE scored_now AS SELECT lead_id, {columns} FROM scores")
            changes = con.sql(_changes_sql(fields, frozenset(published.column_names))).to_arrow_table()
            (n_left,) = con.sql("SELECT count(*) FROM published_now ANTI JOIN scored_now USING (lead_id)").fetchone()
        finally:
            engine.disconnect()
    n_changed = len(changes["lead_id"].unique())
    return WriteBackPlan(
        changes=changes,
        scored=scored,
        thresholds=thresholds,
        n_leads=scored.n_leads,
        n_changed=n_changed,
        n_unchanged=scored.n_leads - n_changed,
        n_left=n_left,
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


def _refuse_twice_published(con: duckdb.DuckDBPyConnection) -> None:
    twice = con.sql("SELECT lead_id FROM published_now GROUP BY lead_id HAVING count(*) > 1 ORDER BY lead_id")
    if lead_ids := twice.fetchmany(5):
        named = ", ".join(repr(lead_id) for (lead_id,) in lead_ids)
        raise PublishError(f"what stands in the CRM holds leads more than once ({named}); remove the extra rows first")


def _changes_sql(fields: Fields, published: frozenset[str]) -> str:
    parts = []
    for field in fields:
        name = _quoted(field)
        old = f"CAST(p.{name} AS VARCHAR)" if field in published else "CAST(NULL AS VARCHAR)"
        new = _new_value(field, fields, published)
        text = field.replace("'", "''")
        parts.append(
            f"SELECT s.lead_id, '{text}' AS field, {old} AS old_value, {new} AS new_value "
            "FROM scored_now s LEFT JOIN published_now p USING (lead_id) "
            "WHERE old_value IS DISTINCT FROM new_value"
        )
    changes = " UNION ALL ".join(parts)
    return f"SELECT * FROM ({changes}) {_more_than_the_release(fields)} ORDER BY lead_id, field"


def _more_than_the_release(fields: Fields) -> str:
    """SQL that keeps the changes of leads of which more changes than the name of the release."""
    names = (field for field, content in fields.items() if content is not FieldContent.RELEASE)
    telling = ", ".join("'" + field.replace("'", "''") + "'" for field in names)
    return f"QUALIFY bool_or(field IN ({telling})) OVER (PARTITION BY lead_id)" if telling else ""


def _new_value(field: str, fields: Fields, published: frozenset[str]) -> str:
    """SQL of what the field would hold: the scored value, but a lead that is still handed off keeps its respond-by.

    Sales' clock started when the lead was handed off; scoring it again must not start it anew.
    """
    name = _quoted(field)
    action = next((other for other, content in fields.items() if content is FieldContent.ACTION), None)
    if fields[field] is not FieldContent.RESPOND_BY or action is None or not {field, action} <= published:
        return f"s.{name}"
    is_still = " AND ".join(f"{row}.{_quoted(action)} = '{Action.HAND_OFF}'" for row in ("p", "s"))
    return f"CASE WHEN {is_still} THEN coalesce(CAST(p.{name} AS VARCHAR), s.{name}) ELSE s.{name} END"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
