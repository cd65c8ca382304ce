"""An evaluation as a table: rows for whoever draws tables, text for a terminal, HTML for a notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data_contracts.record_table import table_html, table_text
from data_contracts.wording import estimate_text, figure, figures

if TYPE_CHECKING:
    from data_contracts.estimates import Estimate
    from data_contracts.evaluations import Evaluation
    from data_contracts.releases import ChainSummary, TransitionSummary

BASE_RATE_BY_AGE: Final = "base_rate_by_age"
BASE_RATE: Final = "base_rate"
POINT_RULE: Final = "point_rule"
LOGISTIC_REGRESSION: Final = "logistic_regression"
NAIVE_BAYES: Final = "naive_bayes"
LIGHTGBM: Final = "lightgbm"
BLEND: Final = "blend"
CHAIN: Final = "chain"
PRODUCT: Final = "product"

ESTIMATORS = {
    LIGHTGBM: "LightGBM",
    LOGISTIC_REGRESSION: "logistic regression",
    BLEND: "blend",
    BASE_RATE_BY_AGE: "base rate by age",
    CHAIN: "both transitions",
}
"""What a model that was chosen is called in words, by the name it has in an evaluation."""

BASELINES = {
    BASE_RATE_BY_AGE: "base rate by age",
    BASE_RATE: "base rate",
    POINT_RULE: "point rule",
    LOGISTIC_REGRESSION: "plain logistic regression",
    NAIVE_BAYES: "naive Bayes as in Odoo",
    PRODUCT: "product of both, not calibrated",
}
"""The same of what it is held against."""


JUDGED_BY = {
    "forward": "log loss on later leads, in time order",
    "grouped": "log loss on other accounts of the same time",
}
"""What the log loss of a model that was tried is of, by `Validation`."""


def model_names(evaluation: "Evaluation") -> list[str]:
    """What the models of `evaluation` are called in tables: ours first, then its baselines. No two are the same."""
    ours, *baselines = (judged.model for judged in evaluation.models)
    return [f"our model ({ESTIMATORS.get(ours, ours)})", *(BASELINES.get(name, name) for name in baselines)]


def evaluation_rows(evaluation: "Evaluation") -> list[dict[str, str]]:
    """One row a model, the model itself first and then its baselines, every figure with its 95 % interval."""
    return [
        {
            "model": name,
            "log loss": estimate_text(judged.log_loss),
            "gain": estimate_text(judged.gain),
            "Brier": estimate_text(judged.brier),
            "AUC": estimate_text(judged.auc),
            "slope": estimate_text(judged.calibration_slope, least=2),
            "lift top 10 %": estimate_text(judged.lift_in_top_tenth, least=2),
            "captured": estimate_text(judged.captured_at_capacity, least=2),
        }
        for name, judged in zip(model_names(evaluation), evaluation.models, strict=True)
    ]


def rule_against_model(evaluation: "Evaluation") -> str:
    """What the point rule and the model find at the same capacity, in a sentence; empty where there is no point rule.

    Each interval is that of its own figure: the difference is not tested by them.
    """
    rules = [judged for judged in evaluation.models[1:] if judged.model == POINT_RULE]
    if not rules or rules[0].captured_at_capacity.value is None or evaluation.model.captured_at_capacity.value is None:
        return ""
    ours, theirs = (_as_percent(judged.captured_at_capacity) for judged in (evaluation.model, rules[0]))
    return (
        f"Of {evaluation.n_test_leads:,} later leads, those that sales can work hold {ours} of all that converted "
        f"where the model chooses them, and {theirs} where the point rule does (95 % intervals)."
    )


def _as_percent(estimate: "Estimate") -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.0%}"
    return f"{estimate.value:.0%} ({estimate.low:.0%} to {estimate.high:.0%})"


def age_rows(evaluations: "Sequence[Evaluation]") -> list[dict[str, str]]:
    """One row an age: how good our model is at it, every figure with its 95 % interval."""
    return [
        {
            "leads are judged": age_judged(evaluation),
            "leads": f"{evaluation.n_test_leads:,}",
            "base rate": figure(evaluation.test_base_rate),
            "log loss": estimate_text(evaluation.model.log_loss),
            "gain": estimate_text(evaluation.model.gain),
            "AUC": estimate_text(evaluation.model.auc),
            "slope": estimate_text(evaluation.model.calibration_slope, least=2),
            "calibration error": estimate_text(evaluation.model.expected_calibration_error),
            "beats the rate by age": "yes" if evaluation.has_gain else "no",
        }
        for evaluation in evaluations
    ]


def candidate_rows(summary: "TransitionSummary") -> list[dict[str, str]]:
    """One row a model that was tried, the best first: its log loss, and what that is more than the chosen one's."""
    return [
        {
            "model": ESTIMATORS.get(candidate.estimator, candidate.estimator),
            "parameters": ", ".join(f"{name}={value}" for name, value in candidate.parameters.items()),
            "calibrator": candidate.calibrator,
            "log loss": f"{candidate.validation_log_loss:.4f}",
            "more than chosen": "" if candidate.difference is None else f"{candidate.difference:+.4f}",
            "standard error": "" if candidate.standard_error is None else f"{candidate.standard_error:.4f}",
            "chosen": "yes" if candidate.is_chosen else "",
        }
        for candidate in sorted(summary.candidates, key=lambda candidate: candidate.validation_log_loss)
    ]


