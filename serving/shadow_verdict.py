"""Which does better, the old rule or the model, in words that a head of sales understands when they are read aloud."""

from data_contracts.estimates import Estimate
from data_contracts.shadow import OldRule, ShadowComparison, ShadowFigure, Standing

FIRST_WORDS: dict[Standing, str] = {
    "model": "The model does better than {rule}.",
    "model_if_alike": "The model probably does better than {rule}, but that hangs on leads that nobody called.",
    "cannot_tell": "We cannot tell whether the model or {rule} does better.",
    "same": "The model and {rule} hand off the same leads.",
    "rule_if_alike": "Probably {rule} does better than the model, but that hangs on leads that nobody called.",
    "rule": "We would do worse with the model: {rule} does better.",
}

TRY_IT = (
    "let sales call some of the {n} leads a week that only the model would hand off, for some weeks, and run this "
    "report again"
)


def deciding(comparisons: tuple[ShadowComparison, ...]) -> ShadowComparison:
    """The comparison that decides: at equal volume, unless both sides then hand off the same leads."""
    equal, capacity = comparisons
    return equal if equal.n_only_rule + equal.n_only_model else capacity


def standing_of(comparison: ShadowComparison) -> Standing:
    """Which does better on the terms of `comparison`, by the first transition.

    | holds | if the whole interval of the difference says so |
    |---|---|
    | `model`, `rule` | whatever the unknown leads would have done |
    | `model_if_alike`, `rule_if_alike` | with unknown leads like known ones of their band |
    | `cannot_tell` | otherwise, and where no week is old enough |
    | `same` | both hand off the same leads |
    """
    if not comparison.n_only_rule + comparison.n_only_model:
        return "same"
    if not comparison.figures:
        return "cannot_tell"
    told = comparison.figures[0]
    if _is_above_zero(told.worst):
        return "model"
    if _is_below_zero(told.best):
        return "rule"
    if _is_above_zero(told.if_alike):
        return "model_if_alike"
    return "rule_if_alike" if _is_below_zero(told.if_alike) else "cannot_tell"


def verdict_text(
    comparisons: tuple[ShadowComparison, ...],
    rule: OldRule,
    *,
    n_weeks: int,
    days_to_a_win: int,
    leads_per_week: float,
) -> str:
    """One paragraph: which does better, by how much, how sure that is, what nobody knows, and what to do.

    Parameters
    ----------
    comparisons
        At equal volume and at capacity.
    days_to_a_win
        How long after a hand-off it is known whether it was won.
    leads_per_week
        How many sales can work.
    """
    decides = deciding(comparisons)
    standing = standing_of(decides)
    said = [FIRST_WORDS[standing].format(rule=rule.said), _whom(comparisons[0], n_weeks)]
    said += _what_came(decides, comparisons[1], leads_per_week)
    said.append(_wins(decides, n_weeks=n_weeks, days=days_to_a_win))
    said.append(_what_to_do(standing, decides, n_weeks=n_weeks))
    return " ".join(part for part in said if part)


def more_or_fewer(difference: Estimate) -> str:
    """The interval of a difference in words.

    >>> more_or_fewer(Estimate(value=6.0, low=3.2, high=8.9))
    'between 3.2 and 8.9 more'
    >>> more_or_fewer(Estimate(value=20.0, low=-12.2, high=50.4))
    'between 12 fewer and 50 more'
    >>> more_or_fewer(Estimate(value=-2.0, low=-3.04, high=-1.0))
    'between 1.0 and 3.0 fewer'
    """
    low, high = difference.low or 0.0, difference.high or 0.0
    ends = [_number(abs(end), beside=(low, high)) for end in (low, high)]
    if low < 0 < high:
        return f"between {ends[0]} fewer and {ends[1]} more"
    smaller, larger = ends if low >= 0 else ends[::-1]
    word = "more" if low >= 0 else "fewer"
    return f"about {smaller} {word}" if smaller == larger else f"between {smaller} and {larger} {word}"


def _number(value: float, *, beside: tuple[float, float]) -> str:
    return f"{value:,.0f}" if max(map(abs, beside)) >= 10 else f"{value:.1f}"


def _amount(value: float) -> str:
    return _number(value, beside=(value, value))


def _whom(equal: ShadowComparison, n_weeks: int) -> str:
    n_listed = equal.n_both + equal.n_only_rule
    first = f"Over {n_weeks} weeks the rule would have handed off {_amount(equal.rule_leads)} leads a week."
    if not equal.n_only_rule + equal.n_only_model:
        return f"{first} Those are all there were, so with as many leads the model could only take the same ones."
    return (
        f"{first} The model, asked each week with what was known before it, would have taken as many: of the rule's "
        f"leads, {equal.n_both / n_listed if n_listed else 0:.0%} are on its list too."
    )


