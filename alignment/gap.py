"""Where a target was missed: volume, quality, response, close rate or deal size, and whether it is leads or sales."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from alignment.incidence import Incidence
from alignment.intervals import UNKNOWN, Floats, difference_estimate
from alignment.milestones import Milestones
from alignment.period_factors import PeriodFactors, period_factors
from alignment.shapley import shapley_parts
from alignment.touch_records import touches_are_recorded
from alignment.yardsticks import PART_OF, Yardstick, yardsticks_of
from data_contracts.estimates import Estimate
from data_contracts.metrics.gap import Answer, Gap, GapPart, Goal, Origin, Part, Side
from data_contracts.metrics.periods import Span

SMALL = 1e-9
"""Of the target: what yardsticks of the plan leave is rounding."""


ALL_RESPONSE = (
    "Answers in time could account for more than the rate is off: response has all of it at most, and quality nothing. "
    "How much of it is their doing, nobody can say from these figures."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Factor:
    """A factor beside its yardstick. Of each figure: of all leads, then without each group of accounts.

    `planned` and `measured` are what the run rate is computed from; `shown` is what is shown of it: of response the
    share answered in time, of quality the rate as it was, with what goes with the answers.
    """

    part: Part
    yardstick: Yardstick
    planned: Floats
    measured: Floats
    shown: Floats
    is_least: bool = False


def gap_of(milestones: Milestones, deals: pd.DataFrame, span: Span, *, goal: Goal = Goal.REVENUE) -> Gap:
    """Why the result of `span` differs from its target, in parts that add up to the difference.

    Yardsticks are the period's own targets, then the agreed figures, then what was measured in the same period a year
    before or in the period before. Rates are those of the period (`alignment.period_rates`): no cohort has to mature.
    What is said of answers in time is an association, for sellers may answer the better leads first; whether it is
    leads or sales is said only where it does not hang on that.

    Parameters
    ----------
    deals
        What `alignment.deals.deals_of` returns for `milestones`.

    Raises
    ------
    ValueError
        Where the period is not over: its target is for all of it.
    """
    if span.end_at > milestones.as_of:
        raise ValueError(f"{span} is not over at {milestones.as_of}; ask for a period that is")
    here = period_factors(milestones, deals, span)
    factors, notes = _factors(here, yardsticks_of(milestones, deals, here), milestones, goal)
    result = here.revenue if goal is Goal.REVENUE else here.n_customers
    asked = milestones.settings.targets.of(span.name)
    target: float | None = getattr(asked, goal) if asked else None
    effects = _effects(factors, result, target)
    sides = _sides(effects)
    held_against = target
    if target is None and effects:
        held_against = float(_run_rate(np.stack([one.planned for one in factors]))[0])
    told = (here.in_time, here.late) if touches_are_recorded(milestones) else ()
    in_time, late = [_shown_rate(here, drawn) for drawn in told] or [UNKNOWN, UNKNOWN]
    return Gap(
        period=span.name,
        goal=goal,
        currency=milestones.settings.crm.currency,
        target=held_against,
        is_planned=target is not None,
        result=float(result[0]),
        run_rate=_estimated(_run_rate(np.stack([one.measured for one in factors]))),
        parts=_parts(factors, effects),
        rate_in_time=in_time,
        rate_late=late,
        **sides,
        answer=_robust_answer(float(result[0]), held_against, effects),
        notes=tuple(notes),
        as_of=milestones.as_of,
        definitions_version=milestones.definitions_version,
        targets_version=milestones.settings.targets.version,
    )


def _factors(
    here: PeriodFactors, yardsticks: Mapping[Part, Yardstick], milestones: Milestones, goal: Goal
) -> tuple[list[_Factor], list[str]]:
    """The factors in the order of the run rate, and what is not known of them."""
    response, notes = _response(here, yardsticks, milestones)
    volume = yardsticks[Part.VOLUME]
    found = [_Factor(Part.VOLUME, volume, volume.values, here.n_mqls, here.n_mqls)]
    for step in here.rates:
        yardstick = yardsticks[PART_OF[step]]
        shown = here.rate(step, days=yardstick.days)
        rate = shown - response.measured if step is here.first_step else shown
        is_least = yardstick.days is None and not here.rates[step].is_at_plateau
        found.append(_Factor(PART_OF[step], yardstick, yardstick.values, rate, shown, is_least))
    found.insert(2, response)
    if goal is Goal.REVENUE:
        size = yardsticks[Part.SIZE]
        measured = here.deal_size
        if not here.n_customers[0]:
            notes.append("Nobody was won in the period: deal size is taken as its yardstick, and has no part.")
            measured = size.values
        found.append(_Factor(Part.SIZE, size, size.values, measured, here.deal_size))
        if here.n_without_amount:
            notes.append(f"{here.n_without_amount} won deals of the period have no known amount: revenue is more.")
    if missing := [one.part for one in found if not np.isfinite([one.planned[0], one.measured[0]]).all()]:
        notes = [note for note in notes if note != ALL_RESPONSE]
        notes.append(f"Not known, or without a yardstick: {', '.join(missing)}. So the gap has no parts.")
    return found, notes


def _response(
    here: PeriodFactors, yardsticks: Mapping[Part, Yardstick], milestones: Milestones
) -> tuple[_Factor, list[str]]:
    """How much of the first step's difference from its yardstick goes with the answers, as far as that can be known."""
    yardstick, beside = yardsticks[Part.RESPONSE], yardsticks[PART_OF[here.first_step]]
    in_time, late = here.answered(days=beside.days)
    missed = here.rate(here.first_step, days=beside.days) - beside.values
    in_full = (here.share_in_time - yardstick.values) * (in_time - late)
    changed = np.clip(in_full, np.minimum(missed, 0), np.maximum(missed, 0))
    nothing = np.zeros(len(changed))
    is_recorded = touches_are_recorded(milestones)
    if is_recorded and np.isfinite(changed[0]):
        is_all = changed[0] == missed[0] != in_full[0]
        return _Factor(Part.RESPONSE, yardstick, nothing, changed, here.share_in_time), [ALL_RESPONSE] if is_all else []
    if not is_recorded:
        why = "it is not recorded when sales touched a lead"
    elif not np.isfinite(yardstick.values[0]):
        why = "there is no yardstick for the share answered in time"
    else:
        why = "too few leads were answered in time, or too few were not, to compare both"
    none = replace(yardstick, values=np.full(len(changed), np.nan), origin=Origin.NONE, period=None)
    note = f"Response has no part, because {why}: what it changed is in that of {PART_OF[here.first_step]}."
    shown = here.share_in_time if is_recorded else none.values
    return _Factor(Part.RESPONSE, none, nothing, nothing, shown), [note]


