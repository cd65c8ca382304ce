"""Scores become field changes in the CRM: planned, shown, and handed to a sink."""

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

_TIME = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"
FIELD_VALUES: dict[str, str] = {
    "grade": "grade",
    "p_sql": "printf('%.4f', p_sql)",
    "p_win": "printf('%.4f', p_win)",
    "expected_value": "printf('%.2f', expected_value)",
    "action": "action",
    "respond_by": _TIME.format("respond_by_at"),
    "reasons": "nullif(concat_ws('; ', reason_1, reason_2, reason_3), '')",
    "extrapolated": "if(is_extrapolated, 'yes', 'no')",
    "release": "release_id",
}
"""What a CRM field can hold, by the last words of the field's name, as SQL over the scored leads. Every value is text,
rounded here and nowhere else, so that a value that did not move is equal as text: probabilities have four decimals,
values two, times are ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one lead: what stands in the CRM and what would stand there. Missing is None."""

    lead_id: str
    field: str
    old_value: str | None
    new_value: str | None


def field_content(field: str) -> str | None:
    """What the CRM field called `field` holds: a key of `FIELD_VALUES`, or None where its name says nothing we have.

    Examples
    --------
    >>> field_content("leadscore_p_sql"), field_content("grade"), field_content("upgrade")
    ('p_sql', 'grade', None)
    """
    for content in FIELD_VALUES:
        if field == content or field.endswith(f"_{content}"):
            return content
    return None


def plan_write_back(
    scored: ScoredLeads, published: pa.Table, *, fields: tuple[str, ...], thresholds: Thresholds
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
        Names of the CRM's fields. A name ends with one of the keys of `FIELD_VALUES`.
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
        Listing every field whose content is unknown, or every lead that `published` holds twice (the first few).
    """
    values = _values(fields)
    with scratch_folder(scored.path) as spill:
        engine = open_engine(spill=spill)
        try:
            con = engine.con
            con.register("published_now", published)
            con.register("scores", ds.dataset(scored.path, format="parquet"))
            _refuse_twice_published(con)
            columns = ", ".join(f"{value} AS {_quoted(field)}" for field, value in values.items())
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


def _values(fields: tuple[str, ...]) -> dict[str, str]:
    contents = {field: field_content(field) for field in fields}
    unknown = [field for field, content in contents.items() if content is None]
    if unknown:
        raise PublishError(
            f"[crm] write_back_fields: {', '.join(map(repr, unknown))} end(s) with nothing we can write; "
            f"a field's name ends with one of {', '.join(FIELD_VALUES)}"
        )
    return {field: FIELD_VALUES[content] for field, content in contents.items() if content is not None}


def _refuse_twice_published(con: duckdb.DuckDBPyConnection) -> None:
    twice = con.sql("SELECT lead_id FROM published_now GROUP BY lead_id HAVING count(*) > 1 ORDER BY lead_id")
    if lead_ids := twice.fetchmany(5):
        named = ", ".join(repr(lead_id) for (lead_id,) in lead_ids)
        raise PublishError(f"what stands in the CRM holds leads more than once ({named}); remove the extra rows first")


def _changes_sql(fields: tuple[str, ...], published: frozenset[str]) -> str:
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


def _more_than_the_release(fields: tuple[str, ...]) -> str:
    """SQL that keeps the changes of leads of which more changes than the name of the release."""
    telling = ", ".join("'" + field.replace("'", "''") + "'" for field in fields if field_content(field) != "release")
    return f"QUALIFY bool_or(field IN ({telling})) OVER (PARTITION BY lead_id)" if telling else ""


def _new_value(field: str, fields: tuple[str, ...], published: frozenset[str]) -> str:
    """SQL of what the field would hold: the scored value, but a lead that is still handed off keeps its respond-by.

    Sales' clock started when the lead was handed off; scoring it again must not start it anew.
    """
    name = _quoted(field)
    action = next((other for other in fields if field_content(other) == "action"), None)
    if field_content(field) != "respond_by" or action is None or not {field, action} <= published:
        return f"s.{name}"
    is_still = " AND ".join(f"{row}.{_quoted(action)} = '{Action.HAND_OFF}'" for row in ("p", "s"))
    return f"CASE WHEN {is_still} THEN coalesce(CAST(p.{name} AS VARCHAR), s.{name}) ELSE s.{name} END"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
