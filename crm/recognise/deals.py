"""Deals: their amounts, currencies and outcomes, and the stages that they date."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crm.recognise import names
from crm.recognise.leads import LeadTable, Link, key_of
from crm.recognise.looked_at import Column, Export, Table, literal
from crm.recognise.names import find, may_be, stage_of
from crm.recognise.nouns import Guess, Part, Question
from crm.recognise.stages import DEAL_CREATED, DEAL_LOST, DEAL_WON, StageSource, time_sql
from data_contracts.errors import SettingsError
from data_contracts.vocabulary import DealOutcome, Stage

DEAL_COLUMNS = (
    names.AMOUNT, names.CURRENCY, names.OUTCOME, names.REASON, names.WIN_REASON, names.COMPETITOR, names.OBJECTION,
    names.MARGIN, names.CHURNED,
)  # fmt: skip
"""What columns are called that say how a deal stands or ended: where leads are deals, none is an attribute."""

_MOST_PERCENT = 100.0
"""A margin that is never above it, of deals that mostly are, is a percentage."""

_TRUE = "lower(trim(r.{}::VARCHAR)) IN ('true', 't', '1', 'yes')"
_WON_STAGES, _LOST_STAGES = (Stage.WON,), (Stage.LOST, Stage.DISQUALIFIED, Stage.NURTURE)


@dataclass(frozen=True)
class Deals:
    """The table of deals: the SELECT's part, its words for outcomes, and how a deal's times are told in SQL."""

    link: Link
    part: Part
    outcomes: Mapping[str, DealOutcome]
    created_at: str
    closed_at: str
    is_won: str
    is_lost: str
    currency: str
    rates: Mapping[str, float]
    guesses: tuple[Guess, ...]
    questions: tuple[Question, ...]

    def stages(self, *, told: frozenset[Stage]) -> tuple[StageSource, ...]:
        """The stages that deals date and nothing else does: SQL, won, lost."""
        found = []
        table = self.link.table
        for stage, word, at, condition in (
            (Stage.SQL, DEAL_CREATED, self.created_at, ""),
            (Stage.WON, DEAL_WON, self.closed_at, self.is_won),
            (Stage.LOST, DEAL_LOST, self.closed_at, self.is_lost),
        ):
            if stage in told or (stage is Stage.SQL and Stage.OPPORTUNITY in told):
                continue
            columns = {
                "lead_id": self.link.lead_id, "stage": literal(word), "entered_at": at,
                "recorded_at": "NULL", "reason": "NULL", "changed_by": "NULL",
            }  # fmt: skip
            where = (*self.link.where, condition) if condition else self.link.where
            found.append(
                StageSource(
                    Part(columns, self.link.source, where),
                    ((word, stage),),
                    Guess(f"stage {stage}", f"{table.file}: {word}", "nothing else dates this stage"),
                )
            )
        return tuple(found)


NO_DEALS = Deals(
    Link(Table("", "", "", "", 0, ()), "", "", (), "", False, None), Part({}, ""), {}, "", "", "", "", "", {}, (), ()
)
"""Of an export without deals."""


def deals_in(export: Export, link: Link, lead: LeadTable, answers: Mapping[str, str]) -> Deals | None:
    """The deals that a table holds; None where it lacks what a deal must have: a creation and an outcome."""
    table = link.table
    key = key_of(table)
    created = find(table, names.CREATED, lambda column: column.times is not None)
    amount = find(table, names.AMOUNT, lambda column: column.is_number)
    outcome = _outcome(table)
    if key is None or created is None or outcome is None or not (may_be(table, "deals") or amount):
        return None
    closing = _closing(table, outcome, created=created)
    money = _money(export, table, amount, answers)
    told, told_guesses = _said_of(table)
    columns = {
        "opportunity_id": f"r.{key.sql}",
        "lead_id": link.lead_id,
        "amount": money.amount,
        "currency": money.code,
        "created_at": time_sql(created),
        "expected_close_at": closing.expected,
        "closed_at": closing.at,
        "outcome": outcome.sql,
        **told,
        "margin": money.margin,
    }
    words = ", ".join(f"{word!r}: {its}" for word, its in outcome.words.items())
    guesses = (
        Guess("opportunities", f"{table.file}, known by {key.name}", link.told),
        Guess("opportunities.outcome", words, outcome.because, _unknown(outcome.words)),
        closing.guess,
        *money.guesses,
        *told_guesses,
    )
    part = Part(columns, link.source, link.where)
    return Deals(
        link, part, outcome.words, time_sql(created), closing.at, outcome.is_won, outcome.is_lost,
        money.currency, money.rates, guesses, money.questions,
    )  # fmt: skip


def _said_of(table: Table) -> tuple[dict[str, str], tuple[Guess, ...]]:
    """The SQL of what sales says of a deal that ended, and the guesses."""
    found = {
        "loss_reason": find(table, names.REASON),
        "win_reason": find(table, names.WIN_REASON),
        "competitor": find(table, names.COMPETITOR),
        "objection": find(table, names.OBJECTION),
        "churned_at": find(table, names.CHURNED, lambda column: column.times is not None),
    }
    columns = {
        name: "NULL" if column is None else time_sql(column, ends=True) if column.times else f"r.{column.sql}"
        for name, column in found.items()
    }
    told = [
        Guess(f"opportunities.{name}", column.name, f"its name; filled in {column.n_filled:,} rows")
        for name, column in found.items()
        if column is not None
    ]
    return columns, tuple(told)


@dataclass(frozen=True)
class _Outcome:
    """The outcome of a deal in SQL, its words, the conditions of a won and a lost one, and what tells so."""

    sql: str
    words: dict[str, DealOutcome]
    is_won: str
    is_lost: str
    because: str


@dataclass(frozen=True)
class _Closing:
    """When a deal closed and when it is expected to, in SQL, and the guess."""

    at: str
    expected: str
    guess: Guess


def _unknown(words: Mapping[str, DealOutcome]) -> str:
    unknown = [word for word, outcome in words.items() if outcome is DealOutcome.OPEN and stage_of(word) is None]
    unknown = [word for word in unknown if word not in set(DealOutcome)]
    return (
        f"say in [crm.outcomes] whether deals in {', '.join(map(repr, unknown))} are open, won or lost"
        if unknown
        else ""
    )


def _outcome(table: Table) -> _Outcome | None:
    """What tells a deal's outcome; None where nothing does."""
    won = find(table, names.IS_WON, lambda column: column.has_words and len(column.words) <= 2)
    closed = find(table, names.IS_CLOSED, lambda column: column.has_words and len(column.words) <= 2)
    own: dict[str, DealOutcome] = {str(outcome): outcome for outcome in DealOutcome}
    if won is not None and closed is not None:
        is_won = _TRUE.format(won.sql)
        is_lost = f"({_TRUE.format(closed.sql)} AND NOT {is_won})"
        sql = f"CASE WHEN {is_won} THEN 'won' WHEN {is_lost} THEN 'lost' ELSE 'open' END"
        return _Outcome(sql, own, is_won, is_lost, f"{won.name} and {closed.name}")

    def ends(column: Column) -> bool:
        return any(stage_of(word) in (*_WON_STAGES, *_LOST_STAGES) for word, _ in column.words)

    column = find(table, names.OUTCOME, ends)
    if column is None:
        return None
    words = {word: _outcome_of(word) for word, _ in column.words}
    of = {
        outcome: ", ".join(literal(word) for word, its in words.items() if its is outcome) or "''"
        for outcome in DealOutcome
    }
    text = f"trim(r.{column.sql}::VARCHAR)"
    return _Outcome(
        f"r.{column.sql}",
        words,
        f"{text} IN ({of[DealOutcome.WON]})",
        f"{text} IN ({of[DealOutcome.LOST]})",
        f"the words of {column.name}",
    )


