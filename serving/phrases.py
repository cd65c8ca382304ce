"""What a feature says about a lead, in words a seller reads: "opened pricing 4 times in the last 7 days"."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.sayings import Criterion, ProfileShare, Saying
from data_contracts.snapshots import FeatureColumn


@dataclass(frozen=True, slots=True)
class Phrasing:
    """How one feature is put into words.

    Attributes
    ----------
    family
        Features of one family say much the same (opened pricing in 7, 30 or 90 days): a lead gets one reason of each.
    reads
        The column whose value is put into words: the feature itself, or the attribute that a criterion looks at.
    words
        From that value (a number, a category's word, None where missing) to a phrase that completes "this lead:".
    is_of_profile
        Whether it says how the lead fits the agreed profile.
    """

    family: str
    reads: str
    words: Callable[[Any], str]
    is_of_profile: bool


def phrasings(columns: Sequence[FeatureColumn]) -> dict[str, Phrasing]:
    """How each feature is put into words, by its name.

    An attribute that the agreed profile asks for is said as its first criterion, so that no lead reads the same twice.
    """
    criteria = {said.reads: said for column in reversed(columns) if isinstance(said := column.said, Criterion)}
    return {column.name: _phrasing(column, criteria) for column in columns}


def misses_words(names: Sequence[str]) -> str:
    """The criteria that a lead outside the agreed profile is known to miss.

    Examples
    --------
    >>> misses_words(["company size", "region"])
    'outside the agreed profile (company size, region)'
    """
    return f"outside the agreed profile ({', '.join(names)})"


def _phrasing(column: FeatureColumn, criteria: Mapping[str, Criterion]) -> Phrasing:
    criterion = column.said if isinstance(column.said, Criterion) else criteria.get(column.name)
    if criterion is not None:
        return Phrasing(criterion.reads, criterion.reads, _words_of(criterion), is_of_profile=True)
    is_of_profile = isinstance(column.said, ProfileShare)
    return Phrasing(column.family or column.name, column.name, _words_of(column.said), is_of_profile=is_of_profile)


def _words_of(said: Saying) -> Callable[[Any], str]:
    return lambda value: said.words_for_missing if value is None else said.words(value)
