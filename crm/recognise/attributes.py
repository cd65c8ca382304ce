"""Which columns may be attributes, which may not and why, and when their values could have been known."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from crm.recognise.looked_at import MOST_WORDS, Column, Export, Table
from crm.recognise.names import KNOWN, may_be, plain, stage_of, variants
from crm.recognise.nouns import Attribute, Guess, Question
from data_contracts.columns import TABLES
from data_contracts.privacy import is_personal_name
from data_contracts.vocabulary import Availability

MOST_VALUES = 1_000
"""A category with more values than this, or with fewer than three rows a value, names records rather than kinds."""

_FREE_TEXT_LENGTH = 40.0
_LEAK_GAP = 0.15
"""A column that is filled for so much more of the winners than of the others was filled because of the win."""

_TELLS = 0.8
_TELLS_OTHERS = 0.2
_LEAST_WINNERS = 20
_FIXED = re.compile(r"landing|utm|first|original|origin|form|amount_req|requested|created_by|referr?er|signup|channel")
"""Names of what is written once, when a lead comes."""

_KEPT_OUT = (
    (
        re.compile(r"leadscore|(^|_)(lead_)?score(_|$)|(^|_)points(_|$)|(^|_)grade(_|$)|probability|likelihood"),
        "it is a score: a score must not learn from itself or from the one before it",
    ),
    (
        re.compile(r"(^|_)(lead|contact|person|deal|opportunity|company|account|org|organization)_ids?$"),
        "the id of another record",
    ),
    (
        re.compile(r"owner|(^|_)(rep|sdr|sr|seller|user|agent)(_|$)|modified|updated|assigned"),
        "it says who works the lead, which is known after the hand-off only",
    ),
)
"""Names that no attribute bears, and why."""

_STANDING = re.compile(r"(^|_)(stage|status|phase|converted)(_|$)")
_SECRET = re.compile(r"(^|_)(first|last|full|sur|user|nick)?name(s)?(_|$)|password|iban|ssn|passport"
                     r"|(^|_)(ip|website|url|domain)(_|$)"
                     r"|zip|postal|latitude|longitude|linkedin|twitter")  # fmt: skip
_TEXT = re.compile(r"description|comment|note|subject|title$|body|message|remark")


@dataclass(frozen=True)
class Offered:
    """The columns of one canonical table (`accounts`, `leads`) that may be attributes, and where they are."""

    canonical: str
    table: Table
    key: Column
    used: tuple[Column | None, ...]
    winners: str
    """A query for the ids of those that were won."""


def attributes_of(
    export: Export, offered: Sequence[Offered], *, historised: Mapping[str, str], answers: Mapping[str, str]
) -> tuple[tuple[Attribute, ...], tuple[Guess, ...], tuple[Question, ...]]:
    """The attributes, the guesses (those left out with the reason), and the question which never change.

    `historised` are the plain names of fields with a history, each with the name in it. What nobody says about an
    attribute is taken with care: its present value alone is kept, for the policy, and no model reads it.
    """
    guesses: list[Guess] = []
    kept: list[tuple[Offered, Column, str]] = []
    for one in offered:
        for column in one.table.columns:
            if column in one.used:
                continue
            what = f"{one.canonical}.{plain(column.name)}"
            if why := _left_out(export, one, column, is_historised=plain(column.name) in historised):
                guesses.append(Guess(what, "left out", why))
            elif len(kept) < 40:
                kept.append((one, column, _name(column, one.canonical, taken={name for _, _, name in kept})))
    unsure = {name: column for _, column, name in kept if plain(column.name) not in historised}
    proposal = ",".join(name for name, column in unsure.items() if _FIXED.search(plain(column.name)))
    fixed = {name.strip() for name in answers.get("fixed", proposal).split(",") if name.strip()}
    attributes = tuple(_attribute(one, column, name, historised, fixed, answers) for one, column, name in kept)
    guesses += [
        _guess(attribute, column, historised) for attribute, (_, column, _) in zip(attributes, kept, strict=True)
    ]
    question = Question(
        "fixed",
        "Which of these attributes never change once the record is there? Names with commas, or nothing",
        proposal,
        "what is written when a lead comes: forms, first touches",
        tuple(unsure),
        takes_many=True,
    )
    return attributes, tuple(guesses), (question,) if unsure and "fixed" not in answers else ()


def _name(column: Column, table: str, *, taken: Collection[str]) -> str:
    canonical = {c.name for contract in TABLES.values() for c in contract.columns}
    form = re.sub(r"^hs_|_id$", "", plain(column.name)) or "attribute"
    form = form if form[0].isalpha() else f"a_{form}"
    form = f"{table.rstrip('s')}_{form}" if form in canonical else form
    return next(name for name in (form, *(f"{form}_{n}" for n in range(2, 1_000))) if name not in taken)


def _attribute(
    one: Offered, column: Column, name: str, historised: Mapping[str, str], fixed: set[str], answers: Mapping[str, str]
) -> Attribute:
    todo = ""
    if plain(column.name) in historised:
        availability = Availability.HISTORISED
    elif name in fixed:
        availability = Availability.IMMUTABLE
        if "fixed" not in answers:
            todo = f"{name} is taken as never changed, by its name: see that nobody edits it"
    else:
        availability = Availability.NOW
        if "fixed" not in answers:
            todo = f"{name}: say whether it is immutable, at_creation or historised; until then no model reads it"
    type_ = "number" if column.is_number and not column.name.lower().endswith("id") else "category"
    type_ = "text" if is_job_title(column, one.table) and column.n_distinct > MOST_WORDS else type_
    return Attribute(
        name, f"r.{column.sql}", one.canonical, type_, availability, plain(column.name).replace("_", " "), todo
    )


def _guess(attribute: Attribute, column: Column, historised: Mapping[str, str]) -> Guess:
    told = f"{column.n_distinct:,} values, filled in {column.n_filled:,} rows"
    if attribute.availability is Availability.HISTORISED:
        told += f"; the history has its changes as {historised[plain(column.name)]}"
    return Guess(f"{attribute.table}.{attribute.name}", f"{attribute.type}, {attribute.availability}", told)


def _left_out(export: Export, one: Offered, column: Column, *, is_historised: bool) -> str:
    """Why a column is no attribute; empty where it may be one."""
    why = _of_its_name(column) or _of_its_values(column, one.table)
    if why or is_historised:
        return why
    if _STANDING.search(plain(column.name)) or _holds_stages(column):
        return "it says where the lead stands, which the dated stages tell"
    return _leak(export, one, column)


def _of_its_name(column: Column) -> str:
    """Why the name of a column keeps it out; empty where it does not."""
    form = plain(column.name)
    if _says_who(form) or column.is_personal:
        return "it says who a person is, or where"
    return next((why for pattern, why in _KEPT_OUT if pattern.search(form)), "")


def _says_who(form: str) -> bool:
    return is_personal_name(form) or _SECRET.search(form) is not None


def is_only_personal(name: str) -> bool:
    """Whether a column so called says who a person is, or where, and bears no name by which anything is recognised.

    >>> [is_only_personal(name) for name in ("First Name", "phone", "StageName", "email", "PhoneCallId", "passport_id")]
    [True, True, False, False, False, True]
    """
    form = plain(name)
    if form.endswith("_id"):  # tells rows apart
        return _SECRET.search(form) is not None
    return _says_who(form) and not variants(name) & KNOWN


def _of_its_values(column: Column, table: Table) -> str:
    """Why the values of a column keep it out; empty where they do not."""
    if column.n_filled == 0 or column.n_distinct < 2:
        return "it is empty, or the same everywhere"
    if column.times is not None:
        return "a time: no model reads dates"
    if is_job_title(column, table):
        return ""
    if _TEXT.search(plain(column.name)) or column.mean_length > _FREE_TEXT_LENGTH or "\n" in column.name:
        return "free text, which may name people"
    has_many = column.n_distinct > MOST_VALUES or column.n_distinct > column.n_filled / 3
    return "nearly every row has a value of its own" if has_many and not column.is_number else ""


def is_job_title(column: Column, table: Table) -> bool:
    """Whether a column of persons holds job titles, which are read by their words; a deal's title names the buyer."""
    return re.search(r"^title$|job_?title|^position$", plain(column.name)) is not None and not may_be(table, "deals")


