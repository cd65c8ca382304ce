from data_contracts.releases import Candidate
from data_contracts.vocabulary import Transition
from models.run_figures import (
    backtest_name,
    backtest_start,
    candidate_figures,
    candidate_name,
    line_figures,
    model_rows,
    release_figures,
    release_name,
    training_start,
    transition_name,
    window_figures,
    window_name,
)
from tests.example_release import backtest, chain_summary, evaluation, manifest, summary
from tests.models.test_amounts import learnt, wins

FIRST, SECOND = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def told(*, estimator: str = "lightgbm", **changed: object):
    return manifest(summary(FIRST, estimator=estimator), summary(SECOND, estimator="base_rate_by_age"), **changed)


def test_a_name_begins_with_what_tells_runs_apart_and_with_which_is_better():
    assert release_name(told()) == "abc1 +0.050 +0.050 lightgbm+base rate 2026-05-01"
    unsure = manifest(summary(FIRST, estimator="lightgbm"), summary(SECOND, estimator="base_rate_by_age", gain=0.0))
    assert release_name(unsure) == "abc1 +0.050 – lightgbm+base rate 2026-05-01", "no signal, no gain"
    assert transition_name(unsure, unsure.transitions[0]) == "abc1 +0.050 mql_to_sql lightgbm 2026-05-01"


def test_a_run_that_has_only_begun_is_named_by_its_digest_and_extract():
    inputs = told().inputs
    digest = inputs.release_id.rsplit("-", 1)[1][:4]
    started = training_start(inputs, told().configuration)
    assert (started.name, started.by) == (f"{digest} 2026-05-01", "leadscore train")
    shuffled = backtest_start(inputs, told().configuration, n_folds=4, permute=True)
    assert shuffled.name == f"{digest} 4 windows, features shuffled 2026-05-01"
    assert (shuffled.experiment, shuffled.parameters["n_folds"]) == ("lead-scoring-backtests", 4)
    assert (
        window_name(shuffled.name, evaluation(FIRST, model="blend", gain=0.05))
        == f"{digest} +0.050 2026-01-01 mql_to_sql"
    )


def test_a_backtest_is_named_by_the_least_gain_of_its_windows():
    judged = {
        each: backtest(*(evaluation(each, model="blend", gain=g) for g in (0.04, 0.02))) for each in (FIRST, SECOND)
    }
    assert backtest_name("048e 2 windows 2026-05-01", judged) == "048e +0.020 +0.020 2 windows 2026-05-01"


def test_a_recalibrated_release_names_the_one_that_it_mends():
    inputs = told().inputs.model_copy(update={"parent": told(release_id="2026-01-01-0ld123").as_parent})
    assert training_start(inputs, told().configuration).by == "leadscore recalibrate"
    assert release_name(told(parent=inputs.parent)) == "abc1 +0.050 +0.050 mends 0ld1 lightgbm+base rate 2026-05-01"


def test_a_candidate_is_named_by_its_recipe_and_says_how_far_it_lies_from_the_chosen_one():
    parameters = {
        "num_leaves": 4,
        "categories": "native",
        "recent_days": 180.0,
        "half_life_days": "never",
        "young": "weighted",
    }
    candidate = Candidate(
        estimator="lightgbm",
        parameters=parameters,
        calibrator="beta",
        validation_log_loss=0.5,
        is_chosen=False,
        difference=0.002,
        standard_error=0.001,
    )
    assert candidate_name(told(), FIRST, candidate) == (
        "abc1 +0.0020 mql_to_sql lightgbm (num_leaves=4, categories=native), the latest 180 days, young leads too, "
        "calibrator beta"
    )
    assert candidate_figures(candidate) == {
        "validation_log_loss": 0.5,
        "more_than_chosen": 0.002,
        "more_than_chosen_standard_error": 0.001,
        "is_chosen": 0.0,
    }


def test_figures_of_a_release_say_the_transition_and_the_moment():
    figures = release_figures(told())
    assert figures["mql_to_sql/entry/auc"] == 0.7
    assert next(iter(figures)) == "mql_to_sql/entry/gain", "the first one is what the pages of MLflow plot by"
    assert figures["release/amount_of_a_win_in_EUR"] == told().amounts.mean


def test_wins_before_sql_stand_among_the_figures_by_age_and_stage():
    figures = release_figures(told(chain=chain_summary("sigmoid")))
    assert {"p_win/entry/log_loss", "p_win/all_ages/gain", "p_win/sal/gain"} <= set(figures)


def test_the_log_loss_of_baselines_stands_beside_the_models_and_their_other_figures_in_a_table():
    judged = evaluation(FIRST, model="blend", gain=0.05)
    figures = window_figures(judged)
    assert (figures["entry/log_loss"], figures["entry/base_rate_by_age_log_loss"]) == (0.45, 0.5)
    assert not [name for name in figures if "base_rate_by_age_brier" in name]
    rows = model_rows([judged])
    assert [row["model"] for row in rows] == [model.model for model in judged.models]
    assert {"judged": "entry", "log_loss": 0.5, "brier_low": 0.19}.items() <= rows[1].items()


def test_windows_are_joined_by_one_name_whatever_their_acting_day():
    window = evaluation(FIRST, model="blend", gain=0.05)
    first, second = (line_figures(window.model_copy(update={"day": day})) for day in (1, 3))
    assert (first.pop("mql_to_sql/acting_day/day"), second.pop("mql_to_sql/acting_day/day")) == (1, 3)
    assert first == second
    assert first["mql_to_sql/acting_day/log_loss"] == 0.45


def test_amounts_by_the_profile_are_among_the_figures_with_how_good_they_are():
    amounts = learnt(wins(200))
    figures = release_figures(told().model_copy(update={"amounts": amounts}))
    gain = amounts.comparison.gain
    names = [f"release/amounts_gain{end}" for end in ("", "_low", "_high")]
    assert [figures[name] for name in names] == [gain.value, gain.low, gain.high]
    assert figures["release/amounts_expected_by_brought"] == amounts.comparison.total.value
