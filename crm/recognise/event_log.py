"""An event log, a row an event of a case: cases are leads, some words are stages, the rest are activities."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from crm.recognise import names
from crm.recognise.activities import agreed, kind_guesses, kinds_of
from crm.recognise.looked_at import Column, Export, Table, literal
from crm.recognise.names import find, plain, stage_of
from crm.recognise.nouns import Guess, Kind, Part, Question, Select
from crm.recognise.stages import CREATED_WORD, time_sql
from data_contracts.errors import SettingsError
from data_contracts.vocabulary import Stage

_CASES = (
    "case_id", "case", "caseid", "lead_id", "contact_id", "application_id", "person_id", "deal_id", "customer_id", "id",
)  # fmt: skip
_SQL_HINT = ("sent", "offer", "quote", "proposal", "qualified", "sql", "meeting", "demo", "opportunity")
_DONE = re.compile(r"complete|done|finish|closed")
_ENDS_WITHIN_DAYS = 1.0
_PART_OF_END = 0.9
"""Of the cases with a word, the share that end with it where the word is part of the ending."""


@dataclass(frozen=True)
class Log:
    """A table that is an event log, and its columns."""

    table: Table
    case: Column
    word: Column
    life: Column | None
    at: Column
    constant: tuple[Column, ...]
    several: tuple[str, ...]
    """Words that come in several states of `life`."""

    @property
    def undone(self) -> tuple[str, ...]:
        """Words for work that was only planned or begun, where its completion is a word of its own."""
        states = [state for state, _ in self.life.words] if self.life else []
        done = [state for state in states if _DONE.search(plain(state))]
        return tuple(f"{word} {state}" for word in self.several for state in states if done and state not in done)

    @property
    def events(self) -> str:
        """The WITH clause that gives each event its `position`, `lead_id`, `word`, `time` as text and `moment`."""
        word = f"r.{self.word.sql}"
        if self.life is not None and self.several:
            listed = ", ".join(map(literal, self.several))
            word = f"CASE WHEN {word} IN ({listed}) THEN {word} || ' ' || r.{self.life.sql} ELSE {word} END"
        time = time_sql(self.at)
        return (
            "WITH events AS (\n"
            "    SELECT\n"
            f"        row_number() OVER () AS position,\n        r.{self.case.sql} AS lead_id,\n"
            f"        {word} AS word,\n"
            f"        {time} AS time,\n        try_cast({time} AS TIMESTAMPTZ) AS moment,\n        r.*\n"
            f"    FROM {self.table.reader} AS r\n)\n"
        )


@dataclass(frozen=True)
class ReadLog:
    """What a log gives: the SELECTs but that of the leads' attributes, words, kinds, guesses and questions."""

    log: Log
    leads: Part
    stages: Select
    activities: Select
    extracted_at: str
    words: Mapping[str, Stage]
    kinds: tuple[Kind, ...]
    guesses: tuple[Guess, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class _Word:
    """What is known of one word: its cases, and of these the shares that begin with it, have it once, end with it."""

    word: str
    n_events: int
    n_cases: int
    begins_share: float
    once_share: float
    ends_share: float


def log_in(export: Export) -> Log | None:
    """The event log that an export is; None where it is none."""
    if len(export.tables) != 1:
        return None
    (table,) = export.tables
    at = find(table, names.OCCURRED, lambda column: column.times is not None)
    case = find(table, _CASES, lambda column: column.times is None and column.n_distinct < 0.7 * column.n_filled)
    word = find(
        table,
        names.EVENT,
        lambda column: len(column.words) > 2,
    )
    if at is None or case is None or word is None or word.is_number or case.n_distinct < 3:
        return None
    life = find(
        table, ("lifecycle", "lifecycle_transition", "transition", "state"), lambda column: 1 < len(column.words) <= 10
    )
    several: tuple[str, ...] = ()
    if life is not None:
        rows = export.rows(
            f"SELECT trim({word.sql}) FROM {table.view} "
            f"GROUP BY 1 HAVING count(DISTINCT trim({life.sql})) > 1 ORDER BY 1"
        )
        several = tuple(value for (value,) in rows if value)
    other = [column for column in table.columns if column not in (case, word, life, at) and column.n_distinct > 1]
    varying = export.rows(
        "SELECT " + (", ".join(f"max({_n(i)})" for i in range(len(other))) or "1") + " FROM (SELECT "
        + (", ".join(f"count(DISTINCT {column.sql}) AS {_n(i)}" for i, column in enumerate(other)) or "1")
        + f" FROM {table.view} GROUP BY {case.sql})"
    )[0]  # fmt: skip
    constant = tuple(column for column, n in zip(other, varying, strict=False) if n == 1)
    return Log(table, case, word, life, at, constant, several)


def _n(place: int) -> str:
    return f"n{place}"


def read_log(export: Export, log: Log, answers: Mapping[str, str]) -> ReadLog:
    """The leads, stages and activities of a log.

    Raises `SettingsError` where nothing tells which word is the win and nobody answered, or an answer names no word.
    """
    export.backend.con.execute(
        "CREATE OR REPLACE TEMP TABLE events AS "
        + log.events.replace(log.table.reader, log.table.view)
        + "SELECT position, lead_id, trim(word) AS word, time, moment FROM events"
    )
    words = _words(export)
    won, lost, sql, guesses, questions = _chosen(export, words, answers)
    tied = _tied(export, ends=(won, *lost))
    stage_words = {won: Stage.WON, **dict.fromkeys(lost, Stage.LOST)} | ({sql: Stage.SQL} if sql else {})
    entry = tuple(one.word for one in words if one.begins_share > 0.9 and one.once_share > 0.99)
    undone = log.undone
    left = {won, *lost, *tied, *entry, *undone}
    counted = {one.word: one.n_events for one in words if one.word not in left}
    kinds, contact = agreed(kinds_of(counted), answers)
    shown = [*guesses, *kind_guesses(kinds)]
    if tied:
        told = f"in at least {_PART_OF_END:.0%} of their cases they come with the ending: they are part of it"
        shown.append(Guess("events left out", ", ".join(tied), told))
    if undone:
        shown.append(
            Guess("events left out", ", ".join(undone), "planned or begun only; what was done is there beside it")
        )
    questions += contact if any(kind.counts_as_contact for kind in kinds) else ()
    leads = Part(
        {"lead_id": "lead_id", "created_at": "first(time ORDER BY moment NULLS LAST, position)"},
        "events",
        before=log.events,
    )
    return ReadLog(
        log, leads, _stage_select(log, stage_words), _activity_select(log, left), _extract(log),
        {CREATED_WORD: Stage.MQL} | stage_words, kinds, tuple(shown), questions,
    )  # fmt: skip


def _words(export: Export) -> tuple[_Word, ...]:
    """Every word, that of the most cases first."""
    rows = export.rows(
        f"""
        WITH cases AS (SELECT lead_id, max(moment) AS last, min(moment) AS begin FROM events GROUP BY 1),
        seen AS (SELECT lead_id, word, count(*) AS n, min(moment) AS first FROM events WHERE word <> '' GROUP BY ALL)
        SELECT word, sum(n)::BIGINT, count(*), avg((first = begin)::INT), avg((n = 1)::INT),
            avg((last - first <= INTERVAL '{_ENDS_WITHIN_DAYS} days')::INT)
        FROM seen JOIN cases USING (lead_id) GROUP BY word ORDER BY count(*) DESC, word
        """
    )
    return tuple(_Word(*row) for row in rows)


def _tied(export: Export, *, ends: tuple[str, ...]) -> tuple[str, ...]:
    """Words that are part of an ending: nearly all their cases have it within a minute of them or before."""
    listed = ", ".join(map(literal, ends))
    rows = export.rows(
        f"""
        WITH ended AS (SELECT lead_id, min(moment) AS ended FROM events WHERE word IN ({listed}) GROUP BY 1)
        SELECT word FROM (
            SELECT lead_id, word, min(moment) AS first FROM events
            WHERE word NOT IN ({listed}) AND word <> '' GROUP BY ALL
        ) LEFT JOIN ended USING (lead_id)
        GROUP BY word HAVING avg(coalesce(first >= ended - INTERVAL '1 minute', FALSE)::INT) >= {_PART_OF_END}
        ORDER BY word
        """
    )
    return tuple(word for (word,) in rows)


def _chosen(
    export: Export, words: tuple[_Word, ...], answers: Mapping[str, str]
) -> tuple[str, tuple[str, ...], str, list[Guess], tuple[Question, ...]]:
    """The word of the win, those of the loss, that of the SQL (empty: none), guesses and questions."""
    known = tuple(one.word for one in words)
    ending = [one for one in words if one.ends_share >= 0.7 and one.once_share >= 0.95]
    won_like = [one for one in ending if stage_of(one.word) is Stage.WON]
    proposed = max(won_like, key=lambda one: one.n_cases).word if won_like else ""
    won = _answer("won", answers, proposed, known)
    if not won:
        raise SettingsError(
            f"nothing tells which of {', '.join(known)} is a win; say it: --answer won=WORD, and sql and lost alike"
        )
    lost_like: list[str] = []
    for one in ending:  # one that comes with another says the same
        is_like = stage_of(one.word) in (Stage.LOST, Stage.DISQUALIFIED) and one.word != won
        if is_like and not (lost_like and one.word in _tied(export, ends=tuple(lost_like))):
            lost_like.append(one.word)
    lost = tuple(
        word for word in _answer("lost", answers, ",".join(lost_like), known, takes_many=True).split(",") if word
    )
    before, n_won = _before_win(export, won)
    sql_like = _sql_like(words, before, but=(won, *lost), n_won=n_won)
    sql = _answer("sql", answers, sql_like, known)
    by = {one.word: one for one in words}
    guesses = [_guess(by, "stage won", won, "won"), *(_guess(by, "stage lost", word, "lost") for word in lost)]
    if sql:
        told = f"{by[sql].n_cases:,} cases; it comes before the win in {before.get(sql, 0.0):.0%} of the won"
        guesses.append(
            Guess("stage sql", sql, told, "" if "sql" in answers else f"say whether {sql!r} makes a lead an SQL")
        )
    open_ = (
        Question("won", "Which event is the win?", won, "its form; cases end with it", known),
        Question("lost", "Which events end a lead without a win? With commas", ",".join(lost),
                 "their form; cases end with them", known, takes_many=True),
        Question("sql", "Which event makes a lead an SQL (nothing: none does)?", sql,
                 "most wins have it before", known),
    )  # fmt: skip
    return won, lost, sql, guesses, tuple(question for question in open_ if question.name not in answers)


def _guess(by: Mapping[str, _Word], what: str, word: str, stage: str) -> Guess:
    one = by[word]
    told = f"{one.n_cases:,} cases, in {one.once_share:.0%} of them once, {one.ends_share:.0%} end within a day of it"
    return Guess(what, word, told, f"say whether {word!r} means {stage}")


def _answer(
    name: str, answers: Mapping[str, str], proposal: str, known: tuple[str, ...], *, takes_many: bool = False
) -> str:
    told = answers.get(name, proposal).strip()
    said = [word.strip() for word in told.split(",")] if takes_many else [told]
    if unknown := [word for word in said if word and word not in known]:
        raise SettingsError(
            f"the answer to `{name}` names {', '.join(map(repr, unknown))}; the words are {', '.join(known)}"
        )
    return ",".join(said)


def _before_win(export: Export, won: str) -> tuple[dict[str, float], int]:
    """By word, the share of the won cases that have it before the win; and how many are won."""
    rows = export.rows(
        f"""
        WITH won AS (SELECT lead_id, min(moment) AS won FROM events WHERE word = {literal(won)} GROUP BY 1)
        SELECT word, count(DISTINCT lead_id)::DOUBLE / (SELECT count(*) FROM won), (SELECT count(*) FROM won)
        FROM events JOIN won USING (lead_id) WHERE moment < won - INTERVAL '1 minute' GROUP BY word
        """
    )
    return {word: cast(float, share) for word, share, _ in rows}, rows[0][2] if rows else 0


def _sql_like(words: tuple[_Word, ...], before: Mapping[str, float], *, but: tuple[str, ...], n_won: int) -> str:
    """The word that is most like an SQL: nearly all wins have it before, and some cases that are not won too."""
    n_all = words[0].n_cases
    fitting = [
        one
        for one in words
        if one.word not in but and before.get(one.word, 0.0) >= 0.95 and 1.2 * n_won < one.n_cases < 0.8 * n_all
    ]
    hinted = [one for one in fitting if any(hint in plain(one.word).split("_") for hint in _SQL_HINT)]
    middle = float((n_all * n_won) ** 0.5)
    return min(hinted or fitting, key=lambda one: (abs(one.n_cases - middle), one.word)).word if fitting else ""


def _stage_select(log: Log, words: Mapping[str, Stage]) -> Select:
    first = "first(time ORDER BY moment NULLS LAST, position)"
    listed = ", ".join(map(literal, words))
    later = Part(
        {"lead_id": "lead_id", "stage": "trim(word)", "entered_at": first},
        "events",
        (f"trim(word) IN ({listed})\nGROUP BY lead_id, trim(word)",),
    )
    columns = {"lead_id": "lead_id", "stage": literal(CREATED_WORD), "entered_at": first}
    entry = Part(columns, "events\nGROUP BY lead_id", before=log.events)
    return Select(
        "A lead is an MQL at its first event; each other stage is entered at the first event that means it.",
        (entry, later),
    )


def _activity_select(log: Log, left: Collection[str]) -> Select:
    """All events but those `left` out: a word that comes up later reaches the check, which names it."""
    listed = ", ".join(map(literal, sorted(left)))
    columns = {"activity_id": "lead_id || '-' || position", "lead_id": "lead_id", "kind": "word", "occurred_at": "time"}
    part = Part(
        columns, "events", (f"coalesce(trim(word), '') NOT IN ({listed})\nORDER BY position",), before=log.events
    )
    return Select("One row an event that is neither the beginning, nor part of an ending, nor only planned.", (part,))


def _extract(log: Log) -> str:
    last = "SELECT max(moment) FROM events WHERE moment <= now() + INTERVAL 1 DAY\n"
    return f"-- The log ends with its last event.\n{log.events}{last}"
