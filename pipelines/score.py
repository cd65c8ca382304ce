"""Checked history and a release in, scores in the CRM out."""

import datetime as dt
from collections.abc import Callable

from crm.file_sink import FileSink
from data_contracts.errors import PublishError, SettingsError
from data_contracts.ports import ScoreSink
from data_contracts.releases import Thresholds
from data_contracts.scores import PublishReceipt, ScoredLeads, WriteBackPlan
from data_contracts.settings import Settings
from data_contracts.wording import leads
from features.catalogue import catalogue_digest
from features.snapshots import unscored_leads
from models.fitted import ScoringRelease
from pipelines.steps import RunStep, Say, directly, silent
from pipelines.store import Store
from pipelines.train import registry_of
from serving.publish import plan_write_back, publish
from serving.score import open_scored_leads, score_leads
from serving.trace import Trace, trace_lead


def score_open_leads(
    settings: Settings,
    *,
    release: str = "production",
    as_of: dt.datetime | None = None,
    run: RunStep = directly,
    say: Say = silent,
    advance: Callable[[int], None] | None = None,
) -> ScoredLeads:
    """The scores of every lead that is open at `as_of` (UTC, naive; by default the moment of the extract).

    `release` is an alias (`production`, `candidate`) or a version number. `advance` is called with the number of leads
    scored so far. Raises `ReleaseError` where there is no such release.
    """
    store = Store.of(settings)
    loaded = run(load_release, release, settings)
    with store.checked_history() as checked:
        extracted_at = checked.history.extracted_at
        moment = as_of or extracted_at
        if moment > extracted_at:
            raise SettingsError(
                f"nothing is known at {moment:%Y-%m-%d %H:%M}: the extract was taken at {extracted_at:%Y-%m-%d %H:%M} "
                "(UTC); name an earlier moment, or check a later extract"
            )
        if loaded.manifest.definitions_digest != settings.definitions.digest:
            say(
                f"the definitions have changed since release {loaded.manifest.release_id} was trained under "
                f"{loaded.manifest.definitions_version}; scores are under those until a new release is promoted"
            )
        for reason, n in unscored_leads(checked.history, as_of=moment).items():
            say(f"not scored, because closed nobody knows when: {leads(n)} {reason.meaning}")
        say(f"scoring the leads open at {moment:%Y-%m-%d %H:%M} with release {loaded.manifest.release_id}")
        return run(
            score_leads,
            checked.history,
            loaded,
            settings=settings,
            as_of=moment,
            path=store.scores,
            progress=advance or _say_number(say),
        )


def plan_publication(settings: Settings, *, release: str = "production") -> WriteBackPlan:
    """What publishing the last scores would change, field by field.

    Raises `PublishError` where nothing was scored, where another release scored, or where the scores are not as of the
    checked history's extract (they answer a question about the past, or the extract came later).
    """
    store = Store.of(settings)
    if not store.scores.exists():
        raise PublishError(f"there are no scores in {store.folder}; run `leadscore score` first")
    scored = open_scored_leads(store.scores)
    expected = load_release(release, settings).manifest.release_id
    if scored.release_id != expected:
        raise PublishError(
            f"the scores were made by release {scored.release_id} and {release} is {expected}; "
            "run `leadscore score` again, or name the release with --release"
        )
    with store.checked_history() as checked:
        extracted_at = checked.history.extracted_at
    if scored.as_of != extracted_at:
        raise PublishError(
            f"the scores are as of {scored.as_of:%Y-%m-%d %H:%M} and the history as of {extracted_at:%Y-%m-%d %H:%M} "
            "(UTC); run `leadscore score` again without --as-of"
        )
    return plan_write_back(scored, sink_of(store).published(), fields=settings.crm.write_back_fields)


def publish_scores(
    settings: Settings, *, release: str = "production", run: RunStep = directly, say: Say = silent
) -> PublishReceipt:
    """The receipt of publishing the last scores. Raises `PublishError` as `plan_publication` does."""
    plan = run(plan_publication, settings, release=release)
    loaded = run(load_release, release, settings)
    say(f"publishing {plan.n_changed:,} changed leads")
    return run(publish_plan, plan, sink_of(Store.of(settings)), thresholds=loaded.manifest.thresholds)


def trace_lead_in(settings: Settings, lead_id: str, *, release: str = "production") -> Trace:
    """One lead's way through everything that stands in the store, as of the extract.

    Raises `UnknownLeadError` where no such lead is in the history.
    """
    store = Store.of(settings)
    loaded = load_release(release, settings)
    with store.checked_history() as checked:
        return trace_lead(
            checked.history,
            loaded,
            settings=settings,
            lead_id=lead_id,
            quarantine=checked.quarantine,
            published=sink_of(store).published(),
            as_of=checked.history.extracted_at,
        )


def load_release(release: str, settings: Settings) -> ScoringRelease:
    """The release under the alias or version `release`."""
    return registry_of(Store.of(settings)).load(release, catalogue_digest=catalogue_digest(settings))


def publish_plan(plan: WriteBackPlan, sink: ScoreSink, *, thresholds: Thresholds) -> PublishReceipt:
    """The receipt of carrying out `plan` on `sink`.

    Raises `PublishError` where the leads were scored anew since the plan was made, as may happen before a retry: the
    plan's changes and the scores would then be of two runs.
    """
    if open_scored_leads(plan.scored.path) != plan.scored:
        raise PublishError(f"{plan.scored.path} was scored anew since this write-back was planned; publish again")
    return publish(plan, sink, thresholds=thresholds)


def sink_of(store: Store) -> ScoreSink:
    """Where the scores of `store` go."""
    return FileSink(store.published)


def _say_number(say: Say) -> Callable[[int], None]:
    return lambda n_scored: say(f"{n_scored:,} leads scored")
