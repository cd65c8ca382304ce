"""Rows that the settings leave out: bot clicks, mail scanners, test and internal leads, and all that is theirs.

They are in no canonical table, and stay in the engine as they were delivered, under the name that the settings give.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from data_contracts.check.deliver import Findings
from data_contracts.check.judge_rows import SURVIVOR, Judged
from data_contracts.check.merge_leads import KnownLeads, belongs_to_lead
from data_contracts.check.refuse import as_json
from data_contracts.history import LEFT_OUT
from data_contracts.left_out import LeftOut
from data_contracts.ports import Engine
from data_contracts.row_rule import key_text

_OWNER = "owner_id"


@dataclass(frozen=True, slots=True)
class Gone:
    """The accounts and leads that are left out so far: `owner_id`, `place`. None where none can be yet.

    `place` is that of the condition among those of the settings, from 0. A row that meets several is left out by the
    first of them.
    """

    accounts: ir.Table | None = None
    leads: ir.Table | None = None

    def without(self, known: KnownLeads) -> KnownLeads:
        """The leads that are neither refused nor left out."""
        if self.leads is None:
            return known
        return KnownLeads(known.table.anti_join(self.leads, known.table.known_id == self.leads[_OWNER]))


def leave_out(engine: Engine, judged: Judged, gone: Gone, *, conditions: Sequence[LeftOut]) -> tuple[Judged, Gone]:
    """`judged` with the accepted rows that are left out, and all accounts and leads that are left out by now.

    An account is left out with its leads, a lead with its rows. The rows of a lead that was merged are left out with
    it, and with its survivor.
    """
    if not conditions:
        return judged, gone
    found = [*_own(judged, conditions), *_inherited(judged, gone)]
    if not found:
        return judged, gone
    together = ibis.union(*found).anti_join(judged.refused, "source_row")
    first = together.group_by("source_row").aggregate(place=together.place.min())
    left_out = engine.keep_for_now(f"left_out_of_{judged.name}", first)
    if judged.name in ("accounts", "leads"):
        owners = judged.rows.join(left_out, "source_row").select(owner_id=judged.table.contract.key[0], place="place")
        gone = replace(gone, **{judged.name: engine.keep_for_now(f"gone_{judged.name}", owners)})
    return replace(judged, left_out=left_out), gone


def _own(judged: Judged, conditions: Sequence[LeftOut]) -> Iterator[ir.Table]:
    """`source_row` and `place` of the rows that meet a condition of their own table, refused ones among them."""
    for place, condition in enumerate(conditions):
        if condition.table == judged.name:
            met = judged.rows.filter(_meets(judged.rows[condition.column], condition))
            if condition.within_seconds_of:
                met = _soon_after(met, judged.accepted, condition)
            yield _placed(met.select("source_row", place=ibis.literal(place)))


def _meets(value: ir.Value, condition: LeftOut) -> ir.BooleanValue:
    if condition.one_of:
        return value.isin(condition.one_of)
    bounds = []
    if condition.at_least is not None:
        bounds.append(value >= condition.at_least)
    if condition.at_most is not None:
        bounds.append(value <= condition.at_most)
    return ibis.and_(*bounds)


def _soon_after(met: ir.Table, accepted: ir.Table, condition: LeftOut) -> ir.Table:
    """Those of `met` before which, at most so many seconds, the same lead has another activity of the kind."""
    marks = accepted.filter(accepted.kind == condition.within_seconds_of)
    marks = marks.select(mark_of="lead_id", mark_row="source_row", marked_at="occurred_at")
    pairs = met.join(marks, met.lead_id == marks.mark_of)
    seconds = pairs.occurred_at.delta(pairs.marked_at, unit="microsecond") / 1_000_000
    near = pairs.filter(seconds >= 0, seconds <= condition.at_most, pairs.source_row != pairs.mark_row)
    return near.select("source_row").distinct()


def _inherited(judged: Judged, gone: Gone) -> Iterator[ir.Table]:
    """`source_row` and `place` of the rows whose account or lead is left out, refused ones among them."""
    rows = judged.rows
    if judged.name == "leads" and gone.accounts is not None:
        yield _theirs(rows, gone.accounts, "account_id")
    if gone.leads is not None and belongs_to_lead(judged.table.contract):
        for column in ("lead_id", SURVIVOR):
            if column in rows.columns and judged.name != "leads":
                yield _theirs(rows, gone.leads, column)


def _theirs(rows: ir.Table, owners: ir.Table, column: str) -> ir.Table:
    joined = rows.join(owners, rows[column] == owners[_OWNER])
    return _placed(joined.select("source_row", "place"))


def _placed(found: ir.Table) -> ir.Table:
    # Every part of a union needs the very same types, whatever an engine knows never to be missing.
    return found.cast({"source_row": "int64", "place": "int64"})


def told_apart(engine: Engine, judged: Judged, *, conditions: Sequence[LeftOut]) -> ir.Table | None:
    """The rows of `judged` that are left out, as `data_contracts.history.LeftOutRows` describes them; None if none."""
    if judged.left_out is None:
        return None
    raw = judged.table.rows.semi_join(judged.left_out, "source_row")
    given = raw.select(given_row=raw.source_row, raw_row=as_json(raw, judged.table.known))
    rows = judged.rows.join(judged.left_out, "source_row")
    rows = rows.join(given, rows.source_row == given.given_row)
    names = [(place, condition.name) for place, condition in enumerate(conditions)]
    told = rows.select(
        table=ibis.literal(judged.name),
        source_row="source_row",
        row_key=key_text(judged.table.contract, rows),
        name=rows.place.cases(*names, else_=ibis.null("string")),
        raw_row="raw_row",
    )
    return engine.keep_for_now(f"told_apart_{judged.name}", told)


def keep_left_out(engine: Engine, told: Sequence[ir.Table]) -> ir.Table:
    """The rows of all tables that are left out, kept."""
    return engine.keep(LEFT_OUT, ibis.union(*told) if told else _SCHEMA.to_pyarrow().empty_table())


_SCHEMA = ibis.schema(
    {"table": "string", "source_row": "int64", "row_key": "string", "name": "string", "raw_row": "string"}
)


def left_out_counts(engine: Engine, table: str) -> dict[str, int]:
    """How many rows of `table` are left out under each name, most first."""
    rows = engine.table(LEFT_OUT)
    rows = rows.filter(rows.table == table)
    counted = rows.group_by("name").aggregate(n=rows.count())
    found = counted.order_by(counted.n.desc(), "name").to_pyarrow().to_pylist()
    return {row["name"]: row["n"] for row in found}


def conditions_that_no_row_meets(engine: Engine, conditions: Sequence[LeftOut]) -> Findings:
    """A warning for each condition by which nothing is left out: it may be misspelt."""
    if not conditions:
        return Findings()
    met = set(engine.table(LEFT_OUT).select("name").distinct().to_pyarrow()["name"].to_pylist())
    idle = [condition.name for condition in conditions if condition.name not in met]
    return Findings(warnings=tuple(f"left out by {name!r}: no row" for name in idle))
