"""Who is like whom: how the leads that sales contacted resemble all leads, by their chance of contact."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MOST_ALIKE = 0.02
"""Share of contacted leads up to which a group of leads counts as one that nobody calls: one in fifty. Chance alone
brings such a call about; a model learns nothing from so few."""

LEAST_UNLIKE = round(1 / MOST_ALIKE)
"""Leads that such a group has: among fewer, one in fifty is less than a lead, and none called may be chance."""

MOST_EXTREME_WEIGHTS = 0.01
"""Share of the weights that are cut at either end: the usual bargain of a little bias for much less variance (Cole and
Hernán, 2008, Am J Epidemiol 168:656)."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far the contacted leads stand for all leads.

    Attributes
    ----------
    is_unlike
        One a lead: whether its chance of contact is so low that of the leads with about such a chance, at most
        `MOST_ALIKE` were contacted. No labelled lead is like it.
    is_thin
        One a lead: whether labelled leads like it are so few that a figure of all leads is more precise without it.
    thin_below
        The chance below which leads are thin; 0.0 where none is.
    """

    is_unlike: Flags
    is_thin: Flags
    thin_below: float


def overlap_of(chance: Floats, contacted: Flags) -> Overlap:
    """The overlap of the leads with these chances of contact, each in (0, 1), some of which were contacted."""
    lowest = _least_precise_below(chance)
    return Overlap(is_unlike=_unlike(chance, contacted), is_thin=chance < lowest, thin_below=lowest)


def contact_weights(chance: Floats, contacted: Flags) -> Floats:
    """Weights under which the contacted leads look like all leads: one a lead, 0 where it was not contacted.

    They are stabilised: the share of contacted leads over the chance of contact, about 1 on average. The lowest and the
    highest `MOST_EXTREME_WEIGHTS` of them are cut (Cole and Hernán, 2008).

    Examples
    --------
    Half of the leads are contacted. One with a chance of a quarter stands for twice as many as on average:

    >>> contact_weights(np.array([0.25, 0.75]), np.array([True, False])).tolist()
    [2.0, 0.0]
    """
    weight = contacted.mean() / chance
    low, high = np.quantile(weight[contacted], [MOST_EXTREME_WEIGHTS, 1 - MOST_EXTREME_WEIGHTS])
    return np.where(contacted, np.clip(weight, low, high), 0.0)


def effective_size(weight: Floats) -> float:
    """How many leads of equal weight tell as much as these (Kish, 1965, "Survey Sampling").

    >>> effective_size(np.array([1.0, 1.0, 1.0, 0.0])), round(effective_size(np.array([3.0, 1.0])), 1)
    (3.0, 1.6)
    """
    return float(weight.sum() ** 2 / (weight**2).sum())


def _unlike(chance: Floats, contacted: Flags) -> Flags:
    """Where of the leads with about such a chance, at most `MOST_ALIKE` were contacted.

    It is told by what happened, not by the level of the chances, which a penalty draws to the mean: by the best rising
    step function of the chance (isotonic regression, as in Zadrozny and Elkan, 2002).
    """
    steps = IsotonicRegression(out_of_bounds="clip").fit(chance, contacted.astype(np.float64))
    is_unlike = np.asarray(steps.predict(chance) <= MOST_ALIKE)
    return is_unlike if is_unlike.sum() >= LEAST_UNLIKE else np.zeros_like(is_unlike)


def _least_precise_below(chance: Floats) -> float:
    """The chance below which leads cost a mean over all leads more precision than they bring; 0.0 where none does.

    A mean over the leads of a set, made of contacted leads, has a variance in proportion to the mean of 1/chance over
    the number of leads in the set. The set with the least is that of all leads above one chance (Crump, Hotz, Imbens
    and Mitnik, 2009, Biometrika 96:187). They ask for a difference of two outcomes and get 1/chance + 1/(1 - chance);
    here only the outcome of contacted leads is asked for.
    """
    inverse = np.sort(1 / chance)
    n_kept = int(np.argmin(np.cumsum(inverse) / np.arange(1, len(inverse) + 1) ** 2)) + 1
    return 0.0 if n_kept == len(inverse) else float(1 / inverse[n_kept - 1])
