"""Which table of an export holds the leads, and how the other tables' rows belong to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crm.recognise import names
from crm.recognise.looked_at import Column, Export, Table, identifier
from crm.recognise.names import find, may_be, plain, stage_entered, stage_of, variants
from crm.recognise.nouns import Guess, Question
from data_contracts.errors import SourceError

_UNIQUE_SHARE = 0.98
_FILLED_SHARE = 0.95
_LEAST_OVERLAP = 0.3
"""Of the rows of a table, the share that name a lead where the table is about leads."""

_ALL_OVERLAP = 0.97
"""From this share on the rest are bad rows, for the check; below it they belong to records that are no leads."""

_NAMED_AS = {"contact": ("contact", "person", "who"), "person": ("person", "contact", "who"), "lead": ("lead", "who")}


@dataclass(frozen=True)
class LeadTable:
    """The table of the leads, its key, and the column that says when a lead was created."""

    table: Table
    key: Column
    created: Column

    @property
    def singular(self) -> str:
        """What one row is called: lead, contact, deal."""
        return _singular(self.table)


@dataclass(frozen=True)
class Link:
    """How the rows of a table (`r`) belong to leads: the lead's id in SQL, what stands after FROM, and a condition."""

    table: Table
    lead_id: str
    source: str
    where: tuple[str, ...]
    told: str
    is_one_to_one: bool
    column: Column | None


def key_of(table: Table) -> Column | None:
    """The column that tells the rows of `table` apart; None where there is none."""
    unique = [
        column
        for column in table.columns
        if column.times is None
        and column.n_filled >= _FILLED_SHARE * table.n_rows
        and column.n_distinct >= _UNIQUE_SHARE * column.n_filled
    ]
    own = _singular(table)
    called = [column for column in unique if variants(column.name) & {*names.KEYS, f"{own}_id"}]
    ending = [column for column in unique if plain(column.name).endswith("id") and not column.is_personal]
    return next(iter([*called, *ending]), None)


_SINGULARS = {
    "lead": "lead", "contact": "contact", "person": "person", "people": "person", "deal": "deal",
    "opportunit": "opportunity", "mql": "mql", "account": "account", "compan": "company", "organi": "organization",
    "activit": "activity",
}  # fmt: skip
"""By what the name of a table holds, what one of its rows is called."""


def _singular(table: Table) -> str:
    form = plain(table.name)
    return next((word for beginning, word in _SINGULARS.items() if beginning in form), form.rstrip("s"))


def lead_table(export: Export, answers: Mapping[str, str]) -> tuple[LeadTable, tuple[Guess, ...], tuple[Question, ...]]:
    """The table of the leads, with the guess; a question where two tables may be it.

    Raises `SourceError` where no table has both an id and a time at which its rows were created.
    """
    weighed = sorted(_candidates(export), key=lambda one: (-one[0], one[1].table.name))
    if not weighed:
        raise SourceError(
            f"{export.folder.absolute()}: no table has both a column that tells its rows apart and a time "
            "at which they were created, so none can be that of the leads; export them, or write the SELECTs by hand"
        )
    by_name = {one.table.name: one for _, one, _ in weighed}
    (weight, proposed, why), *others = weighed
    because = "; ".join(f"{one.table.name}: {reasons}" for _, one, reasons in weighed)
    question = Question(
        "leads",
        "Which table holds your leads (a row a person, enquiry or deal)?",
        proposed.table.name,
        because,
        tuple(by_name),
        is_pressing=bool(others) and weight - others[0][0] < 1.0,
    )
    chosen = by_name.get(answers.get("leads", ""), proposed)
    is_open = question.is_pressing and "leads" not in answers
    told = [
        Guess(
            "leads",
            f"{chosen.table.file}, a row a {chosen.singular}, known by {chosen.key.name}",
            why if chosen is proposed else "as answered",
            f"leads are the rows of {chosen.table.file}; {others[0][1].table.file} could be them too"
            if is_open
            else "",
        ),
        Guess("leads.created_at", chosen.created.name, _time_told(chosen.created)),
    ]
    return chosen, tuple(told), (question,) if "leads" not in answers else ()


