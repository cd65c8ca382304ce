"""What the definitions and the policy begin with: transitions, horizons, contact, capacity, told by the past."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

from crm.recognise.looked_at import Export, literal
from crm.recognise.nouns import Guess, Question, Recognised
from data_contracts.errors import SettingsError
from data_contracts.vocabulary import Stage, Transition

_HORIZONS = (7, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365)
_COVERED = 0.9
"""The share of past conversions that a horizon should hold."""

_LEAST_CHAIN = 150
"""SQLs, and wins of SQLs, below which there is too little to learn two transitions from."""

_LEAST_KNOWN = 115
"""Conversions that must be known before the weeks of a shadow, with some to spare: a training needs a hundred."""

_FIRST = 0.005
"""The share of the MQLs that is left aside at either end of the past: a wrong date would stretch it by years."""

_WEEKS = 12
_QUIET_DAYS = 60
_ENDED_DAYS = 7
_MOST_WEEKS = 12
"""Weeks of a first look: each four cost a training."""


def outlined(export: Export, found: Recognised, answers: Mapping[str, str]) -> Recognised:
    """`found` with transitions and horizons, what counts as contact, the capacity, and from when on to learn."""
    _tabulate(export, found)
    past = _past(export)
    contact, contact_told = _contact(found)
    horizons, horizon_told = _horizons(export, past)
    since, since_told = _learn_since(past)
    capacity, capacity_told, question = _capacity(export, found, past, answers)
    return replace(
        found,
        horizons=horizons,
        leads_per_week=capacity,
        assumed_contact=contact,
        learn_since=since,
        effective_from=f"{past.until:%Y-%m-%d}",
        shadow_weeks=_shadow_weeks(export, past, since=since, horizons=horizons),
        leads_until="" if (past.until - past.last_mql).days < _ENDED_DAYS else f"{past.last_mql:%Y-%m-%d}",
        guesses=(*found.guesses, *horizon_told, *contact_told, *since_told, *capacity_told),
        questions=(*found.questions, *question),
    )


@dataclass(frozen=True)
class _Past:
    """Counts and times of the past: first and last MQL but for a few, and the last entry to any stage."""

    first: dt.datetime
    last_mql: dt.datetime
    until: dt.datetime
    n_mql: int
    n_sql: int
    n_won_of_sql: int
    n_won: int
    first_won: dt.datetime | None


def _tabulate(export: Export, found: Recognised) -> None:
    """Per lead, when it first entered each stage (`entries`), and when sales first touched it (`touches`)."""
    text = export.on_views(found.selects["stage_changes"])
    cases = (
        " ".join(f"WHEN {literal(word)} THEN {literal(stage)}" for word, stage in found.stages.items())
        or "WHEN '' THEN ''"
    )
    export.backend.con.execute(
        "CREATE OR REPLACE TEMP TABLE entries AS SELECT lead_id, "
        + ", ".join(f"min(moment) FILTER (stage = '{stage}') AS {stage}" for stage in Stage)
        + f" FROM (SELECT trim(lead_id) AS lead_id, CASE trim(stage) {cases} END AS stage, "
        + f"try_cast(entered_at AS TIMESTAMPTZ)::TIMESTAMP AS moment FROM (\n{text}\n)) "
        + "WHERE moment <= now()::TIMESTAMP + INTERVAL 1 DAY GROUP BY lead_id"
    )
    words = ", ".join(literal(word) for kind in found.kinds if kind.counts_as_contact for word in kind.words)
    activities = (
        export.on_views(found.selects["activities"]) if words else "SELECT '' AS lead_id, '' AS kind, '' AS occurred_at"
    )
    export.backend.con.execute(
        "CREATE OR REPLACE TEMP TABLE touches AS SELECT trim(lead_id) AS lead_id, "
        f"min(try_cast(occurred_at AS TIMESTAMPTZ)::TIMESTAMP) AS moment FROM (\n{activities}\n) "
        f"WHERE trim(kind) IN ({words or 'NULL'}) GROUP BY ALL"
    )


def _past(export: Export) -> _Past:
    row = export.rows(
        f"SELECT quantile_disc(mql, {_FIRST}), quantile_disc(mql, {1 - _FIRST}), "
        "max(greatest(mql, sql, won, lost, sal, opportunity, nurture, disqualified, lead)), count(mql), "
        "count(sql), count(won) FILTER (sql <= won), count(won), min(won) FROM entries"
    )[0]
    if row[0] is None:
        raise SettingsError("no lead ever became an MQL by these stages; say what makes one: --answer stages=WORD=mql")
    return _Past(*row)


def _horizons(export: Export, past: _Past) -> tuple[dict[str, int], tuple[Guess, ...]]:
    steps: tuple[tuple[Transition, str, str], ...]
    if past.n_sql >= _LEAST_CHAIN and past.n_won_of_sql >= _LEAST_CHAIN:
        steps = ((Transition.MQL_TO_SQL, "mql", "sql"), (Transition.SQL_TO_WIN, "sql", "won"))
        why = ""
    else:
        steps = ((Transition.MQL_TO_WIN, "mql", "won"),)
        why = f"; only {past.n_won_of_sql:,} wins of {past.n_sql:,} SQLs are dated, so one transition is predicted"
    days_of_history = (past.until - past.first).days
    horizons, guesses = {}, []
    for transition, start, end in steps:
        quantile, n = export.rows(
            f"SELECT quantile_cont(date_diff('hour', {start}, {end}) / 24.0, {_COVERED}), count(*) FROM entries "
            f"WHERE {end} >= {start}"
        )[0]
        most = max(_HORIZONS[0], days_of_history // 5)
        fitting = [days for days in _HORIZONS if days <= most] or [_HORIZONS[0]]
        days = next((each for each in fitting if each >= (quantile or 0)), fitting[-1])
        horizons[str(transition)] = days
        evidence = f"{_COVERED:.0%} of {n:,} past ones came within {quantile or 0:.0f} days; "
        evidence += f"history has {days_of_history:,}{why}"
        todo = f"agree on the horizon of {transition}: {days} days hold most of the past ones"
        guesses.append(Guess(f"horizon {transition}", f"{days} days", evidence, todo))
    return horizons, tuple(guesses)


def _shadow_weeks(export: Export, past: _Past, *, since: str, horizons: Mapping[str, int]) -> int:
    """The weeks that a shadow may look at: before them enough must be known of every transition to learn from."""
    counts = []
    for transition, days in horizons.items():
        start, end = Transition(transition).from_stage, Transition(transition).to_stage
        since_ = f"TIMESTAMP {literal(since or '1900-01-01')}"
        for weeks in range(1, _MOST_WEEKS + 1):
            begin = f"TIMESTAMP {literal(str(past.last_mql))} - INTERVAL {7 * weeks} DAY"
            n = export.one(
                f"SELECT count(*) FROM entries WHERE {end} BETWEEN {start} AND {start} + INTERVAL {days} DAY "
                f"AND {start} + INTERVAL {days} DAY <= {begin} AND {start} >= {since_}"
            )
            if n < _LEAST_KNOWN:
                counts.append(weeks - 1)
                break
    return max(1, min(counts, default=_MOST_WEEKS))


def _contact(found: Recognised) -> tuple[str, tuple[Guess, ...]]:
    touched = [kind.name for kind in found.kinds if kind.counts_as_contact]
    if touched or Stage.SAL in found.stages.values():
        told = ", ".join([*touched, *(["stage sal"] if Stage.SAL in found.stages.values() else [])])
        return "", (Guess("contact", told, "activities by us and stages that show a touch of sales"),)
    todo = "say whether sales works every lead: nothing shows whom it contacted, so all are taken as contacted"
    reason = "nothing in the export says whom sales contacted"
    return reason, (Guess("contact", "every lead", "no activity by us and no stage shows a touch of sales", todo),)


def _learn_since(past: _Past) -> tuple[str, tuple[Guess, ...]]:
    """The day of the first win, where leads came long before: their wins were not recorded yet."""
    if past.first_won is None or (past.first_won - past.first).days < _QUIET_DAYS:
        return "", ()
    day = f"{past.first_won:%Y-%m-%d}"
    return day, (
        Guess(
            "learn_since",
            day,
            f"leads come from {past.first:%Y-%m-%d} on, and no win is recorded before {day}",
            f"see that wins were not recorded before {day}: leads of before are not learnt from",
        ),
    )


def _capacity(
    export: Export, found: Recognised, past: _Past, answers: Mapping[str, str]
) -> tuple[int, tuple[Guess, ...], tuple[Question, ...]]:
    """How many new leads sales works in a week: asked; proposed is how many it worked in the latest weeks."""
    stages = (
        "coalesce(least(sal, sql, opportunity, won), mql)"
        if found.assumed_contact
        else "least(sal, sql, opportunity, won)"
    )
    touched = f"SELECT lead_id, {stages} AS moment FROM entries UNION ALL SELECT lead_id, moment FROM touches"
    until = f"TIMESTAMP {literal(str(past.last_mql))}"
    n = export.one(
        f"SELECT count(*) FROM (SELECT lead_id, min(moment) AS moment FROM ({touched}) GROUP BY lead_id) "
        f"WHERE moment BETWEEN {until} - INTERVAL {_WEEKS * 7} DAY AND {until}"
    )
    proposal = max(1, round((n or past.n_mql) / (_WEEKS if n else max(1, (past.until - past.first).days / 7))))
    if "capacity" in answers:
        try:
            capacity = int(answers["capacity"])
        except ValueError:
            raise SettingsError(
                f"the answer {answers['capacity']!r} to `capacity` is no number of leads a week"
            ) from None
        return capacity, (Guess("leads a week", str(capacity), "as answered"),), ()
    because = f"as many a week were first worked in the last {_WEEKS} weeks in which leads came"
    todo = f"say how many new leads sales can work in a week: {proposal} is only what came"
    question = Question("capacity", "How many new leads can sales work in a week?", str(proposal), because)
    return proposal, (Guess("leads a week", str(proposal), because, todo),), (question,)
