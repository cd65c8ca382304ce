"""What stands in the store in, the site out."""

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from data_contracts.agreement import Agreement, agreed_versions
from data_contracts.backtests import KeptBacktest
from data_contracts.check import open_checked
from data_contracts.configuration import Configuration, policy_differences
from data_contracts.disk import disk_errors
from data_contracts.errors import LeadScoreError, PublishError, StoreError
from data_contracts.keeping import held, kept_folder
from data_contracts.kept_checks import DataState
from data_contracts.metrics.review import HeldReview
from data_contracts.progress import Say, silent
from data_contracts.releases import ReleaseManifest
from data_contracts.scores import ScoredLeads
from data_contracts.settings import Settings
from data_contracts.shadow import ShadowReport
from data_contracts.today import Today
from models.versions import PRODUCTION
from pages import (
    FOLDER,
    DataDocs,
    Frame,
    NotThere,
    Page,
    TodayNouns,
    data_page,
    definitions_page,
    reviews_page,
    today_page,
    today_summary,
    works_page,
    write_site,
)
from pipelines.backtest import last_backtest
from pipelines.definitions import definitions_kept
from pipelines.in_force import registry_of
from pipelines.kept_checks import kept_checks
from pipelines.kept_thresholds import published
from pipelines.lead_pages import leads_with_pages, pages_of_leads
from pipelines.report import training_warnings
from pipelines.reviews import held_reviews
from pipelines.score import call_list_of, score_history_of
from pipelines.shadow_files import read_shadow
from pipelines.standing import Standing, frame_of
from pipelines.store import Store
from serving.score import open_scored_leads
from serving.today import today


@dataclass(frozen=True, slots=True)
class WrittenPages:
    """The file that opens first, and Today in Markdown for places that show no pages."""

    first_page: Path
    summary: str


def write_pages(settings: Settings, *, made_at: dt.datetime, say: Say = silent) -> WrittenPages:
    """Write the site anew from what stands in the store.

    A part that is not there yet says why, and what to do about it. Raises `StoreError` where the pages cannot be
    written, `BusyError` where another run writes them: those of before then stand.
    """
    store = Store.of(settings)
    with disk_errors(store.pages), held(store.pages, by="leadscore pages"), kept_folder(store.pages) as folder:
        standing = Standing.of(settings)
        say("what is to be done today")
        nouns = _today_nouns(standing)
        frame = replace(frame_of(standing, made_at=made_at), lead_pages=leads_with_pages(nouns.today))
        held_before = _held_reviews(store)
        others = _other_pages(standing, nouns, frame, say=say)
        write_site(folder, [today_page(nouns, frame), reviews_page(held_before, frame), *others], frame)
        for one in () if isinstance(held_before, NotThere) else held_before:
            shutil.copytree(store.reviews / one.folder, folder / FOLDER / one.folder)
    return WrittenPages(store.pages / "index.html", today_summary(nouns, frame))


def _held_reviews(store: Store) -> tuple[HeldReview, ...] | NotThere:
    """Those that the pages list; why not, where one is damaged: that stops no other page."""
    try:
        return held_reviews(store)
    except StoreError as error:
        return NotThere(f"The reviews cannot be listed: {error}.")


def _today_nouns(standing: Standing) -> TodayNouns:
    settings, manifest = standing.settings, standing.manifest
    policy = standing.thresholds.policy if standing.thresholds else settings.policy
    on_later_leads = None
    if not isinstance(manifest, NotThere):
        first = manifest.transition(settings.definitions.first_transition)
        on_later_leads = first.at_acting_age if first.evaluations else None
    return TodayNouns(
        today=_today(standing),
        shadow=_shadow(standing.store),
        on_later_leads=on_later_leads,
        definitions=settings.definitions,
        respond_within_hours=policy.respond_within_working_hours,
    )


def _other_pages(standing: Standing, nouns: TodayNouns, frame: Frame, *, say: Say) -> Iterator[Page]:
    say("whether it works")
    yield _works(standing, nouns.shadow, frame)
    say("what the history is made of")
    yield data_page(_data(standing), _data_docs(standing.store), frame=frame)
    say("what is agreed on")
    missing = standing.manifest if isinstance(standing.manifest, NotThere) else None
    yield definitions_page(_agreement(standing), frame=frame, not_in_force=missing)
    if not isinstance(nouns.today, NotThere) and not isinstance(standing.manifest, NotThere):
        yield from pages_of_leads(standing.settings, nouns.today, standing.manifest, frame=frame, say=say)


