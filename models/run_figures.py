"""What MLflow is told of runs: names, parameters, and figures by the moment they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.amounts import AmountModel
from data_contracts.backtests import Backtest
from data_contracts.configuration import Configuration
from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE, LOGISTIC_REGRESSION
from data_contracts.evaluations import Evaluation, ModelFigures
from data_contracts.gate import ChampionComparison, ChampionInUse, RecipeComparison
from data_contracts.recalibration import P_WIN_BEFORE_SQL
from data_contracts.releases import Candidate, ReleaseInputs, ReleaseManifest, TransitionSummary
from data_contracts.shadow import ShadowReport
from data_contracts.vocabulary import Transition
from models.local_store import EXPERIMENT
from models.recipe import Recipe

TRAININGS, TRANSITIONS, CANDIDATES = EXPERIMENT, f"{EXPERIMENT}-transitions", f"{EXPERIMENT}-candidates"
BACKTESTS, WINDOWS = f"{EXPERIMENT}-backtests", f"{EXPERIMENT}-windows"
SHADOWS = f"{EXPERIMENT}-shadows"
EXPERIMENTS = (TRAININGS, TRANSITIONS, CANDIDATES, BACKTESTS, WINDOWS, SHADOWS)
"""One for each kind of run, so that what stands in one list, chart or table can be compared with each other."""

SHORT_NAMES = {LOGISTIC_REGRESSION: "logistic", BASE_RATE_BY_AGE: "base rate"}
"""Of estimators, in a run's name."""

N_CHARACTERS_OF_ID = 4
"""Of a release's digest, at the beginning of a run's name: lists of runs show some twenty characters of it."""

NO_GAIN = "–"
"""In a run's name, in the place of a gain."""

ENDS = {"": "value", "_low": "low", "_high": "high"}
"""What stands behind a figure's name, by what it is of an estimate."""

DIGITS = 4
"""Of figures in MLflow, whose pages round none of them: as many digits below 1, as many decimals above."""


@dataclass(frozen=True, slots=True)
class RunStart:
    """What is known of a run before anything is learnt, so that one that fails or is killed can be read as well.

    Attributes
    ----------
    by
        The command.
    tags
        What identifies rather than explains: digests and versions. They are not among what is compared.
    """

    experiment: str
    by: str
    name: str
    inputs: ReleaseInputs
    parameters: Mapping[str, object]
    tags: Mapping[str, str]


def training_start(inputs: ReleaseInputs, configuration: Configuration) -> RunStart:
    """The start of a training, or of a recalibration."""
    return RunStart(
        experiment=TRAININGS,
        by="leadscore train" if inputs.parent is None else "leadscore recalibrate",
        name=_run_name(inputs),
        inputs=inputs,
        parameters=_agreed(inputs, configuration),
        tags=_identity(inputs),
    )


def backtest_start(inputs: ReleaseInputs, configuration: Configuration, *, n_folds: int, permute: bool) -> RunStart:
    """The start of a backtest."""
    what = f"{n_folds} windows{', features shuffled' if permute else ''}"
    return RunStart(
        experiment=BACKTESTS,
        by="leadscore backtest",
        name=_run_name(inputs, what),
        inputs=inputs,
        parameters=_agreed(inputs, configuration) | {"n_folds": n_folds, "permute": permute},
        tags=_identity(inputs),
    )


def shadow_start(inputs: ReleaseInputs, configuration: Configuration, *, rule: str, n_weeks: int) -> RunStart:
    """The start of a shadow report."""
    return RunStart(
        experiment=SHADOWS,
        by="leadscore shadow",
        name=_run_name(inputs, f"{n_weeks} weeks"),
        inputs=inputs,
        parameters=_agreed(inputs, configuration) | {"rule": rule, "n_weeks": n_weeks},
        tags=_identity(inputs),
    )


def shadow_figures(report: ShadowReport) -> dict[str, float]:
    """What the model's hand-offs bring more than the rule's, as `<terms>/<measured>/<figure>`, and both volumes."""
    figures: dict[str, float] = {}
    for one in report.comparisons:
        figures |= {f"{one.terms}/rule_leads": one.rule_leads, f"{one.terms}/model_leads": one.model_leads}
        for told in one.figures:
            estimates = {name: getattr(told, name) for name in ("known", "if_alike", "worst", "best")}
            ends = {"": "value", "_low": "low", "_high": "high"}
            figures |= {
                f"{one.terms}/{told.measured}/{name}{end}": getattr(estimate, of)
                for name, estimate in estimates.items()
                if estimate is not None
                for end, of in ends.items()
            }
    return figures


