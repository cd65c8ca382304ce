"""Counts, shares, figures and lists as they stand in sentences and tables."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_contracts.estimates import Estimate

MOST_DECIMALS = 6
"""Less than this many decimals can show is the noise of floating-point sums, and reads as 0."""


def rows(n: int) -> str:
    """`n` rows in words.

    >>> rows(1), rows(12_000)
    ('1 row', '12,000 rows')
    """
    return "1 row" if n == 1 else f"{n:,} rows"


def leads(n: int) -> str:
    """`n` leads in words.

    >>> leads(1), leads(12_000)
    ('1 lead', '12,000 leads')
    """
    return "1 lead" if n == 1 else f"{n:,} leads"


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage that does not hide how far it is from a limit.

    >>> percent(0.05), percent(0.0501), percent(1 / 3)
    ('5 %', '5.01 %', '33.3 %')
    """
    return f"{100 * share:.3g} %"


def listed(names: Iterable[str]) -> str:
    """Names in order, for the middle of a sentence.

    >>> listed(["phone", "email"])
    'email, phone'
    """
    return ", ".join(sorted(names))


def figures(*values: float, least: int = 3) -> tuple[str, ...]:
    """`values` with one number of decimals: `least`, or as many as it takes to tell each of them from 0.

    >>> figures(0.7451), figures(0.0004, -0.0021, 0.0029), figures(0.0, 1e-17), figures(325_189.4, least=0)
    (('0.745',), ('0.0004', '-0.0021', '0.0029'), ('0.000', '0.000'), ('325,189',))
    """
    decimals = least
    while decimals < MOST_DECIMALS and any(
        round(value, MOST_DECIMALS) != 0 and round(value, decimals) == 0 for value in values
    ):
        decimals += 1
    # Adding 0 turns the -0.0 that a small negative number is rounded to into 0.0.
    return tuple(f"{round(value, decimals) + 0.0:,.{decimals}f}" for value in values)


def figure(value: float, *, least: int = 3) -> str:
    """One value, with as many decimals as it takes to tell it from 0.

    >>> figure(0.25, least=2), figure(0.0041, least=2)
    ('0.25', '0.004')
    """
    return figures(value, least=least)[0]


def estimate_text(estimate: "Estimate", *, least: int = 3) -> str:
    """An estimate with its interval, or a dash where it is not defined; decimals as in `figures`.

    >>> from data_contracts.estimates import Estimate
    >>> estimate_text(Estimate(value=0.7451, low=0.7268, high=0.7642))
    '0.745 [0.727, 0.764]'
    >>> estimate_text(Estimate(value=0.0012, low=0.0004, high=0.0021))
    '0.0012 [0.0004, 0.0021]'
    >>> estimate_text(Estimate(value=None, low=None, high=None))
    '–'
    """
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return figure(estimate.value, least=least)
    value, low, high = figures(estimate.value, estimate.low, estimate.high, least=least)
    return f"{value} [{low}, {high}]"
