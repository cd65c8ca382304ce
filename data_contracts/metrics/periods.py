"""The periods that both teams count by, in sales' local time."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:  # the command line starts fast
    import pandas as pd

_ALIASES = {"week": "W-SUN", "month": "M", "quarter": "Q-DEC", "year": "Y-DEC"}
"""What pandas calls each period. A week begins on Monday."""


class Period(StrEnum):
    """How long a period is. Each begins at local midnight: a week on Monday."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    def starts(self, moments: "pd.Series", *, time_zone: str) -> "pd.Series":
        """The local day on which the period of each of `moments` (UTC, naive) begins; missing where it is missing.

        >>> import pandas as pd
        >>> late = pd.Series(pd.to_datetime(["2026-05-31 23:30"]))
        >>> Period.MONTH.starts(late, time_zone="Europe/Berlin").dt.date.tolist()
        [datetime.date(2026, 6, 1)]
        """
        local = moments.dt.tz_localize("UTC").dt.tz_convert(time_zone).dt.tz_localize(None)
        begins: pd.Series = local.dt.to_period(_ALIASES[self]).dt.start_time
        return begins


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One period: the local days from `first` to the day before `end`.

    Attributes
    ----------
    start_at, end_at
        Local midnight of both (UTC, naive). A moment is in the span if `start_at <= moment < end_at`.
    """

    period: Period
    first: dt.date
    end: dt.date
    start_at: dt.datetime
    end_at: dt.datetime

    @classmethod
    def of(cls, period: Period, day: dt.date, *, time_zone: str) -> "Span":
        """The period in which the local `day` lies.

        >>> print(Span.of(Period.QUARTER, dt.date(2026, 5, 9), time_zone="UTC"))
        Q2 2026
        """
        import pandas as pd

        whole = pd.Period(day, freq=_ALIASES[period])
        first, end = whole.start_time.date(), (whole + 1).start_time.date()
        return cls(period, first, end, local_midnight(first, time_zone), local_midnight(end, time_zone))

    @classmethod
    def named(cls, name: str, *, time_zone: str) -> "Span":
        """The year, quarter or month that the settings call `name`.

        >>> Span.named("2026-Q3", time_zone="UTC").first
        datetime.date(2026, 7, 1)
        """
        import pandas as pd

        whole = pd.Period(name)
        lengths = {"Y": Period.YEAR, "Q": Period.QUARTER, "M": Period.MONTH}
        return cls.of(lengths[whole.freqstr[0]], whole.start_time.date(), time_zone=time_zone)

    @classmethod
    def before(cls, moment: dt.datetime, period: Period, *, time_zone: str) -> "Span":
        """The last period that was over at `moment` (UTC, naive).

        >>> print(Span.before(dt.datetime(2026, 6, 15), Period.MONTH, time_zone="UTC"))
        May 2026
        """
        local = moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(time_zone)).date()
        running = cls.of(period, local, time_zone=time_zone)
        return cls.of(period, running.first - dt.timedelta(days=1), time_zone=time_zone)

    def earlier(self, n: int = 1, *, time_zone: str) -> "Span":
        """The period of the same length `n` periods before this one."""
        import pandas as pd

        whole = pd.Period(self.first, freq=_ALIASES[self.period]) - n
        return Span.of(self.period, whole.start_time.date(), time_zone=time_zone)

    @property
    def name(self) -> str:
        """As the settings write it: `2026-07`; a week by its Monday."""
        if self.period is Period.QUARTER:
            return f"{self.first.year}-Q{(self.first.month + 2) // 3}"
        written = {Period.WEEK: "%Y-%m-%d", Period.MONTH: "%Y-%m", Period.YEAR: "%Y"}
        return self.first.strftime(written[self.period])

    def __str__(self) -> str:
        if self.period is Period.WEEK:
            return f"week of {self.first:%Y-%m-%d}"
        if self.period is Period.MONTH:
            return f"{self.first:%b %Y}"
        if self.period is Period.QUARTER:
            return f"Q{(self.first.month + 2) // 3} {self.first.year}"
        return str(self.first.year)


def local_midnight(day: dt.date, time_zone: str) -> dt.datetime:
    """The moment (UTC, naive) at which the local `day` begins.

    >>> local_midnight(dt.date(2026, 6, 1), "Europe/Berlin")
    datetime.datetime(2026, 5, 31, 22, 0)
    """
    local = dt.datetime.combine(day, dt.time(), tzinfo=ZoneInfo(time_zone))
    return local.astimezone(dt.UTC).replace(tzinfo=None)
