"""What MLflow is told of runs: names, parameters, figures by the moment they are of, and notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_contracts.backtests import Backtest
from data_contracts.configuration import Configuration
from data_contracts.estimates import Estimate
from data_contracts.evaluation_table import BASE_RATE_BY_AGE, LOGISTIC_REGRESSION, age_judged
from data_contracts.gate import ChampionComparison, ChampionInUse, RecipeComparison
from data_contracts.recalibration import P_WIN_BEFORE_SQL
from data_contracts.releases import (
    Candidate,
    Evaluation,
    ModelFigures,
    ReleaseInputs,
    ReleaseManifest,
    TransitionSummary,
)
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text, figure
from models.local_store import EXPERIMENT
from models.recipe import Recipe

TRAININGS, BACKTESTS = EXPERIMENT, f"{EXPERIMENT}-backtests"
"""The experiments: runs of one are compared with each other."""

TRAIN = "leadscore train"

SHORT_NAMES = {LOGISTIC_REGRESSION: "logistic", BASE_RATE_BY_AGE: "base rate"}
"""Of estimators, in a run's name."""

N_CHARACTERS_OF_ID = 4
"""Of a release's digest, at the beginning of a run's name: lists of runs show some fifteen characters of it."""


DECIMALS = 4
"""Of figures that stand beside each other in lists. The runs of the transitions have all of them."""


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


@dataclass(frozen=True, slots=True)
class Reference:
    """The release that a new one is told apart from, and what it is called: "version 3, in production"."""

    manifest: ReleaseManifest
    called: str


def training_start(inputs: ReleaseInputs, configuration: Configuration) -> RunStart:
    """The start of a training."""
    return RunStart(
        experiment=TRAININGS,
        by=TRAIN,
        name=_run_name(inputs.release_id, inputs, ()),
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
        name=f"{_run_name(inputs.release_id, inputs, ())}, {what}",
        inputs=inputs,
        parameters=_agreed(inputs, configuration) | {"n_folds": n_folds, "permute": permute},
        tags=_identity(inputs),
    )


def release_name(manifest: ReleaseManifest) -> str:
    """`048e lightgbm+logistic 2026-06-30 simulated`: what tells runs apart comes first."""
    estimators = [summary.estimator for summary in manifest.transitions]
    return _run_name(manifest.release_id, manifest.inputs, estimators)


def transition_name(manifest: ReleaseManifest, summary: TransitionSummary) -> str:
    """`mql_to_sql 048e lightgbm 2026-06-30 simulated`."""
    return f"{summary.transition} {_run_name(manifest.release_id, manifest.inputs, [summary.estimator])}"


def candidate_name(candidate: Candidate) -> str:
    """`lightgbm (num_leaves=4, ...), calibrator sigmoid`: the recipe in words."""
    calibrator = "" if candidate.calibrator == "none" else f", calibrator {candidate.calibrator}"
    return f"{Recipe.of(candidate).described()}{calibrator}"


def fold_name(evaluation: Evaluation) -> str:
    """`mql_to_sql from 2026-01-12`."""
    return f"{evaluation.transition} from {evaluation.test_from:%Y-%m-%d}"


def _run_name(release_id: str, inputs: ReleaseInputs, estimators: Sequence[str]) -> str:
    digest = release_id.rsplit("-", 1)[-1][:N_CHARACTERS_OF_ID]
    what = "+".join(SHORT_NAMES.get(name, name) for name in estimators)
    return " ".join(filter(None, (digest, what, f"{inputs.extracted_at:%Y-%m-%d}", inputs.source)))


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
        "leads_per_week": definitions.capacity.leads_per_week,
        **horizons,
    }


def _identity(inputs: ReleaseInputs) -> dict[str, str]:
    digests = ("data_fingerprint", "configuration_digest", "catalogue_digest", "code_version", "code_digest", "seed")
    libraries = {f"library.{name}": version for name, version in inputs.libraries.items()}
    return {"release_id": inputs.release_id} | {name: str(getattr(inputs, name)) for name in digests} | libraries


