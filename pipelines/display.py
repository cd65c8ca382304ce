"""What each command prints: tables for people, JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.agreement import agreed_versions
from data_contracts.backtests import Backtest, group_rows
from data_contracts.calibration import calibration_rows, calibration_title
from data_contracts.calls import CallList, team_call_rows
from data_contracts.contact import contact_summary
from data_contracts.definitions import Definitions
from data_contracts.evaluation_table import (
    age_rows,
    candidate_rows,
    candidate_title,
    chain_rows,
    chain_title,
    evaluation_rows,
    evaluation_title,
    evaluation_warning,
)
from data_contracts.evaluations import Evaluation
from data_contracts.gate import (
    ChampionComparison,
    Promotion,
    in_use_rows,
    not_yet_judged,
    recipe_rows,
    verdict_rows,
    verdict_title,
)
from data_contracts.history import CheckReport
from data_contracts.leaks import LeakReport, leak_rows, leak_summary, leaks_title
from data_contracts.recalibration import recalibration_rows
from data_contracts.score_changes import ScoreChanges, change_rows
from data_contracts.scores import PublishReceipt, ScoredLeads, WriteBackPlan
from data_contracts.settings import Settings
from data_contracts.shadow import ShadowReport, list_rows, shadow_rows, shadow_title
from data_contracts.thresholds import PublishedThresholds, Thresholds, publication_rows, threshold_rows, threshold_title
from data_contracts.vocabulary import Transition
from models.versions import ReleaseVersion
from pipelines.call_report import call_json, hand_off_rows, waiting_rows
from pipelines.console import show, show_json, show_rows, warn
from pipelines.report import (
    action_rows,
    agreement_rows,
    extrapolated_text,
    history_rows,
    moved_by_hand,
    reading_of_the_test,
    receipt_rows,
    release_rows,
    standing,
    table_check_rows,
    training_warnings,
)
from pipelines.store import Store
from serving.publish import preview

if TYPE_CHECKING:  # what a training or a trace needs takes a second to import
    from data_contracts.traces import Trace
    from pipelines.recalibrate import RecalibrationRun
    from pipelines.train import TrainingRun


def check_report(report: CheckReport, settings: Settings, *, as_json: bool) -> None:
    """Tables with accepted and refused rows, what is lacking, and where to look further."""
    if as_json:
        show_json(asdict(report))
        return
    title = (
        f"{report.source}, extracted {report.extracted_at:%Y-%m-%d %H:%M} UTC, definitions {report.definitions_version}"
    )
    show_rows(table_check_rows(report), title=title)
    for warning in report.warnings:
        warn(warning)
    n_refused = sum(check.refused for check in report.tables)
    store = Store.of(settings)
    show(f"\n{n_refused:,} rows are in quarantine; `leadscore quarantine` shows them with reasons")
    show(f"Great Expectations' pages: {store.data_docs / 'index.html'}")
    show(f"fingerprint of the checked history: {report.fingerprint}")


def quarantined(rows: Sequence[Mapping[str, str]], *, as_json: bool) -> None:
    """Refused rows, one breach a row."""
    if as_json:
        show_json(rows)
    elif rows:
        show_rows([{name: _cell(value) for name, value in row.items()} for row in rows])
    else:
        show("nothing is in quarantine")


def left_out(rows: Sequence[Mapping[str, str]], *, as_json: bool) -> None:
    """Rows that the settings leave out."""
    if as_json:
        show_json(rows)
    elif rows:
        show_rows([{name: _cell(value) for name, value in row.items()} for row in rows])
    else:
        show("nothing is left out")


def training(made: "TrainingRun", *, as_json: bool) -> None:
    """How good each transition is beside its baselines, and what became of the release."""
    manifest = made.release.manifest
    if as_json:
        content = {
            "version": made.version,
            "is_promoted": made.is_promoted,
            "held_back_because": made.held_back_because,
            "n_read_before": made.n_read_before,
            "verdict": made.verdict.model_dump(mode="json"),
            "comparison": made.comparison.model_dump(mode="json") if made.comparison else None,
        }
        show_json(content | {"release": manifest.model_dump(mode="json")})
        return
    for position, summary in enumerate(manifest.transitions):
        if position:
            show("")
        show_rows(candidate_rows(summary), title=candidate_title(summary))
        _evaluation(summary.at_acting_age)
        show_rows(
            age_rows(summary.evaluations), title=f"{summary.transition}: our model by the age at which it is asked"
        )
    if manifest.chain is not None:
        show("")
        show_rows(chain_rows(manifest.chain), title=chain_title(manifest.chain))
    for warning in training_warnings(manifest):
        warn(warning)
    show("")
    for summary in manifest.transitions:
        for line in leak_summary(summary.leaks) if summary.leaks else ():
            show(line)
        for line in contact_summary(summary.contact) if summary.contact else ():
            show(line)
        if summary.calibration is not None:
            off = calibration_rows(summary.calibration.off)
            show_rows(off, title=f"{summary.transition}: {calibration_title(summary.calibration.groups)}")
    show(reading_of_the_test(made))
    _champion(made.comparison)
    show("")
    show_rows(verdict_rows(made.verdict), title=verdict_title(made.verdict))
    show("")
    show_rows(threshold_rows(manifest.thresholds), title=threshold_title(manifest.thresholds))
    show(f"release {manifest.release_id} is version {made.version}: {standing(made)}")


def thresholds(chosen: Thresholds, *, published: bool, as_json: bool) -> None:
    """What was chosen, team by team, and whether it is in force now."""
    if as_json:
        show_json({"thresholds": chosen.model_dump(mode="json"), "published": published})
        return
    show_rows(threshold_rows(chosen), title=threshold_title(chosen))
    if published:
        show(f"thresholds {chosen.thresholds_id} are in force for release {chosen.release_id}")
    else:
        show('nothing was published: --publish --because "..." puts them into force')


def threshold_history(entries: Sequence[PublishedThresholds], *, as_json: bool) -> None:
    """What was put into force for a release when, by whom and why; the first one first."""
    if as_json:
        show_json({"published": [entry.model_dump(mode="json") for entry in entries]})
        return
    show_rows(publication_rows(entries), title="Thresholds that were put into force; the last ones hold")


def leaks(by_transition: Mapping[Transition, LeakReport], *, as_json: bool) -> None:
    """The leak report of every transition: one row an attribute or activity kind, leaks first."""
    if as_json:
        show_json({str(t): report.model_dump(mode="json") for t, report in by_transition.items()})
        return
    for position, report in enumerate(by_transition.values()):
        if position:
            show("")
        show_rows(leak_rows(report), title=leaks_title(report))


def backtests(by_transition: Mapping[Transition, Backtest], *, as_json: bool) -> None:
    """Every window, the oldest first; then the test leads of all by month, and the groups that are off."""
    if as_json:
        show_json({str(transition): told.model_dump(mode="json") for transition, told in by_transition.items()})
        return
    for transition, told in by_transition.items():
        for evaluation in told.windows:
            _evaluation(evaluation)
            if (warning := evaluation_warning(evaluation)) is not None:
                warn(warning)
        show("")
        show_rows(group_rows(told.months), title=f"{transition}: all windows by month, all ages; 95 % intervals")
        show("")
        show_rows(group_rows(told.off), title=f"{transition}, all windows: {calibration_title(told.groups)}")


def shadow(report: ShadowReport, store: Store, *, as_json: bool) -> None:
    """The verdict, then whom each side hands off and what that brought, and where the lists are."""
    if as_json:
        show_json(report.model_dump(mode="json"))
        return
    show(f"{report.verdict}\n")
    show_rows(list_rows(report), title=f"{report.rule.said} against the model: leads")
    show("")
    show_rows(shadow_rows(report), title=shadow_title(report))
    if report.sampled_share < 1:
        warn(f"lists and weeks are of {report.sampled_share:.0%} of the accounts, drawn at random")
    show(f"\nlists and weeks: {store.shadow}")


def releases(versions: Sequence[ReleaseVersion], history: Sequence[Promotion], *, as_json: bool) -> None:
    """The registered versions, the newest first, and everything that was ever put into force, the latest first."""
    if as_json:
        entries = [entry.model_dump(mode="json") for entry in reversed(history)]
        show_json({"releases": [asdict(version) for version in versions], "history": entries})
        return
    if not versions:
        show("no release is registered; run `leadscore train`")
        return
    show_rows(release_rows(versions))
    show("")
    show_rows(history_rows(history), title="put into force, the latest first")
    if (warning := moved_by_hand(versions, history)) is not None:
        warn(warning)


def recalibration(made: "RecalibrationRun", *, as_json: bool) -> None:
    """What leads since the training say of production's probabilities, and what became of the release, if any."""
    if as_json:
        show_json(
            {
                "parent_id": made.parent_id,
                "version": made.version,
                "release_id": made.release_id,
                "told": {str(name): told.model_dump(mode="json") for name, told in made.told.items()},
                "left": {str(name): why for name, why in made.left.items()},
                "verdict": made.verdict.model_dump(mode="json") if made.verdict else None,
            }
        )
        return
    show_rows(recalibration_rows(made.told), title=f"release {made.parent_id} on leads since its training")
    for why in made.left.values():
        warn(why)
    if made.verdict is None:
        show(f"nothing has to be mended; release {made.parent_id} stays in production")
        return
    show_rows(verdict_rows(made.verdict), title=verdict_title(made.verdict))
    outcome = "it is in production now" if made.verdict.allows else "the gate holds it back"
    show(f"release {made.release_id} is version {made.version}: {outcome}")


