"""Marketing's money as it is recorded: by which periods, and into which of ours it falls."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment.grouped import NOT_KNOWN
from alignment.intervals import Integers
from alignment.milestones import Milestones
from data_contracts.history import CrmHistory
from data_contracts.metrics.periods import Period, Span
from data_contracts.today import CAMPAIGN, SOURCE

LONGEST_DAYS = {Period.WEEK: 7, Period.MONTH: 31, Period.QUARTER: 92, Period.YEAR: 366}
"""Of the periods that numbers are counted by."""


UNEVEN_DAYS = 3
"""A month is up to so many days longer than the shortest one, a quarter and a year by fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Spend:
    """Every row of spend that is known.

    Attributes
    ----------
    frame
        `day` (local, on which its period begins), `source`, `campaign` (`NOT_KNOWN` where it names none), `amount` and
        `lasts_days`: how long its period is at most, missing where nothing tells.
    """

    frame: pd.DataFrame

    def longest_days(self, by: str = "") -> pd.Series:
        """How long a period of spend is at most, by group, or for all as `NOT_KNOWN`; missing where nothing tells."""
        groups = self.frame[by] if by else pd.Series(NOT_KNOWN, index=self.frame.index, dtype=object)
        told: pd.Series = self.frame["lasts_days"].groupby(groups).agg(lambda days: days.max(skipna=False))
        return told

    def covers(self, span: Span) -> bool:
        """Whether the recorded periods, of whatever source, reach from the first day of `span` to its last."""
        first, last = self.frame["day"].min(), self.frame["day"].max()
        days = self.frame["lasts_days"].max()
        if np.isnan(days):
            return False
        begins = first - pd.Timedelta(days=days) < pd.Timestamp(span.first)
        return bool(begins and last + pd.Timedelta(days=days + UNEVEN_DAYS) >= pd.Timestamp(span.end))

    def numbers(self, spans: Sequence[Span]) -> Integers:
        """The place in `spans` of the one in which each row's period begins; -1 where it begins in none."""
        firsts, ends = (
            np.array([getattr(span, edge) for span in spans], dtype="datetime64[D]") for edge in ("first", "end")
        )
        days = self.frame["day"].to_numpy().astype("datetime64[D]")
        place = np.searchsorted(firsts, days, side="right") - 1
        return np.where((place >= 0) & (days < ends[np.maximum(place, 0)]), place, -1).astype(np.int64)


def spend_of(history: CrmHistory, milestones: Milestones) -> Spend:
    """The spend of `history`, with how long its periods are.

    A row says when its period begins, and not when it ends. Two rows of one source and campaign never overlap, so a
    period lasts no longer than the shortest time between two that follow each other.

    | the periods of a source and campaign | last at most as long as the shortest gap of |
    |---|---|
    | all begin on the first of a month | any source and campaign of which that is so |
    | begin on other days too | any such source and campaign |

    So a trade fair with spend in March and October is taken for months where other spend is by month. Moments that are
    all midnight UTC are days that the source wrote without a time: they are read as local ones.
    """
    frame = history.spend.order_by("period_start_at", "source", "campaign").to_pyarrow().to_pandas()
    begins = frame["period_start_at"].astype("datetime64[us]")
    if (begins != begins.dt.normalize()).any():
        begins = begins.dt.tz_localize("UTC").dt.tz_convert(milestones.time_zone).dt.tz_localize(None)
    told = pd.DataFrame(
        {
            "day": begins.dt.normalize(),
            **{name: frame[name].astype(object).fillna(NOT_KNOWN) for name in (SOURCE, CAMPAIGN)},
            "amount": frame["amount"].astype("float64"),
        }
    )
    return Spend(told.assign(lasts_days=_lengths(told)))


def fits(days: float, span: Span) -> bool:
    """Whether a period of spend of at most so many days lies in one of the length of `span`."""
    return days <= LONGEST_DAYS[span.period]


def _lengths(frame: pd.DataFrame) -> pd.Series:
    """The longest that the period of each row may last, in days."""
    series = frame.groupby([SOURCE, CAMPAIGN])["day"]
    is_monthly = (frame["day"].dt.day == 1).groupby([frame[SOURCE], frame[CAMPAIGN]]).transform("all")
    gaps = series.diff().dt.days
    lasts: pd.Series = gaps.where(gaps > 0).groupby(is_monthly).transform("min")
    return lasts