def release_name(manifest: ReleaseManifest) -> str:
    """`048e +0.098 – lightgbm+base rate 2026-06-30`: its gains at all ages first, by transition; a dash has no signal.

    Lists of runs show no figure before somebody asks for it, and of a name its beginning.
    """
    gains = (_gain(summary) for summary in manifest.transitions)
    estimators = "+".join(SHORT_NAMES.get(summary.estimator, summary.estimator) for summary in manifest.transitions)
    mended = f"mends {_digest(manifest.inputs.parent.release_id)}" if manifest.inputs.parent else ""
    return " ".join(
        filter(None, (_digest(manifest.release_id), *gains, mended, estimators, f"{manifest.as_of:%Y-%m-%d}"))
    )


def transition_name(manifest: ReleaseManifest, summary: TransitionSummary) -> str:
    """`048e +0.098 mql_to_sql lightgbm 2026-06-30`."""
    estimator = SHORT_NAMES.get(summary.estimator, summary.estimator)
    told = (_digest(manifest.release_id), _gain(summary), summary.transition, estimator, f"{manifest.as_of:%Y-%m-%d}")
    return " ".join(told)


def candidate_name(manifest: ReleaseManifest, transition: Transition, candidate: Candidate) -> str:
    """`048e +0.0021 mql_to_sql lightgbm (num_leaves=4, ...)`: what its log loss is more than the chosen one's."""
    difference = "" if candidate.difference is None else f"{candidate.difference:+.4f}"
    recipe = Recipe.of(candidate)
    calibrator = "" if recipe.calibrator == "none" else f", calibrator {recipe.calibrator}"
    told = (_digest(manifest.release_id), "chosen" if candidate.is_chosen else difference, transition)
    return f"{' '.join(filter(None, told))} {recipe.described()}{calibrator}"


def backtest_name(started: str, judged: Mapping[Transition, Backtest]) -> str:
    """`048e +0.058 4 windows 2026-06-30`: the name that the run `started` with, and the least gain by transition."""
    digest, rest = started.split(" ", 1)
    least = (min(told.windows, key=lambda window: window.model.gain.value or 0) for told in judged.values())
    return " ".join((digest, *map(_signed, least), rest))


def window_name(backtest: str, evaluation: Evaluation) -> str:
    """`048e +0.098 2026-01-12 mql_to_sql`: a window of the run called `backtest`, with its gain and first day."""
    digest, begins = backtest[:N_CHARACTERS_OF_ID], f"{evaluation.test_from:%Y-%m-%d}"
    return f"{digest} {_signed(evaluation)} {begins} {evaluation.transition}"


def _run_name(inputs: ReleaseInputs, *what: str) -> str:
    return " ".join((_digest(inputs.release_id), *what, f"{inputs.extracted_at:%Y-%m-%d}"))


def _digest(release_id: str) -> str:
    return release_id.rsplit("-", 1)[-1][:N_CHARACTERS_OF_ID]


def _gain(summary: TransitionSummary) -> str:
    return _signed(summary.at_all_ages) if summary.has_signal else NO_GAIN


def _signed(evaluation: Evaluation) -> str:
    gain = evaluation.model.gain.value
    return NO_GAIN if gain is None else f"{gain:+.3f}"


def _agreed(inputs: ReleaseInputs, configuration: Configuration) -> dict[str, object]:
    """What a training was asked to do, in words that can be compared."""
    definitions = configuration.definitions
    horizons = {f"{each}.horizon_days": told.horizon_days for each, told in definitions.transitions.items()}
    return {
        "source": inputs.source,
        "extracted_at": f"{inputs.extracted_at:%Y-%m-%d}",
        "test": "the latest leads" if inputs.test_from is None else f"from {inputs.test_from:%Y-%m-%d}",
        "definitions_version": definitions.version,
        "attributes": ", ".join(sorted(configuration.attributes)),
        "judged_at_days": ", ".join(map(str, definitions.snapshots.judged_at_days)),
        "snapshots_up_to_days": definitions.snapshots.up_to_days,
        **horizons,
    }


