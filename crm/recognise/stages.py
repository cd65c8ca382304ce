"""When leads entered their stages: from a history, from dated columns, from deals, or from their creation alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crm.recognise import names
from crm.recognise.leads import LeadTable, Link, stage_column
from crm.recognise.looked_at import Column, Table, literal
from crm.recognise.names import find, may_be, plain, stage_entered, stage_of
from crm.recognise.nouns import Guess, Part, Question
from data_contracts.vocabulary import Stage

CREATED_WORD, DEAL_CREATED, DEAL_WON, DEAL_LOST = "created", "deal created", "deal won", "deal lost"
_STAGE_FIELDS = ("status", "stage", "lifecycle", "lead_status", "lifecyclestage")


@dataclass(frozen=True)
class History:
    """A table with a row a change: of stages, of any fields, or of both.

    `field` is the column that names the changed field; `stage_words` are its words for stages, `other_words` the rest.
    """

    link: Link
    stage: Column
    entered: Column
    field: Column | None = None
    stage_words: tuple[str, ...] = ()
    other_words: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageSource:
    """One way in which stages are told: a part of the SELECT, the words it gives, and the guess."""

    part: Part
    words: tuple[tuple[str, Stage | None], ...]
    guess: Guess


def history_in(link: Link) -> History | None:
    """The history that a table is; None where it is none."""
    table = link.table
    field = find(table, names.FIELD, lambda column: column.has_words, but=(link.column,))
    entered = find(table, names.ENTERED, _is_time)
    if entered is None:
        return None
    new = find(table, names.NEW_VALUE)
    if field is not None and new is not None:
        stage_words = tuple(word for word, _ in field.words if _is_stage_field(word))
        other = tuple(word for word, _ in field.words if word not in stage_words)
        return History(link, new, entered, field, stage_words, other)
    is_activity = find(table, names.KIND, lambda column: column.has_words) and not may_be(table, "history")
    if is_activity or link.is_one_to_one:
        return None
    stage = find(table, names.STAGE_ENTERED, _holds_stages)
    is_named = may_be(table, "history") or (stage is not None and plain(stage.name) in ("new_stage", "to_stage"))
    return History(link, stage, entered) if stage is not None and is_named else None


def _is_time(column: Column) -> bool:
    return column.times is not None


def _is_stage_field(word: str) -> bool:
    form = plain(word)
    return form in _STAGE_FIELDS or form.endswith(("_stage", "_status"))


def _holds_stages(column: Column) -> bool:
    return column.has_words and len(column.words) > 1


def of_history(history: History) -> StageSource:
    """Stages as a history tells them."""
    table, where = history.link.table, list(history.link.where)
    words: tuple[tuple[str, Stage | None], ...]
    if history.field is not None:
        where.append(f"r.{history.field.sql} IN ({', '.join(map(literal, history.stage_words))})")
    words = tuple((word, stage_of(word)) for word, _ in history.stage.words)
    recorded = find(table, names.LOGGED, _is_time, but=(history.entered,))
    reason, by = find(table, names.REASON), find(table, names.CHANGED_BY)
    columns = _stage_columns(
        history.link.lead_id,
        f"r.{history.stage.sql}",
        time_sql(history.entered),
        recorded=time_sql(recorded) if recorded else None,
        reason=f"r.{reason.sql}" if reason else None,
        changed_by=f"r.{by.sql}" if by else None,
    )
    return StageSource(
        Part(columns, history.link.source, tuple(where)),
        words,
        Guess(
            "stage_changes",
            f"{table.file}: {history.stage.name} at {history.entered.name}",
            f"{history.link.told}; a lead has several rows",
        ),
    )


def _stage_columns(
    lead_id: str,
    stage: str,
    entered_at: str,
    *,
    recorded: str | None = None,
    reason: str | None = None,
    changed_by: str | None = None,
) -> dict[str, str]:
    return {
        "lead_id": lead_id,
        "stage": stage,
        "entered_at": entered_at,
        "recorded_at": recorded or "NULL",
        "reason": reason or "NULL",
        "changed_by": changed_by or "NULL",
    }


def time_sql(column: Column, *, ends: bool = False, alias: str = "r") -> str:
    """The SQL of a time: a date alone is the end of its day where it `ends` something."""
    of_table = f"{alias}.{column.sql}"
    return column.times.sql(of_table, ends=ends) if column.times else of_table


def of_dated_columns(
    table: Table, *, lead_id: str, source: str, where: Sequence[str], told: str
) -> Iterator[StageSource]:
    """A stage for each column of times that is called as the entry to one; of two for a stage, the fuller one."""
    found: dict[Stage, Column] = {}
    for column in table.columns:
        stage = stage_entered(column) if column.times else None
        if stage is not None and (stage not in found or column.n_filled > found[stage].n_filled):
            found[stage] = column
    reason = find(table, names.REASON)
    for stage, column in found.items():
        is_lost = stage in (Stage.LOST, Stage.DISQUALIFIED)
        columns = _stage_columns(
            lead_id,
            literal(column.name),
            time_sql(column, ends=True),
            reason=f"r.{reason.sql}" if reason and is_lost else None,
        )
        is_filled = f"nullif(trim(r.{column.sql}::VARCHAR), '') IS NOT NULL"
        yield StageSource(
            Part(columns, source, (*where, is_filled)),
            ((column.name, stage),),
            Guess(
                f"stage {stage}",
                f"{table.file}: {column.name}",
                f"{told}; {column.times.told if column.times else ''}, "
                f"filled in {column.n_filled:,} of {table.n_rows:,} rows",
            ),
        )


def of_creation(lead: LeadTable) -> StageSource:
    """An MQL at its creation: for a CRM that records no MQL."""
    columns = _stage_columns(f"r.{lead.key.sql}", literal(CREATED_WORD), time_sql(lead.created))
    return StageSource(
        Part(columns, f"{lead.table.reader} AS r"),
        ((CREATED_WORD, Stage.MQL),),
        Guess(
            "stage mql",
            f"{lead.table.file}: {lead.created.name}",
            "no column and no word says when a lead became an MQL, so each is one from its creation",
            "every lead counts as an MQL from its creation: say in stage_changes.sql what makes one, if not all are",
        ),
    )


def stage_now(table: Table, *, has_history: bool) -> tuple[Column | None, tuple[Guess, ...]]:
    """The column with the present stage, and what it is good for."""
    column = stage_column(table)
    if column is None:
        return None, ()
    told = "held against the dated stages"
    todo = ""
    if not has_history:
        told = "a stage without a date: leads that it says are closed are neither scored nor learnt from"
        todo = (
            f"{column.name} says where a lead stands and not since when: export the history of stages, if there is one"
        )
    return column, (Guess("leads.current_stage", column.name, f"it holds stages; {told}", todo),)


def mapped_words(
    sources: Iterable[StageSource], now: Column | None, answers: Mapping[str, str]
) -> tuple[dict[str, Stage], tuple[Guess, ...], tuple[Question, ...]]:
    """Our stage for each word, the guesses, and a question about words that say nothing to us."""
    words: dict[str, Stage | None] = {}
    for source in sources:
        words |= dict(source.words)
    words |= {word: stage_of(word) for word, _ in (now.words if now else ()) if word not in words}
    told = _answered(answers.get("stages", ""))
    unknown = [word for word, stage in words.items() if stage is None and word not in told]
    mapped = {word: told.get(word, stage or Stage.LEAD) for word, stage in words.items()}
    guesses = [
        Guess(f"stage word {word!r}", str(mapped[word]), "as answered" if word in told else "its form")
        for word, stage in words.items()
        if stage is not None or word in told
    ]
    guesses += [
        Guess(f"stage word {word!r}", "lead", "nothing tells what it means", f"say in [crm.stages] what {word!r} means")
        for word in unknown
    ]
    question = Question(
        "stages",
        "What do these words of your CRM mean? As word=stage, with commas; the stages are " + ", ".join(Stage),
        ", ".join(f"{word}={mapped[word]}" for word in unknown or mapped),
        "their form says nothing to us" if unknown else "their form",
        is_pressing=bool(unknown),
    )
    return mapped, tuple(guesses), (question,) if "stages" not in answers else ()


def _answered(text: str) -> dict[str, Stage]:
    pairs = (pair.rpartition("=") for pair in text.split(",") if "=" in pair)
    return {
        word.strip(): Stage(stage.strip().lower()) for word, _, stage in pairs if stage.strip().lower() in set(Stage)
    }
