"""The parts of a saying: a deed, how often and how long, and within which days."""

import math
from dataclasses import dataclass

HOURS_PER_DAY = 24


@dataclass(frozen=True, slots=True)
class Deed:
    """Something the lead did ("opened pricing"), or that happened to it ("assessed by us", with the auxiliary "was").

    Examples
    --------
    >>> Deed("opened pricing").plain, Deed("opened pricing").with_adverb("never")
    ('opened pricing', 'never opened pricing')
    >>> Deed("assessed by us", "was").plain, Deed("assessed by us", "was").with_adverb("last")
    ('was assessed by us', 'was last assessed by us')
    """

    did: str
    auxiliary: str = ""

    @property
    def plain(self) -> str:
        """The deed as it is."""
        return f"{self.auxiliary} {self.did}".lstrip()

    def with_adverb(self, adverb: str) -> str:
        """The deed with `adverb` where it belongs: before the verb, or after "was"."""
        return f"{self.auxiliary} {adverb} {self.did}".lstrip()


def times(value: float) -> str:
    """How often, in words.

    >>> times(1.0), times(4.0)
    ('once', '4 times')
    """
    return "once" if value == 1 else f"{value:.0f} times"


def window(days: int | None) -> str:
    """The end of a phrase about the last `days` days; empty where it is about all time (None).

    >>> window(7), window(None)
    (' in the last 7 days', '')
    """
    return "" if days is None else f" in the last {days} days"


def duration(days: float) -> str:
    """A number of days in words, rounded down; in hours below one day.

    Examples
    --------
    >>> duration(12.9), duration(1.5), duration(0.5), duration(0.01)
    ('12 days', '1 day', '12 hours', 'less than an hour')
    """
    count, unit = (days, "day") if days >= 1 else (days * HOURS_PER_DAY, "hour")
    whole = math.floor(count)
    if whole == 0:
        return "less than an hour"
    return f"{whole} {unit}{'' if whole == 1 else 's'}"


def figure(value: float) -> str:
    """A number as it stands beside its unit.

    >>> figure(1_250_000.0), figure(0.5)
    ('1,250,000', '0.5')
    """
    return f"{value:,.10g}"
