"""What happened between leads and us: which tables tell it, and which kinds of activity there are."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from crm.recognise import names
from crm.recognise.leads import Link, key_of
from crm.recognise.looked_at import Column, Table, literal
from crm.recognise.names import find, may_be, plain
from crm.recognise.nouns import Guess, Kind, Part, Question, Select
from crm.recognise.stages import time_sql
from data_contracts.vocabulary import Direction, KindFamily

RARE_ROWS = 20
"""Words of fewer rows are of one kind together: a feature of each would say nothing."""

OTHER = "other_activity"

_IN, _OUT = Direction.INBOUND, Direction.OUTBOUND
_F = KindFamily
_KINDS: tuple[tuple[str, KindFamily, Direction, bool, str, str], ...] = (
    (
        r"request\w*_demo|demo_request|request\w*_(trial|call|quote)|contact_us",
        _F.REQUEST,
        _IN,
        False,
        "asked for a demo",
        "",
    ),
    (
        r"no_answer|attempt|voicemail|missed|not_reached",
        _F.ATTEMPT,
        _OUT,
        True,
        "called by us without an answer",
        "was",
    ),
    (r"call|phone|dial", _F.DIALOGUE, _OUT, True, "on the phone with us", "was"),
    (r"meeting|appointment|(^|_)demo|lunch|(^|_)visit$", _F.COMMITMENT, _OUT, True, "met us", ""),
    (
        r"repl(y|ied)|(incoming|inbound|received)\w*mail|mail_(in|received)",
        _F.COMMITMENT,
        _IN,
        False,
        "replied to an email",
        "",
    ),
    (r"open(ed)?_?e?mail|mail_?open", _F.ATTENTION, _IN, False, "opened an email", ""),
    (r"click", _F.RESPONSE, _IN, False, "clicked a link in an email", ""),
    (r"campaign_(member|response)", _F.RESPONSE, _IN, False, "responded to a campaign", ""),
    (r"newsletter|mailing|e?mail", _F.MAILING, _OUT, False, "sent an email by us", "was"),
    (r"pricing", _F.EVALUATION, _IN, False, "opened pricing", ""),
    (r"page|visit|view", _F.BROWSING, _IN, False, "viewed a page", ""),
    (r"form|submi(t|ssion)|signup|sign_up", _F.COMMITMENT, _IN, False, "submitted a form", ""),
    (r"download|asset|whitepaper|ebook", _F.ATTENTION, _IN, False, "downloaded content", ""),
    (r"webinar|event|workshop", _F.ATTENTION, _IN, False, "attended an event", ""),
    (r"chat|whatsapp|sms|message", _F.DIALOGUE, _IN, False, "chatted with us", ""),
)
"""By the form of a word: family, who starts it, whether it is a sales touch, and what a seller reads."""

_REACHED = re.compile(r"connected|answered|completed|reached|talked|spoke|held")
_NOT_REACHED = re.compile(r"no_answer|not_|un|busy|voicemail|left|missed|failed|wrong|cancel")
_DIRECTIONS = ((re.compile(r"(^|_)(in|inbound|incoming|received|from_lead)(_|$)"), _IN), (re.compile(""), _OUT))


@dataclass(frozen=True)
class Activities:
    """All activities: the SELECT, the kinds, the words of directions, guesses and questions."""

    select: Select | None
    kinds: tuple[Kind, ...] = ()
    directions: Mapping[str, Direction] = None  # type: ignore[assignment]
    guesses: tuple[Guess, ...] = ()
    questions: tuple[Question, ...] = ()


def is_activity(link: Link) -> bool:
    """Whether the rows of a table are activities: each has a time, and a kind by column or by file."""
    table, kind = link.table, _kind(link)
    return _occurred(link) is not None and (
        may_be(table, "activities") or (kind is not None and not link.is_one_to_one)
    )


def _kind(link: Link) -> Column | None:
    """The column of kinds; None where there is none. The type of a campaign member is that of its record."""
    if may_be(link.table, "campaign_members"):
        return None
    return find(link.table, names.KIND, lambda column: column.has_words, but=(link.column,))


def _occurred(link: Link) -> Column | None:
    return find(link.table, names.OCCURRED, lambda column: column.times is not None and column.n_filled > 0)


def activities_of(links: Sequence[Link], answers: Mapping[str, str], *, sources: Column | None = None) -> Activities:
    """The activities that the tables of `links` hold; `sources` is the column with the sources of the leads."""
    if not links:
        todo = "export calls, meetings and mails: without them nobody knows whom sales contacted"
        return Activities(None, directions={}, guesses=(Guess("activities", "none", "no table holds any", todo),))
    found = [_of_table(link, sources, is_one_of_many=len(links) > 1) for link in links]
    words: dict[str, int] = {}
    for _, its, _, _ in found:
        for word, n in its:
            words[word] = words.get(word, 0) + n
    outcomes = [word for _, _, column, _ in found if column for word, _ in column.words]
    directions = {
        word: next(way for pattern, way in _DIRECTIONS if pattern.search(plain(word)))
        for link in links
        if (column := _direction(link)) is not None
        for word, _ in column.words
    }
    kinds = with_outcomes(kinds_of(words), outcomes)
    kinds, questions = agreed(kinds, answers)
    guesses = [guess for _, _, _, its in found for guess in its]
    guesses += [Guess(f"direction word {word!r}", str(way), "its form") for word, way in directions.items()]
    guesses += kind_guesses(kinds)
    comment = "One row an activity." if len(links) == 1 else "One row an activity, from all tables that hold some."
    select = Select(comment, tuple(part for part, _, _, _ in found))
    return Activities(select, kinds, directions, tuple(guesses), questions)


def _direction(link: Link) -> Column | None:
    return find(link.table, names.DIRECTION, lambda column: column.has_words)


def _of_table(
    link: Link, sources: Column | None, *, is_one_of_many: bool
) -> tuple[Part, Sequence[tuple[str, int]], Column | None, tuple[Guess, ...]]:
    """The part of the SELECT, the words of its kinds with their rows, the column of outcomes, and the guesses."""
    table, occurred = link.table, _occurred(link)
    assert occurred is not None  # noqa: S101  `is_activity`
    key = key_of(table)
    kind = _kind(link)
    one_word = plain(table.name).rstrip("s")
    recorded = find(table, names.RECORDED, lambda column: column.times is not None, but=(occurred,))
    direction = _direction(link)
    outcome = find(table, names.OUTCOME_OF_ACTIVITY, lambda column: column.has_words, but=(direction,))
    where, done_told = _happened(link, occurred)
    brought, brought_told = _brought_by(table, sources)
    number = f"r.{key.sql}" if key else "(row_number() OVER ())::VARCHAR"
    columns = {
        "activity_id": f"{literal(table.name + '-')} || {number}" if is_one_of_many or not key else number,
        "lead_id": link.lead_id,
        "kind": f"r.{kind.sql}" if kind else literal(one_word),
        "direction": f"r.{direction.sql}" if direction else "NULL",
        "occurred_at": time_sql(occurred, ends=True),
        "recorded_at": time_sql(recorded, ends=True) if recorded else "NULL",
        "outcome": f"r.{outcome.sql}" if outcome else "NULL",
        "duration_seconds": _seconds(find(table, names.DURATION)),
        **brought,
    }
    told = f"{link.told}{done_told}"
    guesses = (
        Guess("activities", f"{table.file}: {kind.name if kind else one_word} at {occurred.name}", told),
        *((Guess("activities.recorded_at", recorded.name, f"{table.file}: its name"),) if recorded else ()),
        *brought_told,
    )
    words = kind.words if kind else ((one_word, table.n_rows),)
    return Part(columns, link.source, (*link.where, *where)), words, outcome, guesses


_SAME_SHARE = 0.5
"""Of the rows with a source, the share that say it in the words of the leads' sources."""


