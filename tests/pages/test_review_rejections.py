"""Why sales turned hand-offs down, on a page of reviews."""

import datetime as dt
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from data_contracts.metrics.periods import Period
from data_contracts.metrics.rejections import OTHER_REASONS, REJECTIONS_SCHEMA, Rejections
from pages.review_rejections import rejections_section
from tests.example_sections import FORMATS, html_of, rows_of, seen_of
from tests.example_site import AS_OF, EVIL

BEFORE, LAST, RUNNING = (dt.datetime(2026, month, 1) for month in (4, 5, 6))

BUDGET = {
    "period": LAST,
    "is_complete": True,
    "reason": "No budget",
    "decided": 120,
    "turned_down": 48,
    "n": 29,
    "share": 0.24,
    "share_low": 0.18,
    "share_high": 0.32,
    "decided_before": 600,
    "n_before": 72,
    "share_before": 0.12,
    "difference": 0.12,
    "difference_low": 0.05,
    "difference_high": 0.19,
    "p_value": 0.2,
    "q_value": 0.3,
}
SILENT = BUDGET | {"reason": None, "n": 2, "share": 0.02, "difference": -0.01, "difference_low": -0.03}


def rejections(*rows, **changes):
    noun = Rejections(
        rows=rows_of(REJECTIONS_SCHEMA, *rows),
        as_of=AS_OF,
        period=Period.MONTH,
        not_named=0,
        definitions_version="1",
    )
    return replace(noun, **changes)


def told_of(noun):
    return rejections_section(noun, FORMATS, name="month")


def test_without_a_rise_the_finding_is_the_most_frequent_reason():
    section = told_of(rejections(BUDGET | {"period": BEFORE, "n": 99}, BUDGET, SILENT))
    assert section.heading == "Sales turned down 48 of 120 it decided on, most often for “No budget” (29 times)"
    assert section.said == (
        "Decisions of May 2026. No reason is more frequent than before, beyond noise. 2 were turned down without a "
        "reason: ask for one."
    )


def test_a_reason_on_the_rise_is_the_finding_with_what_it_was_before(tmp_path):
    steeper = BUDGET | {"reason": "Competitor", "n": 20, "difference": 0.2, "is_more_than_noise": True}
    section = told_of(rejections(BUDGET | {"is_more_than_noise": True}, steeper, SILENT))
    assert section.heading == (
        "More are turned down for “Competitor”, and 1 more reason: 24% (18% to 32%) of sales' decisions, 12% in the "
        "months before"
    )
    assert "On the rise, more than noise: Competitor, No budget." in section.said
    seen = seen_of(tmp_path, section)
    assert seen.row_of("Competitor") == [
        "Competitor", "20", "24% 18% to 32%", "12%", "20% 5.0% to 19%", "yes",
    ]  # fmt: skip
    assert seen.row_of("no reason given")[-1] == "no"
    assert sum("bad" in cell.get("class", "") for cell in seen.attributes("td")) == 4  # in both tables


@pytest.mark.parametrize(
    ("reason", "said"),
    [(None, "More are turned down without a reason: "), (OTHER_REASONS, "More are turned down for rare reasons: ")],
)
def test_a_rise_of_what_has_no_name_is_told_as_such(reason, said):
    row = BUDGET | {"reason": reason, "is_more_than_noise": True}
    assert told_of(rejections(row)).heading.startswith(said)


def test_too_few_to_tell_a_rise_is_said_and_is_no_denial(tmp_path):
    section = told_of(rejections(BUDGET | {"p_value": None, "q_value": None}))
    assert "Too few to tell whether a reason is on the rise." in section.said
    assert seen_of(tmp_path, section).row_of("No budget")[-1] == "too few to say"


def test_a_month_without_a_rejection_names_no_reason():
    none = {"turned_down": 0, "n": 0, "share": 0.0, "n_before": 0}
    section = told_of(rejections(BUDGET | none, SILENT | none))
    assert section.heading == "Sales turned down none of the 120 hand-offs it decided on"
    assert not section.tables[0].rows.num_rows


def test_a_reason_that_is_gone_is_seen_and_one_that_never_was_is_not():
    gone, never = (BUDGET | {"reason": reason, "n": 0, "share": 0.0} for reason in ("Gone", "Never"))
    table = told_of(rejections(BUDGET, gone, never | {"n_before": 0})).tables[0]
    assert table.rows["named"].to_pylist() == ["No budget", "Gone"]


def test_the_most_frequent_of_the_month_comes_first():
    table = told_of(rejections(BUDGET | {"reason": "Once frequent", "n": 1}, BUDGET)).tables[0]
    assert table.rows["named"].to_pylist() == ["No budget", "Once frequent"]


def test_all_months_are_opened_the_running_one_first(tmp_path):
    running = BUDGET | {"period": RUNNING, "is_complete": False, "n": 1}
    section = told_of(rejections(BUDGET | {"period": BEFORE}, BUDGET, running, not_named=4))
    table = section.folded["Every month"]
    assert table.rows["over"].to_pylist() == ["not yet", "yes", "yes"]
    assert "4 rare reasons are told as (other reasons)." in table.how
    seen_of(tmp_path, section)
    assert pq.read_table(tmp_path / "tables/month-rejections-periods.parquet")["period"][0].as_py() == RUNNING.date()


@pytest.mark.parametrize("rows", [[], [BUDGET | {"period": RUNNING, "is_complete": False}]])
def test_before_a_month_with_decisions_is_over_no_reason_is_named(tmp_path, rows):
    section = told_of(rejections(*rows))
    assert "In no month that is over sales is known to have turned one down." in section.missing.because
    seen_of(tmp_path, section)


@pytest.mark.parametrize("rises", [True, False])
def test_reasons_are_the_crms_text_and_never_run(tmp_path, rises):
    section = told_of(rejections(BUDGET | {"reason": EVIL, "is_more_than_noise": rises}))
    seen_of(tmp_path, section)
    assert html_of(tmp_path / "html", section).count("{{ 7*7 }}") == (5 if rises else 4)
