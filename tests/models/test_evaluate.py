import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data_contracts.evaluations import Evaluation
from data_contracts.snapshots import LabelledTable
from data_contracts.vocabulary import ENTRY, Transition
from models import evaluate as module
from models.baselines import base_rate_by_age_prediction
from models.evaluate import (
    EvaluationPlan,
    base_rate,
    capacity_share,
    evaluate,
    judged_rows,
    log_loss_difference,
    model_figures,
    wilson_interval,
)
from models.metrics import Prediction
from models.split import Split, default_test_from, learning_rows, split_at
from tests.models.conftest import TableFactory


@pytest.fixture(scope="module")
def split(table: LabelledTable) -> Split:
    rows = learning_rows(table)
    return split_at(rows, default_test_from(rows))


def plan(day: int | None, *, capacity: float | None = 0.3, seed: int = 0) -> EvaluationPlan:
    return EvaluationPlan(Transition.MQL_TO_SQL, day, capacity, seed)


def truth(test: pd.DataFrame, *, exponent: float = 1.0) -> Prediction:
    probability = test["true_p"].to_numpy() ** exponent
    return Prediction("truth", probability=probability, ranking=probability)


def evaluated(split: Split, day: int | None, *, exponent: float = 1.0, seed: int = 0) -> Evaluation:
    train, test = judged_rows(split, day)
    predictions = [truth(test, exponent=exponent), base_rate_by_age_prediction(train, test)]
    return evaluate(split, predictions, plan=plan(day, seed=seed))


@pytest.mark.parametrize("day", [ENTRY, None])
def test_the_true_probabilities_are_found_calibrated_at_entry_and_over_all_ages(split: Split, day: int | None) -> None:
    model = evaluated(split, day).model
    for estimate, ideal in ((model.calibration_slope, 1.0), (model.calibration_intercept, 0.0)):
        assert estimate.low < ideal < estimate.high
    assert model.expected_calibration_error.low < 0.02


def test_probabilities_that_are_too_low_are_found_so(split: Split) -> None:
    model = evaluated(split, None, exponent=2.0).model
    assert model.calibration_intercept.low > 0.3
    assert model.expected_calibration_error.low > 0.03


def test_gain_is_the_log_loss_of_the_base_rate_by_age_less_the_models(split: Split) -> None:
    evaluation = evaluated(split, ENTRY)
    model, reference = evaluation.model, evaluation.baseline("base_rate_by_age")
    assert model.gain.value == pytest.approx(reference.log_loss.value - model.log_loss.value)
    assert reference.gain.model_dump() == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert evaluation.has_gain
    assert evaluation.has_ranking
    assert reference.auc.value == 0.5
    assert reference.calibration_slope.value is None


def guessed(split: Split, seed: int) -> Evaluation:
    """The evaluation of probabilities that are the base rate and chance."""
    train, test = judged_rows(split, ENTRY)
    reference = base_rate_by_age_prediction(train, test)
    chance = reference.probability + np.random.default_rng(seed).uniform(-0.02, 0.02, len(test))
    return evaluate(split, [Prediction("chance", chance, chance), reference], plan=plan(ENTRY))


def test_a_gain_that_chance_explains_is_no_signal(split: Split) -> None:
    lucky = next(found for seed in range(50) if (found := guessed(split, seed)).model.gain.value > 0)
    assert lucky.model.gain.low < 0
    assert not lucky.has_gain
    assert not lucky.has_ranking


def test_every_figure_lies_within_its_interval(split: Split) -> None:
    model = evaluated(split, None).model
    estimates = {name: getattr(model, name) for name in module.METRICS}
    assert [name for name, one in estimates.items() if not one.low < one.value < one.high] == []


def test_at_entry_each_lead_has_one_row_and_over_all_ages_more(split: Split) -> None:
    entry, all_ages = evaluated(split, ENTRY), evaluated(split, None)
    assert entry.n_test == entry.n_test_leads == int((split.test["day"] == ENTRY).sum())
    assert all_ages.n_test == len(split.test) > all_ages.n_test_leads
    assert entry.test_base_rate == pytest.approx(split.test.loc[split.test["day"] == ENTRY, "converted"].mean())