def put_into_force(entry: Promotion) -> None:
    """What is in production now, why, and what was overridden."""
    show(f"version {entry.version} ({entry.release_id}) is in production now: {entry.because}")
    if entry.way == "forced" and entry.verdict is not None:
        for reason in entry.verdict.reasons:
            warn(f"overridden: {reason}")


def definitions(versions: Sequence[Definitions], *, as_json: bool) -> None:
    """The versions of the definitions, the newest first, each with what it changed against the one before."""
    told = [version.model_dump(mode="json") for version in agreed_versions(versions)]
    if as_json:
        show_json(told)
    elif told:
        show_rows([{name.replace("_", " "): _cell(value) for name, value in version.items()} for version in told])
    else:
        show("no definitions are kept; run `leadscore train`")


def agreement(agreed: Definitions, *, as_json: bool) -> None:
    """One version of the definitions, whole."""
    if as_json:
        show_json(agreed.model_dump(mode="json"))
        return
    show_rows(agreement_rows(agreed), title=f"definitions {agreed.version}, effective from {agreed.effective_from}")


def scored(result: ScoredLeads, *, as_json: bool) -> None:
    """How many leads stand where, by next action."""
    if as_json:
        show_json(asdict(result))
        return
    show_rows(
        action_rows(result), title=f"{result.n_leads:,} open leads at {result.as_of:%Y-%m-%d %H:%M} UTC by next action"
    )
    show(f"\n{extrapolated_text(result)}")
    show(f"scores: {result.path} (release {result.release_id}); `leadscore publish --dry-run` shows what would change")


