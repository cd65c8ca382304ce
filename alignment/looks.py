"""Which values of the declared attributes win clearly more, or clearly less, than the agreement says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alignment.chance import after_all_looks
from alignment.profiled import ProfiledLeads
from alignment.two_shares import (
    Flags,
    Share,
    adjusted_difference,
    chance_of,
    difference_of,
    share_of,
)
from data_contracts.definitions import IcpCriterion
from data_contracts.metrics.agreed import Finding, GroupRate, ValueCheck
from data_contracts.settings import Settings

LEAST_LEADS = 30
"""A value of fewer leads is not looked at."""

MOST_CHANCE = 0.05
"""After all looks: what chance alone makes more often is no finding."""

QUARTERS = (0.25, 0.5, 0.75)
"""Where numbers that no criterion asks for are cut: a few wide ranges, so that looks stay few."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One value of an attribute, or one range of numbers, and the leads that had it and another known one.

    Attributes
    ----------
    criterion
        Of the criteria that ask for the attribute, the one that asks for the value, else the first; empty without any.
    is_agreed
        Whether a criterion asks for the value.
    """

    attribute: str
    value: str | None
    at_least: float | None
    at_most: float | None
    criterion: str
    is_agreed: bool
    held: Flags
    others: Flags


def findings(leads: ProfiledLeads, settings: Settings) -> tuple[tuple[ValueCheck, ...], int]:
    """The values with a finding, the least likely by chance first, and how many were looked at.

    | a value | is a finding where it wins |
    |---|---|
    | that no criterion asks for, or that its criterion leaves out | clearly more than all others |
    | that a criterion asks for | clearly less than all others |

    Clearly: after as many looks as there are, and among leads that are alike in all other criteria too.
    """
    looks = [one for one in looks_of(leads, settings) if one.held.sum() >= LEAST_LEADS]
    shares = [tuple(share_of(rows, leads.hits, leads.groups) for rows in (one.held, one.others)) for one in looks]
    chances = after_all_looks([chance_of(*pair) for pair in shares])
    found = [
        told
        for look, (held, others), chance in zip(looks, shares, chances, strict=True)
        if chance is not None
        and chance < MOST_CHANCE
        and (held.value < others.value if look.is_agreed else held.value > others.value)
        and (told := _checked(look, held, others, leads=leads, settings=settings, chance=chance)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.chance, one.said))), sum(one is not None for one in chances)


def group_rate(share: Share) -> GroupRate:
    """As it is shown."""
    return GroupRate(n=share.n, hits=share.hits, rate=share.estimate)


def _checked(
    look: Look, held: Share, others: Share, *, leads: ProfiledLeads, settings: Settings, chance: float
) -> ValueCheck | None:
    """The finding, unless it goes away among leads that are alike in the criteria on other attributes."""
    same = [one.name for one in settings.definitions.icp.criteria if one.attribute == look.attribute]
    adjusted = adjusted_difference(
        look.held, look.others, leads.hits, strata=leads.strata(*same), groups=leads.groups
    ).difference
    bound = adjusted.high if look.is_agreed else adjusted.low
    if bound is None or (bound >= 0 if look.is_agreed else bound <= 0):
        return None
    return ValueCheck(
        finding=Finding.AGREED_BELOW if look.is_agreed else Finding.LEFT_OUT,
        attribute=look.attribute,
        value=look.value,
        at_least=look.at_least,
        at_most=look.at_most,
        criterion=look.criterion,
        held=group_rate(held),
        others=group_rate(others),
        difference=difference_of(held, others),
        adjusted=adjusted,
        chance=chance,
    )


def looks_of(leads: ProfiledLeads, settings: Settings) -> Iterator[Look]:
    """Each value of each attribute that `leads` were known to have, however few they are."""
    for name in leads.values:
        criteria = [one for one in settings.definitions.icp.criteria if one.attribute == name]
        if settings.crm.attributes[str(name)].type == "category":
            yield from _categories(str(name), leads.values[name], criteria)
        else:
            yield from _ranges(str(name), leads.values[name].astype("float64"), criteria)


def _categories(attribute: str, values: pd.Series, criteria: Sequence[IcpCriterion]) -> Iterator[Look]:
    is_known = values.notna().to_numpy()
    for value in sorted(values.dropna().unique()):
        asking = [one.name for one in criteria if value in one.one_of]
        held = (values == value).fillna(False).to_numpy(dtype=bool)
        yield Look(
            attribute=attribute,
            value=str(value),
            at_least=None,
            at_most=None,
            criterion=(asking or [one.name for one in criteria] or [""])[0],
            is_agreed=bool(asking),
            held=held,
            others=is_known & ~held,
        )


def _ranges(attribute: str, values: pd.Series, criteria: Sequence[IcpCriterion]) -> Iterator[Look]:
    """Of numbers: what lies below and above the range of their criterion, or four ranges where none asks for them."""
    known = values.dropna()
    if known.empty:
        return
    criterion = criteria[0] if criteria else None
    if criterion is None:
        edges = np.unique(known.quantile(QUARTERS))
        parts = np.searchsorted(edges, values, side="left")
        outer = [(part, part == 0, part == len(edges)) for part in range(len(edges) + 1)]
        held_of = [((parts == part) & values.notna().to_numpy(), first, last) for part, first, last in outer]
    else:
        below = values < (-np.inf if criterion.at_least is None else criterion.at_least)
        above = values > (np.inf if criterion.at_most is None else criterion.at_most)
        held_of = [(below.to_numpy(), True, False), (above.to_numpy(), False, True)]
    for held, is_first, is_last in held_of:
        if held.any():
            yield Look(
                attribute=attribute,
                value=None,
                at_least=None if is_first else float(values[held].min()),
                at_most=None if is_last else float(values[held].max()),
                criterion=criterion.name if criterion else "",
                is_agreed=False,
                held=held,
                others=values.notna().to_numpy() & ~held,
            )
