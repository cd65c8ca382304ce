import datetime as dt
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from data_contracts.definitions import Definitions
from data_contracts.errors import TooFewOutcomesError
from data_contracts.releases import TransitionSummary
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, Transition
from models.fitted import FittedTransition
from models.split import learning_rows
from models.train import backtest_transition, train_transition
from tests.models.conftest import TableFactory

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def small(make_table: TableFactory) -> LabelledTable:
    """1,200 leads: enough to train on, and quick."""
    return make_table(n_leads=1_200, seed=11)


@pytest.fixture(scope="module")
def fitted_on_small(small: LabelledTable, definitions: Definitions) -> FittedTransition:
    return train_transition(small, definitions=definitions)


def test_a_signal_is_found_and_beats_every_baseline_that_knows_less(fitted: FittedTransition) -> None:
    assert [evaluation.day for evaluation in fitted.summary.evaluations] == [ENTRY, 7, 14, None]
    for evaluation in fitted.summary.evaluations:
        assert evaluation.has_gain
        assert evaluation.has_ranking
        assert [figures.model for figures in evaluation.models[1:]] == [
            "base_rate_by_age",
            "base_rate",
            "point_rule",
            "logistic_regression",
        ]
        assert evaluation.model.log_loss.value < evaluation.baseline("point_rule").log_loss.value
        assert evaluation.model.model == fitted.summary.estimator


def test_true_probabilities_are_recovered(fitted: FittedTransition, make_table: TableFactory) -> None:
    fresh = learning_rows(make_table(seed=100))
    assert np.corrcoef(fitted.predict(fresh), fresh["true_p"])[0, 1] > 0.93
    assert fitted.predict(fresh).mean() == pytest.approx(fresh["true_p"].mean(), abs=0.02)
    for evaluation in (fitted.summary.at_acting_age, fitted.summary.evaluations[-1]):
        slope, intercept = evaluation.model.calibration_slope, evaluation.model.calibration_intercept
        assert slope.low < 1 < slope.high
        assert intercept.low < 0.1
        assert intercept.high > -0.1


def test_the_summary_counts_leads_and_rates(fitted: FittedTransition, table: LabelledTable) -> None:
    rows = learning_rows(table)
    summary = fitted.summary
    assert summary.n_labelled == rows["lead_id"].nunique()
    assert summary.n_converted == rows.loc[rows["converted"], "lead_id"].nunique()
    assert summary.base_rate == pytest.approx(np.average(rows["converted"], weights=rows["weight"]))
    assert (summary.transition, summary.horizon_days) == (Transition.MQL_TO_SQL, 28)


def test_without_signal_the_base_rate_by_age_is_published(make_table: TableFactory, definitions: Definitions) -> None:
    told: list[str] = []
    table = make_table(strength=0.0, n_leads=1_500)
    fitted = train_transition(table, definitions=definitions, say=told.append)
    assert fitted.summary.estimator == "base_rate_by_age"
    assert fitted.estimators == ()
    assert fitted.calibrator is None
    leads = table.frame.head(7)
    assert fitted.predict(leads).tolist() == [fitted.summary.base_rate_by_age.probability[0]] * 7
    assert (fitted.contributions(leads) == 0).all(axis=None)
    assert not fitted.summary.has_signal
    assert fitted.summary.at_acting_age.model.model != "base_rate_by_age", "what was tried can be looked at"
    assert any("no signal was found" in line for line in told)


def test_too_few_conversions_are_refused_with_their_number(make_table: TableFactory, definitions: Definitions) -> None:
    table = make_table(n_leads=150)
    n_converted = learning_rows(table).groupby("lead_id")["converted"].max().sum()
    message = f"mql_to_sql: {n_converted} leads that converted are known and 100 are needed"
    with pytest.raises(TooFewOutcomesError, match=message) as caught:
        train_transition(table, definitions=definitions)
    assert (caught.value.found, caught.value.needed) == (n_converted, 100)


def test_too_few_outcomes_in_the_test_are_refused(table: LabelledTable, definitions: Definitions) -> None:
    with pytest.raises(TooFewOutcomesError, match=r"entering on 2025-11-28 or later .* 20 are needed"):
        train_transition(table, definitions=definitions, test_from=dt.datetime(2025, 11, 28))


def test_too_few_outcomes_before_the_test_are_refused(table: LabelledTable, definitions: Definitions) -> None:
    with pytest.raises(TooFewOutcomesError, match=r"by 2024-02-20, where the test begins.* 50 are needed"):
        train_transition(table, definitions=definitions, test_from=dt.datetime(2024, 2, 20))


def test_a_business_whose_accounts_keep_coming_back_is_trained(
    make_table: TableFactory, definitions: Definitions
) -> None:
    table = make_table(n_leads=1_500, leads_per_account=50)
    entered = table.frame.groupby("group_id")["as_of"].agg(["min", "max"])
    assert len(entered) == 30
    assert (entered["max"] - entered["min"] > dt.timedelta(days=600)).all(), "every account comes up in the test"
    summary = train_transition(table, definitions=definitions).summary
    assert [one.estimator for one in summary.candidates if one.is_chosen] == [summary.estimator]
    assert summary.evaluations[0].n_train > 500


