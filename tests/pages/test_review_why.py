"""Why deals are won and lost: what a reader finds in the review."""

import datetime as dt
from dataclasses import replace

import pytest

from data_contracts.estimates import Estimate
from data_contracts.metrics.periods import Period, Span
from data_contracts.metrics.why import COMPETITORS_SCHEMA, REASONS_SCHEMA, TREND_SCHEMA, Topic, Trend, Why
from pages.review_why import why_section
from tests.example_sections import FORMATS, estimate, html_of, opened, rows_of, seen_of
from tests.example_site import EVIL, nothing_runs

LAST = Span.of(Period.QUARTER, dt.date(2026, 4, 1), time_zone="Europe/Berlin")
SPANS = tuple(LAST.earlier(n, time_zone="Europe/Berlin") for n in range(4, -1, -1))
UNKNOWN = Estimate(value=None, low=None, high=None)


def reason(text, n=40, share=0.32, *, topic=Topic.LOST_DEAL, span=LAST, **changes):
    first = dt.datetime.combine(span.first, dt.time())
    told = {"period": first, "topic": topic, "reason": text, "n": n, **estimate("share", share, 0.24, 0.4)}
    return told | {"amount": 1000.0 * n, "without_amount": 0} | changes


def trend(text, now=0.32, before=0.2, *, topic=Topic.LOST_DEAL, moved=Trend.RISING, p_value=0.01):
    shares = {"share_before": before, "share_now": now}
    return {"topic": topic, "reason": text, "trend": moved, "p_value": p_value, **shares}


def why(*reasons, trends=(), competitors=(), **changes):
    told = {
        "reasons": rows_of(REASONS_SCHEMA, *reasons),
        "trends": rows_of(TREND_SCHEMA, *trends),
        "competitors": rows_of(COMPETITORS_SCHEMA, *competitors),
        "naming_won": UNKNOWN,
        "naming_lost": UNKNOWN,
        "spans": SPANS,
        "silent": (),
        "undated": 0,
        "as_of": dt.datetime(2026, 7, 2),
        "definitions_version": "1",
    }
    return Why(**(told | changes))


def section_of(told):
    return why_section(told, FORMATS, name="week")


def test_a_reason_that_rises_is_the_finding_beside_what_it_was():
    told = why(
        reason("No decision", 50), reason("Price"), trends=[trend("No decision", moved=Trend.CHANCE), trend("Price")]
    )
    section = section_of(told)
    assert section.heading == (
        "Lost deals say “Price” more often: 32% (24% to 40%) in Q2 2026, 20% in the 4 quarters before"
    )
    assert section.points == (
        "Lost deals say “No decision” most often: 32% (24% to 40%) in Q2 2026, 20% in the 4 quarters before.",
    )


def test_a_falling_reason_is_said_to_fall_and_lost_deals_come_before_leads():
    told = why(
        reason("No budget", topic=Topic.DISQUALIFIED, amount=None),
        reason("Price"),
        trends=[
            trend("No budget", topic=Topic.DISQUALIFIED, p_value=0.0001),
            trend("Price", now=0.1, moved=Trend.FALLING),
        ],
    )
    section = section_of(told)
    assert section.heading.startswith("Lost deals say “Price” less often")
    assert section.points[0].startswith("Disqualified leads say “No budget” more often")


def test_where_nothing_moved_the_most_frequent_reason_of_lost_deals_is_told():
    told = why(
        reason("ROI", 90, topic=Topic.WON_DEAL),
        reason("Price", 41),
        reason("Timing", 40),
        trends=[trend("Price", moved=Trend.CHANCE)],
    )
    section = section_of(told)
    assert section.heading.startswith("Lost deals say “Price” most often: 32%")
    assert "No reason moved by more than chance." in section.said
    assert section.points == ()


@pytest.mark.parametrize("rows", [(), (reason(None, 40, 1.0),), (reason("Price", span=SPANS[0]),)])
def test_where_no_reason_is_said_now_the_section_says_what_to_do(rows, tmp_path):
    section = section_of(why(*rows))
    assert "agree that sales gives a reason" in section.missing.because
    assert "Q2 2026" in seen_of(tmp_path, section).text


def test_the_table_holds_the_first_of_each_topic_and_those_that_moved_and_the_rest_is_folded(tmp_path):
    reasons = [reason(f"R{n}", 50 - n) for n in range(5)]
    told = why(
        *reasons,
        reason(None, 9, 0.1, is_rest=True),
        reason(None, 7, 0.1),
        reason("R0", 8, 0.5, span=SPANS[0]),
        trends=[trend("R4")],
    )
    section = section_of(told)
    assert section.tables[0].rows["said"].to_pylist() == ["R0", "R1", "R2", "R4"]
    assert [row["said"] for row in opened(section, "Every reason of Q2 2026")][-2:] == [
        "rarer ones together",
        "(nothing said)",
    ]
    assert [row["period"] for row in opened(section, "The periods before")] == [dt.date(2025, 4, 1)]
    row = seen_of(tmp_path, section).row_of("why deals were lost")
    assert row == ["why deals were lost", "R0", "32% 24% to 40%", "50", "–", "–", "€50,000"]
    assert "Apr 1, 2025" in seen_of(tmp_path / "again", section).text


def test_how_many_say_anything_stands_at_the_top(tmp_path):
    section = section_of(why(reason("Price", 30), reason(None, 10, 0.25), reason(None, 5, 1.0, topic=Topic.WON_DEAL)))
    assert [(one.name, one.value, one.is_bad) for one in section.figures] == [
        ("Lost deals that say why", "30", False),
        ("Won deals that say why", "0", True),
        ("Amount of “Price”", "€30,000", False),
    ]
    assert "of 40 in Q2 2026 (75%)" in seen_of(tmp_path, section).text


def test_silent_topics_and_undated_deals_are_said():
    section = section_of(why(reason("Price"), silent=(Topic.WON_DEAL, Topic.OBJECTION), undated=3))
    assert "Nobody says why deals were won, nor what buyers objected: agree" in section.said
    assert "3 closed deals have no day" in section.said


def test_competitors_are_folded_and_unequal_naming_is_said(tmp_path):
    rival = {
        "competitor": "Rival",
        "won": 3,
        "lost": 9,
        **estimate("win_rate", 0.25, 0.1, 0.5),
        "shrunken_win_rate": 0.3,
    }
    told = why(
        reason("Price"),
        competitors=[rival, {"won": 1, "lost": 1, "is_rest": True}, {"won": 5, "lost": 5}],
        naming_won=Estimate(value=0.1, low=0.05, high=0.2),
        naming_lost=Estimate(value=0.5, low=0.4, high=0.6),
    )
    section = section_of(told)
    assert "10% of won and 50% of lost deals name a competitor: win rates against competitors are off" in section.said
    assert [row["said"] for row in opened(section, "Against")] == ["Rival", "rarer ones together", "(nobody named)"]
    assert seen_of(tmp_path, section).row_of("Rival")[3] == "25% 10% to 50%"
    alike = section_of(replace(told, naming_lost=Estimate(value=0.15, low=0.1, high=0.3)))
    assert "are off" not in alike.said


def test_what_sales_wrote_is_text_and_never_runs(tmp_path):
    told = why(
        *(reason(EVIL, topic=topic) for topic in Topic),
        reason(EVIL, span=SPANS[0]),
        trends=[trend(EVIL, topic=topic) for topic in Topic],
        competitors=[{"competitor": EVIL, "won": 1, "lost": 1}],
    )
    html = html_of(tmp_path, section_of(told))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in html
