"""The whole product on a simulated CRM, with a summary of what came out."""

import datetime as dt
import time
from pathlib import Path

from data_contracts.calls import CallList, team_call_rows
from data_contracts.errors import SettingsError, TooFewOutcomesError
from data_contracts.evaluation_table import age_judged, model_names, rule_against_model
from data_contracts.evaluations import Evaluation
from data_contracts.metrics.periods import Period
from data_contracts.progress import Say
from data_contracts.settings import Settings
from data_contracts.thresholds import threshold_rows, threshold_title
from data_contracts.wording import estimate_text
from pipelines.call_report import hand_off_rows
from pipelines.console import show, show_rows, warn, working
from pipelines.ingest import ingest_history
from pipelines.page_writing import write_pages
from pipelines.promote import who
from pipelines.report import action_rows, extrapolated_text, standing, table_check_rows, training_warnings
from pipelines.reviews import write_review
from pipelines.score import call_list_of, publish_scores, score_open_leads
from pipelines.store import Store
from pipelines.train import TrainingRun, train_release
from simulation import simulate

N_SHOWN = 5


def run_demo(settings: Settings, *, n_leads: int, seed: int, now: dt.datetime) -> None:
    """Simulate, check, train, score, publish; then say how good the scores are and which leads to call first."""
    if settings.crm.source != "simulated":
        raise SettingsError(
            f"the demo writes a simulated export to {settings.crm.data_folder}, and these settings read "
            f"{settings.crm.source!r} from there; give settings whose source is 'simulated'"
        )
    started = time.monotonic()
    with working(f"1/6 leadscore simulate --leads {n_leads} --seed {seed}") as say:
        simulate(settings.crm.data_folder, n_leads=n_leads, seed=seed, say=say)
    with working("2/6 leadscore check") as say:
        report = ingest_history(settings, say=say, warn=warn)
    show_rows(
        table_check_rows(report),
        title="1. History, checked against its contracts (`leadscore quarantine` shows refused rows)",
    )
    with working("3/6 leadscore train") as say:
        made = _trained(settings, n_leads=n_leads, now=now, say=say)
    _show_models(made)
    with working("4/6 leadscore score") as say:
        scored = score_open_leads(settings, release=made.version, say=say, warn=warn)
    with working("5/6 leadscore publish") as say:
        receipt = publish_scores(settings, release=made.version, say=say, warn=warn)
    with working("6/6 leadscore review, leadscore pages") as say:
        write_review(settings, Period.WEEK, None, made_at=now, say=say)
        written = write_pages(settings, made_at=now, say=say)
    show("")
    show_rows(action_rows(scored), title=f"3. {scored.n_leads:,} open leads scored, by next action")
    show(extrapolated_text(scored))
    show("")
    first = _show_first_leads(call_list_of(settings), scored.path)
    _say_again(made)
    seconds = time.monotonic() - started
    show(f"\n{receipt.n_written:,} leads published to {Store.of(settings).published}, {seconds:.0f} s in all")
    _show_next_commands(Store.of(settings), made, lead=first)
    show(f"\nThe pages that both teams look at (`leadscore open`): {written.first_page}")


def _say_again(made: TrainingRun) -> None:
    """What must not be overlooked and stands far above by now: rule against model, the training's warnings."""
    manifest = made.release.manifest
    first = manifest.transition(manifest.configuration.definitions.first_transition)
    told = rule_against_model(first.at_acting_age) if first.evaluations else ""
    show(f"\nRule against model: {told or 'nobody can say from this training; `leadscore shadow` asks the past'}")
    for warning in training_warnings(manifest):
        warn(warning)


def _trained(settings: Settings, *, n_leads: int, now: dt.datetime, say: Say) -> TrainingRun:
    """The training. Where the simulation is too small to learn from, the error says how to make it larger."""
    try:
        return train_release(settings, created_at=now, by=who(), say=say, warn=warn)
    except TooFewOutcomesError as error:
        raise TooFewOutcomesError(
            error.transition,
            what=error.what,
            found=error.found,
            needed=error.needed,
            hint=f"simulate more than {n_leads:,} leads with --leads",
        ) from error


def _show_models(made: TrainingRun) -> None:
    manifest = made.release.manifest
    rows = [row for summary in manifest.transitions for row in _model_rows(summary.at_acting_age)]
    show("")
    show_rows(rows, title="2. Models on the latest leads, none of which they learnt from (95 % intervals)")
    show("")
    show_rows(threshold_rows(manifest.thresholds), title=threshold_title(manifest.thresholds))
    show(f"release {manifest.release_id} is version {made.version}: {standing(made)}")
    if not made.is_promoted:
        warn(
            f"the demo goes on with version {made.version} all the same; `leadscore score` takes what is in production"
        )


def _model_rows(evaluation: Evaluation) -> list[dict[str, str]]:
    return [
        {
            "transition": f"{evaluation.transition} {age_judged(evaluation)}" if position == 0 else "",
            "leads": f"{evaluation.n_test_leads:,}" if position == 0 else "",
            "model": name,
            "log loss": estimate_text(judged.log_loss),
            "gain": estimate_text(judged.gain),
            "AUC": estimate_text(judged.auc),
            "lift top 10 %": estimate_text(judged.lift_in_top_tenth, least=2),
            "calibration slope": estimate_text(judged.calibration_slope, least=2),
        }
        for position, (name, judged) in enumerate(zip(model_names(evaluation), evaluation.models, strict=True))
    ]


def _show_first_leads(calls: CallList, scores: Path) -> str | None:
    """The id of the lead to call first; None where no lead is handed off."""
    show_rows(
        team_call_rows(calls.teams), title="4. The call list: hand-offs within what sales can work, and the queue"
    )
    rows = hand_off_rows(calls, scores, limit=N_SHOWN)
    show("")
    show_rows([{name: told for name, told in row.items() if name != "team"} for row in rows], title="Call first")
    return rows[0]["lead"] if rows else None


def _show_next_commands(store: Store, made: TrainingRun, *, lead: str | None) -> None:
    mlflow_server = f"MLFLOW_DISABLE_TELEMETRY=true mlflow server --backend-store-uri {store.tracking_uri}"
    commands = {
        "leadscore calls": "whom sales is to call, and who waits",
        "leadscore backtest": "would it have worked all along?",
        mlflow_server: "runs, plots, releases",
        str(store.data_docs / "index.html"): "Great Expectations' pages",
    }
    if lead is not None:
        told = f"leadscore trace {lead}" if made.is_promoted else f"leadscore trace {lead} --release {made.version}"
        commands = {told: "one lead's way, from CRM row to written-back score"} | commands
    show("\nLook further:")
    width = max(map(len, commands))
    for command, shown in commands.items():
        show(f"  {command:<{width}}  {shown}")
