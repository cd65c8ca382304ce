"""An export in, what it was recognised as out: the tables, the words, the attributes, the definitions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from crm.recognise import names
from crm.recognise.activities import activities_of, is_activity
from crm.recognise.attributes import Offered, attributes_of, winners_only
from crm.recognise.deals import DEAL_COLUMNS, NO_DEALS, Deals, deals_in
from crm.recognise.event_log import ReadLog, log_in, read_log
from crm.recognise.leads import (
    LeadTable,
    Link,
    account_of,
    lead_table,
    link_of,
    not_used,
)
from crm.recognise.looked_at import Column, Export, Table, literal
from crm.recognise.names import find, may_be, plain
from crm.recognise.nouns import Guess, Part, Question, Recognised, Select
from crm.recognise.outline import outlined
from crm.recognise.selects import account_select, changes, exported, extracted_at, lead_columns, lead_select, spend
from crm.recognise.sellers import Sellers, sellers_of
from crm.recognise.stages import (
    History,
    StageSource,
    history_in,
    mapped_words,
    of_creation,
    of_dated_columns,
    of_history,
    stage_now,
)
from data_contracts.vocabulary import Stage

_WON_ONLY_SHARE = 0.95


def recognise(export: Export, answers: Mapping[str, str]) -> Recognised:
    """What an export is recognised as, under the answers that were given to its questions so far.

    Raises `SourceError` where no table can be that of the leads, `SettingsError` where an answer says nothing.
    """
    dated, told, questions = _with_order(export, answers)
    log = log_in(dated)
    found = _of_log(dated, read_log(dated, log, answers), answers) if log else _of_tables(dated, answers)
    found = outlined(dated, found, answers)
    passed = tuple(Guess(file, "passed over", why) for file, why in export.passed_over)
    return replace(found, guesses=(*told, *found.guesses, *passed), questions=(*questions, *found.questions))


def _with_order(export: Export, answers: Mapping[str, str]) -> tuple[Export, tuple[Guess, ...], tuple[Question, ...]]:
    """`export` with the order of day and month settled everywhere."""
    columns = [(table, column) for table in export.tables for column in table.columns if column.times]
    unclear = [(t, c) for t, c in columns if c.times and c.times.is_ambiguous]
    if not unclear:
        return export, (), ()
    sure = {c.times.order for _, c in columns if c.times and c.times.order}
    where = ", ".join(f"{table.file}: {column.name}" for table, column in unclear)
    if len(sure) == 1:
        order, because, todo = sure.pop(), "other columns of the export have days above 12 there", ""
    else:
        order = "month first" if answers.get("dates") == "month first" else "day first"
        because = "as answered" if "dates" in answers else "no value tells: all are 12 or less"
        todo = "" if "dates" in answers else f"say whether the day or the month comes first in {where}"
    tables = tuple(
        replace(
            table,
            columns=tuple(
                replace(c, times=replace(c.times, order=order)) if c.times and c.times.is_ambiguous else c
                for c in table.columns
            ),
        )
        for table in export.tables
    )
    question = Question("dates", f"What comes first in {where}?", "day first", because, ("day first", "month first"))
    return (
        Export(export.folder, tables, export.passed_over, export.backend),
        (Guess("dates", order, because, todo),),
        (question,) if todo else (),
    )


def _of_log(export: Export, read: ReadLog, answers: Mapping[str, str]) -> Recognised:
    log = read.log
    n_won = f"(SELECT lead_id FROM events WHERE word = {literal(_word(read.words, Stage.WON))})"
    only = replace(log.table, columns=(log.case, *log.constant))
    offered = Offered("leads", only, log.case, (log.case,), f"SELECT trim(lead_id) FROM {n_won}")
    attributes, told, questions = attributes_of(export, [offered], historised={}, answers=answers)
    attributes = tuple(replace(one, column=f"any_value({one.column.removeprefix('r.')})") for one in attributes)
    columns = dict(read.leads.columns) | {one.name: one.column for one in attributes}
    leads = Select("One row a case.", (Part(columns, "events\nGROUP BY lead_id", before=read.leads.before),))
    selects = {"leads": leads, "stage_changes": read.stages, "activities": read.activities}
    about = Guess(
        "event log",
        f"{log.table.file}: {log.case.name}, {log.word.name}, {log.at.name}",
        f"{log.table.n_rows:,} rows of {log.case.n_distinct:,} cases; no column tells rows apart",
    )
    return Recognised(
        {name: select.text for name, select in selects.items()} | {"extracted_at": read.extracted_at},
        dict(read.words),
        kinds=read.kinds,
        attributes=attributes,
        guesses=(about, *read.guesses, *told),
        questions=(*read.questions, *questions),
    )


def _word(words: Mapping[str, Stage], stage: Stage) -> str:
    return next(word for word, its in words.items() if its is stage)


@dataclass(frozen=True)
class _Tables:
    """What each table of an export is."""

    lead: LeadTable
    histories: tuple[History, ...]
    activities: tuple[Link, ...]
    deals: Deals | None
    dated: tuple[Link, ...]

    @property
    def is_of_deals(self) -> bool:
        """Whether the leads are the deals: what became of them is told by their dates."""
        return self.deals is not None and self.deals.link.table is self.lead.table

    @property
    def field_history(self) -> History | None:
        """The history of fields; None where there is none."""
        return next((one for one in self.histories if one.field is not None), None)

    @property
    def historised(self) -> dict[str, str]:
        """The plain names of fields with a history, each with its name there."""
        return {plain(word): word for word in self.field_history.other_words} if self.field_history else {}


def _tables(export: Export, lead: LeadTable, sellers: Sellers, answers: Mapping[str, str]) -> _Tables:
    histories: list[History] = []
    activities: list[Link] = []
    dated: list[Link] = []
    deals = deals_in(export, _own(lead), lead, answers) if may_be(lead.table, "deals") else None
    for table in export.tables:
        if table in (lead.table, sellers.table) or (may_be(table, "accounts") and not may_be(table, "history")):
            continue
        link = link_of(export, table, lead)
        if link is None:
            continue
        if (history := history_in(link)) is not None:
            histories.append(history)
        elif deals is None and (found := deals_in(export, link, lead, answers)) is not None:
            deals = found
        elif is_activity(link):
            activities.append(link)
        elif link.is_one_to_one:
            dated.append(link)
    return _Tables(lead, tuple(histories), tuple(activities), deals, tuple(dated))


def _own(lead: LeadTable) -> Link:
    return Link(lead.table, f"r.{lead.key.sql}", f"{lead.table.reader} AS r", (), "each lead is a deal", True, lead.key)


def _of_tables(export: Export, answers: Mapping[str, str]) -> Recognised:
    lead, lead_told, lead_asked = lead_table(export, answers)
    known = lead_columns(lead)
    sellers = sellers_of(export, lead, known["owner_id"])
    tables = _tables(export, lead, sellers, answers)
    account, accounts, account_told = account_of(export, lead)
    sources, dated_by = _stage_sources(tables)
    has_history = bool(tables.histories) or len(sources) > 1
    now, now_told = (None, ()) if tables.is_of_deals else stage_now(lead.table, has_history=has_history)
    stages, stage_told, stage_asked = mapped_words(sources, now, answers)
    acts = activities_of(tables.activities, answers, sources=known["source"])
    deals = tables.deals or NO_DEALS
    where, pipe_told, pipe_asked = _pipelines(lead, answers)
    stage_select = Select("One row a stage that a lead entered.", tuple(source.part for source in sources))
    winners = _winners(export, stage_select, stages)
    offered = _offered(tables, account, accounts, now, winners=winners)
    attributes, attribute_told, attribute_asked = attributes_of(
        export, offered, historised=tables.historised, answers=answers
    )
    (leads, columns_told), (spent, spend_told) = lead_select(lead, account, now, attributes), spend(export)
    selects: dict[str, Select | None] = {
        "accounts": account_select(lead, accounts, account, attributes),
        "leads": _within(leads, where, lead),
        "activities": _within(acts.select, where, lead),
        "stage_changes": _within(stage_select, where, lead),
        "opportunities": _within(Select("One row a deal.", (deals.part,)) if tables.deals else None, where, lead),
        "attribute_changes": changes(tables.field_history, attributes, tables.historised),
        "spend": spent,
        "sellers": sellers.select,
    }
    alone = winners_only(link.table for link in dated_by if _has_winners_only(export, link, winners))
    idle = not_used(export.tables, _used_tables(export, tables, accounts, sellers, spend_told))
    guesses = (
        *lead_told, *columns_told, *account_told, *pipe_told, *(source.guess for source in sources), *now_told,
        *stage_told, *acts.guesses, *deals.guesses, *spend_told, *sellers.guesses, *alone, *attribute_told, *idle,
    )  # fmt: skip
    return Recognised(
        {name: select.text for name, select in selects.items() if select is not None}
        | {"extracted_at": extracted_at(export, lead, stage_select, acts)},
        stages, acts.directions, deals.outcomes, acts.kinds, attributes, guesses=guesses,
        currency=deals.currency, rates=deals.rates,
        questions=(*lead_asked, *pipe_asked, *stage_asked, *acts.questions, *deals.questions, *attribute_asked),
    )  # fmt: skip


def _offered(
    tables: _Tables, account: Column | None, accounts: tuple[Table, Column] | None, now: Column | None, *, winners: str
) -> tuple[Offered, ...]:
    """The tables whose columns may be attributes."""
    lead = tables.lead
    offered = Offered("leads", lead.table, lead.key, _used(lead, account, now, tables), winners)
    if accounts is None or account is None:
        return (offered,)
    won = f"SELECT trim({account.sql}) FROM {lead.table.view} WHERE trim({lead.key.sql}) IN ({winners})"
    return offered, Offered("accounts", accounts[0], accounts[1], (accounts[1],), won)


def _stage_sources(tables: _Tables) -> tuple[tuple[StageSource, ...], tuple[Link, ...]]:
    """Every way in which stages are told, and the tables beside that of the leads whose columns date some."""
    lead, sources = tables.lead, []
    dated_by: list[Link] = []
    with_stages = [one for one in tables.histories if one.field is None or one.stage_words]
    sources += [of_history(one) for one in with_stages]
    if not with_stages:
        own = _own(lead)
        sources += of_dated_columns(
            lead.table, lead_id=own.lead_id, source=own.source, where=(), told="its name dates a stage"
        )
        for link in tables.dated:
            found = list(
                of_dated_columns(link.table, lead_id=link.lead_id, source=link.source, where=link.where, told=link.told)
            )
            sources += found
            dated_by += [link] if found else []
    told = {stage for source in sources for _, stage in source.words if stage is not None}
    if Stage.MQL not in told:
        sources.insert(0, of_creation(lead))
    if tables.deals is not None:
        sources += tables.deals.stages(told=frozenset(told | ({Stage.SQL} if tables.is_of_deals else set())))
    return tuple(sources), tuple(dated_by)


def _within(select: Select | None, where: str, lead: LeadTable) -> Select | None:
    """`select` of the leads that meet the condition `where` alone; all where there is none."""
    if select is None or not where:
        return select
    chosen = f"(SELECT trim(r.{lead.key.sql}::VARCHAR) FROM {lead.table.reader} AS r WHERE {where})"
    parts = (
        replace(part, where=(*part.where, f"trim({part.columns['lead_id']}::VARCHAR) IN {chosen}"))
        for part in select.parts
    )
    return replace(select, parts=tuple(parts))


def _pipelines(lead: LeadTable, answers: Mapping[str, str]) -> tuple[str, tuple[Guess, ...], tuple[Question, ...]]:
    """The condition on leads of the pipelines that count."""
    column = find(lead.table, names.PIPELINE, lambda column: len(column.words) > 1)
    if column is None:
        return "", (), ()
    words = tuple(word for word, _ in column.words)
    told = f"{column.name} has {len(words)}: " + ", ".join(f"{word} ({n:,})" for word, n in column.words[:6])
    if "pipelines" not in answers:
        todo = "say which pipelines are new business: all of them are taken"
        question = Question(
            "pipelines", "Which pipelines are new business? With commas", ",".join(words), told, words, takes_many=True
        )
        return "", (Guess("pipelines", "all", told, todo),), (question,)
    said = [word.strip() for word in answers["pipelines"].split(",")]
    listed = ", ".join(map(literal, said))
    return f"trim(r.{column.sql}::VARCHAR) IN ({listed})", (Guess("pipelines", ", ".join(said), "as answered"),), ()


def _winners(export: Export, select: Select, stages: Mapping[str, Stage]) -> str:
    """A query for the ids of won leads."""
    won = ", ".join(literal(word) for word, stage in stages.items() if stage is Stage.WON) or "''"
    text = export.on_views(select.text)
    export.backend.con.execute(
        f"CREATE OR REPLACE TEMP TABLE won AS SELECT DISTINCT trim(lead_id) AS lead_id FROM (\n{text}\n) "
        f"WHERE trim(stage) IN ({won}) AND lead_id IS NOT NULL"
    )
    return "SELECT lead_id FROM won"


def _has_winners_only(export: Export, link: Link, winners: str) -> bool:
    if link.column is None:
        return False
    share = export.one(f"SELECT avg((trim({link.column.sql}) IN ({winners}))::INT) FROM {link.table.view}")
    return float(share or 0) >= _WON_ONLY_SHARE


def _used(lead: LeadTable, account: Column | None, now: Column | None, tables: _Tables) -> tuple[Column | None, ...]:
    of_deals = DEAL_COLUMNS if tables.is_of_deals else ()
    return (
        lead.key, lead.created, account, now, *lead_columns(lead).values(),
        find(lead.table, names.PIPELINE), *(find(lead.table, each) for each in of_deals),
    )  # fmt: skip


def _used_tables(
    export: Export,
    tables: _Tables,
    accounts: tuple[Table, Column] | None,
    sellers: Sellers,
    spend: tuple[Guess, ...],
) -> Iterable[Table]:
    used = [
        tables.lead.table,
        *(one.link.table for one in tables.histories),
        *(link.table for link in tables.activities),
    ]
    used += [link.table for link in tables.dated] if not tables.histories else []
    used += [tables.deals.link.table] if tables.deals else []
    used += [accounts[0]] if accounts else []
    used += [sellers.table] if sellers.table else []
    used += [table for table in export.tables if any(guess.value == table.file for guess in spend)]
    return [*used, *(table for table in export.tables if exported(table))]