def candidate_title(summary: "TransitionSummary") -> str:
    """What the rows of `candidate_rows` are about."""
    return f"{summary.transition}: what was tried ({JUDGED_BY[summary.validation]})"


def chain_rows(chain: "ChainSummary") -> list[dict[str, str]]:
    """One row an age or stage: how good `p_win` is before SQL, every figure with its 95 % interval."""
    rows = []
    for evaluation in chain.evaluations:
        model = evaluation.model
        row = {
            "leads are judged": age_judged(evaluation),
            "leads": f"{evaluation.n_test_leads:,}",
            "won": figure(evaluation.test_base_rate),
            "log loss": estimate_text(model.log_loss),
            "gain": estimate_text(model.gain),
            "AUC": estimate_text(model.auc),
            "slope": estimate_text(model.calibration_slope, least=2),
            "intercept": estimate_text(model.calibration_intercept, least=2),
            "calibration error": estimate_text(model.expected_calibration_error),
        }
        if chain.calibrator != "none":
            product = evaluation.baseline(PRODUCT)
            row["log loss before calibration"] = estimate_text(product.log_loss)
            row["slope before calibration"] = estimate_text(product.calibration_slope, least=2)
            row["intercept before calibration"] = estimate_text(product.calibration_intercept, least=2)
        rows.append(row)
    return rows


def chain_title(chain: "ChainSummary") -> str:
    """What the rows of `chain_rows` are about."""
    judged = chain.evaluations[0]
    return (
        f"p_win before SQL, held against wins: leads from {judged.test_from:%Y-%m-%d} on, {chain.n_won:,} of "
        f"{chain.n_labelled:,} labelled leads were won, calibrator {chain.calibrator}; 95 % intervals"
    )


def age_judged(evaluation: "Evaluation") -> str:
    """Which snapshots were judged: `at entry`, `on day 7`, `all ages` or `in stage sal`."""
    return f"in stage {evaluation.stage}" if evaluation.stage is not None else day_judged(evaluation.day)


def day_judged(day: int | None) -> str:
    """The day of the plan in words; None is all of them.

    >>> day_judged(0), day_judged(7), day_judged(None)
    ('at entry', 'on day 7', 'all ages')
    """
    if day is None:
        return "all ages"
    return f"on day {day}" if day else "at entry"


def evaluation_title(evaluation: "Evaluation") -> str:
    """What was judged: the transition, the snapshots, the leads of the test and their base rate."""
    base_rate, before = figures(evaluation.test_base_rate, evaluation.train_base_rate)
    return (
        f"{evaluation.transition}, {age_judged(evaluation)}: {evaluation.n_test_leads:,} leads from "
        f"{evaluation.test_from:%Y-%m-%d} to {evaluation.test_until:%Y-%m-%d}, "
        f"base rate {base_rate} (training {before}); 95 % intervals"
    )


def evaluation_warning(evaluation: "Evaluation") -> str | None:
    """What a reader of the evaluation must not overlook; None where there is nothing."""
    lacking = [] if evaluation.has_gain else ["no gain over the base rate by age"]
    lacking += [] if evaluation.has_ranking else ["no ranking"]
    if not lacking:
        return None
    return f"{evaluation.transition}, {age_judged(evaluation)}: {' and '.join(lacking)} can be told from chance"


def signal_warning(summary: "TransitionSummary") -> str | None:
    """What a reader must know where no signal was found: both figures that decide; None where there is signal."""
    if summary.has_signal:
        return None
    acting, overall = summary.at_acting_age, summary.at_all_ages
    return (
        f"{summary.transition}: no signal; gain over the base rate by age at all ages "
        f"{estimate_text(overall.model.gain)}, AUC {age_judged(acting)} {estimate_text(acting.model.auc)}, and both "
        "intervals would have to lie above chance; every lead is given the base rate of its age"
    )


def evaluation_text(evaluation: "Evaluation") -> str:
    """The title, the table in columns of one width, and the warning where there is one."""
    table = table_text(evaluation_title(evaluation), evaluation_rows(evaluation))
    warning = evaluation_warning(evaluation)
    return table if warning is None else f"{table}\n{warning}"


def evaluation_html(evaluation: "Evaluation") -> str:
    """As `evaluation_text`, as one HTML table; every text in it is escaped."""
    caption = " – ".join(filter(None, (evaluation_title(evaluation), evaluation_warning(evaluation))))
    return table_html(caption, evaluation_rows(evaluation))
