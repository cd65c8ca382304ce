"""Results as rows that a terminal, a Prefect artefact and JSON can all show."""

import pyarrow.parquet as pq

from data_contracts.history import CheckReport
from data_contracts.releases import Estimate, Evaluation, TransitionSummary
from data_contracts.scores import PublishReceipt, ScoredLeads

MODEL_NAMES = {"base_rate": "base rate", "point_rule": "point rule", "logistic_regression": "logistic regression"}


def table_check_rows(report: CheckReport) -> list[dict[str, str]]:
    """One row a table: rows read, accepted, refused, and the rule that refused most."""
    rows = []
    for check in report.tables:
        worst = max(check.breaches.items(), key=lambda item: item[1], default=None)
        rows.append(
            {
                "table": check.table,
                "rows": f"{check.rows:,}",
                "accepted": f"{check.accepted:,}",
                "refused": f"{check.refused:,}",
                "most frequent breach": f"{worst[0]} ({worst[1]:,})" if worst else "",
            }
        )
    return rows


def evaluation_rows(evaluation: Evaluation) -> list[dict[str, str]]:
    """One row a model, the model itself first and then its baselines, every figure with its 95 % interval."""
    return [
        {
            "model": MODEL_NAMES.get(figures.model, figures.model),
            "log loss": estimate_text(figures.log_loss),
            "gain": estimate_text(figures.gain),
            "Brier": estimate_text(figures.brier),
            "AUC": estimate_text(figures.auc),
            "slope": estimate_text(figures.calibration_slope, digits=2),
            "lift top 10 %": estimate_text(figures.lift_in_top_tenth, digits=2),
            "captured": estimate_text(figures.captured_at_capacity, digits=2),
        }
        for figures in evaluation.models
    ]


def receipt_rows(receipt: PublishReceipt) -> list[dict[str, str]]:
    """One row a kind of result: written, unchanged, refused."""
    return [
        {"result": "written", "leads": f"{receipt.n_written:,}"},
        {"result": "unchanged", "leads": f"{receipt.n_unchanged:,}"},
        {"result": "refused", "leads": f"{len(receipt.refused):,}"},
    ]


def estimate_text(estimate: Estimate, *, digits: int = 3) -> str:
    """`0.745 [0.727, 0.764]`, or a dash where the figure is not defined.

    >>> estimate_text(Estimate(value=0.7451, low=0.7268, high=0.7642))
    '0.745 [0.727, 0.764]'
    >>> estimate_text(Estimate(value=None, low=None, high=None))
    '–'
    """
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def candidate_rows(summary: TransitionSummary) -> list[dict[str, str]]:
    """One row a model that was tried, the best first."""
    return [
        {
            "model": candidate.estimator,
            "parameters": ", ".join(f"{name}={value}" for name, value in candidate.parameters.items()),
            "calibrator": candidate.calibrator,
            "log loss": f"{candidate.validation_log_loss:.4f}",
            "chosen": "yes" if candidate.is_chosen else "",
        }
        for candidate in sorted(summary.candidates, key=lambda candidate: candidate.validation_log_loss)
    ]


def action_rows(scored: ScoredLeads) -> list[dict[str, str]]:
    """One row an action: how many leads, their mean probability of a win and their expected value in total."""
    table = pq.read_table(scored.path, columns=["action", "p_win", "expected_value"])
    by_action = table.group_by("action").aggregate([("p_win", "count"), ("p_win", "mean"), ("expected_value", "sum")])
    return [
        {
            "action": row["action"],
            "leads": f"{row['p_win_count']:,}",
            "mean p_win": f"{row['p_win_mean']:.3f}",
            "expected value": f"{row['expected_value_sum']:,.0f}",
        }
        for row in sorted(by_action.to_pylist(), key=lambda row: -row["p_win_mean"])
    ]
