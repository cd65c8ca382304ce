"""Reasons of a lead, in words, that raise or lower its probability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_contracts.scores import LOWERS, RAISES, REASONS
from serving.phrases import Phrasing, misses_words

N_REASONS = len(REASONS)

LEAST_LOG_ODDS = 0.05
"""A smaller contribution moves a probability by at most 1.3 percentage points: too little to be a reason."""

NO_SIGNAL = "no signal found: base rate"
"""The only reason where the release publishes the base rate: nothing tells leads apart."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Reasoner:
    """Puts contributions into words. One is made for a release and serves all its leads.

    Attributes
    ----------
    names
        The features in order of the contributions' columns.
    phrasings
        How each feature is put into words.
    families
        The families in order of first occurrence, each with the positions of its features in `names`.
    """

    names: tuple[str, ...]
    phrasings: Mapping[str, Phrasing]
    families: Mapping[str, Integers]

    @classmethod
    def of(cls, phrasings: Mapping[str, Phrasing]) -> "Reasoner":
        """The reasoner for the features in `phrasings`, in that order."""
        members: dict[str, list[int]] = {}
        for position, phrasing in enumerate(phrasings.values()):
            members.setdefault(phrasing.family, []).append(position)
        families = {family: np.array(positions, dtype=np.intp) for family, positions in members.items()}
        return cls(names=tuple(phrasings), phrasings=phrasings, families=families)

    def reasons(self, contributions: pd.DataFrame, values: pd.DataFrame) -> Texts:
        """The reasons of each lead, weightiest first: shape (leads, `N_REASONS`), None where there are fewer.

        A family weighs the sum of its features' contributions: if "opened pricing in 7 days" raises and "in 30 days"
        lowers, they give one reason, not two. The feature that pulls most the way of the sum says it.

        A seller sees what speaks for and against: if the weightiest three all raise, the weightiest that lowers takes
        the third place, and the other way round.

        Parameters
        ----------
        contributions
            Log-odds, one row a lead, one column for each of `names`.
        values
            The same leads' values of the features.
        """
        each = contributions[list(self.names)].to_numpy(dtype=np.float64)
        weights, speaker = self._by_family(each)
        chosen = weightiest(weights)
        texts = np.full(chosen.shape, None, dtype=object)
        for place in range(N_REASONS):
            weight = np.take_along_axis(weights, chosen[:, [place]], axis=1).ravel()
            feature = np.take_along_axis(speaker, chosen[:, [place]], axis=1).ravel()
            rows = np.flatnonzero(np.abs(weight) >= LEAST_LOG_ODDS)
            direction = np.where(weight[rows] > 0, RAISES, LOWERS).astype(object)
            texts[rows, place] = direction + self._words(feature[rows], values.iloc[rows])
        return texts

    def _by_family(self, each: Floats) -> tuple[Floats, Integers]:
        """The weight of each family and the feature that says it: shape (leads, families, at least `N_REASONS`)."""
        shape = (len(each), max(N_REASONS, len(self.families)))
        weights, speaker = np.zeros(shape), np.zeros(shape, dtype=np.intp)
        for number, members in enumerate(self.families.values()):
            own = each[:, members]
            weights[:, number] = own.sum(axis=1)
            along = own * np.sign(weights[:, [number]])
            speaker[:, number] = members[along.argmax(axis=1)]
        return weights, speaker

    def _words(self, features: Integers, values: pd.DataFrame) -> Texts:
        """The phrase of one feature for each lead; each value that occurs is put into words once."""
        texts = np.full(len(features), None, dtype=object)
        for feature in np.unique(features):
            at = np.flatnonzero(features == feature)
            phrasing = self.phrasings[self.names[feature]]
            codes, found = pd.factorize(values[phrasing.reads].iloc[at])
            # Missing values have the code -1, which picks the last phrase.
            phrases = np.array([*(phrasing.words(value) for value in found), phrasing.words(None)], dtype=object)
            texts[at] = phrases[codes]
        return texts


def weightiest(weights: Floats) -> Integers:
    """The columns of the `N_REASONS` largest absolute weights in each row, largest first; ties in order of columns.

    Where all of them have one sign, the largest column of the other sign takes the last place, if it has at least
    `LEAST_LOG_ODDS`.

    Examples
    --------
    >>> weightiest(np.array([[0.4, 0.3, -0.1, 0.2], [0.4, -0.3, -0.1, 0.2]])).tolist()
    [[0, 1, 2], [0, 1, 3]]
    """
    sizes = np.abs(weights)
    chosen = _largest(sizes)
    signs = np.sign(np.take_along_axis(weights, chosen, axis=1))
    opposite = np.where(np.sign(weights) == -signs[:, [0]], sizes, 0.0)
    is_one_sided = (signs == signs[:, [0]]).all(axis=1) & (opposite.max(axis=1, initial=0.0) >= LEAST_LOG_ODDS)
    chosen[is_one_sided, -1] = opposite[is_one_sided].argmax(axis=1)
    return chosen


def _largest(sizes: Floats) -> Integers:
    """The columns of the `N_REASONS` largest of each row, which are 0 or more; ties in order of columns."""
    # Three look-ups of the largest: a sort of all columns takes several times as long.
    left, each = sizes.copy(), np.arange(len(sizes))
    chosen = np.empty((len(sizes), N_REASONS), dtype=np.intp)
    for place in range(N_REASONS):
        chosen[:, place] = left.argmax(axis=1)
        left[each, chosen[:, place]] = -1.0
    return chosen


def outside_profile(reasons: Texts, misses: Sequence[Sequence[str]]) -> Texts:
    """The reasons of leads outside the agreed profile: which criteria they are known to miss, then their own.

    `reasons` are their own, apart from the profile: one row a lead, and the last of the row drops out. `misses` are the
    names of the criteria that each lead misses.
    """
    first = np.array([LOWERS + misses_words(names) for names in misses], dtype=object)
    return np.column_stack([first, reasons[:, : N_REASONS - 1]])


def no_signal(n_leads: int) -> Texts:
    """The reasons of leads that get the base rate."""
    texts = np.full((n_leads, N_REASONS), None, dtype=object)
    texts[:, 0] = NO_SIGNAL
    return texts