def test_too_few_accounts_are_refused_however_many_their_leads(
    make_table: TableFactory, definitions: Definitions
) -> None:
    with pytest.raises(TooFewOutcomesError, match="19 accounts of either outcome are known and 20 are needed"):
        train_transition(make_table(n_leads=1_900, leads_per_account=100), definitions=definitions)


def test_a_history_too_short_to_choose_by_later_leads_is_chosen_by_other_accounts(
    make_table: TableFactory, definitions: Definitions
) -> None:
    table = make_table(n_leads=9_000)
    early = replace(table, frame=table.frame[table.frame["as_of"] < dt.datetime(2024, 4, 15)])
    cut = dt.datetime(2024, 3, 1)
    summary = train_transition(early, definitions=definitions, test_from=cut).summary
    assert {evaluation.test_from for evaluation in summary.evaluations} == {cut}, "a given cut is kept"
    assert summary.validation == "grouped"
    assert len(summary.candidates) >= 6
    assert sum(one.is_chosen for one in summary.candidates) == 1


def test_the_same_seed_gives_the_same_release_whatever_unknown_outcomes_and_the_point_rule_say(
    fitted_on_small: FittedTransition, small: LabelledTable, definitions: Definitions
) -> None:
    """Whether a censored lead has converted already is not looked at, and no feature knows the points."""
    is_censored = small.frame["outcome_status"] == "censored"
    frame = small.frame.assign(converted=small.frame["converted"] | is_censored, point_rule_points=np.nan)
    again = train_transition(replace(small, frame=frame), definitions=definitions)
    assert again.predict(small.frame).tolist() == fitted_on_small.predict(small.frame).tolist()
    assert again.summary == without_point_rule(fitted_on_small.summary)
    names = [figures.model for figures in again.summary.evaluations[0].models]
    assert names[1:] == ["base_rate_by_age", "base_rate", "logistic_regression"]


def without_point_rule(summary: TransitionSummary) -> TransitionSummary:
    evaluations = tuple(
        one.model_copy(update={"models": tuple(each for each in one.models if each.model != "point_rule")})
        for one in summary.evaluations
    )
    return summary.model_copy(update={"evaluations": evaluations})


def test_a_backtest_judges_one_window_after_the_other(small: LabelledTable, definitions: Definitions) -> None:
    told = backtest_transition(small, definitions=definitions, n_folds=2)
    assert len(told.windows) == 2
    for earlier, later in pairwise(told.windows):
        assert earlier.test_from < earlier.test_until < later.test_from
        assert earlier.n_train < later.n_train
    assert all(evaluation.has_gain for evaluation in told.windows)
    for evaluation in told.windows:
        assert evaluation.baseline("naive_bayes").gain.value > 0, "it knows of the features"
    first, last = told.windows[0].test_from, told.windows[-1].test_until
    months = [group.value for group in told.months]
    assert np.mean([group.gain.value for group in told.months]) > 0
    assert f"{first:%Y-%m}" <= months[0] < months[-1] <= f"{last:%Y-%m}"
    assert {"day", "month", "grade", "source"} == {group.by for group in told.groups}


def test_a_backtest_with_too_many_windows_is_refused(make_table: TableFactory, definitions: Definitions) -> None:
    with pytest.raises(TooFewOutcomesError, match="ask for fewer windows"):
        backtest_transition(make_table(n_leads=1_000), definitions=definitions, n_folds=20)


@pytest.mark.slow
def test_counting_the_never_contacted_as_negatives_would_lower_every_probability(
    make_table: TableFactory, definitions: Definitions
) -> None:
    """Sales called the leads with many visits first; the truth is what a call brings."""
    table = make_table(n_leads=6_000, contacted_share=0.6, seed=5)
    entries = table.frame[table.frame["day"] == ENTRY]
    assert (entries["outcome_status"] == "never_contacted").mean() > 0.2
    ours = train_transition(table, definitions=definitions)
    as_negatives = table.frame["outcome_status"].replace("never_contacted", "not_converted")
    wrong = train_transition(
        replace(table, frame=table.frame.assign(outcome_status=as_negatives)), definitions=definitions
    )
    fresh = learning_rows(make_table(n_leads=10_000, seed=6))
    fresh = fresh[fresh["day"] == ENTRY]
    few_visits = fresh[fresh["n_visits"] <= 1]
    assert (ours.predict(fresh) - fresh["true_p"]).mean() == pytest.approx(0, abs=0.02)
    assert (ours.predict(few_visits) - few_visits["true_p"]).mean() == pytest.approx(0, abs=0.03)
    assert (wrong.predict(few_visits) - few_visits["true_p"]).mean() < -0.05
