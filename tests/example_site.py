"""The nouns of a small site, for tests of the pages."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_contracts.calls import CALL_LIST_SCHEMA, CallList, TeamCalls
from data_contracts.estimates import Estimate
from data_contracts.page_settings import PageSettings
from data_contracts.thresholds import Grading
from data_contracts.today import LISTED_SCHEMA, HandOffRecord, Overdue, Today
from data_contracts.traces import SCORE_HISTORY_SCHEMA, NotTraced, Step, Trace
from data_contracts.vocabulary import Transition
from pages import Frame, NotThere, Page, TodayNouns, lead_pages, write_site
from tests import example_release
from tests.example_history import settings
from tests.example_shadow import shadow_report

AS_OF = dt.datetime(2026, 6, 30, 18)
EVIL = """<script>alert(1)</script>"'`{{ 7*7 }}<img src=x onerror=alert(1)>"""
"""What would run if it were not escaped, or rendered by a template."""


def frame(**changes: Any) -> Frame:
    """Of a release in force, in English and euros."""
    told: dict[str, Any] = {
        "source": "example",
        "extracted_at": AS_OF,
        "release_id": "2026-06-30-abc123",
        "definitions_version": "2026.1",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "settings": PageSettings(record_url="https://crm.example/leads/{lead_id}"),
        "made_at": AS_OF,
    }
    return Frame(**(told | changes))


def lead(lead_id: str, **changes: Any) -> dict[str, Any]:
    """A lead of `LISTED_SCHEMA` that was handed off now."""
    told: dict[str, Any] = {
        "lead_id": lead_id,
        "team": "sales",
        "action": "hand_off",
        "handed_off_at": AS_OF,
        "handed_off_by": "rank",
        "respond_by_at": AS_OF + dt.timedelta(days=1),
        "ranking_value": 0.6,
        "p_next": 0.6,
        "stage": "mql",
        "grade": "A1",
        "p_next_low": 0.5,
        "p_next_high": 0.7,
        "p_win": 0.2,
        "expected_value": 8_800.0,
        "is_extrapolated": False,
        "reason_1": "raises: asked for a demo 4 days ago",
        "reason_2": "lowers: never met us in the last 90 days",
        "source": "Webinar",
        "persona": "integrator",
        "owner_id": "U-1",
        "is_overdue": False,
    }
    return told | changes


def waiting(lead_id: str, place: int, **changes: Any) -> dict[str, Any]:
    """A lead of `LISTED_SCHEMA` that waits for room."""
    calls = {"action": "wait", "place": place, "handed_off_at": None, "handed_off_by": None, "respond_by_at": None}
    return lead(lead_id, **(calls | {"waits_since_at": AS_OF, "expected_at": AS_OF + dt.timedelta(days=2)} | changes))


def today(*listed: Mapping[str, Any], **changes: Any) -> Today:
    """Today with these leads: by default one to call, one overdue and one that waits."""
    rows = list(listed) or [
        lead("L-1"),
        lead("L-2", is_overdue=True, respond_by_at=AS_OF - dt.timedelta(days=2), source="Event"),
        waiting("L-3", 1),
    ]
    n_waiting = sum(row["action"] == "wait" for row in rows)
    team = TeamCalls(
        team="sales",
        this_week=45,
        handed_off_this_week=18,
        handed_off_now=1,
        not_touched=len(rows) - n_waiting,
        waiting=n_waiting,
        longest_wait_days=0.0,
        expired_now=0,
        resting=0,
    )
    record = HandOffRecord(
        since=AS_OF - dt.timedelta(days=28),
        handed_off=44,
        due=40,
        in_time=30,
        mature_before=AS_OF - dt.timedelta(days=30),
        mature=50,
        converted=12,
        expected=Estimate(value=14.2, low=8.0, high=20.0),
    )
    told: dict[str, Any] = {
        "calls": CallList(AS_OF, CALL_LIST_SCHEMA.empty_table(), (team,)),
        "listed": pa.Table.from_pylist(rows, schema=LISTED_SCHEMA),
        "record": record,
        "overdue": Overdue(leads=1, since_at=AS_OF - dt.timedelta(days=2), expected_value=8_800.0),
    }
    return Today(**(told | changes))


