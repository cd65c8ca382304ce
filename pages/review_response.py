"""Sales' half of the agreement on a page: how soon hand-offs are answered, and whether they are decided on."""

from collections.abc import Iterator, Sequence

from data_contracts.metrics.response import (
    COMPLIANCE,
    DISPOSITIONS,
    NEVER_CONTACTED,
    RESPONSE_TIME,
    TOUCHED_RESPONSE_TIME,
    Response,
)
from data_contracts.targets import Targets
from pages.formats import Formats
from pages.frame import Figure, NotThere
from pages.review_periods import latest, latest_first, over_by, rows_of, span_of, with_days, within_sentence
from pages.review_words import (
    Row,
    beside,
    capitalised,
    counted,
    dimension,
    file_part,
    heading_of,
    in_words,
    known,
    range_of,
    sure,
    yes_no,
)
from pages.sections import Section
from pages.tables import Column, Shown, Table


def response_section(
    response: Response, formats: Formats, *, targets: Targets, splits: Sequence[Response] = (), name: str
) -> Section:
    """How soon sales answered, whether it left any out, and whether it decided, each of the latest period that tells.

    Parameters
    ----------
    response
        Of all hand-offs together.
    targets
        What sales agreed to.
    splits
        The same hand-offs by team, source and the like.
    name
        What the tables' files begin with.
    """
    over = over_by(response.rows, response.period, as_of=response.as_of, formats=formats)
    if not over:
        return Section(
            "Whether sales answers in time nobody can say yet",
            missing=NotThere(
                f"No lead was handed off in a {response.period} that is over. If the CRM shows some, see which of its "
                "words `[crm.stages]` calls MQL."
            ),
        )
    answered = latest(over, "due")
    decided = latest([row for row in over if row["is_mature"]], "worked")
    figures = [*_of_answers(response, answered, formats, targets), *_of_outcomes(response, over, formats, targets)]
    folded = {f"Every {response.period}": _periods(response, formats, name)}
    if answered is not None:
        for split in splits:
            title = f"By {dimension(split.by)}, {within_sentence(answered['cohort'], response.period, formats)}"
            folded[title] = _groups(split, answered, formats, name)
    if response.unknown_because:
        heading, said = _without_touches(response, decided, formats, targets)
    else:
        heading, said = _with_touches(answered, formats, targets)
    return Section(heading, said, tuple(figures), folded=folded)


def _with_touches(answered: Row | None, formats: Formats, targets: Targets) -> tuple[str, str]:
    if answered is None:
        return "Of no hand-off the time to respond has passed yet", ""
    told, agreed = range_of(answered, "compliance", formats.share), targets.compliance_share
    begin = f"Sales answered {formats.share(answered['compliance'])} in time{f' ({told})' if told else ''}"
    if agreed is None:
        return begin, "What is agreed nobody wrote down: give `compliance_share` in `[targets]`."
    return f"{begin}, agreed are {formats.share(agreed)}", _held_against(answered, "compliance", agreed)


def _held_against(row: Row, name: str, agreed: float) -> str:
    if row[name] >= agreed:
        return "That is as agreed."
    if _is_clearly_less(row, name, agreed):
        return "That is less than agreed, and chance does not explain it: settle what holds sales up."
    return "That is less than agreed; with so few, chance alone may explain it."


def _without_touches(response: Response, decided: Row | None, formats: Formats, targets: Targets) -> tuple[str, str]:
    because = (
        f"{capitalised(response.unknown_because)}. To know it, let the CRM record calls and visits as a kind that "
        "`counts_as_contact`."
    )
    if decided is None:
        return "How soon sales answers nobody can say", because
    agreed = targets.disposition_share
    yardstick = "" if agreed is None else f", agreed are {formats.share(agreed)}"
    told = sure(decided, "disposition_share", formats.share)
    return f"Sales decided on {told} of the hand-offs{yardstick}; how soon it answers nobody can say", because


def _of_answers(response: Response, row: Row | None, formats: Formats, targets: Targets) -> Iterator[Figure]:
    """The figures of the latest period whose time to respond has passed."""
    if row is None:
        return
    period = within_sentence(row["cohort"], response.period, formats)
    agreed = targets.compliance_share
    told = f"{formats.count(row['in_time'])} of {formats.count(row['due'])} handed off in {period}"
    yield Figure(
        "Answered in time",
        formats.share(row["compliance"]),
        beside(range_of(row, "compliance", formats.share), told, _agreed(agreed, formats)),
        f"{COMPLIANCE}.",
        f"{counted(row['due'], 'hand-off', 'hand-offs', formats)}.",
        is_bad=agreed is not None and _is_clearly_less(row, "compliance", agreed),
    )
    if row["hours_median"] is None:
        return
    touched = row["hours_if_touched"]
    is_least = row["is_least_hours_median"]
    nine = "fewer than half have one" if is_least else f"9 in 10 within {_hours(row, 'hours_p90', formats)}"
    answers = "" if touched is None else f" · where it answers, {formats.rough(touched)}"
    yield Figure(
        "Half answered within",
        "not half of them yet" if is_least else _hours(row, "hours_median", formats),
        f"working hours; {nine}{answers}",
        f"{RESPONSE_TIME}. {TOUCHED_RESPONSE_TIME}.",
        f"{counted(row['handed_off'], 'hand-off', 'hand-offs', formats)} of {period}.",
    )