def _outcome_of(word: str) -> DealOutcome:
    stage = stage_of(word)
    if stage in _WON_STAGES:
        return DealOutcome.WON
    return DealOutcome.LOST if stage in _LOST_STAGES else DealOutcome.OPEN


def _closing(table: Table, outcome: _Outcome, *, created: Column) -> _Closing:
    def is_time(column: Column) -> bool:
        return column.times is not None

    won, lost = (
        find(table, ("won_time", "won_date", "won_at"), is_time),
        find(table, ("lost_time", "lost_date", "lost_at"), is_time),
    )
    closed = find(table, names.CLOSED, is_time, but=(created,))
    expected = find(table, names.EXPECTED, is_time)
    ended = [time_sql(column, ends=True) for column in (won, lost) if column]
    columns = [column for column in (won, lost) if column] or [column for column in (closed,) if column]
    if not columns:
        todo = "export when deals closed: without it a closed deal's lead is neither scored nor learnt from"
        guess = Guess("opportunities.closed_at", "missing", "no column says when a deal closed", todo)
        return _Closing("NULL", time_sql(expected) if expected else "NULL", guess)
    at = f"coalesce({', '.join(ended)})" if ended else time_sql(columns[0], ends=True)
    told = ", ".join(column.name for column in columns)
    evidence = columns[0].times.told if columns[0].times else ""
    if any(column.times and not column.times.has_clock for column in columns):
        evidence += "; a date counts as the end of its day"
    if not ended and columns[0].n_filled > 0.98 * table.n_rows:
        # One column for both: of an open deal it says when sales expects it to close.
        expected = expected or columns[0]
        at = f"CASE WHEN {outcome.is_won} OR {outcome.is_lost} THEN {at} END"
        evidence += "; of open deals it is when they are expected to close"
    guess = Guess("opportunities.closed_at", told, evidence)
    return _Closing(at, time_sql(expected) if expected else "NULL", guess)


