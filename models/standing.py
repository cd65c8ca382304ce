"""Whether a value was there before the outcome: leads that are open now against leads that were open at earlier dates.

Take the leads that are open in a stage now, and those that were open in it a year ago. Most of the latter have been
decided since. An attribute that is fixed at creation does not care: its values are spread alike in both. An attribute
that is written at the win differs: of those of a year ago the winners have it by now, of those open now nobody does,
although some of them will win.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

AGE_EDGES = np.array([0, 0.03, 0.1, 0.25, 0.5, 1, 2, 4, np.inf])
"""Bounds, in horizons, of the ages between which leads are compared: the younger an open lead, the likelier it is still
to be decided."""

MOST_DATES = 15
"""Earlier dates at which open leads are looked at, evenly spread over the history."""

LEAST_DATES = 4
"""Earlier dates without which no trend is told from chance."""

LEAST_OPEN = 5.0
"""Effective number of open leads below which a date says nothing."""

MOST_VALUES = 12
"""Values of a category that are looked at one by one; the rest count as one."""

N_BINS = 5
"""Bins of equally many leads that a number falls into; equal numbers share a bin."""

TELLING_Z = 2.0
"""Values that are this many standard errors more frequent among leads decided so are also looked at together."""

NEVER, LATER_CONVERTED, LATER_CLOSED, STILL_OPEN, N_KINDS = -1, 0, 1, 2, 3
DECISIONS = {"converted": (LATER_CONVERTED,), "closed": (LATER_CLOSED,), "decided": (LATER_CONVERTED, LATER_CLOSED)}
_LAST = len(AGE_EDGES) - 2


@dataclass(frozen=True, slots=True)
class Shift:
    """A value (or group of values) among the leads that are open now.

    Attributes
    ----------
    values
        The codes of the values.
    since
        `converted`, `closed` or `decided` (either of the two): what would have changed it.
    n_open
        Effective number of open leads compared (weighted by how likely they are to be decided so).
    share_now, share_expected, share_untouched
        Its share among leads open now; that expected if it never changes; and that among leads of earlier dates
        that have not been decided so since.
    z_expected, z_untouched
        Standard errors between the first share and the second, and the third.
    """

    values: tuple[int, ...]
    since: str
    n_open: float
    share_now: float
    share_expected: float
    share_untouched: float
    z_expected: float
    z_untouched: float

    @property
    def explained_share(self) -> float:
        """The part of the shift that is there as well between all earlier leads and those never decided so."""
        now, expected, untouched = (
            2 * np.arcsin(np.sqrt(share)) for share in (self.share_now, self.share_expected, self.share_untouched)
        )
        return float((untouched - expected) / (now - expected)) if now != expected else 0.0


@dataclass(frozen=True, eq=False)
class OpenLeads:
    """Which leads were open at which dates.

    Attributes
    ----------
    ages
        Days from each lead's entry to the extract.
    decided
        Days from its decision to the extract; minus infinity where it is open.
    converted
        Whether that decision was a conversion.
    groups
        The account of each lead, as a number from 0.
    horizon_days
        The horizon of the transition.
    """

    ages: np.ndarray
    decided: np.ndarray
    converted: np.ndarray
    groups: np.ndarray
    horizon_days: int

    def dates(self) -> np.ndarray:
        """Days before the extract: 0, and the earlier dates, all at least one horizon ago."""
        last = self.ages.max() - self.horizon_days
        step = max(self.horizon_days / 2, (last - self.horizon_days) / (MOST_DATES - 1))
        return np.concatenate([[0.0], np.arange(self.horizon_days, max(last, self.horizon_days), step)])

    @cached_property
    def cells(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each date: what became later of each lead that was open then (else `NEVER`), and its band of age."""
        return tuple(self._cells())

    def _cells(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        later = np.where(np.isfinite(self.decided), np.where(self.converted, LATER_CONVERTED, LATER_CLOSED), STILL_OPEN)
        for days in self.dates():
            age = (self.ages - days) / self.horizon_days
            is_open = (age > 0) & (self.decided < days)
            band = np.clip(np.searchsorted(AGE_EDGES, age) - 1, 0, _LAST)
            yield np.where(is_open, later, NEVER), band

    def design_effect(self) -> float:
        """By how much accounts with several open leads blow up a variance (Kish, 1965, "Survey Sampling", 8.2)."""
        sizes = np.bincount(self.groups[~np.isfinite(self.decided)])
        return float((sizes**2).sum() / sizes.sum()) if sizes.any() else 1.0


def coded(values: pd.Series, *, least_leads: int = 1) -> tuple[np.ndarray, list[str]]:
    """The code of each value and the words for each code; missing is the last code.

    Of words, the `MOST_VALUES` most frequent values have a code each, if `least_leads` have them, and the others one
    together. Numbers fall into `N_BINS` bins of equally many.
    """
    is_missing = values.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(values):
        place = (values.rank(method="min").to_numpy() - 1) / max(1, (~is_missing).sum())
        bins = np.where(is_missing, 0, np.nan_to_num(place) * N_BINS).astype(np.int64)
        known, codes = np.unique(bins[~is_missing], return_inverse=True)
        found = values.to_numpy(dtype=np.float64)[~is_missing]
        names = [_range_text(found[codes == code]) for code in range(len(known))]
    else:
        counts = values.value_counts()
        counts = counts[counts >= least_leads]
        frequent = sorted(counts.index, key=lambda value: (-counts[value], value))[:MOST_VALUES]
        place_of = {value: code for code, value in enumerate(frequent)}
        codes = values[~is_missing].map(place_of).fillna(len(frequent)).to_numpy(dtype=np.int64)
        names = [*map(str, frequent), "any other value"]
    every = np.full(len(values), len(names), dtype=np.int64)
    every[~is_missing] = codes
    return every, [*names, "missing"]


def shifts(open_leads: OpenLeads, codes: np.ndarray, *, n_codes: int) -> list[Shift]:
    """How the share of each value among the leads open now differs from what earlier dates lead to expect.

    The expectation is a straight line through the shares at the earlier dates (on the arcsine scale, which makes their
    variance the same; Anscombe, 1948, Biometrika 35:246), so that what drifts steadily is no shift. Where the dates
    scatter more than chance allows, standard errors grow accordingly. Bands of age weigh as much as their leads are
    likely to be decided. Empty where history is too short or nobody is open.
    """
    dates, effect = open_leads.dates(), open_leads.design_effect()
    if len(dates) <= LEAST_DATES or not np.isneginf(open_leads.decided).any():
        return []
    counts = np.stack([_counted(kind, band, codes, n_codes) for kind, band in open_leads.cells])
    groups = [(code,) for code in range(n_codes)]
    found = []
    for since, kinds in DECISIONS.items():
        weight = counts[0].sum(axis=(0, 2)) * _share_decided(counts, kinds)
        telling = tuple(int(code) for code in np.flatnonzero(_is_telling(counts, kinds)))
        asked = _Asked(counts.sum(axis=-1), weight, kinds, dates, effect)
        for values in [*groups, *([telling] if len(telling) > 1 else [])]:
            shift = asked.shift(counts[..., list(values)].sum(axis=-1)) if weight.any() else None
            if shift is not None:
                found.append(Shift(values, since, *shift))
    return found


def _counted(kind: np.ndarray, band: np.ndarray, codes: np.ndarray, n_codes: int) -> np.ndarray:
    """Leads by what became of them, band of age and code."""
    shape = (N_KINDS, len(AGE_EDGES) - 1, n_codes)
    is_open = kind >= 0
    cell = np.ravel_multi_index((kind[is_open], band[is_open], codes[is_open]), shape)
    return np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)


