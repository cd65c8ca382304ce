"""Which rows breach which rule."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from data_contracts.check.deliver import Delivered
from data_contracts.columns import TableContract
from data_contracts.ports import Engine
from data_contracts.row_rule import RowRule, SeenInRow
from data_contracts.rules import Unique

SURVIVOR = "survivor_id"
"""The lead that a row of a merged lead goes to; null in other rows."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One table whose rows were judged.

    Attributes
    ----------
    delivered
        Every delivered row in canonical columns and types, in the customer's words.
    typed
        The same without changes of attributes that nobody declared: what Great Expectations is shown.
    rows
        The same in our words, each with what is known of the lead that it belongs to.
    words
        What `translate_words.find_words` found.
    rules
        The rules that could be judged: those about leads only where the leads themselves could be.
    breaches
        `source_row`, `rule` (the rule's id): one row is one breach.
    left_out
        `source_row`, `place` of what the settings leave out (`check.leave_out`); None where nothing is.
    """

    table: Delivered
    delivered: ir.Table
    typed: ir.Table
    rows: ir.Table
    words: ir.Table | None
    rules: tuple[RowRule, ...]
    breaches: ir.Table
    left_out: ir.Table | None = None

    @property
    def name(self) -> str:
        """The table's canonical name."""
        return self.table.name

    @property
    def refused(self) -> ir.Table:
        """`source_row` of each refused row, once."""
        return self.breaches.select("source_row").distinct()

    @property
    def accepted(self) -> ir.Table:
        """The rows that breach nothing and are not left out."""
        rows = self.rows.anti_join(self.refused, "source_row")
        return rows if self.left_out is None else rows.anti_join(self.left_out, "source_row")

    @property
    def refused_rows(self) -> ir.Table:
        """The rows that breach something. Only they are joined with words and leads."""
        few = self.typed.semi_join(self.refused, "source_row")
        return self.rows.op().replace({self.typed.op(): few.op()}).to_expr()

    def breached(self, *kinds: type[RowRule], column: str = "") -> ir.Table:
        """`source_row` of each breach of one of `kinds` (any, where none is named), about `column` if given."""
        ids = [
            rule.id
            for rule in self.rules
            if (not kinds or isinstance(rule, kinds)) and (not column or rule.judges == column)
        ]
        return self.breaches.filter(self.breaches.rule.isin(ids)).select("source_row").distinct()


def judge_rows(
    engine: Engine, rows: ir.Table, contract: TableContract, *, rules: Sequence[RowRule], extracted_at: dt.datetime
) -> ir.Table:
    """The breaches of `rules` by `rows`, kept: `source_row`, `rule`. Rules about mergers are left for later.

    Takes two passes over the rows, whatever the number of rules: one for what a row (and its lead) shows, one for
    repeated keys.
    """
    alone = [rule for rule in rules if isinstance(rule, SeenInRow) and not rule.is_about_mergers]
    in_rows = engine.keep_for_now(
        f"breaches_in_rows_of_{contract.name}", in_row(rows, alone, extracted_at=extracted_at)
    )
    unique = next(rule for rule in rules if isinstance(rule, Unique))
    repeated = repeated_rows(rows, contract, breached=in_rows.select("source_row").distinct())
    both = in_rows.union(repeated.select("source_row", rule=ibis.literal(unique.id)))
    return engine.keep_for_now(f"breaches_of_{contract.name}", both)


def in_row(rows: ir.Table, rules: Sequence[SeenInRow], *, extracted_at: dt.datetime) -> ir.Table:
    """`source_row` and `rule` of each breach that a row shows alone."""
    breaches = {rule.id: rule.breaches(rows, extracted_at=extracted_at) for rule in rules}
    found = rows.filter(ibis.or_(*breaches.values()))
    ids = ibis.array([breach.ifelse(rule_id, ibis.null("string")) for rule_id, breach in breaches.items()])
    return found.select("source_row", rule=ids.filter(lambda rule_id: rule_id.notnull()).unnest())


def repeated_rows(rows: ir.Table, contract: TableContract, *, breached: ir.Table) -> ir.Table:
    """`source_row` of each row whose key an earlier row has too.

    The first row that breaches nothing else is kept; `breached` holds the `source_row` of those that do. A lead's own
    row goes before one that came to it by a merger, because a key with a lead in it must be unique after that.
    """
    keyed = _keyed(rows, contract)
    again = keyed.group_by(_parts(contract)).aggregate(n=keyed.count())
    again = again.filter(again.n > 1).drop("n").rename({f"again_{part}": part for part in _parts(contract)})
    same = [_is_same(keyed, again, part, contract) for part in _parts(contract)]
    twins = keyed.join(again, same).select(*keyed.columns)
    flags = breached.select(breached_row="source_row")
    twins = twins.left_join(flags, twins.source_row == flags.breached_row)
    twins = twins.mutate(is_breached=twins.breached_row.notnull())
    order = ibis.window(group_by=_parts(contract), order_by=["is_breached", "is_merged", "source_row"])
    placed = twins.mutate(place=ibis.row_number().over(order))
    return placed.filter(placed.place > 0).select("source_row")


def _parts(contract: TableContract) -> list[str]:
    return [f"key_{name}" for name in contract.key]


def _keyed(rows: ir.Table, contract: TableContract) -> ir.Table:
    """`source_row` and key of the rows that have one, and whether a merger brought the row to its lead."""
    has_survivor = SURVIVOR in rows.columns and contract.name != "leads"
    parts = {f"key_{name}": rows[name] for name in contract.key}
    if has_survivor and "lead_id" in contract.key:
        parts["key_lead_id"] = ibis.coalesce(rows[SURVIVOR], rows.lead_id)
        is_merged = rows[SURVIVOR].notnull()
    else:
        is_merged = ibis.literal(False)
    given = [rows[name].notnull() for name in contract.key if not contract.column(name).nullable]
    return rows.filter(*given).select("source_row", **parts, is_merged=is_merged)


def _is_same(keyed: ir.Table, again: ir.Table, part: str, contract: TableContract) -> ir.BooleanValue:
    one, other = keyed[part], again[f"again_{part}"]
    # Engines join faster by plain equality, which a missing part does not meet.
    return one.identical_to(other) if contract.column(part.removeprefix("key_")).nullable else one == other
