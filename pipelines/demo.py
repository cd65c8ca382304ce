"""The whole product on a simulated CRM, with a summary of what came out."""

import datetime as dt
import time

import pyarrow.parquet as pq

from crm.simulated import simulate
from data_contracts.errors import SettingsError
from data_contracts.releases import Evaluation, ReleaseManifest
from data_contracts.scores import Action
from data_contracts.settings import Settings
from data_contracts.vocabulary import Moment
from pipelines.console import show, show_rows, warn, working
from pipelines.ingest import ingest_history
from pipelines.report import MODEL_NAMES, action_rows, estimate_text, table_check_rows
from pipelines.score import publish_scores, score_open_leads
from pipelines.store import Store
from pipelines.train import train_release

N_SHOWN = 5


def run_demo(settings: Settings, *, n_leads: int, seed: int, now: dt.datetime) -> None:
    """Simulate, check, train, score, publish; then say how good the scores are and which leads to call first."""
    if settings.crm.source != "simulated":
        raise SettingsError(
            f"the demo writes a simulated export to {settings.crm.data_folder}, and these settings read "
            f"{settings.crm.source!r} from there; give settings whose source is 'simulated'"
        )
    started = time.monotonic()
    with working(f"1/5 leadscore simulate --leads {n_leads} --seed {seed}") as say:
        simulate(settings.crm.data_folder, n_leads=n_leads, seed=seed, progress=say)
    with working("2/5 leadscore check") as say:
        report = ingest_history(settings, say=say, warn=warn)
    show_rows(
        table_check_rows(report),
        title="1. History, checked against its contracts (`leadscore quarantine` shows refused rows)",
    )
    with working("3/5 leadscore train") as say:
        made = train_release(settings, created_at=now, say=say, warn=warn)
    _show_models(made.release.manifest)
    if made.held_back_because is not None:
        warn(f"version {made.version} is not in production, because {made.held_back_because}; the demo goes on with it")
    with working("4/5 leadscore score") as say:
        scored = score_open_leads(settings, release=made.version, say=say, warn=warn)
    with working("5/5 leadscore publish") as say:
        receipt = publish_scores(settings, release=made.version, say=say, warn=warn)
    show("")
    show_rows(action_rows(scored), title=f"3. {scored.n_leads:,} open leads scored, by next action")
    first = _show_first_leads(scored.path)
    seconds = time.monotonic() - started
    show(f"\n{receipt.n_written:,} leads published to {Store.of(settings).published}, {seconds:.0f} s in all")
    show("\nLook further:")
    show(f"  leadscore trace {first} --release {made.version}   one lead's way, from CRM row to written-back score")
    show("  leadscore backtest                 would it have worked all along?")
    show(f"  mlflow server --backend-store-uri {Store.of(settings).tracking_uri}   runs, plots, releases")
    show(f"  {Store.of(settings).data_docs / 'index.html'}   Great Expectations' pages")


def _show_models(manifest: ReleaseManifest) -> None:
    show("")
    rows = []
    for summary in manifest.transitions:
        evaluation = next(e for e in summary.evaluations if e.moment is Moment.ENTRY)
        rows += _model_rows(evaluation)
        if summary.estimator == "base_rate":
            warn(f"{summary.transition}: no gain over the base rate can be told from chance; it is published instead")
    show_rows(rows, title="2. Models on the latest leads, none of which they learnt from (95 % intervals)")
    show(f"\nhand-off at a probability of {manifest.thresholds.hand_off_probability:.3f}: {manifest.thresholds.policy}")


def _model_rows(evaluation: Evaluation) -> list[dict[str, str]]:
    return [
        {
            "transition": evaluation.transition if position == 0 else "",
            "leads": f"{evaluation.n_test_leads:,}" if position == 0 else "",
            "model": MODEL_NAMES.get(figures.model, figures.model),
            "log loss": estimate_text(figures.log_loss),
            "AUC": estimate_text(figures.auc),
            "lift top 10 %": estimate_text(figures.lift_in_top_tenth, digits=2),
            "calibration slope": estimate_text(figures.calibration_slope, digits=2),
        }
        for position, figures in enumerate(evaluation.models)
    ]


def _show_first_leads(path: object) -> str:
    reasons = ["reason_1", "reason_2", "reason_3"]
    columns = ["lead_id", "stage", "grade", "p_sql", "p_win", "expected_value", "respond_by_at", *reasons]
    handed_off = pq.read_table(path, columns=columns, filters=[("action", "=", Action.HAND_OFF)])
    table = handed_off.sort_by([("expected_value", "descending")]).slice(0, N_SHOWN)
    rows = [
        {
            "lead": row["lead_id"],
            "stage": row["stage"],
            "grade": row["grade"],
            "p_sql": f"{row['p_sql']:.2f}",
            "p_win": f"{row['p_win']:.2f}",
            "expected value": f"{row['expected_value']:,.0f}",
            "respond by": f"{row['respond_by_at']:%Y-%m-%d %H:%M}",
            "why": "; ".join(row[reason] for reason in reasons if row[reason]),
        }
        for row in table.to_pylist()
    ]
    show("")
    show_rows(rows, title="4. Call first: leads to hand off, by expected value")
    return rows[0]["lead"] if rows else ""