def _share_decided(counts: np.ndarray, kinds: tuple[int, ...]) -> np.ndarray:
    """By band of age, the share of the leads open at earlier dates that were decided so later."""
    leads = counts[1:].sum(axis=(0, 3))
    return np.asarray(leads[list(kinds)].sum(axis=0) / np.maximum(leads.sum(axis=0), 1))


def _is_telling(counts: np.ndarray, kinds: tuple[int, ...]) -> np.ndarray:
    """Of each value, whether it is clearly more frequent among leads that were decided so later than among others."""
    leads = counts[1:].sum(axis=(0, 2))
    so = leads[list(kinds)].sum(axis=0)
    others = leads.sum(axis=0) - so
    n_so, n_others = max(so.sum(), 1), max(others.sum(), 1)
    share = (so + others) / (n_so + n_others)
    error = np.sqrt(np.maximum(share * (1 - share), 1e-12) * (1 / n_so + 1 / n_others))
    return np.asarray((so / n_so - others / n_others) > TELLING_Z * error)


@dataclass(frozen=True, eq=False)
class _Asked:
    """What all values of an attribute have in common: leads by date, fate and band of age, and how these weigh."""

    leads: np.ndarray
    weight: np.ndarray
    kinds: tuple[int, ...]
    dates: np.ndarray
    effect: float

    def shift(self, having: np.ndarray) -> tuple[float, float, float, float, float, float] | None:
        """The figures of `Shift` for the value that `having` counts; None where there are too few open leads."""
        untouched = [kind for kind in range(N_KINDS) if kind not in self.kinds]
        share, n = _weighted_share(having.sum(axis=1), self.leads.sum(axis=1), self.weight)
        found = [
            _line_at_now(*_weighted_share(values, leads, self.weight), self.dates, effect=self.effect)
            for values, leads in (
                (having.sum(axis=1), self.leads.sum(axis=1)),
                (having[:, untouched].sum(axis=1), self.leads[:, untouched].sum(axis=1)),
            )
        ]
        lines = [line for line in found if line is not None]
        if n[0] / self.effect < LEAST_OPEN or len(lines) < len(found):
            return None
        now, own = float(_arcsine(share[0], n[0] / self.effect)), self.effect / n[0]
        (expected, z_expected), (before, z_untouched) = (
            (_share(at), float((now - at) / np.sqrt((own + spread) * scatter))) for at, spread, scatter in lines
        )
        return float(n[0]), float(share[0]), expected, before, z_expected, z_untouched


