import datetime as dt

from data_contracts.estimates import Estimate
from data_contracts.releases import Candidate
from data_contracts.vocabulary import Transition
from models.run_figures import (
    Reference,
    backtest_start,
    candidate_name,
    changes,
    compared_figures,
    fold_figures,
    line_figures,
    note,
    release_figures,
    release_name,
    training_start,
)
from tests.example_release import at_entry, chain_summary, evaluation, manifest, summary

FIRST, SECOND = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN


def told(*, estimator: str = "lightgbm", **changed: object):
    return manifest(summary(FIRST, estimator=estimator), summary(SECOND, estimator="base_rate_by_age"), **changed)


def test_a_name_begins_with_what_tells_runs_apart():
    assert release_name(told()) == "abc1 lightgbm+base rate 2026-05-01 simulated"
    inputs = told().inputs
    digest = inputs.release_id.rsplit("-", 1)[1][:4]
    assert training_start(inputs, told().configuration).name == f"{digest} 2026-05-01 simulated"
    shuffled = backtest_start(inputs, told().configuration, n_folds=4, permute=True)
    assert shuffled.name == f"{digest} 2026-05-01 simulated, 4 windows, features shuffled"
    assert (shuffled.experiment, shuffled.parameters["n_folds"]) == ("lead-scoring-backtests", 4)


def test_a_candidate_is_named_by_its_recipe():
    parameters = {
        "num_leaves": 4,
        "categories": "native",
        "recent_share": 0.5,
        "half_life_days": "never",
        "young": "weighted",
    }
    candidate = Candidate(
        estimator="lightgbm", parameters=parameters, calibrator="beta", validation_log_loss=0.5, is_chosen=False
    )
    assert candidate_name(candidate) == (
        "lightgbm (num_leaves=4, categories=native), latest 50% of the rows, young leads too, calibrator beta"
    )


def test_figures_of_a_release_say_the_transition_and_the_moment_and_stop_at_four_decimals():
    precise = at_entry(summary(FIRST, estimator="lightgbm"), auc=Estimate(value=0.123456, low=0.1, high=0.2))
    figures = release_figures(manifest(precise))
    assert figures["mql_to_sql.entry.auc"] == 0.1235
    assert next(iter(figures)) == "mql_to_sql.entry.gain", "the first one is what the pages of MLflow plot by"
    assert compared_figures(manifest(precise)) == tuple(
        f"mql_to_sql.entry.{name}" for name in ("gain", "log_loss", "auc", "calibration_slope")
    )


def test_wins_before_sql_stand_among_the_figures_by_age_and_stage():
    figures = release_figures(told(chain=chain_summary("sigmoid")))
    assert {"p_win.entry.log_loss", "p_win.all.gain", "p_win.sal.gain"} <= set(figures)


def test_figures_of_a_window_stand_beside_those_of_its_baselines():
    figures = fold_figures(evaluation(FIRST, model="blend", gain=0.05))
    assert (figures["mql_to_sql.entry.log_loss"], figures["mql_to_sql.entry.base_rate_by_age.log_loss"]) == (0.45, 0.5)


def test_windows_are_joined_by_one_name_whatever_their_acting_day():
    window = evaluation(FIRST, model="blend", gain=0.05)
    first, second = (line_figures(window.model_copy(update={"day": day})) for day in (1, 3))
    assert (first.pop("mql_to_sql.acting_day"), second.pop("mql_to_sql.acting_day")) == (1, 3)
    assert first == second
    assert first["mql_to_sql.acting_day.log_loss"] == 0.45
    assert first["mql_to_sql.acting_day.base_rate_by_age.log_loss"] == 0.5


def test_what_differs_is_said_in_words_and_nothing_else():
    before = told()
    assert changes(before, before) == ()
    configuration = before.configuration
    definitions = configuration.definitions.model_copy(update={"version": "2026.2"})
    attributes = {"industry": configuration.attributes["industry"], "region": configuration.attributes["industry"]}
    after = told(
        estimator="blend",
        configuration=configuration.model_copy(update={"definitions": definitions, "attributes": attributes}),
        extracted_at=dt.datetime(2026, 6, 1),
        data_fingerprint="f2" * 8,
        libraries={"numpy": "2.5.0"},
    )
    assert changes(before, after) == (
        "version 2026.1 -> 2026.2",
        "attribute employees removed",
        "attribute region added",
        "extract of 2026-05-01 -> 2026-06-01",
        "mql_to_sql.estimator lightgbm -> blend",
        "library numpy 2.4.6 -> 2.5.0",
        "other history",
    )


def test_a_note_has_a_row_a_transition_and_names_the_release_it_is_told_apart_from():
    lines = note(told(), Reference(told(estimator="blend", release_id="before"), "version 3, then in production"))
    assert (
        "| mql_to_sql within 30 days | lightgbm | 1,200 leads, 0.250 converted | 0.050 [0.040, 0.060] "
        "| 0.700 [0.680, 0.720] at entry | 1.00 [0.90, 1.10] |"
    ) in lines
    assert lines.endswith(
        "What differs from `before`, version 3, then in production:\n\n- mql_to_sql.estimator blend -> lightgbm"
    )
    assert "What differs" not in note(told())