def _run_rate(factors: Floats) -> Floats:
    """Volume x (rate + response) x the other factors."""
    return np.asarray(factors[0] * (factors[1] + factors[2]) * factors[3:].prod(axis=0))


def _effects(factors: Sequence[_Factor], result: Floats, target: float | None) -> dict[Part, Floats]:
    """What each part adds to the gap: the result less the target, or less the yardsticks' run rate without one.

    Nothing where a factor is unknown.
    """
    planned, measured = (np.stack([getattr(one, name) for one in factors]) for name in ("planned", "measured"))
    if not np.isfinite([planned[:, 0], measured[:, 0]]).all():
        return {}
    with np.errstate(invalid="ignore"):
        parts = shapley_parts(_run_rate, planned, measured)
        found = {one.part: part for one, part in zip(factors, parts, strict=True)}
        found[Part.TIMING] = result - _run_rate(measured)
    left = _run_rate(planned) - (0.0 if target is None else target)
    if target is not None and abs(left[0]) > SMALL * max(target, 1.0):
        found[Part.UNPLANNED] = left
    return found


def _parts(factors: Sequence[_Factor], effects: Mapping[Part, Floats]) -> tuple[GapPart, ...]:
    by_part = {one.part: one for one in factors}
    return tuple(
        GapPart(
            part=part,
            yardstick=_known(by_part[part].yardstick.values[0]) if part in by_part else None,
            origin=by_part[part].yardstick.origin if part in by_part else Origin.NONE,
            origin_period=by_part[part].yardstick.period if part in by_part else None,
            measured=_not_below_0(_estimated(by_part[part].shown)) if part in by_part else UNKNOWN,
            is_least=part in by_part and by_part[part].is_least,
            effect=_estimated(effect),
        )
        for part, effect in effects.items()
    )


def _sides(effects: Mapping[Part, Floats]) -> dict[str, Estimate]:
    """What the parts of each side come to, and the difference between both."""
    sums = {side: _side(effects, side) for side in (Side.MARKETING, Side.SALES)}
    told = {side.value: _estimated(figure) for side, figure in sums.items()}
    return told | {"difference": _estimated(sums[Side.MARKETING] - sums[Side.SALES])}


def _side(effects: Mapping[Part, Floats], side: Side) -> Floats:
    own = [effect for part, effect in effects.items() if part.side is side]
    return np.sum(own, axis=0) if own else np.full(1, np.nan)


def _robust_answer(result: float, target: float | None, effects: Mapping[Part, Floats]) -> Answer:
    """The answer, if it is the same where response is sales' and where it is no cause, and counts as quality."""
    as_sales = answer_of(result, target, _sides(effects))
    if Part.RESPONSE not in effects or Part.QUALITY not in effects:
        return as_sales
    others: dict[Part, Floats] = {part: effect for part, effect in effects.items() if part is not Part.RESPONSE}
    as_quality: Mapping[Part, Floats] = others | {Part.QUALITY: effects[Part.QUALITY] + effects[Part.RESPONSE]}
    return as_sales if as_sales is answer_of(result, target, _sides(as_quality)) else Answer.UNKNOWN


def answer_of(result: float, target: float | None, told: Mapping[str, Estimate]) -> Answer:
    """Whether it is leads or sales, where the intervals say so."""
    if target is not None and result >= target:
        return Answer.REACHED
    bounds = [(one.low, one.high) for one in (told[Side.MARKETING], told[Side.SALES], told["difference"])]
    known = [(low, high) for low, high in bounds if low is not None and high is not None]
    if target is None or len(known) < len(bounds):
        return Answer.UNKNOWN
    marketing, sales, difference = known
    marketing_fell, sales_fell = marketing[1] < 0, sales[1] < 0
    if marketing_fell and difference[1] < 0:
        return Answer.LEADS
    if sales_fell and difference[0] > 0:
        return Answer.SALES
    if marketing_fell and sales_fell:
        return Answer.BOTH
    return Answer.NEITHER if marketing[0] >= 0 and sales[0] >= 0 else Answer.UNKNOWN


def _shown_rate(here: PeriodFactors, drawn: Incidence) -> Estimate:
    return drawn.within(drawn.last_day + 1) if drawn.last_day >= here.horizons[here.first_step] - 1 else UNKNOWN


def _estimated(figure: Floats) -> Estimate:
    """The figure of all leads with the interval that leaving out groups of accounts tells."""
    return difference_estimate(float(figure[0]), figure[1:])


def _not_below_0(told: Estimate) -> Estimate:
    return told if told.low is None else Estimate(value=told.value, low=max(told.low, 0.0), high=told.high)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
