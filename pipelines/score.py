"""Checked history and a release in, scores in the CRM out."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from crm.file_sink import FileSink
from crm.score_folder import ScoreFolder
from data_contracts.calls import CallList, CallsBefore, HandOffState, no_calls
from data_contracts.check import open_checked
from data_contracts.disk import disk_errors
from data_contracts.errors import PublishError, SettingsError, SourceError, UnknownLeadError
from data_contracts.history import CrmHistory
from data_contracts.keeping import held
from data_contracts.ports import Engine, ScoreHistory, ScoreSink
from data_contracts.progress import Say, silent
from data_contracts.scores import PublishReceipt, ScoredLeads, WriteBackPlan
from data_contracts.settings import Settings
from data_contracts.traces import NotTraced, Trace
from data_contracts.wording import leads
from features.snapshots import unscored_leads
from models.fitted import ScoringRelease
from pipelines.definitions import keep_definitions
from pipelines.in_force import (
    load_under_own_configuration,
    refuse_lacking_attributes,
    warn_of_another_policy,
    warn_of_differences,
)
from pipelines.ingest import source_of
from pipelines.steps import RunStep, directly
from pipelines.store import Store
from pipelines.thresholds import in_force
from serving.asked_leads import Delivered, delivered
from serving.calls import open_call_list
from serving.one_score import Regime
from serving.publish import plan_write_back, publish
from serving.score import open_scored_leads, score_leads
from serving.trace import Surroundings, trace_leads


def score_open_leads(
    settings: Settings,
    *,
    release: str = "production",
    as_of: dt.datetime | None = None,
    run: RunStep = directly,
    say: Say = silent,
    warn: Say = silent,
) -> ScoredLeads:
    """The scores of every lead that is open at `as_of` (UTC, naive; by default the moment of the extract).

    Scores are made under the configuration that the release was made under; `warn` is told where the settings file says
    otherwise. Those as of another moment than the extract go to a file of their own (`Store.scores_as_of`).

    `release` is an alias (`production`, `candidate`) or a version number. Raises `ReleaseError` where there is no such
    release, and `SettingsError` where the version of its definitions means something else already.
    """
    store = Store.of(settings)
    loaded, own = run(load_release, release, settings)
    warn_of_differences(loaded.manifest, settings, warn=warn)
    with store.open_history() as engine:
        checked = open_checked(engine)
        refuse_lacking_attributes(checked.history, own)
        extracted_at, moment = checked.history.extracted_at, known_moment(checked.history, as_of)
        for reason, n in unscored_leads(checked.history, as_of=moment).items():
            warn(f"not scored, because closed nobody knows when: {leads(n)} {reason.meaning}")
        keep_definitions(store.folder, own.definitions, by="leadscore score")
        thresholds = in_force(own, loaded.manifest)
        warn_of_another_policy(thresholds, settings, warn=warn)
        say(f"scoring the leads open at {moment:%Y-%m-%d %H:%M} with release {loaded.manifest.release_id}")
        return run(
            score_leads,
            engine,
            checked.history,
            loaded,
            settings=own,
            hand_offs=HandOffState(thresholds, _before(settings, moment, extracted_at=extracted_at)),
            as_of=moment,
            path=store.scores if moment == extracted_at else store.scores_as_of(moment),
            say=say,
        )


def known_moment(history: CrmHistory, as_of: dt.datetime | None) -> dt.datetime:
    """`as_of`, or the moment of the extract. Raises `SettingsError` where nothing is known of it yet."""
    extracted_at = history.extracted_at
    if as_of is not None and as_of > extracted_at:
        raise SettingsError(
            f"nothing is known at {as_of:%Y-%m-%d %H:%M}: the extract was taken at {extracted_at:%Y-%m-%d %H:%M} "
            "(UTC); name an earlier moment, or check a later extract"
        )
    return as_of or extracted_at


def plan_publication(settings: Settings, *, release: str = "production", warn: Say = silent) -> WriteBackPlan:
    """What publishing the last scores would change, field by field.

    Raises `PublishError` where nothing was scored, or where another release scored. It does so too where the scores are
    not of the checked history: they answer a question about the past, or a history was checked since; and where other
    thresholds were put into force since.
    """
    store = Store.of(settings)
    if not store.scores.exists():
        raise PublishError(f"there are no scores in {store.folder}; run `leadscore score` first")
    scored = open_scored_leads(store.scores)
    loaded, _ = load_release(release, settings)
    manifest = loaded.manifest
    warn_of_differences(manifest, settings, warn=warn)
    if scored.release_id != manifest.release_id:
        raise PublishError(
            f"the scores were made by release {scored.release_id} and {release} is {manifest.release_id}; "
            "run `leadscore score` again, or name the release with --release"
        )
    with store.checked_history() as checked:
        history = checked.history
    if scored.data_fingerprint != history.fingerprint or scored.as_of != history.extracted_at:
        raise PublishError(
            f"the scores are of the history {scored.data_fingerprint} as of {scored.as_of:%Y-%m-%d %H:%M} and the "
            f"checked one is {history.fingerprint}, extracted {history.extracted_at:%Y-%m-%d %H:%M} (UTC); "
            "run `leadscore score` again"
        )
    thresholds = in_force(settings, manifest)
    if scored.thresholds_id != thresholds.thresholds_id:
        raise PublishError(
            f"the scores were made under thresholds {scored.thresholds_id} and {thresholds.thresholds_id} are in force "
            "since; run `leadscore score` again"
        )
    fields = settings.crm.write_back_fields
    return plan_write_back(scored, sink_of(store).published(), fields=fields, thresholds=thresholds)


def publish_scores(
    settings: Settings,
    *,
    release: str = "production",
    run: RunStep = directly,
    say: Say = silent,
    warn: Say = silent,
) -> PublishReceipt:
    """The receipt of publishing the last scores. Raises `PublishError` as `plan_publication` does."""
    return run(plan_and_publish, settings, release=release, say=say, warn=warn)


def plan_and_publish(settings: Settings, *, release: str, say: Say = silent, warn: Say = silent) -> PublishReceipt:
    """The receipt of carrying out the plan that is made here: the scores and what stands keep still from plan to end.

    Raises `BusyError` where another run scores or publishes, otherwise as `plan_publication` does.
    """
    store = Store.of(settings)
    sink = sink_of(store)
    with (
        disk_errors(store.published),
        held(store.scores, by="leadscore publish"),
        sink.held(),
    ):
        plan = plan_publication(settings, release=release, warn=warn)
        say(f"publishing {plan.n_changed:,} changed leads")
        score_history_of(settings).append(plan, call_list_of(settings))
        return publish(plan, sink)


def call_list_of(settings: Settings) -> CallList:
    """The hand-offs and the queue of the last scoring. Raises `PublishError` where nothing was scored."""
    store = Store.of(settings)
    return open_call_list(store.scores, as_of=open_scored_leads(store.scores).as_of)


def call_list_at(settings: Settings, moment: dt.datetime) -> CallList:
    """The call list of the last scoring where that was at `moment`, else an empty one."""
    try:
        calls = call_list_of(settings)
    except PublishError:
        return no_calls(moment)
    return calls if calls.as_of == moment else no_calls(moment)


def score_history_of(settings: Settings) -> ScoreHistory:
    """What was published of the store's scores."""
    return ScoreFolder(Store.of(settings).score_history, keep_days=settings.store.keep_scores_days)