def _holds_stages(column: Column) -> bool:
    return sum(n for word, n in column.words if stage_of(word)) > column.n_filled / 2


def _leak(export: Export, one: Offered, column: Column) -> str:
    """Why a column must have known the outcome; empty where nothing tells so."""
    value, key = f"nullif(trim({column.sql}), '')", f"trim({one.key.sql})"
    rows = export.rows(
        f"SELECT {key} IN ({one.winners}), {value}, count(*) FROM {one.table.view} WHERE {key} <> '' GROUP BY ALL"
    )
    n = {won: sum(count for its, _, count in rows if bool(its) is won) for won in (True, False)}
    if min(n.values()) < _LEAST_WINNERS:
        return ""

    def shares(meets: Callable[[object], bool]) -> tuple[float, float]:
        of = {won: sum(count for its, value, count in rows if bool(its) is won and meets(value)) / n[won] for won in n}
        return of[True], of[False]

    won, others = shares(lambda value: value is not None)
    if won - others >= _LEAK_GAP:
        return f"filled for {won:.0%} of the won and {others:.0%} of the others: it may follow from the win"
    for word, _ in column.words:
        won, others = shares(lambda value, word=word: value == word)  # type: ignore[misc]
        if won >= _TELLS and others <= _TELLS_OTHERS:
            return f"{word!r} for {won:.0%} of the won and {others:.0%} of the others: it may follow from the win"
    return ""


def winners_only(tables: Iterable[Table]) -> tuple[Guess, ...]:
    """What is said of the columns of a table that only won leads are in."""
    return tuple(
        Guess(
            f"{table.file}: {len(table.columns)} columns",
            "left out",
            "the table has rows of won leads only: whatever it holds follows from the win",
        )
        for table in tables
    )