def _weighted_share(having: np.ndarray, leads: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By date, the share over the bands of age, and the number of leads that would make as good a share."""
    weights = np.where(leads > 0, weight, 0.0)
    total, each = np.maximum(weights.sum(axis=1), 1e-12), np.maximum(leads, 1)
    share = (weights * having / each).sum(axis=1) / total
    return share, np.where(weights.any(axis=1), total**2 / np.maximum((weights**2 / each).sum(axis=1), 1e-12), 0.0)


def _line_at_now(
    share: np.ndarray, n: np.ndarray, dates: np.ndarray, *, effect: float
) -> tuple[float, float, float] | None:
    """The line through the earlier dates, at the extract; its variance; and by how much the dates scatter too much."""
    n = n / effect
    is_used = (n >= LEAST_OPEN) & (dates > 0)
    if is_used.sum() < LEAST_DATES:
        return None
    weight, y = n[is_used], _arcsine(share, n)[is_used]
    x = np.column_stack([np.ones(is_used.sum()), dates[is_used] / dates.max()])
    inverse = np.linalg.inv((x * weight[:, None]).T @ x)
    line = inverse @ (x * weight[:, None]).T @ y
    scatter = float((weight * (y - x @ line) ** 2).sum() / (is_used.sum() - 2))
    return float(line[0]), float(inverse[0, 0]), max(1.0, scatter)


def _share(angle: float) -> float:
    return float(np.sin(np.clip(angle, 0, np.pi) / 2) ** 2)


def _arcsine(share: np.ndarray | float, n: np.ndarray | float) -> np.ndarray:
    return np.asarray(2 * np.arcsin(np.sqrt((share * n + 0.375) / (n + 0.75))))


def _range_text(numbers: Sequence[float] | np.ndarray) -> str:
    low, high = np.min(numbers), np.max(numbers)
    return f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"