def _before(settings: Settings, moment: dt.datetime, *, extracted_at: dt.datetime) -> CallsBefore:
    """What was published up to `moment`. Whoever asks about the past leaves out what sellers declined since."""
    before = score_history_of(settings).calls_before(moment)
    if moment == extracted_at:
        return before
    return replace(before, declined=before.declined.filter(pc.less_equal(before.declined["at"], pa.scalar(moment))))


def trace_lead_in(settings: Settings, lead_id: str, *, release: str = "production", warn: Say = silent) -> Trace:
    """One lead's way through everything that stands in the store, as of the extract, as the release sees it.

    Raises `UnknownLeadError` where no such lead is in the history.
    """
    (told,) = trace_leads_in(settings, [lead_id], release=release, warn=warn)
    if isinstance(told, NotTraced):
        raise UnknownLeadError(told.because)
    return told


def trace_leads_in(
    settings: Settings, lead_ids: Sequence[str], *, release: str = "production", warn: Say = silent
) -> tuple[Trace | NotTraced, ...]:
    """The ways of some leads, in their order, as of the extract. What is not in the history says why."""
    store = Store.of(settings)
    loaded, own = load_release(release, settings)
    warn_of_differences(loaded.manifest, settings, warn=warn)
    with store.open_history() as engine:
        checked = open_checked(engine)
        refuse_lacking_attributes(checked.history, own)
        moment = checked.history.extracted_at
        beside = Surroundings(
            checked.quarantine,
            sink_of(store).published(),
            call_list_at(settings, moment),
            _delivered_now(engine, settings, lead_ids, warn=warn),
        )
        regime = Regime(loaded, own, in_force(own, loaded.manifest))
        return trace_leads(checked.history, lead_ids, regime=regime, beside=beside, as_of=moment)


def _delivered_now(
    engine: Engine, settings: Settings, lead_ids: Sequence[str], *, warn: Say = silent
) -> Delivered | None:
    """What the settings' source says now of some leads; None, with a warning, where it is gone or cannot be read."""
    source = source_of(settings)
    unreadable: tuple[type[Exception], ...] = (SourceError, *(source.reader or engine).query_errors)
    try:
        return delivered(source.look_up(engine), lead_ids)
    except unreadable as error:
        warn(f"what the CRM said cannot be shown: {str(error).splitlines()[0]}")
        return None


def load_release(release: str, settings: Settings) -> tuple[ScoringRelease, Settings]:
    """The release under the alias or version `release`, and the settings under its own configuration."""
    return load_under_own_configuration(release, settings)


def sink_of(store: Store) -> ScoreSink:
    """Where the scores of `store` go."""
    return FileSink(store.published)