def _identity(inputs: ReleaseInputs) -> dict[str, str]:
    digests = (
        "data_fingerprint",
        "configuration_digest",
        "policy_digest",
        "catalogue_digest",
        "code_version",
        "code_digest",
        "seed",
    )
    libraries = ", ".join(f"{name} {version}" for name, version in inputs.libraries.items())
    told = {name: str(getattr(inputs, name)) for name in digests}
    return {"release_id": inputs.release_id, **told, "libraries": libraries}


def release_parameters(manifest: ReleaseManifest) -> dict[str, object]:
    """What was chosen for each transition, as `<transition>.<parameter>`, and how many features there are."""
    told: dict[str, object] = {"n_features": len(manifest.features)}
    for summary in manifest.transitions:
        told |= {f"{summary.transition}.{name}": getattr(summary, name) for name in ("estimator", "calibrator")}
        told[f"{summary.transition}.test_from"] = f"{summary.at_acting_age.test_from:%Y-%m-%d}"
    return told


def release_figures(manifest: ReleaseManifest) -> dict[str, float]:
    """What releases are compared by in a list of runs, as `<transition>/<age>/<figure>`, those that decide first.

    The gain over the base rate by age is that of all ages, with its interval; what people meet is told at the acting
    age. Those of wins before SQL are `p_win/<age or stage>/<figure>`. The others stand in the runs of the transitions.
    """
    figures: dict[str, float] = {}
    for summary in manifest.transitions:
        figures |= _deciding(summary)
    for evaluation in manifest.chain.evaluations if manifest.chain else ():
        figures |= _some(evaluation, "p_win", ("log_loss", "gain"))
    return figures | _amount_figures(manifest.amounts, manifest.currency)


def _amount_figures(amounts: AmountModel, currency: str) -> dict[str, float]:
    """The mean amount of a win, and how good the profile's amounts are beside it."""
    figures = {f"release/amount_of_a_win_in_{currency}": amounts.mean}
    if (compared := amounts.comparison) is None:
        return figures
    told = {"gain": compared.gain, "expected_by_brought": compared.total}
    named = {f"release/amounts_{name}{end}": getattr(e, of) for name, e in told.items() for end, of in ENDS.items()}
    return figures | named


def champion_figures(comparison: ChampionComparison) -> dict[str, float]:
    """How the release stands against the champion, as `champion/<transition>/<figure>`, with `_low` and `_high`."""
    estimates = {f"{_of(one)}/recipe_log_loss_difference": one.at_acting_age for one in comparison.recipes}
    for one in comparison.in_use:
        estimates |= {f"{_of(one)}/in_use_log_loss_difference": one.difference} if one.difference else {}
        estimates |= {f"{_of(one)}/in_use_gain": one.at_acting_age.gain} if one.at_acting_age else {}
    named = {f"champion/{name}{end}": getattr(e, of) for name, e in estimates.items() for end, of in ENDS.items()}
    return {name: value for name, value in named.items() if value is not None}


def _of(compared: RecipeComparison | ChampionInUse) -> str:
    """What stands before its figures: wins before SQL are called as in `release_figures`."""
    return "p_win" if compared.transition == P_WIN_BEFORE_SQL else compared.transition


def _deciding(summary: TransitionSummary) -> dict[str, float]:
    acting = ("log_loss", "auc", "calibration_slope", "captured_at_capacity")
    return {
        **_some(summary.at_all_ages, summary.transition, ("gain", "gain_low", "gain_high", "log_loss")),
        **_some(summary.at_acting_age, summary.transition, acting),
    }


def _some(evaluation: Evaluation, prefix: str, names: Sequence[str]) -> dict[str, float]:
    told = _model_figures(evaluation.model)
    return {f"{prefix}/{age_name(evaluation)}/{name}": told[name] for name in names if name in told}


def transition_parameters(summary: TransitionSummary) -> dict[str, object]:
    """What the transition's model is, with the parameters that were chosen."""
    kept = ("transition", "horizon_days", "estimator", "calibrator", "validation", "n_labelled", "n_converted")
    chosen = next((candidate for candidate in summary.candidates if candidate.is_chosen), None)
    return {name: getattr(summary, name) for name in kept} | (dict(chosen.parameters) if chosen else {})


def transition_figures(summary: TransitionSummary) -> dict[str, float]:
    """The model's figures by `<age>/<figure>`, with `_low` and `_high`, and `<age>/<baseline>_log_loss`."""
    figures = {
        "base_rate": summary.base_rate,
        "acting_day": float(summary.acting_day),
        "has_signal": float(summary.has_signal),
    }
    for evaluation in summary.evaluations:
        figures |= _evaluation_figures(evaluation, age_name(evaluation))
    return figures


