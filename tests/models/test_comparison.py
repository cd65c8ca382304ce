import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.special import xlogy
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from models.comparison import compare, frame_for
from models.split import converted_or_not, learning_rows, split_at
from tests.models.conftest import TITLE, titled

pytestmark = pytest.mark.whole


SEEN = {}


class Remembering:
    """Says the training rate of everyone; what it is given is kept in `SEEN`."""

    def fit(self, features, outcome):
        SEEN.update({"learnt": features, "outcome": outcome})
        self.rate = outcome.mean()
        return self

    def predict_proba(self, features):
        SEEN.update({"asked": features})
        return np.tile([1 - self.rate, self.rate], (len(features), 1))


class Drawn(Remembering):
    """An estimator with weights that counts them."""

    def fit(self, features, outcome, sample_weight):
        SEEN.update({"weight": sample_weight})
        return super().fit(features, outcome)


@pytest.fixture(scope="module")
def compared(table, fitted):
    """Ours beside boosting that reads the frame as it comes, and beside the truth given as probabilities."""
    boosting = HistGradientBoostingClassifier(max_depth=2, max_iter=30, random_state=0)
    return compare(table, {"boosting": boosting, "truth": table.frame["true_p"]}, ours=fitted)


def split_of(table, fitted):
    return split_at(learning_rows(table), fitted.summary.at_acting_age.test_from)


def test_ours_has_the_figures_of_its_training_at_the_acting_age_and_at_all_ages(compared, fitted):
    acting, overall = (age.evaluation for age in compared.ages)
    assert (acting.day, overall.day) == (fitted.summary.acting_day, None)
    for found, told in ((acting, fitted.summary.at_acting_age), (overall, fitted.summary.at_all_ages)):
        assert found.model.log_loss == told.model.log_loss
        assert found.model.gain == told.model.gain


def test_a_difference_is_that_of_both_log_losses_and_its_interval_is_paired(compared, table, fitted):
    for age in compared.ages:
        ours, *others = age.evaluation.models
        for other, difference in zip(others, age.differences, strict=True):
            assert difference.value == pytest.approx(other.log_loss.value - ours.log_loss.value, abs=1e-12)
            unpaired = (other.log_loss.high - other.log_loss.low) + (ours.log_loss.high - ours.log_loss.low)
            assert difference.low < difference.value < difference.high
            assert difference.high - difference.low < 0.6 * unpaired


def test_probabilities_of_ones_own_are_taken_by_row_of_the_table(compared, table, fitted):
    test = split_of(table, fitted).test
    p, y, weight = test["true_p"].to_numpy(), converted_or_not(test), test["weight"].to_numpy()
    by_hand = np.average(-xlogy(y, p) - xlogy(1 - y, 1 - p), weights=weight)
    assert compared.ages[1].evaluation.models[3].log_loss.value == pytest.approx(by_hand)
    assert compared.ages[1].differences[2].value < 0, "nothing is better than the truth"


def test_an_estimator_learns_from_the_rows_before_the_test_and_is_left_as_it_was(table, fitted):
    split, given = split_of(table, fitted), Drawn()
    compare(table, {"own": given}, ours=fitted)
    seen = SEEN
    assert not hasattr(given, "rate"), "a copy was fitted"
    assert list(seen["learnt"].columns) == [column.name for column in table.columns]
    assert seen["learnt"].index.equals(split.train.index)
    assert seen["asked"].index.equals(split.test.index)
    assert (seen["outcome"] == converted_or_not(split.train)).all()
    assert (seen["weight"] == split.train["weight"]).all()


def test_words_are_categories_of_the_training_rows_and_others_are_missing(table):
    rows = table.frame.head(3).assign(source=["search", "unheard of", None])
    found = frame_for(rows, table.columns, like=table.frame)
    assert list(found["source"].isna()) == [False, True, True]
    assert list(found["source"].cat.categories) == ["event", "partner", "rare", "referral", "search"]
    assert found["n_visits"].dtype == np.float64


def test_a_text_is_a_category_to_a_model_of_ones_own_and_missing_where_it_is(table):
    like = titled(table.frame)
    rows = like.head(3).assign(title=[like["title"].dropna().iloc[0], "unheard of", None])
    found = frame_for(rows, [TITLE], like=like)
    assert list(found["title"].isna()) == [False, True, True]


def test_a_feature_of_which_nothing_is_known_before_the_test_is_left_out(table):
    found = frame_for(table.frame.head(3), table.columns, like=table.frame.assign(employees=np.nan))
    assert list(found.columns) == ["n_visits", "days_in_stage", "noise", "source"]


def test_it_prints_as_a_table_an_age_and_shows_as_one_in_a_notebook(compared):
    lines = str(compared).splitlines()
    assert lines[0].startswith("mql_to_sql, ")
    assert re.split(r" {2,}", lines[1]) == ["model", "log loss", "less ours", "AUC", "slope"]
    assert [line.split("  ")[0] for line in lines[2:6]][1:] == ["base rate by age", "boosting", "truth"]
    assert lines[2].startswith("our model (")
    assert compared._repr_html_().count("<table>") == 2


def test_a_name_from_outside_is_escaped(table, fitted):
    found = compare(table, {"<b>own": table.frame["true_p"]}, ours=fitted)
    assert "&lt;b&gt;own" in found._repr_html_()
    assert "<b>" not in found._repr_html_()


def test_the_plot_has_a_panel_an_age_and_a_point_a_model(compared):
    figure = compared.plot()
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 2
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["base rate by age", "boosting", "truth"]
    (line, *_), *_ = figure.axes[1].containers
    assert list(line.get_xdata()) == [difference.value for difference in compared.ages[1].differences]


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"base_rate_by_age": LogisticRegression()}, "base_rate_by_age is what a model of ours is called"),
        ({"own": "lightgbm"}, "own is a str; give an estimator with fit and predict_proba, or a Series"),
        ({"own": pd.Series([0.5])}, r"own has no probability within \[0, 1\] for .* rows, such as row .* \(nan\)"),
    ],
)
def test_what_cannot_be_compared_is_said(table, fitted, models, said):
    with pytest.raises(ValueError, match=said):
        compare(table, models, ours=fitted)
