"""The customer's words in ours: what the settings map, and what nothing maps."""

import re
from collections.abc import Mapping

from ibis.backends.duckdb import Backend

from data_contracts.casting import text_of
from data_contracts.columns import Column, TableContract
from data_contracts.errors import Breach
from data_contracts.privacy import masked
from data_contracts.settings import CrmMapping
from data_contracts.wording import rows
from data_contracts.workbench import WORDS, delivered, identifier, literal

_SECTIONS = {
    "stage": "stages",
    "current_stage": "stages",
    "kind": "activity_kinds",
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


def _loose_sql(word: str) -> str:
    return rf"regexp_replace(lower({word}), '[\s_-]+', '_', 'g')"


def _mapping(column: Column, crm: CrmMapping) -> Mapping[str, str]:
    section = _SECTIONS.get(column.name)
    return {word: str(ours) for word, ours in getattr(crm, section).items()} if section else {}


def _loose_mapping(exact: Mapping[str, str], vocabulary: tuple[str, ...]) -> dict[str, str]:
    """Loose words to ours: our own words, overruled by the customer's where these agree among themselves."""
    targets: dict[str, set[str]] = {}
    for word, ours in exact.items():
        targets.setdefault(loose(word), set()).add(ours)
    own = {loose(word): word for word in vocabulary if loose(word) not in targets}
    return own | {word: ours.pop() for word, ours in targets.items() if len(ours) == 1}


def _values(mapping: Mapping[str, str]) -> str:
    pairs = ", ".join(f"({literal(word)}, {literal(ours)})" for word, ours in mapping.items())
    return f"(VALUES {pairs})" if pairs else "(SELECT NULL, NULL WHERE false)"


def translate(engine: Backend, contract: TableContract, *, columns: Mapping[str, str], crm: CrmMapping) -> None:
    """Put every word that the delivered table holds in a mapped column, and its canonical word, into `WORDS`.

    A word is looked up as it is written, then without regard to case, blanks, hyphens and underscores; the settings'
    mapping goes before our own words.
    """
    for column in contract.columns:
        if column.vocabulary is None or column.name not in columns:
            continue
        exact = {word.strip(): ours for word, ours in _mapping(column, crm).items()}
        engine.con.execute(
            f"""
            INSERT INTO {WORDS}
            SELECT {literal(contract.name)}, {literal(column.name)}, found.word,
                   coalesce(exact.canonical, alike.canonical), found.n_rows
            FROM (SELECT {text_of(identifier(column.name))} AS word, count(*) AS n_rows
                  FROM {delivered(contract.name)} GROUP BY 1) AS found
            LEFT JOIN {_values(exact)} AS exact(word, canonical) ON exact.word = found.word
            LEFT JOIN {_values(_loose_mapping(exact, column.vocabulary))} AS alike(word, canonical)
                   ON alike.word = {_loose_sql("found.word")}
            WHERE found.word IS NOT NULL
            """
        )


def unmapped_breaches(engine: Backend, contract: TableContract, column: str) -> list[Breach]:
    """One breach for each word of `column` that nothing maps, the most frequent first, the rarest in one."""
    found = engine.con.execute(
        f"""
        SELECT word, n_rows FROM {WORDS}
        WHERE table_name = {literal(contract.name)} AND column_name = {literal(column)} AND canonical IS NULL
        ORDER BY n_rows DESC, word
        """
    ).fetchall()
    section = _SECTIONS.get(column)
    allowed = ", ".join(contract.column(column).vocabulary or ())
    remedy = (
        f"add it to [crm.{section}] in the settings file ({allowed})"
        if section
        else f"let the SELECT of {contract.name} translate it into one of {allowed}"
    )
    rule = f"{contract.name}.{column}.in_vocabulary"
    breaches = [
        Breach(contract.name, rule, f"{_shown(word)} ({rows(n_rows)}) is not mapped", remedy)
        for word, n_rows in found[:_MOST_WORDS]
    ]
    if rest := found[_MOST_WORDS:]:
        n_rows = sum(row[1] for row in rest)
        breaches.append(
            Breach(contract.name, rule, f"{len(rest):,} more words of {column} ({rows(n_rows)}) are not mapped", remedy)
        )
    return breaches


def _shown(word: str) -> str:
    word = masked(word)
    return repr(word if len(word) <= _LONGEST_WORD else word[:_LONGEST_WORD] + "…")