def release_parameters(manifest: ReleaseManifest) -> dict[str, object]:
    """What was chosen for each transition, as `<transition>.<parameter>`, and how many features there are."""
    told: dict[str, object] = {"n_features": len(manifest.features)}
    for summary in manifest.transitions:
        told |= {f"{summary.transition}.{name}": getattr(summary, name) for name in ("estimator", "calibrator")}
        told[f"{summary.transition}.test_from"] = f"{summary.at_acting_age.test_from:%Y-%m-%d}"
    return told


def release_figures(manifest: ReleaseManifest) -> dict[str, float]:
    """What releases are compared by in a list of runs, as `<transition>.<age>.<figure>`, those that decide first.

    The gain over the base rate by age is that of all ages, with its interval; what people meet is told at the acting
    age. Those of wins before SQL are `p_win.<age or stage>.<figure>`. The others stand in the runs of the transitions.
    """
    figures: dict[str, float] = {}
    for summary in manifest.transitions:
        figures |= _deciding(summary)
    for evaluation in manifest.chain.evaluations if manifest.chain else ():
        figures |= _some(evaluation, "p_win", ("log_loss", "gain"))
    figures["thresholds.hand_off_probability"] = manifest.thresholds.hand_off_probability
    figures["value_of_a_win"] = manifest.value_of_a_win
    return figures


def champion_figures(comparison: ChampionComparison) -> dict[str, float]:
    """How the release stands against the champion, as `champion.<transition>.<figure>`, with `_low` and `_high`."""
    estimates = {f"{_of(one)}.recipe_log_loss_difference": one.at_acting_age for one in comparison.recipes}
    for one in comparison.in_use:
        estimates |= {f"{_of(one)}.in_use_log_loss_difference": one.difference} if one.difference else {}
        estimates |= {f"{_of(one)}.in_use_gain": one.at_acting_age.gain} if one.at_acting_age else {}
    ends = {"": "value", "_low": "low", "_high": "high"}
    named = {f"champion.{name}{end}": getattr(e, of) for name, e in estimates.items() for end, of in ends.items()}
    return {name: value for name, value in named.items() if value is not None}


def _of(compared: RecipeComparison | ChampionInUse) -> str:
    """What stands before its figures: wins before SQL are called as in `release_figures`."""
    return "p_win" if compared.transition == P_WIN_BEFORE_SQL else compared.transition


def compared_figures(manifest: ReleaseManifest) -> tuple[str, ...]:
    """The few of `release_figures` that stand beside each other where releases are listed: four a transition."""
    shown = ("gain", "log_loss", "auc", "calibration_slope")
    return tuple(
        name
        for summary in manifest.transitions
        for name in _deciding(summary)
        if name.rsplit(".", 1)[-1] in shown and (name.endswith(".gain") or age_name(summary.at_acting_age) in name)
    )


def _deciding(summary: TransitionSummary) -> dict[str, float]:
    acting = ("log_loss", "auc", "calibration_slope", "captured_at_capacity")
    return {
        **_some(summary.at_all_ages, summary.transition, ("gain", "gain_low", "gain_high", "log_loss")),
        **_some(summary.at_acting_age, summary.transition, acting),
    }


def _some(evaluation: Evaluation, prefix: str, names: Sequence[str]) -> dict[str, float]:
    told = _model_figures(evaluation.model)
    return {f"{prefix}.{age_name(evaluation)}.{name}": round(told[name], DECIMALS) for name in names if name in told}


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
        figures |= _evaluation_figures(evaluation, age_name(evaluation))
    return figures


def fold_figures(evaluation: Evaluation) -> dict[str, float]:
    """Every figure of a backtest's window by `<transition>.<age>.<figure>`, the baselines' as in a training."""
    return _evaluation_figures(evaluation, f"{evaluation.transition}.{age_name(evaluation)}")


def line_figures(evaluation: Evaluation) -> dict[str, float]:
    """What a backtest is followed by from window to window, as `<transition>.acting_day.<figure>`.

    The acting day itself is `<transition>.acting_day`: one name whatever the day, so that a line joins the windows.
    """
    name, day = f"{evaluation.transition}.acting_day", evaluation.day
    told = _model_figures(evaluation.model)
    kept = ("log_loss", "gain", "gain_low", "gain_high", "auc", "calibration_slope")
    losses = {f"{name}.{model.model}.log_loss": model.log_loss.value for model in evaluation.models[1:]}
    figures = {f"{name}.{each}": told[each] for each in kept if each in told} | losses
    return {name: value for name, value in ({name: day} | figures).items() if value is not None}


