import numpy as np
import pandas as pd
import pytest

from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn
from models.baselines import base_rate_prediction, naive_bayes_prediction, point_rule_prediction


def rows(points: list[float], converted: list[bool]) -> pd.DataFrame:
    return pd.DataFrame({"point_rule_points": points, "converted": converted, "weight": 1.0})


def test_the_base_rate_says_the_same_of_everyone() -> None:
    train = rows([0.0] * 4, [True, False, False, False])
    prediction = base_rate_prediction(train, rows([1.0, 2.0], [True, False]))
    assert prediction.probability.tolist() == [0.25, 0.25]


def test_points_become_the_shares_that_converted_with_them() -> None:
    train = rows([0.0] * 10 + [50.0] * 10, [True] * 2 + [False] * 8 + [True] * 7 + [False] * 3)
    prediction = point_rule_prediction(train, rows([0.0, 50.0], [False, True]))
    assert prediction is not None
    assert prediction.probability == pytest.approx([0.2, 0.7], abs=0.001)


def test_a_rule_whose_points_mislead_keeps_its_misleading_ranking() -> None:
    train = rows([0.0] * 10 + [50.0] * 10, [True] * 7 + [False] * 3 + [True] * 2 + [False] * 8)
    prediction = point_rule_prediction(train, rows([0.0, 50.0], [True, False]))
    assert prediction is not None
    assert prediction.probability[0] > prediction.probability[1]
    assert prediction.ranking.tolist() == [0.0, 50.0]


def test_a_lead_without_points_has_none() -> None:
    train = rows([0.0] * 10 + [50.0] * 10, [True] * 2 + [False] * 8 + [True] * 7 + [False] * 3)
    prediction = point_rule_prediction(train, rows([np.nan, 0.0], [False, False]))
    assert prediction is not None
    assert prediction.probability[0] == prediction.probability[1]


def test_points_that_are_the_same_for_all_give_the_base_rate() -> None:
    train = rows([5.0] * 4, [True, False, False, False])
    prediction = point_rule_prediction(train, rows([5.0], [False]))
    assert prediction is not None
    assert prediction.probability == pytest.approx([0.25], abs=1e-4)


def test_no_rule_makes_no_prediction() -> None:
    train = rows([np.nan, np.nan], [True, False])
    assert point_rule_prediction(train, train) is None


def told_by(train: pd.DataFrame, test: pd.DataFrame, *names: str) -> list[float]:
    columns = [FeatureColumn(name, "category", "attributes", Attribute(name), "not known") for name in names]
    return naive_bayes_prediction(train, test, columns=columns).probability.tolist()


def test_naive_bayes_reads_no_text() -> None:
    train = pd.DataFrame({"title": ["a", "a", "b", "b"], "converted": [True, True, False, False], "weight": 1.0})
    title = FeatureColumn("title", "text", "attributes", Attribute("title"), "not known")
    assert naive_bayes_prediction(train, train, columns=[title]).probability.tolist() == [0.5] * 4


def test_naive_bayes_counts_with_a_tenth_added_and_each_team_on_its_own() -> None:
    """In the north 3 of 4 convert and all from the web do; in the south 1 of 4 converts."""
    train = pd.DataFrame(
        {
            "attribute_team": ["north"] * 4 + ["south"] * 4,
            "source": ["web", "web", "web", "fair"] + ["web", "fair", "fair", "fair"],
            "converted": [True] * 3 + [False] + [True] + [False] * 3,
            "weight": 1.0,
        }
    )
    asked = pd.DataFrame({"attribute_team": ["north"], "source": ["web"]})
    odds = 3 / 1 * ((3.1 / 3.2) / (0.1 / 1.2))
    assert told_by(train, asked, "attribute_team", "source") == pytest.approx([odds / (1 + odds)])
    odds = 4 / 4 * ((4.1 / 4.2) / (0.1 / 4.2))
    assert told_by(train, asked, "source") == pytest.approx([odds / (1 + odds)])