def _brought_by(table: Table, sources: Column | None) -> tuple[dict[str, str], tuple[Guess, ...]]:
    """The SQL of what brought the lead to an activity, and the guesses.

    CRMs also call by `source` the tool that recorded a row, so the words must be those of the leads' sources.
    """
    called = [column for column in table.columns if plain(column.name) in names.SOURCE_OF_ACTIVITY]
    source = next((column for column in called if column.has_words), None)
    campaign = find(table, names.CAMPAIGN_OF_ACTIVITY, lambda column: column.n_filled > 0 and not column.is_personal)
    columns, guesses = {"source": "NULL", "campaign": "NULL"}, []
    if source is not None and sources is not None:
        known = {word for word, _ in sources.words}
        share = sum(n for word, n in source.words if word in known) / source.n_filled
        told = f"{table.file}: {share:.0%} of its {source.n_filled:,} rows say a word of {sources.name} of the leads"
        if share >= _SAME_SHARE:
            columns["source"] = f"r.{source.sql}"
            guesses.append(Guess("activities.source", source.name, told))
        elif plain(source.name) == "utm_source":
            todo = f"say in activities.sql which sources of the leads the words of {source.name} are"
            guesses.append(Guess("activities.source", "not taken", told, todo))
    if campaign is not None:
        columns["campaign"] = f"r.{campaign.sql}"
        guesses.append(Guess("activities.campaign", campaign.name, f"{table.file}: its name"))
    return columns, tuple(guesses)


def _happened(link: Link, occurred: Column) -> tuple[tuple[str, ...], str]:
    """The condition under which an activity has happened and is not only planned, and how it is told."""
    table = link.table
    if occurred.n_filled < 0.95 * table.n_rows:
        n = table.n_rows - occurred.n_filled
        return (
            (f"nullif(trim(r.{occurred.sql}::VARCHAR), '') IS NOT NULL",),
            f"; {n:,} rows without {occurred.name} have not happened and are left out",
        )
    done = find(table, names.DONE, lambda column: column.has_words and len(column.words) <= 2)
    if done is None:
        return (), ""
    return (
        (f"lower(trim(r.{done.sql}::VARCHAR)) IN ('true', 't', '1', 'yes')",),
        f"; rows of which {done.name} is not true have not happened and are left out",
    )