def candidate_parameters(candidate: Candidate) -> dict[str, object]:
    """How the candidate was made."""
    return {"estimator": candidate.estimator, "calibrator": candidate.calibrator, **candidate.parameters}


def _evaluation_figures(evaluation: Evaluation, prefix: str) -> dict[str, float]:
    counted = ("n_train", "n_test", "n_test_leads", "test_base_rate", "train_base_rate")
    figures = {f"{prefix}.{name}": float(getattr(evaluation, name)) for name in counted}
    prefixes = [prefix, *(f"{prefix}.{model.model}" for model in evaluation.models[1:])]
    for each, model in zip(prefixes, evaluation.models, strict=True):
        figures |= {f"{each}.{name}": value for name, value in _model_figures(model).items()}
    return figures


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


def changes(before: ReleaseManifest, after: ReleaseManifest) -> tuple[str, ...]:
    """What differs between two releases, in words: what was agreed on, what was learnt from, what was chosen."""
    agreed = before.configuration.differences(after.configuration)
    told = [line.replace("crm.attributes.", "attribute ").removeprefix("definitions.") for line in agreed]
    old, new = _told(before), _told(after)
    told += [f"{name} {old[name]} -> {new[name]}" for name in new if name in old and old[name] != new[name]]
    if before.data_fingerprint != after.data_fingerprint:
        told.append("other history")
    if before.inputs.code_digest != after.inputs.code_digest:
        told.append("other code")
    return tuple(told)


def _told(manifest: ReleaseManifest) -> dict[str, object]:
    """What `changes` compares beside the configuration."""
    inputs = manifest.inputs
    libraries = {f"library {name}": version for name, version in inputs.libraries.items()}
    named = {"source": inputs.source, "extract of": f"{inputs.extracted_at:%Y-%m-%d}", "seed": inputs.seed}
    return named | release_parameters(manifest) | libraries


def note(manifest: ReleaseManifest, reference: Reference | None = None) -> str:
    """What the release is, how good, and what differs from the `reference`, in Markdown."""
    lines = [
        f"Release `{manifest.release_id}` from source `{manifest.source}`, what was known on "
        f"{manifest.as_of:%Y-%m-%d}, definitions {manifest.definitions_version}.",
        "",
        "| transition | model | learnt from | gain over the base rate by age, all ages | AUC | slope |",
        "|---|---|---|---|---|---|",
        *(_row(summary) for summary in manifest.transitions),
    ]
    if reference is None:
        return "\n".join(lines)
    differing = [f"- {line}" for line in changes(reference.manifest, manifest)] or ["- nothing"]
    title = f"What differs from `{reference.manifest.release_id}`, {reference.called}:"
    return "\n".join([*lines, "", title, "", *differing])


def _row(summary: TransitionSummary) -> str:
    acting, overall = summary.at_acting_age.model, summary.at_all_ages.model
    calibrator = "" if summary.calibrator == "none" else f", {summary.calibrator}"
    cells = (
        f"{summary.transition} within {summary.horizon_days} days",
        f"{summary.estimator}{calibrator}",
        f"{summary.n_labelled:,} leads, {figure(summary.n_converted / summary.n_labelled)} converted",
        estimate_text(overall.gain),
        f"{estimate_text(acting.auc)} {age_judged(summary.at_acting_age)}",
        estimate_text(acting.calibration_slope, least=2),
    )
    return f"| {' | '.join(cells)} |"


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


def backtest_note(judged: Mapping[Transition, Backtest]) -> str:
    """The windows of a backtest one below the other, in Markdown."""
    lines = [
        "| window | leads | log loss | base rate by age | gain | AUC | slope |",
        "|---|---|---|---|---|---|---|",
    ]
    for evaluation in (window for told in judged.values() for window in told.windows):
        model = evaluation.model
        cells = (
            f"{fold_name(evaluation)}, {age_judged(evaluation)}",
            f"{evaluation.n_test_leads:,}",
            estimate_text(model.log_loss),
            estimate_text(evaluation.baseline(BASE_RATE_BY_AGE).log_loss),
            estimate_text(model.gain),
            estimate_text(model.auc),
            estimate_text(model.calibration_slope, least=2),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
