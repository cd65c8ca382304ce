"""Titles that are nearly all rare say something by their words only; words that say nothing cost nothing clear."""

import pytest

from benchmarks.texts import NONSENSE, SETTINGS, TITLE, columns_of, gain_of, titles_split
from models.split import Split


@pytest.fixture(scope="module")
def split() -> Split:
    return titles_split(0)


def test_nearly_every_title_is_rare(split: Split) -> None:
    counts = split.train[TITLE].value_counts()
    assert counts.max() < 20
    assert split.train[NONSENSE].str.split().str.len().eq(3).all()


@pytest.mark.parametrize("estimator", SETTINGS)
def test_titles_gain_clearly_by_their_words(split: Split, estimator: str) -> None:
    gain = gain_of(SETTINGS[estimator], split, before=columns_of(title="category"), after=columns_of(title="text"))
    assert gain.exceeds(3)
    assert gain.value > 0.02


@pytest.mark.parametrize("estimator", SETTINGS)
def test_words_that_say_nothing_cost_nothing_clear(split: Split, estimator: str) -> None:
    gain = gain_of(SETTINGS[estimator], split, before=columns_of(), after=columns_of(nonsense="text"))
    assert gain.value > -0.005
    assert gain.value > -2 * gain.standard_error
