"""What data would change in the agreement, as a diff of the settings file. Nobody writes it but people."""

import difflib
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pydantic import ValidationError

from alignment.settings_text import with_criterion, with_rate, with_values, without_bound, without_criterion
from data_contracts.definitions import IcpCriterion
from data_contracts.errors import SettingsError
from data_contracts.estimates import Estimate
from data_contracts.metrics.agreed import (
    Agreed,
    Change,
    CriterionCheck,
    GroupRate,
    Proposal,
    Standing,
    ValueCheck,
    Weight,
)

DIGITS = 3
"""Of a proposed rate: its interval is wider than a tenth of a percent."""


@dataclass(frozen=True, slots=True)
class _Edit:
    change: Change
    apply: Callable[[str], str]


def proposal_of(agreed: Agreed, text: str, *, name: str) -> Proposal:
    """The changes that the figures support, and the settings file with them.

    | is proposed | where |
    |---|---|
    | the measured rate | the agreed one lies outside its interval |
    | to leave a criterion out | it goes the other way, or clearly does not matter |
    | to take a value into its criterion, or out of it | it wins clearly more, or less, than all others |
    | a criterion | values of an attribute that none asks for win clearly more than all others |

    Nothing else is. Who takes a change over raises the version of the definitions or the targets.

    Parameters
    ----------
    text
        Of the settings file. Criteria that it holds no longer as they were measured are left alone.
    name
        Of the file, for the diff and for what is said of it.

    Raises
    ------
    SettingsError
        Where the text is no TOML.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not valid TOML: {error}") from error
    told = content.get("definitions", {}).get("icp", {}).get("criteria", [])
    kept = [one.criterion.name for one in agreed.criteria if _is_in(one.criterion, told)]
    changed, changes, by_hand = text, [], []
    for edit in (*_rates(agreed), *_criteria(agreed, kept), *_values(agreed, kept)):
        try:
            changed = edit.apply(changed)
            changes.append(edit.change)
        except SettingsError:
            by_hand.append(edit.change)
    diff = difflib.unified_diff(
        text.splitlines(keepends=True), changed.splitlines(keepends=True), name, f"{name} as data would have it"
    )
    return Proposal(changes=tuple(changes), text=changed, diff="".join(diff), by_hand=tuple(by_hand))


def _is_in(criterion: IcpCriterion, told: list[dict[str, object]]) -> bool:
    try:
        return any(IcpCriterion.model_validate(one) == criterion for one in told)
    except ValidationError:
        return False


def _rates(agreed: Agreed) -> Iterator[_Edit]:
    for check in agreed.rates:
        if check.standing in (Standing.TOO_HIGH, Standing.TOO_LOW) and check.measured.value is not None:
            rate = round(check.measured.value, DIGITS)
            what = f"agree on {rate:.1%} for {check.step.said}"
            yield _Edit(Change(what=what, why=str(check)), partial(with_rate, step=check.step.value, rate=rate))


def _criteria(agreed: Agreed, kept: list[str]) -> Iterator[_Edit]:
    """Criteria that are to be left out, as long as one is left."""
    gone = [one for one in agreed.criteria if _is_useless(one) and one.criterion.name in kept]
    for check in gone[: len(kept) - 1]:
        name = check.criterion.name
        why = (
            f"{check.weight}: {agreed.step.said} of {_rate(check.met)} that meet it and {_rate(check.missed)} that "
            f"miss it; alike in all else, {_points(check.adjusted)} points"
        )
        yield _Edit(Change(what=f"leave out the criterion {name!r}", why=why), partial(without_criterion, name=name))


def _is_useless(check: CriterionCheck) -> bool:
    return check.weight in (Weight.OTHER_WAY, Weight.NO_MATTER)


def _values(agreed: Agreed, kept: list[str]) -> Iterator[_Edit]:
    criteria = {
        one.criterion.name: one.criterion
        for one in agreed.criteria
        if one.criterion.name in kept and not _is_useless(one)
    }
    for name, criterion in criteria.items():
        yield from _of_criterion(criterion, [one for one in agreed.values if one.criterion == name], agreed)
    free = [one for one in agreed.values if not one.criterion]
    for attribute in dict.fromkeys(one.attribute for one in free):
        yield _new_criterion(attribute, [one for one in free if one.attribute == attribute], agreed)


def _of_criterion(criterion: IcpCriterion, values: list[ValueCheck], agreed: Agreed) -> Iterator[_Edit]:
    """Values taken into a criterion or out of it, or one end of its range dropped; something is always left of it."""
    name, told = criterion.name, criterion.one_of
    for one in (each for each in values if each.value is not None):
        is_in = one.value in told
        after = tuple(value for value in told if value != one.value) if is_in else (*told, str(one.value))
        if not after:
            continue
        told = after
        what = f"leave {one.value!r} out of {name!r}" if is_in else f"take {one.value!r} into {name!r}"
        yield _Edit(Change(what=what, why=_why(one, agreed)), partial(with_values, name=name, values=told))
    ranges = [one for one in values if one.value is None]
    if len(ranges) == 1 and criterion.at_least is not None and criterion.at_most is not None:
        bound = "at_least" if ranges[0].at_least is None else "at_most"
        change = Change(what=f"drop {bound} from {name!r}", why=_why(ranges[0], agreed))
        yield _Edit(change, partial(without_bound, name=name, bound=bound))


def _new_criterion(attribute: str, values: list[ValueCheck], agreed: Agreed) -> _Edit:
    """A criterion of all values of a category that win more; of numbers, of the range that most surely does."""
    first = values[0]
    if first.value is not None:
        told: dict[str, object] = {"one_of": [str(one.value) for one in values]}
    else:
        ends = {"at_least": first.at_least, "at_most": first.at_most}
        told = {end: value for end, value in ends.items() if value is not None}
        values = values[:1]
    criterion = {"name": attribute, "attribute": attribute} | told
    change = Change(
        what=f"take up a criterion: {', '.join(one.said for one in values)}",
        why="; ".join(_why(one, agreed) for one in values),
    )
    return _Edit(change, partial(with_criterion, criterion=criterion))


def _why(one: ValueCheck, agreed: Agreed) -> str:
    return (
        f"{agreed.step.said} of {_rate(one.held)} with {one.said} and {_rate(one.others)} others; alike in all else, "
        f"{_points(one.adjusted)} points; {_chance(one.chance)} after {agreed.n_looks} looks"
    )


def _chance(chance: float) -> str:
    return "chance below 0.1%" if chance < 0.001 else f"chance {chance:.1%}"


def _rate(group: GroupRate) -> str:
    share = "unknown" if group.rate.value is None else f"{group.rate.value:.1%}"
    return f"{share} of {group.n:,}"


def _points(told: Estimate) -> str:
    if told.value is None or told.low is None or told.high is None:
        return "unknown"
    return f"{100 * told.value:+.1f} [{100 * told.low:+.1f}, {100 * told.high:+.1f}]"
