"""What MLflow's pages say of a run in words: what a release is, how good, and what differs from the one before."""

from collections.abc import Mapping
from dataclasses import dataclass

from data_contracts.backtests import Backtest
from data_contracts.evaluation_table import BASE_RATE_BY_AGE, age_judged, candidate_rows, candidate_title
from data_contracts.record_table import table_markdown
from data_contracts.releases import ReleaseManifest, TransitionSummary
from data_contracts.vocabulary import Transition
from data_contracts.wording import estimate_text, figure
from models.run_figures import CANDIDATES, release_parameters


@dataclass(frozen=True, slots=True)
class Reference:
    """The release that a new one is told apart from, and what it is called: "version 3, in production"."""

    manifest: ReleaseManifest
    called: str


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


def note(
    manifest: ReleaseManifest, reference: Reference | None = None, *, pages: Mapping[Transition, str] | None = None
) -> str:
    """What the release is, how good, and what differs from the `reference`, in Markdown.

    `pages` are the addresses of the transitions' own runs.
    """
    lines = [
        f"Release `{manifest.release_id}` from source `{manifest.source}`, what was known on "
        f"{manifest.as_of:%Y-%m-%d}, definitions {manifest.definitions_version}.",
        "",
        "| transition | model | learnt from | gain over the base rate by age, all ages | AUC | slope |",
        "|---|---|---|---|---|---|",
        *(_row(summary, page=(pages or {}).get(summary.transition)) for summary in manifest.transitions),
    ]
    if reference is None:
        return "\n".join(lines)
    differing = [f"- {line}" for line in changes(reference.manifest, manifest)] or ["- nothing"]
    title = f"What differs from `{reference.manifest.release_id}`, {reference.called}:"
    return "\n".join([*lines, "", title, "", *differing])


def _row(summary: TransitionSummary, *, page: str | None) -> str:
    acting, overall = summary.at_acting_age.model, summary.at_all_ages.model
    calibrator = "" if summary.calibrator == "none" else f", {summary.calibrator}"
    cells = (
        f"{f'[{summary.transition}]({page})' if page else summary.transition} within {summary.horizon_days} days",
        f"{summary.estimator}{calibrator}",
        f"{summary.n_labelled:,} leads, {figure(summary.n_converted / summary.n_labelled)} converted",
        estimate_text(overall.gain),
        f"{estimate_text(acting.auc)} {age_judged(summary.at_acting_age)}",
        estimate_text(acting.calibration_slope, least=2),
    )
    return f"| {' | '.join(cells)} |"


def transition_note(summary: TransitionSummary, *, run_id: str) -> str:
    """What was tried for the transition of the run `run_id`, in Markdown."""
    title = f"{candidate_title(summary)}. Each is a run of the experiment {CANDIDATES}:"
    return (
        f"{title} search for `tags.mlflow.parentRunId = '{run_id}'` there.\n\n{table_markdown(candidate_rows(summary))}"
    )


def backtest_note(judged: Mapping[Transition, Backtest]) -> str:
    """The windows of a backtest one below the other, in Markdown."""
    lines = [
        "| window | leads | log loss | base rate by age | gain | AUC | slope |",
        "|---|---|---|---|---|---|---|",
    ]
    for evaluation in (window for told in judged.values() for window in told.windows):
        model = evaluation.model
        cells = (
            f"{evaluation.transition} from {evaluation.test_from:%Y-%m-%d}, {age_judged(evaluation)}",
            f"{evaluation.n_test_leads:,}",
            estimate_text(model.log_loss),
            estimate_text(evaluation.baseline(BASE_RATE_BY_AGE).log_loss),
            estimate_text(model.gain),
            estimate_text(model.auc),
            estimate_text(model.calibration_slope, least=2),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
