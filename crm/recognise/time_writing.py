"""How times are written in a column, told by their values, and the SQL that reads them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

_ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?P<time>[T ]+\d{1,2}:\d{2}.*)?")
_LOCAL = re.compile(
    r"(?P<first>\d{1,2})(?P<between>[-/.])(?P<second>\d{1,2})(?P=between)\d{4}"
    r"(?P<time>,?[T ]+\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?"
)
_MILLISECONDS = re.compile(r"1[0-9]{12}")
_MIDNIGHT = re.compile(r"[T ]+0?0:00(:00(\.0+)?)?( ?(Z|UTC|[+-]00(:?00)?))?")
_LEAST_SHARE = 0.8
"""Of the values of a column, the share that are times where it is one of times: the others are bad cells."""

Order = Literal["", "day first", "month first"]


@dataclass(frozen=True, slots=True)
class TimeWriting:
    """How the times of a column are written.

    Attributes
    ----------
    between
        What stands between the parts of a local date (`-`, `/`, `.`); empty where years come first, as the check reads
        them, or where times are milliseconds since 1970.
    order
        Of a local date: whether the day or the month comes first. Empty: its values do not tell.
    is_milliseconds
        Whether times are milliseconds since 1970.
    has_clock
        Whether any value has a time of day other than midnight.
    has_days
        Whether any value is a day alone.
    clocks
        How times of day are written after a local date, as `strptime` has it.
    """

    between: str = ""
    order: Order = ""
    is_milliseconds: bool = False
    has_clock: bool = True
    has_days: bool = True
    clocks: tuple[str, ...] = ()

    @property
    def is_ambiguous(self) -> bool:
        """Whether days and months cannot be told apart."""
        return bool(self.between) and not self.order

    @property
    def told(self) -> str:
        """How it is written, in words."""
        if self.is_milliseconds:
            return "milliseconds since 1970"
        clock = "with a time of day" if self.has_clock else "without a time of day"
        if not self.between:
            return f"year first, {clock}"
        return f"{self.order or 'day or month first'}, with {self.between!r} between, {clock}"

    def sql(self, column: str, *, ends: bool = False) -> str:
        """The SQL that makes of `column` (SQL) a text that the check reads; a value that is no time stays as it is.

        A date without a time of day is the beginning of its day, or where it `ends` something the end of it.

        >>> TimeWriting().sql('"won"')
        '"won"'
        >>> print(TimeWriting(between="-", order="day first", has_clock=False).sql('"won"'))
        coalesce(try_strptime("won", '%d-%m-%Y')::VARCHAR, "won")
        """
        if self.is_milliseconds:
            return f"coalesce(make_timestamp(try_cast({column} AS BIGINT) * 1000)::VARCHAR, {column}::VARCHAR)"
        if not self.between:
            return self._ended_iso(column) if ends and self.has_days else column
        part = {"month first": ("%m", "%d")}.get(self.order, ("%d", "%m"))
        date = self.between.join((*part, "%Y"))
        day = f"try_strptime({column}, '{date}')"
        day += " + INTERVAL '86399 seconds'" if ends else ""
        clocks = ", ".join(f"'{date}{clock}'" for clock in self.clocks)
        moment = f"try_strptime({column}, [{clocks}])::VARCHAR, " if clocks else ""
        day = f"({day})::VARCHAR" if ends else f"{day}::VARCHAR"
        return f"coalesce({day}, {moment}{column})"

    def _ended_iso(self, column: str) -> str:
        clock = "" if self.has_clock else "([T ]+00:00(:00(\\.0+)?)?(Z|[+-]00:?00)?)?"
        text = f"trim({column}::VARCHAR)"
        whole = f"'[0-9]{{4}}[-/][0-9]{{1,2}}[-/][0-9]{{1,2}}{clock}'"
        # Up to the first blank or T: the day alone.
        return (
            f"CASE WHEN regexp_full_match({text}, {whole}) "
            f"THEN regexp_extract({text}, '^[0-9/-]+') || ' 23:59:59' ELSE {column}::VARCHAR END"
        )


def time_writing(values: Sequence[str]) -> TimeWriting | None:
    """How `values` (filled, distinct) are written as times; None where fewer than four of five are.

    >>> time_writing(["26-02-2018 19:58", "soon", "01-02-2018 09:00", "02-02-2018 09:00", "03-02-2018 09:00"]).order
    'day first'
    >>> time_writing(["01/02/2024", "03/04/2024"]).is_ambiguous
    True
    >>> time_writing(["12", "13"]) is None
    True
    """
    least = max(1, round(_LEAST_SHARE * len(values)))
    iso = [found for value in values if (found := _ISO.fullmatch(value))]
    if len(iso) >= least:
        return TimeWriting(has_clock=_has_clock(iso), has_days=_has_days(iso))
    local = [found for value in values if (found := _LOCAL.fullmatch(value))]
    if len(local) >= least:
        between = max({found["between"] for found in local}, key=[found["between"] for found in local].count)
        clocks = tuple(sorted({_clock(found["time"]) for found in local if found["time"]}))
        return TimeWriting(
            between, _order(local), has_clock=_has_clock(local), has_days=_has_days(local), clocks=clocks
        )
    if len([value for value in values if _MILLISECONDS.fullmatch(value)]) >= least:
        return TimeWriting(is_milliseconds=True)
    return None


def _has_clock(found: Sequence[re.Match[str]]) -> bool:
    return any(one["time"] and not _MIDNIGHT.fullmatch(one["time"]) for one in found)


def _has_days(found: Sequence[re.Match[str]]) -> bool:
    return not _has_clock(found) or any(not one["time"] for one in found)


def _clock(time: str) -> str:
    """How a time of day is written, as `strptime` has it.

    >>> _clock(", 7:05 pm"), _clock("T19:05:07")
    (', %I:%M %p', 'T%H:%M:%S')
    """
    form = re.sub(r" ?[AaPp][Mm]$", lambda half: half[0][: -len("pm")] + "%p", time)
    form = re.sub(r"\d+:\d+(:\d+)?", lambda clock: "%H:%M:%S" if clock[1] else "%H:%M", form)
    return form.replace("%H", "%I") if "%p" in form else form


def _order(found: Sequence[re.Match[str]]) -> Order:
    """Whether the day comes first: told by the values above 12, by most of them where cells contradict each other."""
    n_day_first = sum(int(one["first"]) > 12 for one in found)
    n_month_first = sum(int(one["second"]) > 12 for one in found)
    if n_day_first == n_month_first:
        return ""
    return "day first" if n_day_first > n_month_first else "month first"