def _works(standing: Standing, shadow: ShadowReport | NotThere, frame: Frame) -> Page:
    verdict, card = None, ""
    if not isinstance(standing.manifest, NotThere):
        registry = registry_of(standing.store)
        card = registry.card(PRODUCTION)
        latest = [entry for entry in registry.history() if entry.release_id == standing.manifest.release_id]
        verdict = latest[-1].verdict if latest else None
    return works_page(standing.manifest, shadow, _backtest(standing.store), verdict=verdict, card=card, frame=frame)


def _backtest(store: Store) -> KeptBacktest | NotThere:
    try:
        told = last_backtest(store)
    except StoreError as error:
        return NotThere(f"Nobody can say: {error}")
    return told or NotThere("Nobody can say yet; `leadscore backtest` tries it on later and later windows.")


def _today(standing: Standing) -> Today | NotThere:
    manifest = standing.manifest
    if isinstance(manifest, NotThere):
        return manifest
    settings, store = standing.settings, standing.store
    try:
        scored, calls = open_scored_leads(store.scores), call_list_of(settings)
    except PublishError as error:
        return NotThere(f"Nothing was scored yet ({error}).")
    with store.open_history() as engine:
        history = open_checked(engine).history
        if scored.data_fingerprint != history.fingerprint:
            return NotThere("The scores are not of the history that was checked last; run `leadscore score`.")
        return today(
            engine,
            history,
            calls,
            scores=store.scores,
            handed_off=score_history_of(settings).handed_off(calls.as_of),
            settings=settings,
            warnings=[*_of_another_release(scored, manifest), *training_warnings(manifest)],
        )


def _of_another_release(scored: ScoredLeads, manifest: ReleaseManifest) -> list[str]:
    """What to say where another release came into force since the leads were scored."""
    if scored.release_id == manifest.release_id:
        return []
    return [
        f"These scores are of release {scored.release_id}; {manifest.release_id} came into force since. "
        "`leadscore score` scores by it."
    ]


def _shadow(store: Store) -> ShadowReport | NotThere:
    try:
        report = read_shadow(store)
    except StoreError as error:
        return NotThere(f"Nobody can say: {error}")
    return report or NotThere("On past weeks nobody can say yet: `leadscore shadow` sets the rule against the model.")


def _data(standing: Standing) -> DataState | NotThere:
    notes: list[str] = []
    kept = kept_checks(standing.store.folder, warn=notes.append)
    if not isinstance(standing.checked, NotThere):
        return DataState.of(standing.checked, kept, notes=notes)
    stopped = kept[-1].stopped_by if kept else ()
    if not stopped:
        return standing.checked
    return NotThere(
        f"Every check so far was stopped by its contract, the last one by {', '.join(stopped)}. `leadscore check` says "
        "what was found and what to do; `leadscore quarantine` shows refused rows."
    )


def _data_docs(store: Store) -> DataDocs | NotThere:
    page = store.data_docs / "index.html"
    if not page.exists():
        return NotThere("There are none yet; `leadscore check` writes them.")
    return DataDocs(link=Path(os.path.relpath(page, store.pages)).as_posix(), path=str(page))


def _agreement(standing: Standing) -> Agreement:
    folder, manifest, thresholds = standing.store.folder, standing.manifest, standing.thresholds
    notes: list[str] = []
    try:
        versions = agreed_versions(definitions_kept(folder))
    except LeadScoreError as error:
        versions = ()
        notes.append(f"The versions of the definitions cannot be read: {error}")
    if isinstance(manifest, NotThere) or thresholds is None:
        return Agreement(standing.settings, None, versions, None, (), notes=tuple(notes))
    return Agreement(
        settings=standing.settings,
        release_id=manifest.release_id,
        versions=versions,
        thresholds=thresholds,
        publications=published(folder, manifest.release_id),
        file_changes=manifest.configuration.differences(Configuration.of(standing.file)),
        file_policy_changes=policy_differences(thresholds.policy, standing.file.policy),
        notes=tuple(notes),
    )