def _of_outcomes(response: Response, over: Sequence[Row], formats: Formats, targets: Targets) -> Iterator[Figure]:
    """The figures of the latest periods all of whose hand-offs are old enough."""
    mature = [row for row in over if row["is_mature"]]
    if (row := latest(mature, "aged")) is not None:
        told = (
            f"{formats.count(row['never_contacted'])} of {formats.count(row['aged'])} handed off in "
            f"{within_sentence(row['cohort'], response.period, formats)}"
        )
        yield Figure(
            "Never contacted",
            formats.share(row["never_contacted_share"]),
            beside(range_of(row, "never_contacted_share", formats.share), told),
            f"{NEVER_CONTACTED}.",
            f"{counted(row['aged'], 'hand-off', 'hand-offs', formats)}.",
        )
    if (row := latest(mature, "worked")) is not None:
        agreed = targets.disposition_share
        told = (
            f"{formats.count(row['disposed'])} of {formats.count(row['worked'])} handed off in "
            f"{within_sentence(row['cohort'], response.period, formats)}"
        )
        yield Figure(
            "Decided on",
            formats.share(row["disposition_share"]),
            beside(range_of(row, "disposition_share", formats.share), told, _agreed(agreed, formats)),
            f"{DISPOSITIONS}.",
            f"{counted(row['worked'], 'hand-off', 'hand-offs', formats)}.",
            is_bad=agreed is not None and _is_clearly_less(row, "disposition_share", agreed),
        )


def _agreed(agreed: float | None, formats: Formats) -> str:
    return "" if agreed is None else f"agreed at least {formats.share(agreed)}"


def _is_clearly_less(row: Row, name: str, agreed: float) -> bool:
    high = row[f"{name}_high"]
    return high is not None and high < agreed


def _hours(row: Row, name: str, formats: Formats) -> str:
    """A response time, and whether it is a least one."""
    if row[name] is None:
        return formats.rough(None)
    return f"at least {formats.rough(row[name])}" if row[f"is_least_{name}"] else formats.rough(row[name])


def _periods(response: Response, formats: Formats, name: str) -> Table:
    """Every period, the latest first, the running one too."""
    rows = with_days(latest_first(response.rows), "cohort")
    # Fewer than half of them have an answer in "at least 90": that tells how long they were watched, so it would seem
    # to rise with the age of the period.
    words = {
        "half_within": lambda row: (
            "not half of them yet" if row["is_least_hours_median"] else _hours(row, "hours_median", formats)
        ),
        "passed": yes_no("is_mature", no="not yet"),
    }
    columns = (
        Column("cohort", "From", Shown.DAY),
        Column("handed_off", "Handed off", Shown.COUNT),
        Column("compliance", "Answered in time", Shown.SHARE, low="compliance_low", high="compliance_high"),
        Column("half_within", "Half within working hours"),
        _share("never_contacted_share", "Never contacted"),
        _share("disposition_share", "Decided on"),
        Column("decided_untouched", "Decided, never touched", Shown.COUNT),
        Column("passed", "All times passed"),
    )
    how = f"{COMPLIANCE}. {RESPONSE_TIME}. {NEVER_CONTACTED}. {DISPOSITIONS}. Until all times have passed, more comes."
    return Table(f"{name}-response", "The hand-offs of a period", in_words(rows, words), columns, how)


def _groups(split: Response, answered: Row, formats: Formats, name: str) -> Table:
    """The groups of the period, those that may need help most first."""
    found = rows_of(split.rows, span_of(answered["cohort"], split.period, formats), column="cohort")
    rows = found.sort_by([("compliance_shrunken", "ascending")])
    words = {"named": known("group"), "half_within": lambda row: _hours(row, "hours_median", formats)}
    columns = (
        Column("named", heading_of(split.by)),
        Column("due", "Due", Shown.COUNT),
        Column("in_time", "In time", Shown.COUNT),
        _share("compliance", "Answered in time"),
        Column("compliance_shrunken", "Compared by", Shown.SHARE),
        Column("half_within", "Half within working hours"),
        Column("decided_untouched", "Decided, never touched", Shown.COUNT),
    )
    left_out = counted(split.not_shown, "hand-off", "hand-offs", formats)
    how = f"{COMPLIANCE}. {RESPONSE_TIME}. Groups are compared by the share drawn to that of all: few tell little."
    how += f" Over all periods, {left_out} of groups with too few are not shown." if split.not_shown else ""
    files = f"{name}-response-by-{file_part(split.by)}"
    return Table(files, "The hand-offs of a group", in_words(rows, words), columns, how)


def _share(name: str, heading: str) -> Column:
    return Column(name, heading, Shown.SHARE, low=f"{name}_low", high=f"{name}_high")
