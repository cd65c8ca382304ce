"""The cohort funnel on a page."""

import datetime as dt

from data_contracts.metrics.funnel import FUNNEL_SCHEMA, CohortFunnel, Milestone
from data_contracts.metrics.periods import Period
from pages.review_funnel import funnel_section
from tests.example_sections import FORMATS, estimate, opened, rows_of, seen_of

MAY, JUNE = dt.date(2026, 5, 1), dt.date(2026, 6, 1)


def step(name, rate, *, cohort=MAY, mature=True, least=False, **more):
    told = {"cohort": cohort, "step": name, "is_mature": mature, "entered": 40, "is_least_median": least}
    return told | estimate("rate", rate, rate - 0.1, rate + 0.1) | more


def funnel(*rows):
    as_of = dt.datetime(2026, 7, 1)
    return CohortFunnel(rows_of(FUNNEL_SCHEMA, *rows), as_of, Period.MONTH, "", tuple(Milestone), "2026.1")


def test_the_heading_names_where_most_leads_stay_behind_of_the_latest_mature_cohorts(tmp_path):
    told = funnel(
        step("mql_to_sal", 0.2),
        step("mql_to_sal", 0.4, cohort=JUNE),
        step("sal_to_sql", 0.3, least=True),
        step("sal_to_sql", 0.01, cohort=JUNE, mature=False),
        step("mql_to_sql", 0.1),
    )
    section = funnel_section(told, FORMATS, name="month")
    assert section.heading == "Most leads stay behind at SAL → SQL: 30% take it (20% to 40%)"
    seen = seen_of(tmp_path, section)
    assert "at least" in seen.text
    assert [row["mature"] for row in opened(section, "All 5 cohorts")] == ["yes", "yes", "yes", "not yet", "yes"]


def test_before_any_cohort_had_its_time_that_is_said(tmp_path):
    section = funnel_section(funnel(step("mql_to_sal", 0.2, mature=False)), FORMATS, name="month")
    assert section.heading == "No cohort's time has passed yet"
    assert seen_of(tmp_path, section).text


def test_a_cohort_is_told_by_its_local_day(tmp_path):
    section = funnel_section(funnel(step("mql_to_sal", 0.2)), FORMATS, name="month")
    assert "May 1, 2026" in seen_of(tmp_path, section).text


def test_where_stages_are_unknown_the_way_goes_to_the_nearest_known_one(tmp_path):
    told = funnel(step("lead_to_mql", 1.0), step("mql_to_customer", 0.09), step("lead_to_customer", 0.08))
    section = funnel_section(told, FORMATS, name="month")
    assert section.heading.startswith("Most leads stay behind at MQL → customer: 9.0% take it")


def test_a_step_over_a_known_stage_says_so(tmp_path):
    told = funnel(
        step("mql_to_sal", 0.3), step("sal_to_sql", 0.3), step("mql_to_sql", 0.09), step("sql_to_customer", 0.2)
    )
    seen = seen_of(tmp_path, funnel_section(told, FORMATS, name="month"))
    assert "MQL → SQL, over SAL" in seen.text
    assert "SQL → customer" in seen.text
