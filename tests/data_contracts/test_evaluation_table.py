"""No two models of a table with one name, no figure that hides on which side of 0 it lies."""

import pytest

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import (
    candidate_rows,
    chain_rows,
    chain_title,
    evaluation_rows,
    evaluation_warning,
    model_names,
)
from data_contracts.vocabulary import Transition
from tests.example_release import chain_summary, evaluation, figures, summary

SQL = Transition.MQL_TO_SQL
NO_GAIN = "no gain over the base rate by age can be told from chance"


def judged(*models: str, **changes):
    """An evaluation of `models`, the chosen one first."""
    of_any = evaluation(SQL, model=models[0], **changes)
    return of_any.model_copy(update={"models": tuple(figures(model, **changes) for model in models)})


@pytest.mark.parametrize("chosen", ["logistic_regression", "lightgbm", "base_rate_by_age", "something_new"])
def test_no_two_models_of_a_table_have_one_name(chosen: str):
    names = model_names(judged(chosen, "base_rate", "point_rule", "logistic_regression"))
    assert len(set(names)) == len(names) == 4
    assert [row["model"] for row in evaluation_rows(judged(chosen, "base_rate"))] == [names[0], "base rate"]


def test_the_chosen_model_is_ours_and_its_baseline_is_plain():
    names = model_names(judged("logistic_regression", "base_rate", "logistic_regression"))
    assert names == ["our model (logistic regression)", "base rate", "plain logistic regression"]


def test_a_gain_just_above_0_does_not_read_as_0():
    small = judged("lightgbm", "base_rate")
    gain = Estimate(value=0.0012, low=0.0004, high=0.0021)
    model = small.models[0].model_copy(update={"gain": gain})
    rows = evaluation_rows(small.model_copy(update={"models": (model, small.models[1])}))
    assert rows[0]["gain"] == "0.0012 [0.0004, 0.0021]"


def test_an_evaluation_without_signal_is_warned_of_with_its_snapshots():
    assert evaluation_warning(judged("lightgbm")) is None
    at_entry = evaluation_warning(judged("lightgbm", gain=0.0))
    assert at_entry == "mql_to_sql, at entry: " + NO_GAIN
    at_all = judged("lightgbm", gain=0.0).model_copy(update={"day": None})
    assert evaluation_warning(at_all) == "mql_to_sql, all ages: " + NO_GAIN


def test_an_evaluation_prints_as_a_table_of_the_model_and_its_baselines():
    assert str(judged("lightgbm", "base_rate", gain=0.0)).splitlines() == [
        "mql_to_sql, at entry: 300 leads from 2026-01-01 to 2026-04-01, base rate 0.250 (training 0.240); "
        "95 % intervals",
        "model                 log loss              gain                   Brier                 AUC                  "
        " slope              lift top 10 %      captured",
        "our model (LightGBM)  0.500 [0.490, 0.510]  0.000 [-0.010, 0.010]  0.200 [0.190, 0.210]  0.700 [0.680, 0.720] "
        " 1.00 [0.90, 1.10]  3.00 [2.99, 3.01]  0.50 [0.49, 0.51]",
        "base rate             0.500 [0.490, 0.510]  0.000 [-0.010, 0.010]  0.200 [0.190, 0.210]  –                    "
        " –                  3.00 [2.99, 3.01]  0.50 [0.49, 0.51]",
        "mql_to_sql, at entry: " + NO_GAIN,
    ]


def test_a_notebook_shows_an_evaluation_as_a_table_in_which_every_text_is_escaped():
    html = judged("<script>alert(1)</script>", "base_rate")._repr_html_()
    assert html.startswith("<table><caption>mql_to_sql, at entry: 300 leads from 2026-01-01")
    assert "<td>our model (&lt;script&gt;alert(1)&lt;/script&gt;)</td>" in html
    assert "<script>" not in html
    assert html.count("<tr>") == 1 + 2


def test_what_was_tried_stands_beside_the_chosen_one_with_the_error_of_the_difference():
    told = summary(SQL, estimator="logistic_regression")
    (chosen,) = told.candidates
    looser = chosen.model_copy(
        update={"validation_log_loss": 0.4482, "difference": -0.0018, "standard_error": 0.0024, "is_chosen": False}
    )
    rows = candidate_rows(told.model_copy(update={"candidates": (chosen, looser)}))
    shown = [tuple(row[name] for name in ("log loss", "more than chosen", "standard error", "chosen")) for row in rows]
    assert shown == [("0.4482", "-0.0018", "0.0024", ""), ("0.4500", "+0.0000", "0.0000", "yes")]


def test_what_was_tried_before_differences_were_kept_shows_none():
    told = summary(SQL, estimator="logistic_regression")
    before = told.candidates[0].model_copy(update={"difference": None, "standard_error": None})
    (row,) = candidate_rows(told.model_copy(update={"candidates": (before,)}))
    assert (row["more than chosen"], row["standard error"]) == ("", "")


def test_a_chain_shows_each_age_and_stage_and_what_was_before_calibration():
    rows = chain_rows(chain_summary("sigmoid_by_age"))
    assert [row["leads are judged"] for row in rows] == ["at entry", "all ages", "in stage sal"]
    assert rows[0]["intercept"] == "0.10 [0.09, 0.11]"
    assert rows[0]["intercept before calibration"] == "0.00 [-0.01, 0.01]"
    assert rows[0]["log loss before calibration"] == "0.520 [0.510, 0.530]"


def test_a_chain_without_calibrator_has_nothing_before_it():
    rows = chain_rows(chain_summary("none"))
    assert not [name for name in rows[0] if "before" in name]
    assert chain_title(chain_summary("none")) == (
        "p_win before SQL, held against wins: leads from 2026-01-01 on, 90 of 1,000 labelled leads were won, "
        "calibrator none; 95 % intervals"
    )
