"""The pipelines as Prefect flows: each step a task, what reads or writes elsewhere retried, figures as artefacts."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from data_contracts.backtests import Backtest, group_rows
from data_contracts.calibration import calibration_rows, calibration_title
from data_contracts.calls import team_call_rows
from data_contracts.contact import contact_rows, contact_title
from data_contracts.errors import LeadScoreError
from data_contracts.evaluation_table import age_rows, chain_rows, chain_title, evaluation_rows, evaluation_title
from data_contracts.evaluations import Evaluation
from data_contracts.gate import verdict_rows, verdict_title
from data_contracts.history import CheckReport
from data_contracts.leaks import leak_rows, leaks_title
from data_contracts.metrics.periods import Period
from data_contracts.recalibration import recalibration_rows
from data_contracts.scores import PublishReceipt, ScoredLeads
from data_contracts.settings import Settings, load_settings
from data_contracts.thresholds import threshold_rows, threshold_title
from data_contracts.vocabulary import Transition
from pages import review_summary
from pipelines import backtest as backtesting
from pipelines import ingest as ingesting
from pipelines import recalibrate as recalibrating
from pipelines import score as scoring
from pipelines import train as training
from pipelines.clock import in_utc, now
from pipelines.page_writing import write_pages
from pipelines.report import reading_of_the_test, receipt_rows, table_check_rows
from pipelines.reviews import write_review
from pipelines.store import Store
from serving.calls import open_call_list

P = ParamSpec("P")
R = TypeVar("R")

RETRY_AFTER_SECONDS: list[float] = [10, 60, 300]
"""A short outage is waited out; a longer one is for a person."""

INPUT_OUTPUT = frozenset(
    {
        ingesting.read_source,
        training.record_release,
        training.load_champion,
        training.times_read,
        training.pass_gate,
        backtesting.record_backtest,
        scoring.load_release,
        scoring.plan_and_publish,
    }
)
"""Steps that talk to another system. Only these are retried: a formula fails the same way twice."""


def as_task(step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a step as a task of the flow run that is under way."""
    waits = RETRY_AFTER_SECONDS if step in INPUT_OUTPUT else []
    as_a_task = task(
        name=step.__name__,
        retries=len(waits),
        retry_delay_seconds=waits,
        retry_condition_fn=_may_pass,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    return as_a_task(step)(*args, **kwargs)


def _may_pass(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether trying again may help: not where an error of ours says that a person has to mend something."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, LeadScoreError) or error.may_pass


@flow(name="ingest", persist_result=False)
def ingest(config: str = "config/scoring.toml", data: str | None = None) -> CheckReport:
    """CRM history in, checked history out."""
    settings = settings_from(config, data)
    report = ingesting.ingest_history(settings, run=as_task, say=get_run_logger().info, warn=get_run_logger().warning)
    _show_table("checked-tables", table_check_rows(report), f"Rows of {report.source} up to {report.extracted_at} UTC")
    _show_path("data-docs", Store.of(settings).data_docs / "index.html", "Data Docs of the check")
    return report


@flow(name="train", persist_result=False)
def train(config: str = "config/scoring.toml", test_from: datetime | None = None) -> training.TrainingRun:
    """Checked history in, a release in MLflow out."""
    made = training.train_release(
        settings_from(config),
        created_at=now(),
        by="prefect flow train",
        test_from=in_utc(test_from),
        run=as_task,
        say=get_run_logger().info,
        warn=get_run_logger().warning,
    )
    for summary in made.release.manifest.transitions:
        _show_evaluation(f"evaluation-{summary.transition}", summary.at_acting_age)
        _show_table(f"ages-{summary.transition}", age_rows(summary.evaluations), f"{summary.transition}, age by age")
        if summary.leaks is not None:
            _show_table(f"leaks-{summary.transition}", leak_rows(summary.leaks), leaks_title(summary.leaks))
        if summary.contact is not None:
            _show_table(f"contact-{summary.transition}", contact_rows(summary.contact), contact_title(summary.contact))
        if summary.calibration is not None:
            told = summary.calibration
            _show_table(
                f"calibration-{summary.transition}", calibration_rows(told.groups), calibration_title(told.groups)
            )
    if (chain := made.release.manifest.chain) is not None:
        _show_table("p-win-before-sql", chain_rows(chain), chain_title(chain))
    thresholds = made.release.manifest.thresholds
    _show_table("thresholds", threshold_rows(thresholds), threshold_title(thresholds))
    _show_table("gate", verdict_rows(made.verdict), verdict_title(made.verdict))
    get_run_logger().info(reading_of_the_test(made))
    return made


@flow(name="recalibrate", persist_result=False)
def recalibrate(config: str = "config/scoring.toml") -> recalibrating.RecalibrationRun:
    """Checked history and the release in production in, a release with mended probabilities out."""
    made = recalibrating.recalibrate(
        settings_from(config), created_at=now(), by="prefect flow recalibrate", run=as_task, say=get_run_logger().info
    )
    _show_table("recalibration", recalibration_rows(made.told), f"{made.parent_id} on leads since its training")
    if made.verdict is not None:
        _show_table("gate", verdict_rows(made.verdict), verdict_title(made.verdict))
    return made


@flow(name="backtest", persist_result=False)
def backtest(
    config: str = "config/scoring.toml", n_folds: int = 4, permute: bool = False
) -> dict[Transition, Backtest]:
    """Checked history in, windows over time out."""
    settings, log = settings_from(config), get_run_logger()
    judged = backtesting.backtest(
        settings, n_folds=n_folds, permute=permute, run=as_task, say=log.info, warn=log.warning
    )
    for transition, told in judged.items():
        for evaluation in told.windows:
            _show_evaluation(f"backtest-{transition}-{evaluation.test_from:%Y-%m-%d}", evaluation)
        _show_table(f"backtest-{transition}-groups", group_rows(told.groups), calibration_title(told.groups))
    return dict(judged)


@flow(name="score", persist_result=False)
def score(
    config: str = "config/scoring.toml", release: str = "production", as_of: datetime | None = None
) -> ScoredLeads:
    """Checked history and a release in, scores out."""
    scored = scoring.score_open_leads(
        settings_from(config),
        release=release,
        as_of=in_utc(as_of),
        run=as_task,
        say=get_run_logger().info,
        warn=get_run_logger().warning,
    )
    calls = open_call_list(scored.path, as_of=scored.as_of)
    _show_table("call-list", team_call_rows(calls.teams), f"The call list at {calls.as_of} UTC, in leads")
    _show_path("scored-leads", scored.path, f"{scored.n_leads:,} scored leads")
    return scored


@flow(name="publish", persist_result=False)
def publish(config: str = "config/scoring.toml", release: str = "production") -> PublishReceipt:
    """Scores in, the CRM's fields written: changed values only."""
    settings = settings_from(config)
    receipt = scoring.publish_scores(
        settings, release=release, run=as_task, say=get_run_logger().info, warn=get_run_logger().warning
    )
    _show_table("publish-receipt", receipt_rows(receipt), f"Scores as of {receipt.as_of} UTC, {receipt.release_id}")
    _show_path("published-scores", Store.of(settings).published, "Published scores")
    return receipt


@flow(name="pages", persist_result=False)
def pages(config: str = "config/scoring.toml") -> Path:
    """What stands in the store in, the pages out."""
    settings = settings_from(config)
    written = write_pages(settings, made_at=now(), say=get_run_logger().info)
    create_markdown_artifact(written.summary, key="today", description="Today, as on the first page")
    if not settings.pages.url:
        _show_path("pages", written.first_page, "The pages; [pages] url in the settings makes this a link")
    return written.first_page


@flow(name="review", persist_result=False)
def review(config: str = "config/scoring.toml", period: Period = Period.WEEK) -> Path:
    """The history of the last nightly ingest in, the review of the last period out."""
    written = write_review(settings_from(config), period, None, made_at=now(), say=get_run_logger().info)
    key = _artefact_key(f"review-{period}")
    create_markdown_artifact(review_summary(written.review, written.frame), key=key, description=f"The last {period}")
    _show_path(f"{key}-page", written.first_page, "The review as a page")
    pages(config)
    return written.first_page


@flow(name="nightly", persist_result=False)
def nightly(config: str = "config/scoring.toml", data: str | None = None) -> PublishReceipt:
    """Fresh history in, published scores and pages out: each step only after the one before.

    Where one fails, the pages say so: what stood before, and what was refused.
    """
    try:
        ingest(config, data)
        score(config)
        return publish(config)
    finally:
        pages(config)


@flow(name="weekly", persist_result=False)
def weekly(config: str = "config/scoring.toml", test_from: datetime | None = None) -> training.TrainingRun:
    """The history of the last nightly ingest in, a release out, and pages that show it."""
    made = train(config, test_from)
    pages(config)
    return made


@flow(name="monthly", persist_result=False)
def monthly(config: str = "config/scoring.toml", n_folds: int = 4) -> dict[Transition, Backtest]:
    """The history of the last nightly ingest in, windows over time out, and pages that show them."""
    judged = backtest(config, n_folds)
    pages(config)
    return judged


def settings_from(config: str, data: str | None = None) -> Settings:
    """The settings in the file `config`, with the data folder `data` in place of theirs if given."""
    return load_settings(Path(config), data_folder=Path(data) if data else None)


def _show_evaluation(key: str, evaluation: Evaluation) -> None:
    _show_table(key, evaluation_rows(evaluation), evaluation_title(evaluation))


def _show_table(key: str, rows: list[dict[str, str]], description: str) -> None:
    create_table_artifact(table=rows, key=_artefact_key(key), description=description)


def _show_path(key: str, target: Path, description: str) -> None:
    """The path as text: a browser opens no `file://` link of a page that came from a server."""
    create_markdown_artifact(f"`{target.absolute()}`", key=_artefact_key(key), description=description)


def _artefact_key(text: str) -> str:
    """Prefect keeps artefact keys to lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
