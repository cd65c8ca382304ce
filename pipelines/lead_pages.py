"""The pages of the leads on the call list."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.errors import LeadScoreError
from data_contracts.progress import Say
from data_contracts.releases import ReleaseManifest
from data_contracts.scores import Action
from data_contracts.settings import Settings
from data_contracts.today import Today
from data_contracts.traces import NotTraced, Trace
from data_contracts.wording import leads
from pages import Frame, NotThere, Page, lead_pages
from pipelines.score import score_history_of, trace_leads_in
from serving.next_step import SCORE_HISTORY_READS, score_history

SAID_EVERY = 100
"""Pages between two words of progress."""


def leads_with_pages(today: Today | NotThere) -> frozenset[str]:
    """The leads that sales has and has not touched."""
    return frozenset() if isinstance(today, NotThere) else frozenset(_with_sales(today)["lead_id"].to_pylist())


def pages_of_leads(
    settings: Settings, today: Today, manifest: ReleaseManifest, *, frame: Frame, say: Say
) -> Iterator[Page]:
    """A page for each of them. What cannot be traced says so on its page, and stops no other."""
    listed = _with_sales(today)
    lead_ids = listed["lead_id"].to_pylist()
    if not lead_ids:
        return
    say(f"the way of {leads(len(lead_ids))} from CRM row to score")
    ways = _ways(settings, lead_ids)
    published = score_history_of(settings).of_leads(lead_ids, columns=SCORE_HISTORY_READS)
    written = lead_pages(
        listed,
        ways,
        score_history(published),
        definitions=settings.definitions,
        grading=manifest.grading,
        frame=frame,
    )
    for number, page in enumerate(written, start=1):
        yield page
        if number % SAID_EVERY == 0:
            say(f"{number:,} of {leads(len(lead_ids))} have their page")


def _with_sales(today: Today) -> pa.Table:
    return today.listed.filter(pc.equal(today.listed["action"], Action.HAND_OFF))


def _ways(settings: Settings, lead_ids: list[str]) -> tuple[Trace | NotTraced, ...]:
    try:
        return trace_leads_in(settings, lead_ids)
    except LeadScoreError as error:
        return tuple(NotTraced(lead_id, f"Its way cannot be made anew: {error}") for lead_id in lead_ids)
