"""The customer's words in ours: what the settings map, and what nothing maps."""

import re
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from data_contracts.check.deliver import Delivered
from data_contracts.columns import Column, TableContract
from data_contracts.crm_mapping import CrmMapping
from data_contracts.errors import Breach
from data_contracts.ports import Engine
from data_contracts.privacy import masked
from data_contracts.wording import rows

_SECTIONS = {
    "stage": "stages",
    "current_stage": "stages",
    "kind": "kinds",
    "direction": "directions",
    "outcome": "outcomes",
}
"""Where the settings map the words of a column; a column that is not here is mapped by the SELECT alone."""

_MOST_WORDS = 40
_LONGEST_WORD = 60


def loose(word: str) -> str:
    """`word` without case, and with one underscore for blanks, hyphens and underscores.

    >>> loose(" Email  Sent "), loose("Sales-Qualified")
    ('email_sent', 'sales_qualified')
    """
    return re.sub(r"[\s_-]+", "_", word.strip().lower())


def _loosely(word: ir.StringValue) -> ir.StringValue:
    return word.lower().re_replace(r"[\s_-]+", "_")


def _mapping(column: Column, crm: CrmMapping) -> Mapping[str, str]:
    if column.name == "kind":
        return {word: kind for kind, declared in crm.kinds.items() for word in declared.words}
    section = _SECTIONS.get(column.name)
    return {word: str(ours) for word, ours in getattr(crm, section).items()} if section else {}


def _loose_mapping(exact: Mapping[str, str], vocabulary: tuple[str, ...]) -> dict[str, str]:
    """Loose words to ours: our own words, overruled by the customer's where these agree among themselves."""
    targets: dict[str, set[str]] = {}
    for word, ours in exact.items():
        targets.setdefault(loose(word), set()).add(ours)
    own = {loose(word): word for word in vocabulary if loose(word) not in targets}
    return own | {word: ours.pop() for word, ours in targets.items() if len(ours) == 1}


def find_words(engine: Engine, typed: ir.Table, table: Delivered, *, crm: CrmMapping) -> ir.Table | None:
    """Every word in a mapped column of `typed`: `column_name`, `word`, `canonical` (null: nothing maps it), `n_rows`.

    A word is looked up as it is written, then without regard to case, blanks, hyphens and underscores; the settings'
    mapping goes before our own words. None where the table has no mapped column.
    """
    found = [_words_of(typed, column, crm) for column in _mapped(table)]
    return engine.keep_for_now(f"words_{table.name}", ibis.union(*found)) if found else None


def _mapped(table: Delivered) -> list[Column]:
    return [c for c in table.contract.columns if c.vocabulary is not None and c.name in table.columns]


def _words_of(typed: ir.Table, column: Column, crm: CrmMapping) -> ir.Table:
    exact = {word.strip(): ours for word, ours in _mapping(column, crm).items()}
    alike = _loose_mapping(exact, column.vocabulary or ())
    counted = (
        typed.filter(typed[column.name].notnull()).group_by(word=typed[column.name]).aggregate(n_rows=ibis._.count())
    )
    canonical = ibis.coalesce(_looked_up(counted.word, exact), _looked_up(_loosely(counted.word), alike))
    return counted.select("word", "n_rows", column_name=ibis.literal(column.name), canonical=canonical)


def _looked_up(word: ir.StringValue, mapping: Mapping[str, str]) -> ir.StringValue:
    return word.cases(*mapping.items(), else_=ibis.null("string")) if mapping else ibis.null("string")


def translated(typed: ir.Table, words: ir.Table | None, table: Delivered) -> ir.Table:
    """`typed` with our words in the place of the customer's; a word that nothing maps stays as it is."""
    if words is None:
        return typed
    rows = typed
    for column in _mapped(table):
        mine = words.filter(words.column_name == column.name, words.canonical.notnull())
        mine = mine.select(customers_word=mine.word, our_word=mine.canonical)
        joined = rows.left_join(mine, rows[column.name] == mine.customers_word)
        rows = joined.mutate(**{column.name: ibis.coalesce(joined.our_word, joined[column.name])}).select(
            *typed.columns
        )
    return rows


def known_words(words: ir.Table, column: str) -> list[str]:
    """The words of `column`, as the customer writes them, that are mapped."""
    mine = words.filter(words.column_name == column, words.canonical.notnull())
    return sorted(mine.word.to_pyarrow().to_pylist())


def unmapped_breaches(words: ir.Table, contract: TableContract, column: str) -> list[Breach]:
    """One breach for each word of `column` that nothing maps, the most frequent first, the rarest in one."""
    unmapped = words.filter(words.column_name == column, words.canonical.isnull())
    shown = unmapped.order_by(unmapped.n_rows.desc(), "word").limit(_MOST_WORDS).to_pyarrow().to_pylist()
    found = [(row["word"], row["n_rows"]) for row in shown]
    whole = unmapped.aggregate(n_words=unmapped.count(), n_rows=unmapped.n_rows.sum()).to_pyarrow().to_pylist()[0]
    remedy = _remedy(contract, column)
    rule = f"{contract.name}.{column}.in_vocabulary"
    breaches = [
        Breach(contract.name, rule, f"{_shown(word)} ({rows(n_rows)}) is not mapped", remedy) for word, n_rows in found
    ]
    if n_more := whole["n_words"] - len(found):
        n_rows = whole["n_rows"] - sum(n for _, n in found)
        more = f"{n_more:,} more words of {column} ({rows(n_rows)}) are not mapped"
        breaches.append(Breach(contract.name, rule, more, remedy))
    return breaches


def _remedy(contract: TableContract, column: str) -> str:
    section = _SECTIONS.get(column)
    allowed = ", ".join(contract.column(column).vocabulary or ())
    if column == "kind":
        there = f"there are {allowed}" if allowed else "none is declared"
        return f"add it to the words of a kind in [crm.{section}] in the settings file ({there})"
    if column == "currency":
        known = f"there are {allowed}" if allowed else "and the `currency` that it is worth it in to [crm]"
        return f"add it to [crm.rates] in the settings file, with what one unit of it is worth ({known})"
    if section:
        return f"add it to [crm.{section}] in the settings file ({allowed})"
    return f"let the SELECT of {contract.name} translate it into one of {allowed}"


def _shown(word: str) -> str:
    word = masked(word)
    return repr(word if len(word) <= _LONGEST_WORD else word[:_LONGEST_WORD] + "…")
