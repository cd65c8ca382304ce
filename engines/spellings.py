"""How times and numbers are written: the same on every engine, whatever an engine's own casts would take.

A time is a day: year, month and day with `-` or `/` between them. After it may come `T` or blanks with hours and
minutes, then seconds with a fraction, then `Z`, an offset (`+01`, `+0130`, `+01:30`) or `UTC`:

>>> import re
>>> times = ("2024-2-29", "2024/02/29 9:05Z", "2024-02-29T09:05:07.123+01:30", "2024-02-30", "2024-02-29 9:05 CET")
>>> [re.fullmatch(TIME, text) is not None for text in times]
[True, True, True, False, False]
"""

import datetime as dt
from collections.abc import Callable

import ibis
import ibis.expr.types as ir

FIRST_TIME = dt.datetime(1000, 1, 1)  # noqa: DTZ001 — UTC, as all times here
LAST_TIME = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
"""What every engine and Python can hold: four digits of a year, in UTC."""

_LEAP_YEAR = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"


def _date(between: str) -> str:
    """A day that exists, with `between` between its parts."""
    long = f"(?:0?[13578]|1[02]){between}(?:0?[1-9]|[12][0-9]|3[01])"
    short = f"(?:0?[469]|11){between}(?:0?[1-9]|[12][0-9]|30)"
    february = f"0?2{between}(?:0?[1-9]|1[0-9]|2[0-8])"
    return f"[1-9][0-9]{{3}}{between}(?:{long}|{short}|{february})|{_LEAP_YEAR}{between}0?2{between}29"


_BLANK = r"[ \t\n\x0b\f\r]"
_OFFSET = "[+-][0-9]{2}(?::?[0-9]{2})?"

TIME = (
    f"^({_date('-')}|{_date('/')})"
    f"(?:(?:T{_BLANK}*|{_BLANK}+)0*((?:1?[0-9]|2[0-3]):[0-5]?[0-9])"
    r"(?:(:[0-5]?[0-9])(?:(\.[0-9]{1,6})[0-9]*|\.)?)?"
    f"(?:Z| ?UTC|({_OFFSET}))?)?$"
)
"""Its groups are the date, hours and minutes, seconds, what counts of the fraction, and the offset."""

_HAS_OFFSET = f":[0-9.]+{_OFFSET}$"

_PLACES = 1_000_000

NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?0*[0-9]{1,3})?$"
"""A number in digits, perhaps with an exponent."""


def read_time(
    text: ir.StringValue, cast: Callable[[ir.StringValue], ir.TimestampValue], *, group: Callable[[int], str]
) -> ir.TimestampValue:
    r"""The time (UTC, without a zone) that `text` is; null where it is none.

    `cast` makes a time of `2024-2-29 9:05:07.123`; it is given nothing but days that exist. `group` writes the n-th
    group in a replacement, as the engine does (`\1` or `$1`).
    """
    local = text.re_replace(TIME, f"{group(1)} {group(2)}{group(3)}{group(4)}").replace("/", "-").rstrip()
    offset = text.re_replace(TIME, group(5)).replace(":", "")
    hours, minutes = offset.substr(1, 2).cast("int64"), offset.substr(3, 2).nullif("").fill_null("0").cast("int64")
    ahead = (hours * 60 + minutes) * offset.startswith("-").ifelse(-1, 1)
    has_offset = text.re_search(_HAS_OFFSET)
    time = ibis.cases(
        (text.re_search(TIME) & has_offset, cast(local) - ahead.as_interval("m")),
        (text.re_search(TIME), cast(local)),
        else_=ibis.null("timestamp"),
    )
    return within_reach(time)


def within_reach(time: ir.TimestampValue) -> ir.TimestampValue:
    """`time`, or null where it does not lie between `FIRST_TIME` and `LAST_TIME`."""
    return time.between(FIRST_TIME, LAST_TIME).ifelse(time, ibis.null("timestamp"))


def place_of(digest: ir.DecimalValue) -> ir.FloatingValue:
    """The place in [0, 1) that a digest, a large whole number, stands for."""
    return (digest % _PLACES).cast("float64") / _PLACES
