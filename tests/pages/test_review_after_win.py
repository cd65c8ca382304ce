"""What comes after the win: what a reader finds in the review."""

import datetime as dt

from data_contracts.metrics.after_win import CHURN_SCHEMA, MARGIN_SCHEMA, REPEAT_SCHEMA, AfterWin
from data_contracts.metrics.periods import Period
from pages.review_after_win import after_win_section
from tests.example_sections import FORMATS, estimate, html_of, opened, rows_of, seen_of
from tests.example_site import EVIL, nothing_runs

NO_CHURN = "no won deal says that its customer left: give `churned_at`"


def repeats(year, rate, *, group=None, customers=40, repeated=8, is_mature=True):
    told = {"cohort": dt.datetime(year, 1, 1), "group": group, "customers": customers, "repeated": repeated}
    return told | {"is_mature": is_mature} | estimate("repeat_rate", rate, 0.1, 0.4)


def churn(year, rate, *, group=None, deals=50, is_mature=True):
    told = {"cohort": dt.datetime(year, 1, 1), "group": group, "deals": deals, "churned": 5, "is_mature": is_mature}
    return told | estimate("churn_rate", rate, 0.05, 0.2)


def margin(group, amount=9_000.0, *, deals=10, with_margin=9):
    told = {"group": group, "deals": deals, "with_margin": with_margin, "margin": amount}
    return told | estimate("margin_share", 0.3, 0.2, 0.4) | estimate("margin_per_deal", 1_000.0, 800.0, 1_200.0)


def after(repeated=(), left=(), sources=(), fits=(), **changes):
    told = {
        "repeats": rows_of(REPEAT_SCHEMA, *repeated),
        "churn": rows_of(CHURN_SCHEMA, *left),
        "margin_by_source": rows_of(MARGIN_SCHEMA, *sources),
        "margin_by_fit": rows_of(MARGIN_SCHEMA, *fits),
        "as_of": dt.datetime(2026, 7, 1),
        "period": Period.YEAR,
        "by": "",
        "without_date": 0,
        "why_not": {},
    }
    return AfterWin(**(told | changes))


def section_of(told):
    return after_win_section(told, FORMATS, name="year")


def test_the_latest_cohort_whose_year_has_passed_stands_beside_the_one_before(tmp_path):
    told = after([repeats(2023, 0.3), repeats(2024, 0.2), repeats(2025, 0.01, is_mature=False)])
    section = section_of(told)
    assert (
        section.heading == "20% (10% to 40%) of the customers of 2024 bought again within a year, 30% of those before"
    )
    assert section.figures[0].beside == "10% to 40% · of 40 customers of 2024 · 30% (10% to 40%) of 2023"
    seen = seen_of(tmp_path, section)
    assert seen.row_of("Jan 1, 2025") == ["Jan 1, 2025", "40", "1.0% 10% to 40%", "8", "0", "no"]


def test_a_cohort_without_one_before_it_stands_alone():
    assert section_of(after([repeats(2024, 0.2)])).heading.endswith(
        "of the customers of 2024 bought again within a year"
    )


def test_where_nobody_knows_who_bought_again_who_left_is_the_finding():
    section = section_of(after(left=[churn(2024, 0.1)], why_not={"repeats": "no lead names its account"}))
    assert section.heading == "10% (5.0% to 20%) of the customers of 2024 left within a year"
    assert section.said == "Who bought again is not known, for no lead names its account."


def test_where_only_margins_are_known_the_source_that_leaves_most_is_the_finding(tmp_path):
    section = section_of(after(sources=[margin("Webinar"), margin(None, None)], fits=[margin("A")]))
    assert section.heading == "Deals from Webinar leave most: €9,000 in 9 of 10 won deals"
    assert list(section.folded) == ["Margin by fit"]
    row = seen_of(tmp_path, section).row_of("Webinar")
    assert row == ["Webinar", "€9,000", "30% 20% to 40%", "€1,000 €800 to €1,200", "10", "9"]
    assert section.tables[0].rows["group"].to_pylist() == ["Webinar", "unknown"]


def test_while_no_year_has_passed_what_came_so_far_is_said(tmp_path):
    section = section_of(
        after([repeats(2026, None, is_mature=False, repeated=3)], [churn(2026, None, is_mature=False)])
    )
    assert section.heading == "No cohort of customers is a year old yet"
    assert "so far 3 of 40 bought again" in section.said
    assert section.figures == ()
    seen_of(tmp_path, section)


def test_what_is_not_known_is_said_with_what_would_tell_it(tmp_path):
    section = section_of(after([repeats(2024, 0.2)], why_not={"churn": NO_CHURN}, without_date=2))
    assert f"Who left is not known, for {NO_CHURN}." in section.said
    assert "2 won deals have no day" in section.said
    nothing = after(why_not={"repeats": "no deal was won", "churn": "no deal was won", "margin": "no deal was won"})
    assert section_of(nothing).missing.because == "Nothing is known: no deal was won."
    assert "no deal was won" in seen_of(tmp_path, section_of(nothing)).text


def test_groups_are_not_ranked_the_largest_is_told_and_the_latest_cohort_is_seen():
    rows = [repeats(2023, 0.1, group="EU"), repeats(2024, 0.9, group="US", customers=3), repeats(2024, 0.2, group="EU")]
    section = section_of(after(rows, by="region"))
    assert section.heading == (
        "20% (10% to 40%) of the customers of 2024 of region EU bought again within a year, 10% of those before"
    )
    assert section.tables[0].rows["group"].to_pylist() == ["US", "EU"]
    assert len(opened(section, "Bought again, every cohort")) == 3
    assert section.figures == ()


def test_all_that_is_known_stands_together_with_margins_first(tmp_path):
    section = section_of(after([repeats(2024, 0.2)], [churn(2024, 0.1)], [margin("Webinar")], [margin("A")]))
    assert section.tables[0].name == "year-margin-source"
    assert list(section.folded) == ["Margin by fit", "Bought again, every cohort", "Left, every cohort"]
    assert [one.name for one in section.figures] == [
        "Bought again within a year",
        "Left within a year",
        "Margin of Webinar",
    ]
    seen_of(tmp_path, section)


def test_groups_and_sources_of_the_crm_never_run(tmp_path):
    told = after(
        [repeats(2024, 0.2, group=EVIL)], [churn(2024, 0.1, group=EVIL)], [margin(EVIL)], [margin(EVIL)], by="region"
    )
    html = html_of(tmp_path, section_of(told))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in html