def _seconds(column: Column | None) -> str:
    """The SQL of a duration in seconds, told by the column's name and values."""
    if column is None:
        return "NULL"
    value, form = f"r.{column.sql}", plain(column.name)
    if form == "hs_call_duration":  # HubSpot gives milliseconds
        return f"coalesce((try_cast({value} AS DOUBLE) / 1000)::VARCHAR, {value})"
    if "minute" in form:
        return f"coalesce((try_cast({value} AS DOUBLE) * 60)::VARCHAR, {value})"
    if column.is_number:
        return value
    clock = (
        f"try_cast({value} || CASE WHEN regexp_full_match({value}, '[0-9]+:[0-9]+') THEN ':00' ELSE '' END AS INTERVAL)"
    )
    return f"coalesce(epoch({clock})::VARCHAR, {value})"


def kinds_of(words: Mapping[str, int]) -> tuple[Kind, ...]:
    """A kind for each word by its form; rare words that say nothing are one kind together."""
    kinds: dict[str, Kind] = {}
    others: list[str] = []
    for word, n in words.items():
        form = plain(word)
        found = next((kind for kind in _KINDS if re.search(kind[0], form)), None)
        if found is None and n < RARE_ROWS:
            others.append(word)
            continue
        name = _name(form, taken=kinds)
        if found is None:
            kinds[name] = Kind(name, (word,), _F.ASSESSMENT, _OUT, f"recorded as {word}", "was", is_known=False)
        else:
            _, family, direction, is_contact, did, auxiliary = found
            kinds[name] = Kind(name, (word,), family, direction, did, auxiliary, is_contact)
    if others:
        kinds[OTHER] = Kind(OTHER, tuple(others), _F.ASSESSMENT, _OUT, "worked on by us", "was", is_known=False)
    return tuple(kinds.values())


def _name(form: str, *, taken: Mapping[str, Kind]) -> str:
    form = re.sub(r"[^a-z0-9]+", "_", form).strip("_")[:40] or "activity"
    form = form if form[0].isalpha() else f"a_{form}"
    return next(name for name in (form, *(f"{form}_{n}" for n in range(2, 1_000))) if name not in taken)


def with_outcomes(kinds: tuple[Kind, ...], outcomes: Sequence[str]) -> tuple[Kind, ...]:
    """`kinds`, calls among them only where they ended so that both talked, where outcomes tell that."""
    forms = {word: plain(word) for word in outcomes}
    reached = tuple(word for word, form in forms.items() if _REACHED.search(form) and not _NOT_REACHED.search(form))
    call = next((kind for kind in kinds if kind.family is _F.DIALOGUE and kind.counts_as_contact), None)
    if call is None or not reached or len(reached) == len(forms):
        return kinds
    attempt = next((kind for kind in kinds if kind.family is _F.ATTEMPT), None)
    new = attempt or Kind("call_attempt", (), _F.ATTEMPT, _OUT, "called by us without an answer", "was", True)
    told = replace(call, outcomes=tuple(dict.fromkeys(reached)), otherwise=new.name)
    changed = tuple(told if kind is call else kind for kind in kinds)
    return changed if attempt else (*changed, new)


def agreed(kinds: tuple[Kind, ...], answers: Mapping[str, str]) -> tuple[tuple[Kind, ...], tuple[Question, ...]]:
    """`kinds` with what counts as contact as it was answered, and the question where it was not."""
    names_ = tuple(kind.name for kind in kinds)
    proposal = ",".join(kind.name for kind in kinds if kind.counts_as_contact)
    if "contact" in answers:
        said = {name.strip() for name in answers["contact"].split(",")}
        return tuple(replace(kind, counts_as_contact=kind.name in said) for kind in kinds), ()
    asks = "Which activities, started by us, show that sales worked a lead? Names with commas, or nothing"
    return kinds, (Question("contact", asks, proposal, "the form of their words", names_, takes_many=True),)


def kind_guesses(kinds: Iterable[Kind]) -> list[Guess]:
    """One guess a kind, and one about all whose words say nothing."""
    guesses = [
        Guess(
            f"kind {kind.name}",
            f"{kind.family}, {kind.direction}{', counts as contact' if kind.counts_as_contact else ''}",
            f"words {', '.join(map(repr, kind.words)) or 'none of its own'}"
            + ("" if kind.is_known else "; their form says nothing"),
        )
        for kind in kinds
    ]
    if unknown := [kind.name for kind in kinds if not kind.is_known]:
        todo = f"say in [crm.kinds] who starts {', '.join(unknown)}, what they show, and which are a touch of sales"
        guesses.append(Guess("kinds", "taken as assessments by us", "the form of their words says nothing", todo))
    return guesses