def _time_told(column: Column) -> str:
    return f"its name; {column.times.told if column.times else 'no times'}; filled in {column.n_filled:,} rows"


def _candidates(export: Export) -> Iterable[tuple[float, LeadTable, str]]:
    """Tables that may be that of the leads, each with a weight and its reasons in words."""
    for table in export.tables:
        key = key_of(table)
        created = find(table, names.CREATED, lambda column: column.times is not None)
        created = created or _only_time(table, export)
        if key is None or created is None:
            continue
        found = LeadTable(table, key, created)
        reasons = list(_reasons(export, found))
        if reasons and any(weight > 0 for weight, _ in reasons):
            yield sum(weight for weight, _ in reasons), found, ", ".join(reason for _, reason in reasons)


def _only_time(table: Table, export: Export) -> Column | None:
    """The only time of a table that is called as leads are, or is the only table."""
    times = [column for column in table.columns if column.times and stage_entered(column) is None]
    return times[0] if len(times) == 1 and (may_be(table, "leads") or len(export.tables) == 1) else None


def _reasons(export: Export, lead: LeadTable) -> Iterable[tuple[float, str]]:
    table, form = lead.table, plain(lead.table.name)
    if may_be(table, "history") or may_be(table, "spend"):
        yield -2.0, "its name is not that of leads"
    elif "lead" in form or "mql" in form or "enquir" in form or "inquir" in form or "prospect" in form:
        yield 3.0, "its name"
    elif may_be(table, "leads"):
        yield 2.0, "its name"
    elif may_be(table, "deals"):
        yield 1.0, "its name"
    if any(column.times and stage_entered(column) for column in table.columns):
        yield 2.0, "it dates stages"
    elif (stage := stage_column(table)) is not None:
        yield 1.5, f"{stage.name} holds stages"
    referring = [
        other.name for other in export.tables if other is not table and _direct(export, other, lead) is not None
    ]
    if referring:
        yield min(2.0, 0.7 * len(referring)), f"rows of {', '.join(referring)} refer to it"


def stage_column(table: Table) -> Column | None:
    """The column with the stage that a row stands in now; None where there is none."""

    def holds_stages(column: Column) -> bool:
        known = sum(n for word, n in column.words if stage_of(word) is not None)
        return column.has_words and known >= 0.5 * max(1, column.n_filled)

    return find(table, names.STAGE_NOW, holds_stages)


def link_of(export: Export, table: Table, lead: LeadTable) -> Link | None:
    """How the rows of `table` belong to leads; None where they do not."""
    return _direct(export, table, lead) or _reverse(export, table, lead)


def _direct(export: Export, table: Table, lead: LeadTable) -> Link | None:
    """By a column of the table that holds the lead's id."""
    best: tuple[float, Column] | None = None
    for column in table.columns:
        if column.times or not column.n_filled or not _may_name(column, lead):
            continue
        share = export.overlap(table, column, lead.table, lead.key)
        weight = share * column.n_filled / max(1, table.n_rows)
        if share >= _LEAST_OVERLAP and weight >= 0.1 and (best is None or weight > best[0]):
            best = weight, column
    if best is None:
        return None
    column = best[1]
    share = export.overlap(table, column, lead.table, lead.key)
    where = f"trim(r.{column.sql}::VARCHAR) IN (SELECT trim({lead.key.sql}::VARCHAR) FROM {lead.table.reader})"
    is_part = share < _ALL_OVERLAP
    told = f"{column.name} holds ids of {lead.table.name} in {share:.0%} of its {column.n_filled:,} rows"
    if is_part:
        told += "; rows of other records are left out"
    return Link(
        table,
        f"r.{column.sql}",
        f"{table.reader} AS r",
        (where,) if is_part else (),
        told,
        column.n_distinct >= _UNIQUE_SHARE * table.n_rows,
        column,
    )


