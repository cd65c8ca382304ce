"""Counts, shares and lists as they stand in sentences."""

from collections.abc import Iterable


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