def calls(result: CallList, scores: Path, *, limit: int, as_json: bool) -> None:
    """The counts of each team, whom sales is to call, and who waits."""
    if as_json:
        show_json(call_json(result))
        return
    show_rows(team_call_rows(result.teams), title=f"The call list at {result.as_of:%Y-%m-%d %H:%M} UTC, in leads")
    show("")
    show_rows(hand_off_rows(result, scores, limit=limit), title="Handed off and not touched by sales yet")
    show("")
    show_rows(waiting_rows(result, scores, limit=limit), title="Waiting, in order: eligible, and no room yet")


def one_score(row: Mapping[str, Any], *, as_json: bool) -> None:
    """One lead's score, column by column."""
    told = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    if as_json:
        show_json(told)
        return
    show_rows([{"score": name, "": _cell(value)} for name, value in told.items() if value is not None])


def score_changes(result: ScoreChanges, *, as_json: bool) -> None:
    """The score before, what each cause changed of it, and the score after."""
    if as_json:
        show_json(asdict(result))
        return
    show_rows(change_rows(result), title=f"{result.lead_id}: why its score moved; each part after those above it")
    before, after = result.before, result.after
    show(f"\nfrom {before.action} to {after.action}, by release {before.release_id} and now {after.release_id}")


def plan(result: WriteBackPlan, *, limit: int, as_json: bool) -> None:
    """The first changes of a plan, and how many there are."""
    rows = [asdict(change) for change in preview(result, limit)]
    if as_json:
        show_json(
            {"n_changed": result.n_changed, "n_unchanged": result.n_unchanged, "n_left": result.n_left, "changes": rows}
        )
        return
    show_rows([{key: _cell(value) for key, value in row.items()} for row in rows])
    show(
        f"\ndry run, nothing was written: {result.n_changed:,} of {result.n_leads:,} leads would change "
        f"({result.changes.num_rows:,} fields), {result.n_unchanged:,} would not; "
        f"{result.n_left:,} are no longer scored"
    )


def receipt(result: PublishReceipt, *, as_json: bool) -> None:
    """What was written, and every refusal with its reason."""
    if as_json:
        show_json(asdict(result))
        return
    show_rows(
        receipt_rows(result),
        title=f"{result.sink}: release {result.release_id} as of {result.as_of:%Y-%m-%d %H:%M} UTC",
    )
    for lead, reason in result.refused.items():
        warn(f"{lead}: {reason}")
    for place in result.places:
        show(place)


def trace(result: "Trace", *, as_json: bool) -> None:
    """One lead's way, noun by noun."""
    from data_contracts.traces import as_text

    if as_json:
        show_json(asdict(result))
    else:
        show(as_text(result))


def _champion(comparison: ChampionComparison | None) -> None:
    """Both recipes on the same leads, and the champion as it was published."""
    if comparison is None or comparison.not_compared_because:
        return
    show("")
    show_rows(
        recipe_rows(comparison),
        title=f"recipes against that of {comparison.champion_id}: log loss of ours less the champion's; 95 % intervals",
    )
    show_rows(in_use_rows(comparison), title=f"{comparison.champion_id} as published, on leads that entered later")
    for line in not_yet_judged(comparison):
        show(line)


def _evaluation(evaluation: Evaluation) -> None:
    """A table of the models, with the test period above."""
    show("")
    show_rows(evaluation_rows(evaluation), title=evaluation_title(evaluation))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
