"""The journey: what a reader finds in the review."""

import datetime as dt

from data_contracts.metrics.funnel import Milestone
from data_contracts.metrics.journey import (
    BEFORE_SALES_SCHEMA,
    DROPS_SCHEMA,
    PATHS_SCHEMA,
    TOUCHES_SCHEMA,
    Journey,
)
from pages.review_journey import journey_section
from tests.example_sections import FORMATS, estimate, html_of, opened, rows_of, seen_of
from tests.example_site import EVIL, nothing_runs


def path(*steps, lift=2.0, low=1.4, shrunken=1.8, **changes):
    told = {"path": list(steps), "n_steps": len(steps), "leads": 50, "reached": 10, "all_leads": 900, "all_rate": 0.1}
    figures = estimate("rate", 0.2, 0.15, 0.3) | estimate("lift", lift, low, 2.8)
    return told | figures | {"shrunken_lift": shrunken} | changes


def drop(place, share=0.4, *, along="stages", stopped=40):
    told = {"along": along, "place": place, "entered": 100, "went_on": 50, "stopped": stopped, "active": 10}
    return told | estimate("stopped_share", share, 0.3, 0.5)


def before_sales(persona, median, measure):
    ends = (
        estimate("lower_quartile", 0.1)
        | estimate("median", median, 0.8 * median, 1.2 * median)
        | estimate("upper_quartile", 0.9)
    )
    return {"persona": persona, "measure": measure, "leads": 30, "unknown": 2} | ends


def journey(paths=(), drops=(), touches=(), sales=(), **changes):
    told = {
        "paths": rows_of(PATHS_SCHEMA, *paths),
        "first_and_last": rows_of(TOUCHES_SCHEMA, *touches),
        "drops": rows_of(DROPS_SCHEMA, *drops),
        "before_sales": rows_of(BEFORE_SALES_SCHEMA, *sales),
        "to": Milestone.CUSTOMER,
        "leads": 1_000,
        "without_touch": 12,
        "least_leads": 30,
        "silent_days": 30,
        "horizon_days": 90,
        "why_not": "",
        "as_of": dt.datetime(2026, 7, 1),
        "definitions_version": "1",
    }
    return Journey(**(told | changes))


def section_of(told):
    return journey_section(told, FORMATS, name="week")


def test_a_path_that_stands_out_is_the_finding_without_what_chance_lends_it():
    section = section_of(
        journey([path("visit", lift=1.0, low=0.9, shrunken=1.0), path("webinar", "demo")], [drop("mql")])
    )
    assert section.heading == "Leads that begin with webinar → demo get to customer about 1.8 times as often as others"
    assert "20% (15% to 30%) of them within 90 days and 10% of all with as many steps: 2.0 (1.4 to 2.8)" in section.said
    assert "one out of 2 paths. That the path is why, this does not say" in section.said
    assert "40% (30% to 50%) of those that get to MQL then fall silent." in section.said


def test_a_path_within_chance_is_no_finding_and_where_leads_fall_silent_is():
    section = section_of(
        journey([path("webinar", low=0.8)], [drop("sal", 0.2), drop("mql", 0.4), drop("1", 0.9, along="steps")])
    )
    assert section.heading == "40% (30% to 50%) of those that get to MQL then fall silent"
    assert "None of 1 paths leads to customer more often than others." in section.said
    assert "40 have had no touch for 30 days" in section.said


def test_a_path_that_leads_there_less_often_is_no_finding():
    section = section_of(journey([path("webinar", lift=0.5, low=1.1, shrunken=0.6)]))
    assert section.heading == "No path leads to customer more often than others"


def test_where_paths_are_not_known_the_stages_are_told_and_why(tmp_path):
    told = journey(drops=[drop("mql")], to=Milestone.SQL, why_not="the history shows no SQL")
    section = section_of(told)
    assert "Paths are not told: the history shows no SQL." in section.said
    assert section.tables == ()
    assert seen_of(tmp_path, section).row_of("MQL")[:3] == ["MQL", "100", "40% 30% to 50%"]


def test_without_touches_or_paths_the_section_says_so(tmp_path):
    section = section_of(journey(why_not="no touch of any lead is known"))
    assert "no touch of any lead is known" in seen_of(tmp_path, section).text
    assert "no path was taken by 30 leads" in section_of(journey()).missing.because


def test_paths_stand_by_lift_without_chance_and_those_without_one_last():
    paths = [path("a", shrunken=None), *(path(f"p{n}", shrunken=1 + n / 10) for n in range(10))]
    section = section_of(journey(paths))
    assert section.tables[0].rows["path"].to_pylist() == [f"p{n}" for n in range(9, 1, -1)]
    assert [row["path"] for row in opened(section, "Every path")][-2:] == ["p0", "a"]
    assert section.tables[0].whole.name == "week-paths"


def test_the_figures_tell_how_far_leads_come_before_sales(tmp_path):
    first = {"position": "first", "kind": "webinar", "leads": 60} | estimate("share", 0.6, 0.5, 0.7)
    none = {"position": "first", "kind": None, "leads": 70} | estimate("share", 0.7, 0.5, 0.7)
    sales = [
        before_sales(persona, median, measure)
        for persona in (None, "integrator")
        for measure, median in (("way_share", 0.5), ("touches", 5.0))
    ]
    section = section_of(journey([path("webinar")], touches=[none, first], sales=sales))
    assert [(one.name, one.value) for one in section.figures] == [
        ("Of the way before sales", "50%"),
        ("Touches before sales", "5.0"),
        ("Most frequent first touch", "webinar"),
        ("Without a touch before customer", "12"),
    ]
    seen = seen_of(tmp_path, section)
    assert seen.row_of("integrator")[:2] == ["integrator", "50% 40% to 60%"]
    assert seen.row_of("all leads")[4] == "5.0 4.0 to 6.0"
    assert "(none before MQL)" in seen.text


def test_kinds_and_personas_of_the_settings_never_run(tmp_path):
    told = journey(
        [path(EVIL)],
        [drop("mql")],
        [{"position": "first", "kind": EVIL} | estimate("share", 0.6)],
        [before_sales(EVIL, 0.5, "way_share"), before_sales(EVIL, 5.0, "touches")],
    )
    html = html_of(tmp_path, section_of(told))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in html