@dataclass(frozen=True)
class _Money:
    """What deals are worth: the SQL of amount, margin and code, the currency of the settings, rates of others."""

    amount: str = "NULL"
    margin: str = "NULL"
    code: str = "NULL"
    currency: str = ""
    rates: Mapping[str, float] = field(default_factory=dict)
    guesses: tuple[Guess, ...] = ()
    questions: tuple[Question, ...] = ()


def _money(export: Export, table: Table, amount: Column | None, answers: Mapping[str, str]) -> _Money:
    if amount is None:
        return _Money(guesses=(Guess("opportunities.amount", "missing", "no column of numbers is called so"),))
    margin, margin_told = _margin(export, table, amount)
    told = (Guess("opportunities.amount", amount.name, "its name, and numbers"), *margin_told)
    column = find(table, names.CURRENCY, lambda column: column.has_words)
    if column is None:
        todo = "say in [crm] which currency amounts are in"
        unknown = Guess("currency", "unknown", "no column names one", todo)
        return _Money(f"r.{amount.sql}", margin, guesses=(*told, unknown))
    base, *others = [word for word, _ in column.words]
    rates = _rates(answers.get("rates", ""))
    lacking = ", ".join(word for word in others if word not in rates)
    guesses = [*told, Guess("currency", base, f"the most frequent one in {column.name}")]
    if not lacking:
        return _Money(f"r.{amount.sql}", margin, f"r.{column.sql}", base, rates, tuple(guesses))
    is_known = f"coalesce(trim(r.{column.sql}::VARCHAR), '') IN ('', {', '.join(map(literal, [base, *rates]))})"
    todo = f"say what {lacking} are worth in {base}: `--answer rates=CODE=RATE`, or [crm.rates] and opportunities.sql"
    because = f"{column.name} names {len(column.words)} currencies"
    guesses.append(Guess("currencies", f"amounts in {lacking} are left missing", because, todo))
    asks = (
        f"What is one unit of {lacking} worth in {base}? As CODE=RATE, with commas; nothing: their amounts are missing"
    )
    return _Money(
        f"CASE WHEN {is_known} THEN r.{amount.sql} END",
        margin if margin == "NULL" else f"CASE WHEN {is_known} THEN {margin} END",
        f"CASE WHEN {is_known} THEN r.{column.sql} END",
        base,
        rates,
        tuple(guesses),
        (Question("rates", asks, "", because),) if "rates" not in answers else (),
    )


def _margin(export: Export, table: Table, amount: Column) -> tuple[str, tuple[Guess, ...]]:
    """The SQL of what deals leave after their costs, and its guess; a percentage is no amount."""
    column = find(table, names.MARGIN, lambda column: column.is_number, but=(amount,))
    if column is None:
        return "NULL", ()
    most, usual = export.rows(
        f"SELECT max(abs(try_cast({column.sql} AS DOUBLE))), median(try_cast({amount.sql} AS DOUBLE)) "
        f"FROM {table.view} WHERE try_cast({column.sql} AS DOUBLE) IS NOT NULL"
    )[0]
    if most <= _MOST_PERCENT < (usual or 0):
        told = f"it is never above {most:g}, of deals of {usual:,.0f}: it seems to be a percentage"
        todo = f"say in opportunities.sql what margin in money {column.name} is"
        return "NULL", (Guess("opportunities.margin", "not taken", told, todo),)
    return f"r.{column.sql}", (Guess("opportunities.margin", column.name, "its name, and numbers"),)


def _rates(text: str) -> dict[str, float]:
    try:
        return {
            code.strip(): float(rate) for code, _, rate in (pair.partition("=") for pair in text.split(",") if pair)
        }
    except ValueError:
        raise SettingsError(
            f"the answer {text!r} to `rates` is no list of rates; say it like USD=0.92,GBP=1.17"
        ) from None