def window_figures(evaluation: Evaluation) -> dict[str, float]:
    """The figures of a backtest's window by `<age>/<figure>`, as those of a training's transition."""
    return _evaluation_figures(evaluation, age_name(evaluation))


def line_figures(evaluation: Evaluation) -> dict[str, float]:
    """What a backtest is followed by from window to window, as `<transition>/acting_day/<figure>`.

    The acting day itself is `<transition>/acting_day/day`: one name whatever the day, so that a line joins the windows.
    """
    name, day = f"{evaluation.transition}/acting_day", evaluation.day
    told = _model_figures(evaluation.model)
    kept = ("log_loss", "gain", "gain_low", "gain_high", "auc", "calibration_slope")
    figures = {f"{name}/{each}": told[each] for each in kept if each in told}
    return {name: value for name, value in ({f"{name}/day": day} | figures).items() if value is not None}


def candidate_parameters(transition: Transition, candidate: Candidate) -> dict[str, object]:
    """How the candidate was made."""
    told = {"estimator": candidate.estimator, "calibrator": candidate.calibrator, **candidate.parameters}
    return {"transition": transition, **told}


def candidate_figures(candidate: Candidate) -> dict[str, float]:
    """How good the candidate was on the validation leads, and what its log loss is more than the chosen one's."""
    told = {
        "validation_log_loss": candidate.validation_log_loss,
        "more_than_chosen": candidate.difference,
        "more_than_chosen_standard_error": candidate.standard_error,
        "is_chosen": float(candidate.is_chosen),
    }
    return {name: value for name, value in told.items() if value is not None}


def rounded(value: float) -> float:
    """`value` as MLflow's pages are to show it.

    >>> rounded(0.09746123), rounded(0.000312444), rounded(1.23456789), rounded(1691.0)
    (0.09746, 0.0003124, 1.2346, 1691.0)
    """
    return float(f"{value:.{DIGITS}g}") if abs(value) < 1 else round(value, DIGITS)


def _evaluation_figures(evaluation: Evaluation, prefix: str) -> dict[str, float]:
    counted = ("n_train", "n_test", "n_test_leads", "test_base_rate", "train_base_rate")
    figures = {f"{prefix}/{name}": float(getattr(evaluation, name)) for name in counted}
    figures |= {f"{prefix}/{name}": value for name, value in _model_figures(evaluation.model).items()}
    return figures | _baseline_losses(evaluation, prefix)


def _baseline_losses(evaluation: Evaluation, prefix: str) -> dict[str, float]:
    losses = {f"{prefix}/{model.model}_log_loss": model.log_loss.value for model in evaluation.models[1:]}
    return {name: value for name, value in losses.items() if value is not None}


def model_rows(evaluations: Sequence[Evaluation]) -> list[dict[str, object]]:
    """One row an age and model, the baselines too: every figure, with `_low` and `_high`."""
    return [
        {"transition": str(evaluation.transition), "judged": age_name(evaluation), "model": model.model}
        | {name: rounded(value) for name, value in _model_figures(model).items()}
        for evaluation in evaluations
        for model in evaluation.models
    ]


def _model_figures(model: ModelFigures) -> dict[str, float]:
    estimates: dict[str, Any] = {name: value for name, value in model if isinstance(value, Estimate)}
    ends = {"": "value", "_low": "low", "_high": "high"}
    named = {f"{name}{end}": getattr(e, of) for name, e in estimates.items() for end, of in ends.items()}
    return {name: value for name, value in named.items() if value is not None}


def age_name(evaluation: Evaluation) -> str:
    """`entry`, `day_7`, `all_ages`, or the stage that the judged leads were in."""
    if evaluation.stage is not None:
        return str(evaluation.stage)
    if evaluation.day is None:
        return "all_ages"
    return f"day_{evaluation.day}" if evaluation.day else "entry"


def group_figures(judged: Mapping[Transition, Backtest]) -> list[dict[str, object]]:
    """One row a transition and group of leads: what they were given, what came, the gain, and the intervals' ends."""
    rows = []
    for transition, told in judged.items():
        for group in told.groups:
            row = {"transition": str(transition)} | group.model_dump(exclude={"excess", "gain"})
            for name, found in (("excess", group.excess), ("gain", group.gain)):
                row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
            rows.append(row)
    return rows
