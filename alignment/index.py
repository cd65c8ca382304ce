"""The alignment index: how well both teams keep what they agreed on, over time, and what went with results."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, spearmanr

from alignment.chance import after_all_looks
from alignment.intervals import UNKNOWN
from data_contracts.estimates import Estimate
from data_contracts.metrics.index import AlignmentIndex, Better, IndexOfPeriod, Part, PartKept
from data_contracts.metrics.periods import Span

LEAST_PERIODS = 8
"""Of fewer periods a rank correlation says nothing: even a perfect one may be chance among several parts."""

CHANCE = 0.05


def alignment_index(spans: Sequence[Span], parts: Sequence[Part], *, results: Sequence[float | None]) -> AlignmentIndex:
    """The index of the last of `spans`, with its parts and its past.

    Parameters
    ----------
    spans
        Successive periods of one length, the earliest first; at least one.
    parts
        Each with one value a period.
    results
        What both teams are for, a figure a period, such as the revenue won in it; missing where it is not known.

    Raises
    ------
    ValueError
        Where a part, or `results`, has not one value a period.
    """
    uneven = [part.name for part in parts if len(part.values) != len(spans)]
    if uneven or len(results) != len(spans):
        raise ValueError(f"{', '.join(uneven) or 'results'}: {len(spans)} periods need as many values")
    kept = [[_kept(part, value) for value in part.values] for part in parts]
    counted = [part for part, values in zip(parts, kept, strict=True) if values[-1] is not None]
    whole = sum(part.weight for part in counted)
    correlations = [_went_with(part, results) for part in parts]
    chances = after_all_looks([p for _, p in correlations])
    return AlignmentIndex(
        span=spans[-1],
        parts=tuple(
            PartKept(
                part=part,
                kept=values[-1],
                not_counted=_not_counted(part),
                would_gain=None if values[-1] is None else part.weight * (1 - values[-1]) / whole,
                change=_change(values),
                went_with=correlation,
                is_more_than_chance=chance is not None and chance < CHANCE,
            )
            for part, values, (correlation, _), chance in zip(parts, kept, correlations, chances, strict=True)
        ),
        trend=tuple(
            _index(span, [(part, values[nth]) for part, values in zip(parts, kept, strict=True) if part in counted])
            for nth, span in enumerate(spans)
        ),
    )


def _kept(part: Part, value: Estimate) -> float | None:
    if part.agreed is None or value.value is None or not part.weight:
        return None
    reached, agreed = (value.value, part.agreed) if part.better is Better.HIGHER else (part.agreed, value.value)
    return min(1.0, reached / agreed) if agreed > 0 else 1.0


def _not_counted(part: Part) -> str:
    if not part.weight:
        return "its weight is 0"
    if part.agreed is None:
        return "nothing is agreed: give it in [targets]"
    return "nobody can measure it in this period" if part.values[-1].value is None else ""


def _index(span: Span, kept: Sequence[tuple[Part, float | None]]) -> IndexOfPeriod:
    known = [(part.weight, value) for part, value in kept if value is not None]
    weights = sum(weight for weight, _ in known)
    value = sum(weight * value for weight, value in known) / weights if known else None
    return IndexOfPeriod(period=span.name, value=value, n_parts=len(known))


def _change(values: Sequence[float | None]) -> float | None:
    if len(values) < 2 or values[-1] is None or values[-2] is None:
        return None
    return values[-1] - values[-2]


def _went_with(part: Part, results: Sequence[float | None]) -> tuple[Estimate, float | None]:
    """The rank correlation of each period's value with the result of the next, with its interval, and its p-value.

    The interval is Fisher's with the variance of Bonett and Wright (2000, Psychometrika 65:23). A part of which less is
    better counts the other way round, so that above 0 it went with good results.
    """
    sign = 1 if part.better is Better.HIGHER else -1
    pairs = [
        (sign * value.value, result)
        for value, result in zip(part.values[:-1], results[1:], strict=True)
        if value.value is not None and result is not None
    ]
    values, later = (np.array([pair[place] for pair in pairs]) for place in (0, 1))
    if len(pairs) < LEAST_PERIODS or not np.ptp(values) or not np.ptp(later):
        return UNKNOWN, None
    found = spearmanr(values, later)
    rho = float(np.clip(found.statistic, -0.999, 0.999))
    half = norm.ppf(0.975) * np.sqrt((1 + rho**2 / 2) / (len(pairs) - 3))
    low, high = np.tanh(np.arctanh(rho) - half), np.tanh(np.arctanh(rho) + half)
    return Estimate(value=rho, low=float(low), high=float(high)), float(found.pvalue)