def _what_came(decides: ShadowComparison, capacity: ShadowComparison, leads_per_week: float) -> list[str]:
    """What both sides brought on the terms that decide, with what nobody knows; then with what sales can work."""
    if not decides.figures:
        return ["No week is old enough to know what became of its leads, or nobody called any of them."]
    told = decides.figures[0]
    brought = _brought(told)
    said = []
    if decides is capacity:
        said.append(f"With the {leads_per_week:g} leads a week that sales can work, {brought}.")
    elif _has_unknown(told):
        said.append(
            f"Sales called {_share(decides.rule_called)} of the rule's leads and {_share(decides.model_called)} of the "
            f"model's; what the others would have brought nobody knows. If they are like called leads whose chance "
            f"looked about the same, {brought}."
        )
    else:
        said.append(f"{brought[0].upper()}{brought[1:]}.")
    if _has_unknown(told):
        said += [_resting_on(decides), _bounds(told)]
    if decides is not capacity and capacity.figures:
        said.append(
            f"With the {leads_per_week:g} leads a week that sales can work, {_brought(capacity.figures[0])}"
            f"{', on the same assumption' if _has_unknown(told) else ''}."
        )
    return said


def _brought(told: ShadowFigure) -> str:
    rule = told.rule.if_alike.value or 0.0
    return (
        f"the rule's leads bring about {_amount(rule)} {told.measured} a week and the model's "
        f"{more_or_fewer(told.if_alike)}"
    )


def _resting_on(decides: ShadowComparison) -> str:
    """How few of the leads that only the model hands off were called, and how bad they may be."""
    if decides.only_model_called is None:
        return ""
    told = decides.figures[0].breaks_even
    ahead = (
        "" if told is None else f": the model is ahead as long as the others bring {told:.0%} of what they look like"
    )
    called = _share(decides.only_model_called)
    return f"Of the leads that only the model would hand off, sales called {called}{ahead}."


def _bounds(told: ShadowFigure) -> str:
    """What the unknown leads could change at most."""
    worst, best = told.worst, told.best
    if worst is None or best is None or worst.value is None or best.value is None:
        return ""
    if _is_above_zero(worst):
        return f"Even if every uncalled lead of the model had failed, it would be {more_or_fewer(worst)}."
    if _is_below_zero(best):
        return f"Even if every uncalled lead of the model had succeeded, it would be {more_or_fewer(best)}."
    return (
        f"Without that assumption anything is possible from {_amount(abs(worst.value))} "
        f"{'fewer' if worst.value < 0 else 'more'} a week (all of the model's uncalled leads fail, all of the rule's "
        f"succeed) to {_amount(abs(best.value))} {'fewer' if best.value < 0 else 'more'} (the other way round)."
    )


def _wins(decides: ShadowComparison, *, n_weeks: int, days: int) -> str:
    """What is known of wins and revenue beside SQLs."""
    if decides.figures and decides.figures[0].measured == "wins":
        return ""
    found = {one.measured: one for one in decides.figures}
    if "wins" not in found:
        return f"Wins cannot be counted yet: that takes {days} days after a hand-off, and no week is so old."
    wins = found["wins"]
    return (
        f"Of wins, {wins.n_weeks} of the {n_weeks} weeks can be counted, since it takes {days} days to know: "
        f"{_brought(wins)}."
    )


def _what_to_do(standing: Standing, decides: ShadowComparison, *, n_weeks: int) -> str:
    try_it = TRY_IT.format(n=_amount(decides.n_only_model / n_weeks))
    has_unknown = bool(decides.figures) and _has_unknown(decides.figures[0])
    if standing == "model":
        return "What to do: switch to the model."
    if standing == "model_if_alike":
        return f"What to do: before you switch for good, {try_it}."
    if standing == "cannot_tell" and has_unknown:
        return f"What to do: keep the rule for now, {try_it}."
    if standing == "cannot_tell":
        return "What to do: keep the rule for now, and run this report again when more weeks have passed."
    return "What to do: keep the rule." if standing != "same" else "What to do: nothing hangs on the choice."


def _has_unknown(told: ShadowFigure) -> bool:
    return told.rule.unknown > 0 or told.model.unknown > 0


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"


def _is_above_zero(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.low is not None and estimate.low > 0


def _is_below_zero(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.high is not None and estimate.high < 0