def nouns(**changes: Any) -> TodayNouns:
    """What Today is made of: the call list above, and a shadow report."""
    evaluation = example_release.evaluation(Transition.MQL_TO_SQL, model="logistic_regression")
    told: dict[str, Any] = {
        "today": today(),
        "shadow": shadow_report(),
        "on_later_leads": evaluation,
        "definitions": settings().definitions,
        "respond_within_hours": 8.0,
    }
    return TodayNouns(**(told | changes))


_GRADING = Grading(
    fit_boundaries=(0.8, 0.6, 0.4), behaviour_boundaries=(0.5, 0.3, 0.1), labelled_by_grade={"A1": 100, "C3": 7}
)


def score(lead_id: str = "L-1", days_ago: float = 0, **changes: Any) -> dict[str, Any]:
    """A published score of `SCORE_HISTORY_SCHEMA`."""
    told: dict[str, Any] = {
        "lead_id": lead_id,
        "as_of": AS_OF - dt.timedelta(days=days_ago),
        "stage": "mql",
        "p_next": 0.6,
        "p_next_low": 0.5,
        "p_next_high": 0.7,
        "expected_value": 8_800.0,
        "grade": "A1",
        "action": "hand_off",
        "release_id": "r-1",
        "thresholds_id": "t-1",
    }
    return told | changes


def way(lead_id: str = "L-1") -> Trace:
    """A way of four nouns, with a value that would run."""
    rows = (("leads", "1 row(s) delivered"), ("  source", EVIL))
    named = ("RawHistory", "ScoredLeads", "WriteBackPlan", "PublishReceipt")
    return Trace(lead_id, AS_OF, tuple(Step(noun, f"what {noun} holds", rows) for noun in named))


def pages_of_leads(
    *rows: Mapping[str, Any],
    ways: Sequence[Trace | NotTraced] | None = None,
    scores: Sequence[Mapping[str, Any]] = (),
    told: Frame | None = None,
) -> Iterator[Page]:
    """The pages of these leads, by default each with a way and none published before."""
    return lead_pages(
        pa.Table.from_pylist(list(rows), schema=LISTED_SCHEMA),
        [way(row["lead_id"]) for row in rows] if ways is None else ways,
        pa.Table.from_pylist(list(scores), schema=SCORE_HISTORY_SCHEMA),
        definitions=settings().definitions,
        grading=_GRADING,
        frame=told or frame(),
    )


NOTHING = NotThere("Nothing was scored yet; run `leadscore score`.")


def written(folder: Path, page: Page, told: Frame | None = None) -> str:
    """The HTML of `page`, written as a site of its own into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_site(folder, [page], told or frame())
    return (folder / page.path).read_text(encoding="utf-8")


class Seen(HTMLParser):
    """What a page consists of: its text, its elements with their attributes, and the cells of its tables.

    Attributes
    ----------
    text
        All text outside of `<style>` and `<script>`, white space as one space.
    elements
        Name and attributes of each element, in order.
    rows
        The texts of the cells of each table row.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self._parts: list[str] = []
        self._in_cell = False
        self.feed(html)
        self.text = re.sub(r"\s+", " ", "".join(self._parts)).strip()
        self.rows = [[re.sub(r"\s+", " ", cell).strip() for cell in row] for row in self.rows]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element; a row begins with `tr`, a cell with `td` or `th`."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        """A cell ends."""
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self._parts.append(data)
        if self._in_cell:
            self.rows[-1][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element called `tag`."""
        return [attributes for name, attributes in self.elements if name == tag]

    def row_of(self, first: str) -> list[str]:
        """The first row with a cell that begins with `first`."""
        return next(row for row in self.rows if any(cell.startswith(first) for cell in row))


def nothing_runs(html: str) -> bool:
    """Whether a page has one script, which is the site's own, and no attribute that runs anything."""
    seen = Seen(html)
    scripts = [attributes.get("src", "inline").rsplit("/", 1)[-1] for attributes in seen.attributes("script")]
    handlers = [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]
    links = [attributes["href"] for attributes in seen.attributes("a")]
    return scripts == ["site.js"] and not handlers and not any(link.lower().startswith("javascript") for link in links)
