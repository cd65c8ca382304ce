"""What there is to use: what a reader finds in the review, and on the page that is sent round."""

import datetime as dt
from types import SimpleNamespace

from data_contracts.metrics.content import ANSWERS_SCHEMA, CELLS_SCHEMA, RESOURCES_SCHEMA, Content, Cover
from data_contracts.metrics.why import Topic
from pages import navigation_of
from pages.review_content import content_section, resources_page
from tests.example_sections import FORMATS, html_of, opened, rows_of, seen_of
from tests.example_site import EVIL, Seen, frame, nothing_runs, written


def answer(reason, n=10, cover=Cover.NOTHING, *titles, topic=Topic.LOST_DEAL, amount=None):
    return {"topic": topic, "reason": reason, "n": n, "amount": amount, "resources": list(titles), "cover": cover}


def resource(title, days=20, **changes):
    told = {"title": title, "kind": "battlecard", "url": "", "owner": "marketing", "unheard": []}
    return told | {"updated": dt.date(2026, 7, 1) - dt.timedelta(days), "days_since_update": days} | changes


CARD = (resource("Card"),)


def content(answers=(), resources=CARD, cells=(), **changes):
    told = {
        "answers": rows_of(ANSWERS_SCHEMA, *answers),
        "cells": rows_of(CELLS_SCHEMA, *cells),
        "resources": rows_of(RESOURCES_SCHEMA, *resources),
        "n_said": sum(row["n"] for row in answers),
        "n_answered": sum(row["n"] for row in answers if row["cover"] == Cover.CURRENT),
        "n_leads": 0,
        "n_covered": 0,
        "why_not": "",
        "as_of": dt.datetime(2026, 7, 1),
    }
    return Content(**(told | changes))


def section_of(told):
    return content_section(told, FORMATS, name="week")


def test_the_finding_is_what_has_an_answer_and_the_gap_that_most_money_is_lost_over():
    section = section_of(
        content(
            [
                answer("No need", 90, topic=Topic.DISQUALIFIED),
                answer("Price", 10, amount=5_000.0),
                answer("Function", 100, Cover.CURRENT, "Card", amount=9_000.0),
            ]
        )
    )
    assert section.heading == "50% of the reasons that are said have a current answer; “Price” (10 times) has none"
    assert section.said == "Write an answer to “Price” first."


def test_a_stale_answer_is_no_answer_and_is_to_be_looked_at_again():
    told = content(
        [answer("Price", 10, Cover.STALE, "Old")],
        [resource("Old", 300, is_stale=True), resource("Older", 400, is_stale=True)],
    )
    section = section_of(told)
    assert (
        section.heading
        == "0% of the reasons that are said have a current answer; “Price” (10 times) has only a stale one"
    )
    assert section.said == "To be looked at again: “Older” (marketing, last updated on May 27, 2025), and 1 more."
    assert [(one.name, one.value, one.beside, one.is_bad) for one in section.figures if one.name == "Stale"] == [
        ("Stale", "2", "of 2 resources", True)
    ]


def test_where_every_reason_has_an_answer_nothing_is_asked_for():
    section = section_of(content([answer("Price", 10, Cover.CURRENT, "Card")]))
    assert section.heading == "100% of the reasons that are said have a current answer"
    assert section.said == ""
    assert not any(one.is_bad for one in section.figures)


def test_where_nobody_says_a_reason_the_leads_are_told(tmp_path):
    cells = [{"stage": "mql", "leads": 4, "resources": ["Card"], "cover": Cover.CURRENT}]
    section = section_of(content(cells=cells, n_leads=5, n_covered=4))
    assert section.heading.endswith("for 80% of open leads there is something to use")
    assert section.tables == ()
    assert seen_of(tmp_path, section).row_of("MQL") == ["MQL", "of none", "4", "current", "Card"]
    assert section_of(content()).heading == "Nobody says yet what would have to be answered"


def test_without_resources_the_section_says_why_and_what_to_do(tmp_path):
    section = section_of(content([answer("Price")], (), why_not="the settings name no file of resources"))
    assert "the settings name no file of resources. List what each team made" in seen_of(tmp_path, section).text


def test_a_row_leads_to_the_resource_to_use_and_a_gap_is_bad_news(tmp_path):
    told = content(
        [answer("Price", 10, Cover.CURRENT, "Card", "Deck", amount=9_000.0), answer("Timing", 7)],
        [resource("Card", url="https://x.example/card"), resource("Deck")],
    )
    seen = seen_of(tmp_path, section_of(told))
    assert seen.row_of("Price") == ["Price", "Card", "current", "Deck", "lost deals", "10", "€9,000"]
    assert seen.row_of("Timing") == ["Timing", "–", "nothing", "–", "lost deals", "7", "–"]
    assert {"href": "https://x.example/card", "rel": "noreferrer"} in seen.attributes("a")
    assert len([cell for cell in seen.attributes("td") if "bad" in cell["class"]]) == 1


def test_only_the_first_reasons_are_seen_and_all_are_folded():
    answers = [answer(f"R{n}", 100 - n) for n in range(12)]
    section = section_of(content(answers))
    assert section.tables[0].rows["reason"].to_pylist() == [f"R{n}" for n in range(8)]
    assert len(opened(section, "All 12 reasons")) == 12


def test_what_a_resource_answers_and_nobody_says_is_told():
    section = section_of(content(resources=[resource("Card", unheard=["Pirce", "Lead time"])]))
    assert "Nobody says “Pirce”, “Lead time”, which resources answer" in section.said
    assert opened(section, "Every resource")[0]["unheard"] == "Pirce, Lead time"


def test_the_page_that_is_sent_round_says_the_same_and_lies_beside_its_review(tmp_path):
    told = content([answer("Price", 10, Cover.CURRENT, "Card")])
    page = resources_page(told, frame())
    seen = Seen(written(tmp_path, page))
    assert (page.path, page.under) == ("resources.html", "")
    assert page.path in navigation_of(SimpleNamespace(deeper=told))
    assert "100% of the reasons that are said have a current answer" in seen.text
    assert seen.row_of("Price")[1] == "Card"
    assert (tmp_path / "tables/resources-most-said.csv").is_file()
    assert not {one.name for one in section_of(told).all_tables} & set(page.tables)


def test_the_page_without_resources_says_why(tmp_path):
    seen = Seen(written(tmp_path, resources_page(content(resources=(), why_not="the file holds none"), frame())))
    assert "the file holds none" in seen.text


def test_words_of_both_teams_and_of_the_crm_never_run(tmp_path):
    evil = resource(EVIL, 400, kind=EVIL, owner=EVIL, url="javascript:alert(1)", unheard=[EVIL], is_stale=True)
    told = content(
        [answer(EVIL, 9, Cover.STALE, EVIL, EVIL)],
        [evil],
        [{"stage": "mql", "persona": EVIL, "leads": 1, "resources": [EVIL], "cover": Cover.STALE}],
    )
    html = html_of(tmp_path, section_of(told))
    assert nothing_runs(html)
    assert "{{ 7*7 }}" in html
    assert nothing_runs(written(tmp_path / "alone", resources_page(told, frame())))
