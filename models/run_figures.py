"""What MLflow is told of a release: parameters, figures with their intervals, tables and a note."""

import json
from typing import Any

import pandas as pd

from data_contracts.estimates import Estimate
from data_contracts.gate import ChampionComparison
from data_contracts.releases import Evaluation, ModelFigures, ReleaseManifest, TransitionSummary


def note(manifest: ReleaseManifest) -> str:
    """What the release is, in Markdown."""
    lines = [
        f"Release `{manifest.release_id}` from source `{manifest.source}`, what was known on "
        f"{manifest.as_of:%Y-%m-%d}, definitions {manifest.definitions_version}.",
        "",
    ]
    for summary in manifest.transitions:
        lines.append(
            f"- {summary.transition} within {summary.horizon_days} days: {summary.estimator}, "
            f"{summary.n_converted} of {summary.n_labelled} labelled leads converted"
        )
    return "\n".join(lines)


def release_parameters(manifest: ReleaseManifest) -> dict[str, object]:
    """The inputs of the release by name (`library.numpy` for a library's version), and what its boundaries rest on."""
    inputs = manifest.inputs.model_dump()
    libraries = {f"library.{name}": version for name, version in inputs.pop("libraries").items()}
    made = {
        "release_id": manifest.release_id,
        "definitions_version": manifest.definitions_version,
        "threshold_policy": manifest.thresholds.policy,
        "n_features": len(manifest.features),
    }
    return made | inputs | libraries


def release_figures(manifest: ReleaseManifest) -> dict[str, float]:
    """What releases are compared by in a list of runs: boundaries, and figures as `<transition>.<figure>`.

    Those of the way from MQL to a win are `chain.<age>.<figure>` and `chain.<stage>.<figure>`.
    """
    kept = ("hand_off_probability", "leads_per_week", "expected_per_week")
    figures = {f"thresholds.{name}": getattr(manifest.thresholds, name) for name in kept}
    figures["value_of_a_win"] = manifest.value_of_a_win
    for summary in manifest.transitions:
        told = _model_figures(summary.at_acting_age.model)
        figures |= {f"{summary.transition}.{name}": value for name, value in told.items()}
    for evaluation in manifest.chain.evaluations if manifest.chain else ():
        told = _model_figures(evaluation.model)
        figures |= {f"chain.{age_name(evaluation)}.{name}": value for name, value in told.items()}
    return figures


def champion_figures(comparison: ChampionComparison) -> dict[str, float]:
    """How the release stands against the champion, as `champion.<transition>.<figure>`, with `_low` and `_high`."""
    estimates = {f"{one.transition}.recipe_log_loss_difference": one.at_acting_age for one in comparison.recipes}
    for one in comparison.in_use:
        estimates |= {f"{one.transition}.in_use_log_loss_difference": one.difference} if one.difference else {}
        estimates |= {f"{one.transition}.in_use_gain": one.at_acting_age.gain} if one.at_acting_age else {}
    ends = {"": "value", "_low": "low", "_high": "high"}
    named = {f"champion.{name}{end}": getattr(e, of) for name, e in estimates.items() for end, of in ends.items()}
    return {name: value for name, value in named.items() if value is not None}


def transition_parameters(summary: TransitionSummary) -> dict[str, object]:
    """What the transition's model is, with the parameters that were chosen."""
    kept = ("transition", "horizon_days", "estimator", "calibrator", "validation", "n_labelled", "n_converted")
    chosen = next((candidate for candidate in summary.candidates if candidate.is_chosen), None)
    return {name: getattr(summary, name) for name in kept} | (dict(chosen.parameters) if chosen else {})


def transition_figures(summary: TransitionSummary) -> dict[str, float]:
    """Every figure by `<age>.<figure>` (the model) or `<age>.<baseline>.<figure>`, with `_low` and `_high`."""
    figures = {
        "base_rate": summary.base_rate,
        "acting_day": float(summary.acting_day),
        "has_signal": float(summary.has_signal),
    }
    for evaluation in summary.evaluations:
        age = age_name(evaluation)
        for name in ("n_train", "n_test", "n_test_leads", "test_base_rate", "train_base_rate"):
            figures[f"{age}.{name}"] = float(getattr(evaluation, name))
        for prefix, model in zip(_prefixes(evaluation), evaluation.models, strict=True):
            figures |= {f"{prefix}.{name}": value for name, value in _model_figures(model).items()}
    return figures


def _prefixes(evaluation: Evaluation) -> list[str]:
    age = age_name(evaluation)
    return [age, *(f"{age}.{model.model}" for model in evaluation.models[1:])]


def _model_figures(model: ModelFigures) -> dict[str, float]:
    estimates: dict[str, Any] = {name: value for name, value in model if isinstance(value, Estimate)}
    ends = {"": "value", "_low": "low", "_high": "high"}
    named = {f"{name}{end}": getattr(e, of) for name, e in estimates.items() for end, of in ends.items()}
    return {name: value for name, value in named.items() if value is not None}


def age_name(evaluation: Evaluation) -> str:
    """`entry`, `day_7`, `all` for all ages, or the stage that the judged leads were in."""
    if evaluation.stage is not None:
        return str(evaluation.stage)
    if evaluation.day is None:
        return "all"
    return f"day_{evaluation.day}" if evaluation.day else "entry"


def candidates_table(summary: TransitionSummary) -> pd.DataFrame:
    """One row for each model that was tried."""
    return pd.DataFrame(
        {
            "estimator": [c.estimator for c in summary.candidates],
            "calibrator": [c.calibrator for c in summary.candidates],
            "validation_log_loss": [c.validation_log_loss for c in summary.candidates],
            "is_chosen": [c.is_chosen for c in summary.candidates],
            "parameters": [json.dumps(c.parameters) for c in summary.candidates],
        }
    )
