"""Numbers, shares, amounts and moments as the configured locale writes them."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton, format_time, get_timezone_name
from babel.numbers import format_currency, format_decimal, format_percent

MISSING = "–"

NO_DECIMAL_FROM = 1_000
"""A decimal of a number in the thousands says nothing."""

ONE_DECIMAL_BELOW = 0.1
"""Shares below a tenth are told with a decimal: 0.4 % and 1.2 % are not the same."""


@dataclass(frozen=True, slots=True)
class Formats:
    """How values are written.

    Attributes
    ----------
    locale
        Such as "en" or "de_CH".
    currency
        ISO 4217 code of amounts; empty where there are none, and a value is then a number of wins.
    time_zone
        In which moments are told.
    """

    locale: str
    currency: str
    time_zone: str

    @property
    def language(self) -> str:
        """Of the sentences, for screen readers. They are English whatever the locale."""
        return "en"

    def count(self, value: float | None) -> str:
        """A whole number.

        >>> Formats("de", "EUR", "UTC").count(12_000)
        '12.000'
        """
        return MISSING if value is None else format_decimal(round(value), format="#,##0", locale=self.locale)

    def change(self, value: float | None) -> str:
        """A change of a whole number, with its sign.

        >>> [Formats("en", "EUR", "UTC").change(value) for value in (12_000, -3, 0)]
        ['+12,000', '−3', '0']
        """
        if value is None or not round(value):
            return self.count(value)
        return f"{'+' if value > 0 else '−'}{self.count(abs(value))}"

    def number(self, value: float | None, decimals: int = 1) -> str:
        """A number with so many decimals.

        >>> Formats("de", "EUR", "UTC").number(1234.5678, 2)
        '1.234,57'
        """
        if value is None:
            return MISSING
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return format_decimal(round(value, decimals) + 0.0, format=pattern, locale=self.locale)

    def rough(self, value: float | None) -> str:
        """A number with one decimal, or without where it is in the thousands.

        >>> Formats("en", "EUR", "UTC").rough(12.34), Formats("en", "EUR", "UTC").rough(106_375.4)
        ('12.3', '106,375')
        """
        return self.number(value, 0 if value is not None and abs(value) >= NO_DECIMAL_FROM else 1)

    def signed(self, value: float | None, decimals: int = 1) -> str:
        """A difference, with its sign.

        >>> Formats("en", "EUR", "UTC").signed(3.24), Formats("en", "EUR", "UTC").signed(-0.5)
        ('+3.2', '−0.5')
        """
        if value is None:
            return MISSING
        return f"{'−' if value < 0 else '+'}{self.number(abs(value), decimals)}"

    def figure(self, value: float | None) -> str:
        """A measure of a model, such as a log loss, with three decimals."""
        return self.number(value, 3)

    def share(self, value: float | None) -> str:
        """A share in [0, 1] as a percentage, with a decimal where it is small.

        >>> Formats("en", "EUR", "UTC").share(0.643), Formats("en", "EUR", "UTC").share(0.0042)
        ('64%', '0.4%')
        """
        if value is None:
            return MISSING
        if value == 0 or abs(value) >= ONE_DECIMAL_BELOW:
            return format_percent(value, locale=self.locale)
        pattern = Locale.parse(self.locale).percent_formats[None].pattern.replace("#,##0", "#,##0.0")
        return format_percent(value, format=pattern, locale=self.locale)

    def money(self, value: float | None) -> str:
        r"""An amount without its cents; without a currency, a number with two decimals.

        >>> Formats("en", "EUR", "UTC").money(8_800.4), Formats("de", "EUR", "UTC").money(8_800.4)
        ('€8,800', '8.800\xa0€')
        """
        if value is None:
            return MISSING
        if not self.currency:
            return self.number(value, 2)
        return format_currency(
            round(value), self.currency, locale=self.locale, format=self._money_pattern, currency_digits=False
        )

    @property
    def _money_pattern(self) -> str:
        pattern: str = Locale.parse(self.locale).currency_formats["standard"].pattern
        return pattern.replace("0.00", "0")

    def day(self, moment: dt.date | None) -> str:
        """The day of a moment (UTC, naive) in the time zone; a day that is no moment as it is.

        >>> english = Formats("en", "EUR", "UTC")
        >>> english.day(dt.datetime(2026, 7, 1)), english.day(dt.date(2026, 7, 2))
        ('Jul 1, 2026', 'Jul 2, 2026')
        """
        if moment is None:
            return MISSING
        local = self._local(moment) if isinstance(moment, dt.datetime) else moment
        return str(format_skeleton("yMMMd", local, locale=self.locale))

    def month(self, day: dt.date) -> str:
        """The month that a day lies in.

        >>> Formats("de", "EUR", "UTC").month(dt.date(2026, 7, 1))
        'Juli 2026'
        """
        return str(format_skeleton("yMMMM", day, locale=self.locale))

    def moment(self, moment: dt.datetime | None) -> str:
        """A moment (UTC, naive) of this year, in the time zone.

        >>> Formats("de", "EUR", "Europe/Berlin").moment(dt.datetime(2026, 7, 1, 16))
        'Mi., 1. Juli, 18:00'
        """
        if moment is None:
            return MISSING
        local = self._local(moment)
        day = format_skeleton("MMMEd", local, locale=self.locale)
        return f"{day}, {format_time(local.time(), 'short', locale=self.locale)}"

    def full_moment(self, moment: dt.datetime) -> str:
        """A moment (UTC, naive) of any year, in the time zone.

        >>> Formats("de", "EUR", "Europe/Berlin").full_moment(dt.datetime(2012, 3, 14, 15, 4))
        '14. März 2012, 16:04'
        """
        time = format_time(self._local(moment).time(), "short", locale=self.locale)
        return f"{self.day(moment)}, {time}"

    @property
    def zone(self) -> str:
        """The time zone by name."""
        return str(get_timezone_name(ZoneInfo(self.time_zone), locale=self.locale, zone_variant="generic"))

    def _local(self, moment: dt.datetime) -> dt.datetime:
        return moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(self.time_zone))