def test_the_same_seed_gives_the_same_intervals_and_another_one_others(split: Split) -> None:
    first, again, other = (evaluated(split, ENTRY, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.model.auc != other.model.auc
    assert first.model.auc.value == other.model.auc.value


def test_intervals_are_the_same_when_resamples_come_in_small_chunks(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluated(split, ENTRY)
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 70 * whole.n_test)
    assert evaluated(split, ENTRY).model.auc == whole.model.auc


def test_accounts_are_resampled_not_rows(make_table: TableFactory) -> None:
    """Ten copies of every lead say no more than one, so the intervals stay as wide if copies share an account."""
    rows = learning_rows(make_table(n_leads=1_000))
    one = split_at(rows, default_test_from(rows))
    ten = Split(one.train, pd.concat([one.test] * 10, ignore_index=True), one.test_from)
    widths = [
        estimate.high - estimate.low
        for estimate in (evaluated(one, None).model.log_loss, evaluated(ten, None).model.log_loss)
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.02)


def test_reliability_bins_hold_the_leads_of_similar_probability(split: Split) -> None:
    bins = evaluated(split, ENTRY).reliability
    n_test = int((split.test["day"] == ENTRY).sum())
    assert sum(one.n for one in bins) == n_test
    assert [one.predicted for one in bins] == sorted(one.predicted for one in bins)
    assert all(one.low <= one.observed <= one.high for one in bins)
    assert sum(one.low <= one.predicted <= one.high for one in bins) >= len(bins) - 2


def test_the_lift_curve_rises_to_all_conversions(split: Split) -> None:
    evaluation = evaluated(split, ENTRY)
    captured = [point.captured.value for point in evaluation.lift_curve]
    assert captured == sorted(captured)
    assert captured[-1] == 1.0
    assert captured[1] == pytest.approx(evaluation.model.lift_in_top_tenth.value * 0.1)


def test_capacity_is_a_share_of_all_leads_that_came_in_labelled_or_not(make_table: TableFactory) -> None:
    table = make_table(contacted_share=0.3)
    test_from, test_until = dt.datetime(2025, 7, 1), dt.datetime(2025, 9, 9)
    entries = table.frame[table.frame["day"] == ENTRY]
    n_entered = int(entries["as_of"].between(test_from, test_until).sum())
    share = capacity_share(table, leads_per_week=5, test_from=test_from, test_until=test_until)
    assert share == pytest.approx(5 * 10 / n_entered), "ten weeks of five leads"
    assert capacity_share(table, leads_per_week=10_000, test_from=test_from, test_until=test_until) == 1.0


def test_a_sample_of_the_accounts_stands_for_all_leads_that_compete_for_capacity(table: LabelledTable) -> None:
    days = {"test_from": dt.datetime(2025, 7, 1), "test_until": dt.datetime(2025, 9, 9)}
    whole = capacity_share(table, leads_per_week=5, **days)
    quarter = capacity_share(replace(table, sampled_share=0.25), leads_per_week=5, **days)
    assert quarter == pytest.approx(whole / 4), "there are four times the leads that are seen"


def test_capacity_makes_no_choice_among_qualified_leads(make_table: TableFactory) -> None:
    table = make_table(n_leads=100, transition=Transition.SQL_TO_WIN)
    test_from, test_until = dt.datetime(2025, 7, 1), dt.datetime(2025, 9, 9)
    assert capacity_share(table, leads_per_week=5, test_from=test_from, test_until=test_until) is None


def test_wilson_interval_is_the_published_one() -> None:
    """Newcombe (1998, Statistics in Medicine 17:857), table I: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_the_base_rate_counts_weights() -> None:
    rows = pd.DataFrame({"converted": [True, False, False], "weight": [1.0, 0.5, 0.5]})
    assert base_rate(rows) == pytest.approx(1.0 / 2.0)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say(make_table: TableFactory) -> None:
    """Of 60 samples, at least 51 of nominally 57 intervals hold the log loss and AUC of 60,000 leads."""
    everyone = evaluated(_as_test(make_table(n_leads=60_000, seed=999)), ENTRY).model
    covered = np.zeros(3)
    for seed in range(60):
        model = evaluated(_as_test(make_table(n_leads=600, seed=seed)), ENTRY).model
        pairs = [
            (model.log_loss, everyone.log_loss.value),
            (model.auc, everyone.auc.value),
            (model.calibration_slope, 1.0),
        ]
        covered += [estimate.low <= value <= estimate.high for estimate, value in pairs]
    assert (covered >= 51).all(), covered


def _as_test(table: LabelledTable) -> Split:
    rows = learning_rows(table)
    return Split(train=rows, test=rows, test_from=rows["as_of"].min().to_pydatetime())


def test_a_difference_in_log_loss_is_paired_the_accounts_of_both_are_drawn_together(split: Split) -> None:
    test = judged_rows(split, None)[1]
    ours, theirs = (truth(test, exponent=exponent) for exponent in (1.0, 1.3))
    found = log_loss_difference(test, ours.probability, theirs.probability, seed=0)
    by_age = base_rate_by_age_prediction(split.train, test)
    alone = [model_figures(test, (each, by_age), plan=plan(None))[0].log_loss for each in (ours, theirs)]
    assert found.value == pytest.approx(alone[0].value - alone[1].value)
    assert found.high < 0, "the truth is better"
    assert found.high - found.low < 0.5 * (alone[0].high - alone[0].low), "what both have in common drops out"


def test_figures_of_any_rows_are_those_of_an_evaluation(split: Split) -> None:
    train, test = judged_rows(split, ENTRY)
    predictions = [truth(test), base_rate_by_age_prediction(train, test)]
    assert model_figures(test, predictions, plan=plan(ENTRY)) == evaluated(split, ENTRY).models
