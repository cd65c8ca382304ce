"""Counts and probabilities by hand, after Odoo's rule."""

import numpy as np
import pandas as pd
import pytest

from models.naive_bayes import LEAST, MOST, binned, fit_and_predict, frequencies, probabilities, team_of

TRAIN = pd.DataFrame(
    {
        "source": ["web", "web", "web", "fair", "fair", None],
        "team": ["north", "north", "north", "south", "south", "south"],
        "converted": [1, 1, 0, 0, 0, 1],
        "weight": 1.0,
    }
)


def asked_of(*sources: str | None) -> pd.DataFrame:
    return pd.DataFrame({"source": list(sources), "team": "nowhere"})


def test_counts_are_won_and_lost_leads_by_value_plus_a_tenth_and_missing_is_no_value() -> None:
    found = frequencies(TRAIN[["source"]], converted=TRAIN["converted"].to_numpy(), weight=np.ones(6))
    assert (found.n_won, found.n_lost) == (3, 3)
    counted = found.by_value["source"]
    assert counted.loc["web"].tolist() == [2 + 0.1, 1 + 0.1]
    assert counted.loc["fair"].tolist() == [0 + 0.1, 2 + 0.1]
    assert len(counted) == 2


def test_a_probability_is_the_won_share_times_the_values_share_of_won_leads_against_the_same_of_lost_ones() -> None:
    won = 3 / 6 * (2.1 / (2.1 + 0.1))
    lost = 3 / 6 * (1.1 / (1.1 + 2.1))
    found = fit_and_predict(TRAIN, asked_of("web"), numbers=[], categories=["source"], team=None)
    assert found == pytest.approx([won / (won + lost)])


def test_a_value_never_seen_and_a_missing_one_say_nothing() -> None:
    found = fit_and_predict(TRAIN, asked_of("radio", None), numbers=[], categories=["source"], team=None)
    assert found == pytest.approx([3 / 6, 3 / 6])


def test_a_team_has_its_own_counts_and_a_team_never_seen_has_those_of_all() -> None:
    asked = asked_of("web", "web").assign(team=["north", "west"])
    found = fit_and_predict(TRAIN, asked, numbers=[], categories=["source"], team="team")
    assert found[0] == pytest.approx(2 / 3)  # web is all that north has seen: its share is 1 on both sides
    assert found[1] == fit_and_predict(TRAIN, asked_of("web"), numbers=[], categories=["source"], team=None)[0]


def test_with_one_outcome_only_a_probability_is_at_its_limit() -> None:
    words = TRAIN[["source"]]
    for outcome, limit in ((0, LEAST), (1, MOST)):
        known = frequencies(words, converted=np.full(6, outcome), weight=np.ones(6))
        assert probabilities(words, known).tolist() == [limit] * 6


def test_numbers_go_into_bins_of_the_training_rows_and_missing_stays_missing() -> None:
    train = pd.Series(np.arange(1.0, 11.0))
    found = binned(train, pd.Series([-5.0, 1.0, 5.6, 99.0, np.nan]))
    assert found.tolist()[:4] == [0, 0, 5, 9]
    assert np.isnan(found.iloc[4])
    assert binned(pd.Series([np.nan]), pd.Series([1.0])).isna().all()


def test_rows_count_by_their_weight() -> None:
    found = frequencies(TRAIN[["source"]], converted=TRAIN["converted"].to_numpy(), weight=np.full(6, 0.5))
    assert found.by_value["source"].loc["web"].tolist() == [1.0 + 0.1, 0.5 + 0.1]


def test_the_team_is_a_category_of_that_name() -> None:
    assert team_of(["attribute_industry", "attribute_team"]) == "attribute_team"
    assert team_of(["attribute_industry"]) is None
