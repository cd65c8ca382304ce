"""Today: what a reader finds on the first page."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.page_settings import PageSettings
from data_contracts.shadow import ShadowReport
from data_contracts.today import OwnerRecord
from pages import NotThere, today_page, today_summary
from tests.example_shadow import shadow_report
from tests.example_site import (
    EVIL,
    NOTHING,
    Seen,
    frame,
    lead,
    nothing_runs,
    nouns,
    today,
    waiting,
    written,
)


@pytest.fixture
def seen(tmp_path) -> Seen:
    return Seen(written(tmp_path, today_page(nouns(), frame())))


def test_the_heading_says_how_many_are_to_be_called_and_how_many_of_them_late(seen):
    assert "2 leads for sales to call, 1 of them overdue" in seen.text


def test_a_lead_to_call_has_its_probability_with_interval_its_worth_reasons_and_time(seen):
    row = seen.row_of("L-1")
    assert row[:4] == ["L-1 in the CRM (L-1)", "A1", "60% of such leads 50% to 70%", "€8,800"]
    assert row[4] == "raises: asked for a demo 4 days agolowers: never met us in the last 90 days"
    assert row[5] == "Wed, Jul 1, 8:00 PM"  # 18:00 UTC in Berlin
    assert row[6:8] == ["due", "U-1"]


def test_an_overdue_lead_is_marked_as_bad_news(seen):
    assert seen.row_of("L-2")[6] == "overdue"
    assert [cell["class"] for cell in seen.attributes("td") if "bad" in cell.get("class", "")] == [" bad"]


def test_each_figure_carries_what_it_is_held_against(seen):
    assert "Handed off this week18 of 45 places" in seen.text.replace(" Handed", "Handed")
    assert "of 40 hand-offs that were due since Jun 2, 2026 (75%)" in seen.text
    assert "the oldest since Jun 28, 2026 · €8,800 of expected value at stake" in seen.text
    assert "of 50 that sales worked at least 30 days ago · 14.2 were expected (8 to 20)" in seen.text


def test_rule_against_model_stands_with_its_interval_and_its_assumption(seen):
    assert "The model brings more than the rule, if uncalled leads are like called ones" in seen.text
    assert "+1.0 to +3.0" in seen.text
    assert "In 2 weeks up to May 15, 2026, with the 10 leads a week that sales can work" in seen.text
    assert "of the others nobody knows" in seen.text


def test_where_every_outcome_is_known_nothing_is_assumed(tmp_path):
    report = shadow_report()
    first = report.comparison("capacity").figures[0]
    sides = {side: getattr(first, side).model_copy(update={"unknown": 0.0}) for side in ("rule", "model")}
    known = tuple(one.model_copy(update={"figures": (first.model_copy(update=sides),)}) for one in report.comparisons)
    told = nouns(shadow=report.model_copy(update={"comparisons": known}))
    text = Seen(written(tmp_path, today_page(told, frame()))).text
    assert "SQLs a week more than the rule's 5.0 (95 % sure) " in text
    assert "The outcome of all of them is known." in text


def test_a_segment_may_bear_any_name_of_the_business(tmp_path):
    names = ("state", "caution")
    told = today(lead("L-1"))
    for name in names:
        told = replace(told, listed=told.listed.append_column(name, pa.array(["Texas"])))
    shown = frame(settings=PageSettings(segments=names))
    row = Seen(written(tmp_path, today_page(nouns(today=told), shown), shown)).row_of("L-1")
    assert row[6] == "due"
    assert row.count("Texas") == 2


def test_who_waits_comes_in_order_with_the_day_expected(tmp_path):
    page = today_page(nouns(today=today(lead("L-1"), waiting("L-8", 1), waiting("L-9", 2))), frame())
    seen = Seen(written(tmp_path, page))
    assert seen.row_of("L-8")[:1] == ["1"]
    assert "Jul 2, 2026" in seen.row_of("L-9")


def test_without_hand_offs_before_nothing_is_claimed_of_them(tmp_path):
    seen = Seen(written(tmp_path, today_page(nouns(today=today(record=None, overdue=None)), frame())))
    assert "no hand-off was due yet" in seen.text
    assert "no worked hand-off is 30 days old yet" in seen.text
    assert "Overdue now0" in seen.text.replace("now 0", "now0")


def test_where_nothing_was_scored_the_page_says_why_and_what_to_do(tmp_path):
    seen = Seen(written(tmp_path, today_page(nouns(today=NOTHING), frame())))
    assert "Nothing was scored yet; run leadscore score." in seen.text
    assert "The model brings more than the rule" in seen.text


def test_where_the_rule_was_not_compared_the_later_leads_of_the_training_speak(tmp_path):
    later = nouns(shadow=NotThere("Run `leadscore shadow`."))
    seen = Seen(written(tmp_path, today_page(later, frame())))
    assert "Run leadscore shadow." in seen.text
    assert "Model against rule" in seen.text


def test_without_any_comparison_the_figure_says_so(tmp_path):
    unknown = nouns(shadow=NotThere("Run `leadscore shadow`."), on_later_leads=None)
    assert "not known yet" in Seen(written(tmp_path, today_page(unknown, frame()))).text


def test_figures_by_owner_are_there_only_where_they_were_made(tmp_path, seen):
    assert "Responses by owner" not in seen.text
    owned = today(by_owner=(OwnerRecord(owner_id="U-1", due=12, in_time=9),))
    assert ["U-1", "12", "9"] in Seen(written(tmp_path / "owned", today_page(nouns(today=owned), frame()))).rows


def test_sections_are_for_roles_and_hide_no_number_from_the_files(tmp_path, seen):
    assert {section["data-for"] for section in seen.attributes("section")} == {
        "seller leader", "leader marketer", "seller marketer leader",
    }  # fmt: skip
    written(tmp_path, today_page(nouns(), frame()))
    assert pq.read_table(tmp_path / "tables/call-list.parquet")["lead_id"].to_pylist() == ["L-1", "L-2"]


def test_numbers_dates_and_amounts_follow_the_locale(tmp_path):
    german = frame(settings=PageSettings(locale="de"))
    row = Seen(written(tmp_path, today_page(nouns(), german), german)).row_of("L-1")
    assert row[2:4] == ["60 % of such leads 50 % to 70 %", "8.800 €"]
    assert row[5] == "Mi., 1. Juli, 20:00"


@pytest.mark.parametrize(
    "column", ["lead_id", "grade", "reason_1", "reason_2", "source", "persona", "owner_id", "team"]
)
def test_whatever_the_crm_holds_is_text_and_never_runs(tmp_path, column):
    evil = today(lead("L-1") | {column: EVIL}, waiting("L-2", 1) | {column: EVIL})
    html = written(tmp_path, today_page(nouns(today=evil), frame()))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in html


def test_words_of_the_settings_and_of_reports_never_run(tmp_path):
    told = shadow_report().model_dump() | {"verdict": EVIL}
    evil = nouns(shadow=ShadowReport.model_validate(told), today=today(warnings=(EVIL,)))
    around = frame(source=EVIL, release_id=EVIL, definitions_version=EVIL)
    assert nothing_runs(written(tmp_path, today_page(evil, around), around))


def test_a_link_to_the_crm_quotes_the_id(tmp_path):
    told = frame()
    page = today_page(nouns(today=today(lead("../a b?c#d"))), told)
    links = [link["href"] for link in Seen(written(tmp_path, page)).attributes("a")]
    assert "https://crm.example/leads/..%2Fa%20b%3Fc%23d" in links


def test_the_summary_says_the_same_in_markdown_and_links_to_the_pages_where_they_are_served():
    served = frame(settings=PageSettings(url="https://intranet.example/leads/"))
    told = today_summary(nouns(), served)
    assert "## 2 leads for sales to call, 1 of them overdue" in told
    assert "| L-1 | A1 | 60% (of such leads 50% to 70%) | €8,800 |" in told
    assert told.endswith("[All pages](https://intranet.example/leads/index.html)")
    assert "All pages" not in today_summary(nouns(), frame())


def test_a_summary_without_a_call_list_says_why():
    assert "Nothing was scored yet" in today_summary(nouns(today=NOTHING), frame())


def test_more_or_fewer_that_converted_than_was_expected_is_bad_news(tmp_path):
    def figure(converted: int, place: str) -> list[dict[str, str]]:
        told = today()
        record = told.record.model_copy(update={"converted": converted})
        page = today_page(nouns(today=replace(told, record=record, overdue=None)), frame())
        return [one for one in Seen(written(tmp_path / place, page)).attributes("dd") if one.get("class") == "bad"]

    assert [len(figure(n, str(n))) for n in (7, 8, 20, 21)] == [1, 0, 0, 1]  # expected were 8 to 20


def test_nobody_to_call_is_said_plainly(tmp_path):
    seen = Seen(written(tmp_path, today_page(nouns(today=today(waiting("L-3", 1), overdue=None)), frame())))
    assert "Nobody is to be called now" in seen.text


def test_extrapolated_figures_are_marked(tmp_path, seen):
    assert "few leads like it" not in seen.row_of("L-1")
    marked = today(lead("L-1", is_extrapolated=True), lead("L-2"))
    page = Seen(written(tmp_path, today_page(nouns(today=marked), frame())))
    assert "few leads like it" in page.row_of("L-1")
    assert "few leads like it" not in page.row_of("L-2")


def test_moments_are_those_of_the_calendars_time_zone(tmp_path):
    new_york = frame(time_zone="America/New_York")
    row = Seen(written(tmp_path, today_page(nouns(), new_york), new_york)).row_of("L-1")
    assert row[5] == "Wed, Jul 1, 2:00 PM"
