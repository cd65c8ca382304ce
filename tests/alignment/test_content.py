"""Resources beside leads and reasons: the worked example of its page, and what always adds up."""

import datetime as dt
import tomllib

import pytest

from alignment.content import answers_to, content_of, resources_for
from alignment.milestones import milestones_of
from alignment.why import why_of
from data_contracts.metrics.periods import Period
from data_contracts.resources import Resource, Resources
from data_contracts.vocabulary import Stage
from tests.alignment.metric_pages import PAGES, assert_as_worked_out, page_specs

GIVEN = Resources.model_validate(
    tomllib.loads((PAGES / "content.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0])
)


def _content(history, settings, given=GIVEN):
    milestones = milestones_of(history, settings)
    return content_of(milestones, why_of(history, milestones, every=Period.MONTH), given)


def _table(name):
    def compute(history, settings):
        rows = getattr(_content(history, settings), name).to_pylist()
        lists = ("resources", "unheard")
        return [{key: ", ".join(row[key]) or None if key in lists else row[key] for key in row} for row in rows]

    return compute


def _totals(history, settings):
    told = _content(history, settings)
    return [{name: getattr(told, name) for name in ("n_said", "n_answered", "n_leads", "n_covered")}]


COMPUTED = {name: _table(name) for name in ("answers", "cells", "resources")} | {"totals": _totals}


@pytest.mark.parametrize("spec", page_specs("content", COMPUTED), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


@pytest.fixture(scope="module")
def stood(make_history):
    """Leads that stand in every stage, one unsettled, one without any stage."""
    leads = [{"lead_id": f"{stage}{n}", "role": "Finance" if n else "IT"} for stage in Stage for n in range(3)]
    changes = [{"lead_id": f"{stage}{n}", "stage": stage.value, "entered_at": "2026-11-02 00:00"}
               for stage in Stage for n in range(3)]  # fmt: skip
    unsettled = [{"lead_id": "mql0", "stage": "won", "reason": "deal_closed", "is_ending": True}]
    return make_history({"leads": [*leads, {"lead_id": "new"}], "stage_changes": changes, "unsettled": unsettled})


def test_every_lead_that_has_not_ended_is_in_one_cell(stood, settings):
    told = _content(stood, settings)
    assert sum(row["leads"] for row in told.cells.to_pylist()) == told.n_leads == 3 * 6 + 1 - 1
    cells = [(row["stage"], row["persona"]) for row in told.cells.to_pylist()]
    assert len(cells) == len(set(cells))
    assert {"won", "lost", "disqualified"}.isdisjoint(stage for stage, _ in cells)
    assert ("lead", None) in cells


def test_without_a_file_nothing_is_covered_and_it_says_why(stood, settings):
    told = _content(stood, settings, given=None)
    assert told.why_not == "the settings name no file of resources: [pages] resources"
    assert (told.n_covered, told.n_answered, len(told.resources)) == (0, 0, 0)
    assert {row["cover"] for row in told.cells.to_pylist()} == {"nothing"}
    assert _content(stood, settings, given=Resources()).why_not == "the file of resources holds none"
    assert _content(stood, settings).why_not == ""


def test_no_leads_need_nothing(make_history, settings):
    told = _content(make_history({}), settings)
    assert (told.n_said, told.n_leads, len(told.answers), len(told.cells), len(told.resources)) == (0, 0, 0, 0, 2)


def _resource(title, updated, **more):
    return Resource(title=title, kind="deck", owner="sales", updated=dt.date.fromisoformat(updated), **more)


def test_what_is_for_the_persona_comes_first_then_what_is_current_then_what_is_new():
    given = (
        _resource("for all", "2026-06-01"),
        _resource("stale", "2025-01-01", personas=("controller",)),
        _resource("older", "2026-04-01", personas=("controller",)),
        _resource("newer", "2026-05-01", personas=("controller",)),
        _resource("for others", "2026-06-01", personas=("buyer",)),
        _resource("for SQLs", "2026-06-01", for_stages=("sql",)),
    )
    on = dt.date(2026, 6, 30)
    titles = [one.title for one in resources_for(Stage.MQL, "controller", given, on=on)]
    assert titles == ["newer", "older", "stale", "for all"]
    assert [one.title for one in resources_for(Stage.SQL, None, given, on=on)] == ["for SQLs", "for all"]


def test_of_several_answers_the_current_ones_come_first():
    given = (
        _resource("stale", "2026-06-01", answers=("Price",), review_every_days=5),
        _resource("older", "2026-04-01", answers=("PRICE", "No need")),
        _resource("newer", "2026-05-01", answers=("price",)),
        _resource("of something else", "2026-06-01", answers=("Prices",)),
    )
    assert [one.title for one in answers_to("Price", given, on=dt.date(2026, 6, 30))] == ["newer", "older", "stale"]
