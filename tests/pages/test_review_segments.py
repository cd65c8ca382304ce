"""A year by segment on a page of reviews."""

import datetime as dt
from dataclasses import replace

from data_contracts.estimates import Estimate
from data_contracts.metrics.funnel import Step
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.ranking import RANKING_SCHEMA, Ranking
from data_contracts.metrics.segments import REST, SEGMENTS_SCHEMA, Segments
from pages.review_segments import segments_sections
from tests.example_sections import FORMATS, estimate, rows_of, seen_of
from tests.example_site import AS_OF, EVIL

YEAR = Span.of(Period.YEAR, dt.date(2025, 1, 1), time_zone=FORMATS.time_zone)
COUNTS = {"leads": 100, "mqls": 60, "sqls": 12, "customers": 4, "pipeline": 9_000.0, "revenue": 5_000.0}
NORTH = {"group": "North"} | COUNTS | {"revenue_before": 1_000.0} | estimate("sql_rate", 0.2, 0.1, 0.35)
SOUTH = NORTH | {"group": "South", "revenue": 7_000.0}
UNKNOWN = NORTH | {"group": None, "revenue": 9_000.0} | estimate("sql_rate", None)
TOTAL = NORTH | {"group": None, "leads": 300, "revenue": 21_000.0}


PLACE = {"place": None, "group": "North", "entered": 100, "reached": 4} | estimate("shrunken", 0.04, 0.02, 0.06)
FIRST = PLACE | {"place": 1}


def ranked(p_value=0.4):
    return Ranking(
        rows=rows_of(RANKING_SCHEMA, PLACE),
        step=Step.LEAD_TO_CUSTOMER,
        horizon_days=120,
        rate=Estimate(value=0.04, low=0.03, high=0.05),
        p_value=p_value,
        spans=(YEAR,),
        as_of=AS_OF,
        by="region",
        definitions_version="1",
    )


def segments(*rows, **changes):
    told = Segments(
        rows=rows_of(SEGMENTS_SCHEMA, *(rows or (NORTH, SOUTH, UNKNOWN))),
        total=rows_of(SEGMENTS_SCHEMA, TOTAL),
        ranking=ranked(),
        unknown_share=Estimate(value=1 / 3, low=0.25, high=0.42),
        not_over=(),
        span=YEAR,
        why_no_deals="",
        as_of=AS_OF,
        by="region",
        currency="EUR",
        definitions_version="1",
    )
    return replace(told, **changes)


def section_of(told):
    (section,) = segments_sections((told,), FORMATS, name="year")
    return section


def test_the_known_segment_with_most_revenue_is_the_finding_and_whether_any_differ_is_said(tmp_path):
    section = section_of(segments())
    assert section.heading == "2025 by region: most revenue came from South, €7,000 of €21,000"
    assert section.said.startswith("Chance alone explains how lead → customer differs by region")
    assert section.said.endswith("A lead counts under its region as it is known now.")
    seen = seen_of(tmp_path, section)
    assert seen.row_of("North")[:2] == ["North", "100"]
    assert [row[0] for row in seen.rows[1:5]] == ["North", "South", "not known", "all"]


def test_how_many_are_not_known_is_told_with_what_it_does_to_the_others():
    section = section_of(segments())
    (figure,) = section.figures
    assert (figure.name, figure.value, figure.beside) == ("Region not known", "33%", "25% to 42% · of the leads")
    assert section.points[0].startswith("Of 33% of the leads nobody knows the region.")
    assert section_of(segments(unknown_share=Estimate(value=0.0, low=None, high=None))).points == ()


def test_rates_that_may_still_move_money_that_is_not_there_and_a_rest_are_said():
    section = section_of(
        segments(NORTH, NORTH | {"group": REST, "revenue": 99_000.0}, not_over=("win_rate",), why_no_deals="no deals")
    )
    assert "most revenue came from North" in section.heading
    said = " ".join(section.points)
    assert "SQL → customer may still move" in said
    assert "No pipeline and no revenue: no deals." in said
    assert "smaller ones are told together" in said


def test_without_money_customers_are_the_finding():
    none = {"revenue": None, "pipeline": None}
    section = section_of(segments(NORTH | none, SOUTH | none | {"customers": 9}))
    assert section.heading == "2025 by region: most customers came from South, 9 of 4"


def test_where_nobody_knows_a_segment_or_none_is_asked_for_it_says_so(tmp_path):
    nobody = section_of(segments(UNKNOWN))
    assert nobody.missing.because == "Of no lead of 2025 anybody knows the region."
    (none,) = segments_sections((), FORMATS, name="year")
    assert "`segments` of `[pages]`" in none.missing.because
    seen_of(tmp_path, nobody, none)


def test_two_segments_have_tables_of_their_own_and_nothing_of_a_name_runs(tmp_path):
    industry = segments(NORTH | {"group": EVIL}, by="industry", ranking=replace(ranked(), by="industry"))
    sections = list(segments_sections((segments(), industry), FORMATS, name="year"))
    seen_of(tmp_path, *sections)
    assert "by industry" in sections[1].heading


def test_what_differs_beyond_chance_is_said_as_a_sentence():
    differs = segments(ranking=replace(ranked(0.001), rows=rows_of(RANKING_SCHEMA, FIRST)))
    assert section_of(differs).said.startswith(
        "Lead → customer differs by region beyond chance: North is first with 4.0%"
    )


def test_one_segment_alone_is_compared_with_nothing():
    section = section_of(segments(NORTH, ranking=ranked(None)))
    assert "nothing is compared" in section.said
    assert section.folded == {}
