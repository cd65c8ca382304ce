"""The heading and the figures at the top of a review."""

import datetime as dt

import pytest

from data_contracts.metrics.counts import COUNTS_SCHEMA, StageCounts
from data_contracts.metrics.periods import Period, Span
from pages.review_counts import counts_figures, counts_heading, counts_section
from pages.review_periods import said_of
from tests.example_sections import FORMATS, rows_of, seen_of

WEEK = Span.of(Period.WEEK, dt.date(2026, 6, 22), time_zone="UTC")
USUAL = {"usual": 20.0, "usual_low": 12.0, "usual_high": 30.0}


def counts(*rows, span=WEEK):
    return StageCounts(span, rows_of(COUNTS_SCHEMA, *rows))


@pytest.mark.parametrize(
    ("customers", "sqls", "heading"),
    [
        (20, 20, "Week of Jun 22, 2026: 20 SQLs, 20 customers, as usual"),
        (11, 31, "Week of Jun 22, 2026: 11 customers, fewer than usual (usual are 12 to 30)"),
        (20, 31, "Week of Jun 22, 2026: 31 SQLs, more than usual (usual are 12 to 30)"),
    ],
)
def test_the_heading_tells_what_is_out_of_the_usual_and_matters_most(customers, sqls, heading):
    told = counts(
        USUAL | {"milestone": "sql", "reached": sqls}, USUAL | {"milestone": "customer", "reached": customers}
    )
    assert counts_heading(told, FORMATS) == heading


def test_where_nothing_is_usual_yet_the_heading_says_the_counts_alone():
    assert counts_heading(counts({"milestone": "lead", "reached": 3}), FORMATS) == "Week of Jun 22, 2026: 3 new leads"


def test_each_figure_has_the_period_before_what_is_usual_and_what_was_planned():
    told = counts(
        USUAL | {"milestone": "mql", "reached": 11, "before": 25, "target": 30},
        {"milestone": "customer", "reached": 2, "before": 1},
    )
    mqls, customers = counts_figures(told, FORMATS)
    assert mqls.beside == "25 the week before · usual 12 to 30 · planned 30"
    assert (mqls.is_bad, customers.is_bad) == (True, False)
    assert customers.beside == "1 the week before"


def test_the_table_shows_all_of_it(tmp_path):
    seen = seen_of(tmp_path, counts_section(counts(USUAL | {"milestone": "mql", "reached": 11, "before": 25})))
    assert "mql" in seen.text


@pytest.mark.parametrize(
    ("period", "said"),
    [(Period.MONTH, "June 2026"), (Period.QUARTER, "Q2 2026"), (Period.YEAR, "2026")],
)
def test_periods_are_called_as_people_call_them(period, said):
    assert said_of(Span.of(period, dt.date(2026, 6, 22), time_zone="UTC"), FORMATS) == said
