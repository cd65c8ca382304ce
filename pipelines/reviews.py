"""Checked history in, the reviews of the last periods out."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from alignment.review import Beside, Known, review
from data_contracts.check import open_checked
from data_contracts.disk import disk_errors
from data_contracts.errors import PublishError, SettingsError, SourceError, StoreError
from data_contracts.keeping import held, kept_folder
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.review import HeldReview, Review
from data_contracts.progress import Say, silent
from data_contracts.resources import load_resources
from data_contracts.review_notes import read_review_notes
from data_contracts.settings import Settings
from pages import Frame, NotThere, findings, navigation_of, review_sheets, write_site
from pipelines.disputes import agreed_versions, disputes_kept
from pipelines.score import score_history_of
from pipelines.standing import Standing, frame_of
from pipelines.store import Store
from serving.score import open_scored_leads

ABOUT = "review.json"
"""What is told of a review beside its pages."""

MOST_HELD = 8
"""Reviews of each length that the pages take along."""


@dataclass(frozen=True, slots=True)
class WrittenReview:
    """A review, and the page that shows it."""

    review: Review
    frame: Frame
    first_page: Path


def write_review(
    settings: Settings, period: Period, day: dt.date | None, *, made_at: dt.datetime, say: Say = silent
) -> WrittenReview:
    """The review of the period in which the local `day` lies, or of the last one, and its page.

    Raises as `review_of`; `StoreError` where the page cannot be written, `BusyError` where another run writes it.
    """
    standing = Standing.of(settings)
    told = review_of(standing.settings, period, day, say=say)
    frame = frame_of(standing, made_at=made_at)
    store = standing.store
    target = store.reviews / f"{period}-{told.span.first}"
    with disk_errors(target):
        store.reviews.mkdir(parents=True, exist_ok=True)
        with held(target, by="leadscore review"), kept_folder(target) as folder:
            write_site(folder, review_sheets(told, frame), frame, navigation=navigation_of(told))
            about = HeldReview(
                folder=target.name,
                period=period,
                first=told.span.first,
                finding=next(findings(told, frame)),
                as_of=told.as_of,
            )
            (folder / ABOUT).write_text(about.model_dump_json(indent=2), encoding="utf-8")
    return WrittenReview(told, frame, target / "index.html")


def held_reviews(store: Store) -> tuple[HeldReview, ...]:
    """The last `MOST_HELD` reviews of each length that were written, the latest period first, weeks before years.

    Raises `StoreError` where one is damaged.
    """
    found = []
    for path in store.reviews.glob(f"*/{ABOUT}"):
        try:
            about = HeldReview.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} is damaged ({error}): remove its folder, and hold the review again") from error
        if about.folder == path.parent.name:  # and not a version of it that is being written
            found.append(about)
    shown: list[HeldReview] = []
    for period in Period:
        alike = sorted((one for one in found if one.period is period), key=lambda one: one.first, reverse=True)
        shown += alike[:MOST_HELD]
    return tuple(shown)


def review_of(settings: Settings, period: Period, day: dt.date | None = None, *, say: Say = silent) -> Review:
    """The review of the period in which the local `day` lies; without one, of the last that was over.

    Of an earlier one it tells what was known as long after its end as the last one is over now.

    Raises
    ------
    SourceError
        Where nothing was checked yet, or no lead is known in the period.
    SettingsError
        Where the period was not over at the extract, or notes of reviews cannot be read.
    """
    with Store.of(settings).open_history() as engine:
        say("what is known of each lead")
        now = Known.of(open_checked(engine).history, settings)
        zone, as_of = now.milestones.time_zone, now.milestones.as_of
        span = Span.before(as_of, period, time_zone=zone) if day is None else Span.of(period, day, time_zone=zone)
        if span.end_at > as_of:
            last = Span.before(as_of, period, time_zone=zone)
            raise SettingsError(
                f"the {period} that begins {span.first} is not over in the extract of {as_of:%Y-%m-%d %H:%M} UTC; the "
                f"last one that is begins {last.first}"
            )
        say(f"the {period} that begins {span.first}")
        told = _review(settings, now.for_review_of(span), span)
    if isinstance(told, NotThere):
        raise SourceError(told.because)
    return told


def _review(settings: Settings, now: Known, span: Span) -> Review | NotThere:
    store = Store.of(settings)
    first = now.milestones.frame["lead_at"].min()
    if not first < span.end_at:
        return NotThere(f"No lead is known before the end of the {span.period} that begins {span.first}.")
    pages = settings.pages
    beside = Beside(
        handed_off=score_history_of(settings).handed_off(now.milestones.as_of),
        notes=read_review_notes(pages.reviews_folder),
        versions=agreed_versions(settings),
        scores=_scores(store, now),
        disputes=disputes_kept(store.disputes),
        resources=load_resources(pages.resources, definitions=settings.definitions) if pages.resources else None,
        settings_text=settings.file.read_text(encoding="utf-8") if settings.file else "",
    )
    return review(now, beside, span=span)


def _scores(store: Store, now: Known) -> pa.Table | None:
    """What open leads are worth, where they were scored from the history that is reviewed."""
    try:
        scored = open_scored_leads(store.scores)
    except PublishError:
        return None
    if scored.data_fingerprint != now.history.fingerprint:
        return None
    return ds.dataset(store.scores, format="parquet").to_table(columns=["lead_id", "expected_value", "grade"])
