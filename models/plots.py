"""Figures a data scientist looks at in MLflow. Each is drawn from a release's own figures, without a lead's id."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASELINES
from data_contracts.evaluations import Evaluation
from data_contracts.snapshots import FeatureColumn

N_FEATURES_SHOWN = 25
"""More bars than this can no longer be read."""

_MODEL = "#1f5f8b"
_REFERENCE = "#8a8a8a"


def reliability_diagram(evaluation: Evaluation) -> Figure:
    """Predicted probability against the observed share, with 95 % intervals, on leads the model did not learn from.

    Each point is a group of leads with similar predictions, its size their number. On the diagonal a
    prediction of 20 % comes true for 20 of 100 leads.
    """
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    bins = evaluation.reliability
    predicted = np.array([group.predicted for group in bins])
    observed = np.array([group.observed for group in bins])
    distances = np.array([[g.observed - g.low, g.high - g.observed] for g in bins]).reshape(-1, 2).T.clip(min=0)
    sizes = np.array([group.n for group in bins], dtype=float)
    top = max([0.05, *predicted, *(group.high for group in bins)]) * 1.05
    axes.plot([0, top], [0, top], color=_REFERENCE, linestyle="--", label="perfectly calibrated")
    axes.axhline(evaluation.test_base_rate, color=_REFERENCE, linestyle=":", label="base rate of these leads")
    axes.errorbar(predicted, observed, yerr=distances, fmt="none", color=_MODEL, capsize=3)
    areas = 20 + 180 * sizes / sizes.max(initial=1.0)
    axes.scatter(predicted, observed, s=areas, color=_MODEL, label=evaluation.model.model)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="predicted probability", ylabel="observed share, 95 % interval")
    axes.set_title(_title(evaluation))
    axes.legend(loc="upper left")
    return figure


def lift_curve(evaluation: Evaluation) -> Figure:
    """Share of all conversions found among the leads with the highest predictions, with 95 % intervals.

    The dashed diagonal is what leads picked at random would give; a point's lift is its height over the diagonal's.
    """
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    rows = [(p.share_of_leads, p.captured.value, p.captured.low, p.captured.high) for p in evaluation.lift_curve]
    share, captured, low, high = np.array([(0.0, 0.0, 0.0, 0.0), *rows], dtype=float).T
    axes.plot([0, 1], [0, 1], color=_REFERENCE, linestyle="--", label="picked at random")
    axes.plot(share, captured, color=_MODEL, label=evaluation.model.model)
    axes.fill_between(share, low, high, color=_MODEL, alpha=0.2)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="share of leads, best first", ylabel="share of all conversions")
    axes.set_title(_title(evaluation))
    axes.legend(loc="lower right")
    return figure


def mean_contributions(contributions: pd.DataFrame) -> pd.Series:
    """Mean absolute contribution of each feature in log-odds, largest first; ties in order of the columns.

    Parameters
    ----------
    contributions
        One column a feature, one row a lead, as `FittedTransition.contributions` gives it.

    Examples
    --------
    >>> mean_contributions(pd.DataFrame({"a": [1.0, -1.0], "b": [-4.0, 0.0]})).to_dict()
    {'b': 2.0, 'a': 1.0}
    """
    return contributions.abs().mean().sort_values(ascending=False, kind="stable")


def feature_importance(importance: pd.Series, columns: tuple[FeatureColumn, ...]) -> Figure:
    """The features that move predictions most, with what they mean. At most `N_FEATURES_SHOWN`, largest on top.

    `importance` is what `mean_contributions` gives: features by name.
    """
    shown = importance[importance > 0].head(N_FEATURES_SHOWN).iloc[::-1]
    meanings = {column.name: column.meaning for column in columns}
    labels = [f"{textwrap.shorten(meanings[name], 60, placeholder='…')}\n({name})" for name in shown.index]
    figure = Figure(figsize=(9, 1.2 + 0.4 * max(1, len(shown))), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(shown)), shown.to_numpy(), color=_MODEL)
    axes.set_yticks(range(len(shown)), labels, fontsize=7)
    axes.margins(y=0.01)
    axes.set_xlabel("mean absolute contribution, log-odds")
    axes.set_title(
        "No feature moves the prediction: the base rate is published" if shown.empty else "Feature importance"
    )
    return figure


def differences_plot(by_age: Mapping[str, Mapping[str, Estimate]], *, title: str) -> Figure:
    """Differences by age and model with their 95 % intervals; the dashed line is no difference.

    All ages have the same models.
    """
    names = list(next(iter(by_age.values())))
    figure = Figure(figsize=(4 + 4 * len(by_age), 1.8 + 0.4 * len(names)), layout="constrained")
    panels = figure.subplots(1, len(by_age), sharey=True, squeeze=False)[0]
    for axes, (age, differences) in zip(panels, by_age.items(), strict=True):
        found = [(at, e.value, e.low, e.high) for at, e in enumerate(differences.values()) if e.value is not None]
        at, value, low, high = np.array(found, dtype=float).reshape(-1, 4).T
        axes.axvline(0, color=_REFERENCE, linestyle="--")
        axes.errorbar(value, at, xerr=(value - low, high - value), fmt="o", color=_MODEL, capsize=3)
        axes.set(title=age, xlabel="difference in log loss, 95 % interval")
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(title)
    return figure


def windows_plot(windows: Sequence[Evaluation]) -> Figure:
    """The windows of a backtest side by side: log loss of our model and its baselines, and our gain, on one axis each.

    Ours has 95 % intervals. All windows are of one transition; each is named by the first day of its test leads.
    """
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    losses, gains = figure.subplots(1, 2)
    names = sorted({model.model for window in windows for model in window.models[1:]})
    for name in names:
        values = [next((m.log_loss.value for m in w.models[1:] if m.model == name), None) for w in windows]
        losses.plot(range(len(windows)), np.array(values, dtype=float), marker=".", label=BASELINES.get(name, name))
    _with_intervals(losses, [window.model.log_loss for window in windows], label="our model")
    _with_intervals(gains, [window.model.gain for window in windows], label="our model")
    gains.axhline(0, color=_REFERENCE, linestyle="--")
    losses.set(ylabel="log loss, nats")
    gains.set(ylabel="gain over the base rate by age, nats")
    for axes in (losses, gains):
        axes.set_xticks(range(len(windows)), [f"{window.test_from:%Y-%m-%d}" for window in windows])
        axes.set_xlabel("first day of the window")
    losses.legend(fontsize=8)
    figure.suptitle(f"{windows[0].transition}, leads judged at the acting age; 95 % intervals")
    return figure


def _with_intervals(axes: Axes, estimates: Sequence[Estimate], *, label: str) -> None:
    """Draw those of `estimates` that are defined, one window after the other."""
    found = [(at, e.value, e.low, e.high) for at, e in enumerate(estimates) if e.value is not None]
    at, value, low, high = np.array(found, dtype=float).reshape(-1, 4).T
    axes.errorbar(at, value, yerr=(value - low, high - value), fmt="o-", color=_MODEL, capsize=3, label=label)


def _title(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.transition}, {evaluation.n_test_leads} leads "
        f"from {evaluation.test_from:%Y-%m-%d} to {evaluation.test_until:%Y-%m-%d}"
    )