def _may_name(column: Column, lead: LeadTable) -> bool:
    """Whether a column may hold ids of leads: small numbers are also ids of anything else, so its name must say so."""
    form = plain(column.name)
    called = (form == plain(lead.key.name) and form not in names.KEYS) or any(
        word in form for word in _NAMED_AS.get(lead.singular, (lead.singular,))
    )
    return called or not (lead.key.is_number or column.is_number)


def _reverse(export: Export, table: Table, lead: LeadTable) -> Link | None:
    """By a column of the leads that holds the key of the table."""
    key = key_of(table)
    if key is None or table is lead.table:
        return None
    for column in lead.table.columns:
        if column is lead.key or column.times or not column.n_filled or column.n_distinct < 0.9 * column.n_filled:
            continue
        if column.is_number and _singular(table) not in plain(column.name):
            continue
        share = export.overlap(lead.table, column, table, key)
        if share < _LEAST_OVERLAP or column.is_personal:
            continue
        n_linked = export.one(
            f"SELECT count(*) FROM {table.view} r JOIN {lead.table.view} l ON trim(l.{column.sql}) = trim(r.{key.sql})"
        )
        return Link(
            table,
            f"l.{lead.key.sql}",
            f"{table.reader} AS r\nJOIN {lead.table.reader} AS l\n"
            f"    ON trim(l.{column.sql}::VARCHAR) = trim(r.{key.sql}::VARCHAR)",
            (),
            f"{column.name} of {lead.table.name} holds its ids; {n_linked:,} of its {table.n_rows:,} rows "
            "belong to a lead, the others are left out",
            is_one_to_one=True,
            column=None,
        )
    return None


def account_of(export: Export, lead: LeadTable) -> tuple[Column | None, tuple[Table, Column] | None, tuple[Guess, ...]]:
    """The column with a lead's account, the table of accounts with its key, and the guesses."""
    for table in export.tables:
        key = key_of(table)
        if table is lead.table or key is None or not may_be(table, "accounts"):
            continue
        named = [column for column in lead.table.columns if variants(column.name) & set(names.ACCOUNT)]
        for column in named:
            share = export.overlap(lead.table, column, table, key)
            if column.n_filled and share >= _LEAST_OVERLAP:
                told = f"{column.name} of {lead.table.name} holds ids of {table.name} in {share:.0%} of its rows"
                return column, (table, key), (Guess("accounts", f"{table.file}, known by {key.name}", told),)
    named_only = find(lead.table, names.ACCOUNT)
    if named_only is not None:
        guess = Guess("leads.account_id", named_only.name, "its name; there is no table of accounts")
        return named_only, None, (guess,)
    return None, None, ()


_MAIL_HOMES = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "me.com",
    "aol.com", "gmx.de", "gmx.net", "web.de", "proton.me", "protonmail.com", "mail.ru", "qq.com", "163.com",
    "uol.com.br",
)  # fmt: skip


def account_by_domain(lead: LeadTable, emails: Column) -> str:
    """The SQL of an account told by the domain of the lead's email; missing where the domain is anybody's.

    It is a digest: the domain of a one-person company may be a person's name.
    """
    domain = f"lower(nullif(split_part(trim(r.{identifier(emails.name)}::VARCHAR), '@', 2), ''))"
    homes = ", ".join(f"'{home}'" for home in _MAIL_HOMES)
    return f"CASE WHEN {domain} NOT IN ({homes}) THEN 'domain-' || left(md5({domain}), 12) END"


def not_used(tables: Sequence[Table], used: Iterable[Table]) -> tuple[Guess, ...]:
    """A guess for each table that is used nowhere."""
    mine = {table.name for table in used}
    return tuple(
        Guess(table.file, "not used", "nothing in it belongs to a lead that is not told elsewhere")
        for table in tables
        if table.name not in mine
    )
