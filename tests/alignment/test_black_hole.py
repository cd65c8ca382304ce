"""The black hole: the worked example of its page, and who is in it."""

import datetime as dt

import pyarrow as pa
import pytest

from alignment.black_hole import black_hole
from alignment.handed_off import hand_offs_of
from alignment.milestones import milestones_of
from tests.alignment.metric_pages import assert_as_worked_out, page_specs


def hand_offs(history, settings):
    return hand_offs_of(history, milestones_of(history, settings))


def as_told(history, settings, scores):
    scored = {
        "lead_id": [row["lead_id"] for row in scores],
        "grade": [row["grade"] for row in scores],
        "expected_value": [float(row["expected_value"]) for row in scores],
    }
    return black_hole(hand_offs(history, settings), scores=pa.table(scored))


COMPUTED = {
    "black hole": lambda history, settings, *, scores: as_told(history, settings, scores).rows.to_pylist(),
    "summary": lambda history, settings, *, scores: as_told(history, settings, scores).summary.to_pylist(),
}


@pytest.mark.parametrize("spec", page_specs("black_hole", COMPUTED, beside=["scores"]), ids=str)
def test_the_page_is_worked_out_right(spec, make_history, settings):
    assert_as_worked_out(spec, COMPUTED, make_history, settings)


def mqls(names, at="2026-03-02 10:00"):
    return [{"lead_id": name, "stage": "mql", "entered_at": at} for name in names]


def test_with_nothing_in_it_the_bands_stand_empty(make_history, settings):
    told = black_hole(hand_offs(make_history({}), settings))
    assert (len(told.rows), told.unsettled) == (0, 0)
    assert told.summary["leads"].to_pylist() == [0] * 5


def test_every_band_team_and_owner_sums_up_to_the_whole_list(make_history, settings_with):
    under = settings_with(pages={"figures_by_owner": True, "least_group": 2})
    owners = ["u", "u", "u", "v", "v", None]
    at = [f"2026-{month:02d}-02 10:00" for month in (1, 2, 3, 4, 5, 6)]
    names = "ABCDEF"
    history = make_history(
        {
            "leads": [{"lead_id": name, "owner_id": owner} for name, owner in zip(names, owners, strict=True)],
            "stage_changes": [row for name, when in zip(names, at, strict=True) for row in mqls(name, when)],
        },
        under=under,
        extracted_at=dt.datetime(2026, 6, 3),
    )
    told = black_hole(hand_offs(history, under))
    summary = told.summary.to_pylist()
    for by in ("age", "team", "owner_id"):
        assert sum(row["leads"] for row in summary if row["by"] == by) == len(told.rows) == 6
    by_owner = [(row["group"], row["leads"]) for row in summary if row["by"] == "owner_id"]
    assert by_owner == [("u", 3), ("v", 2), (None, 1)]
    assert [row["leads"] for row in summary if row["by"] == "age"] == [1, 0, 0, 2, 3]
    assert {row["expected_value"] for row in summary} == {None}


@pytest.mark.parametrize(("pages", "shown"), [({}, []), ({"figures_by_owner": True, "least_group": 4}, [None])])
def test_owners_are_not_summed_up_unasked_nor_by_few_leads(make_history, settings_with, pages, shown):
    under = settings_with(pages=pages)
    leads = [{"lead_id": name, "owner_id": owner} for name, owner in (("A", "u"), ("B", "u"), ("C", None))]
    history = make_history({"leads": leads, "stage_changes": mqls("ABC")}, under=under)
    summary = black_hole(hand_offs(history, under)).summary.to_pylist()
    assert [row["group"] for row in summary if row["by"] == "owner_id"] == shown


def test_a_lead_that_was_decided_on_or_taken_by_sales_is_not_in_it(make_history, settings):
    ends = {"A": "disqualified", "B": "lost", "C": "nurture", "D": "sql", "E": "sal"}
    history = make_history(
        {
            "leads": [{"lead_id": name} for name in [*ends, "F", "G"]],
            "stage_changes": [
                *mqls([*ends, "F"]),
                *({"lead_id": name, "stage": stage, "entered_at": "2026-03-03"} for name, stage in ends.items()),
                {"lead_id": "G", "stage": "sql", "entered_at": "2026-03-03"},
            ],
        }
    )
    assert black_hole(hand_offs(history, settings)).rows["lead_id"].to_pylist() == ["F"]


def test_leads_that_cannot_be_dated_are_counted_beside(make_history, settings):
    undated = {"lead_id": "B", "stage": "won", "reason": "deal_undated", "is_ending": "true"}
    history = make_history(
        {"leads": [{"lead_id": "A"}, {"lead_id": "B"}], "stage_changes": mqls("AB"), "unsettled": [undated]}
    )
    told = black_hole(hand_offs(history, settings))
    assert (told.rows["lead_id"].to_pylist(), told.unsettled) == (["A"], 1)


def test_what_is_worth_most_comes_first_then_the_oldest_and_leads_without_a_score_last(make_history, settings):
    at = {"A": "2026-03-04", "B": "2026-03-03", "C": "2026-03-02", "D": "2026-03-01", "E": "2026-03-05"}
    history = make_history(
        {
            "leads": [{"lead_id": name} for name in at],
            "stage_changes": [row for name, when in at.items() for row in mqls(name, when)],
        }
    )
    scores = pa.table({"lead_id": list("ABC"), "grade": ["A1"] * 3, "expected_value": [5.0, 9.0, 5.0]})
    told = black_hole(hand_offs(history, settings), scores=scores)
    assert told.rows["lead_id"].to_pylist() == ["B", "C", "A", "D", "E"]


def test_where_contact_is_assumed_nobody_is_said_to_be_in_it(make_history, settings_with):
    under = settings_with(definitions={"contact": {"assume_contacted_because": "everybody is called"}})
    history = make_history({"leads": [{"lead_id": "A"}], "stage_changes": mqls("A")}, under=under)
    told = black_hole(hand_offs(history, under))
    assert len(told.rows) == 0
    assert "everybody is called" in told.unknown_because


def test_scores_that_lack_a_column_or_repeat_a_lead_are_refused(make_history, settings):
    told = hand_offs(make_history({}), settings)
    with pytest.raises(ValueError, match="scores lack grade; there are lead_id, expected_value"):
        black_hole(told, scores=pa.table({"lead_id": ["A"], "expected_value": [1.0]}))
    with pytest.raises(ValueError, match="1 leads more than once, such as 'A'"):
        black_hole(told, scores=pa.table({"lead_id": ["A", "A"], "grade": ["", ""], "expected_value": [1.0, 2.0]}))
