"""The page that lists the reviews that were held."""

import datetime as dt

from data_contracts.metrics.periods import Period
from data_contracts.metrics.review import HeldReview
from pages import reviews_page
from tests.example_site import EVIL, Seen, frame, nothing_runs, written


def held(folder="week-2026-06-22", finding="Week of Jun 22, 2026: 12 SQLs, as usual"):
    return HeldReview(
        folder=folder,
        period=Period.WEEK,
        first=dt.date(2026, 6, 22),
        finding=finding,
        as_of=dt.datetime(2026, 6, 30, 18),
    )


def test_each_review_is_linked_by_its_finding_and_the_first_is_the_heading(tmp_path):
    seen = Seen(written(tmp_path, reviews_page([held(), held("week-2026-06-15", "Week of Jun 15: 9 SQLs")], frame())))
    links = [one["href"] for one in seen.attributes("a") if one.get("href", "").startswith("reviews/")]
    assert links == ["reviews/week-2026-06-22/index.html", "reviews/week-2026-06-15/index.html"]
    assert seen.text.count("12 SQLs, as usual") == 2


def test_without_any_it_says_how_to_hold_one(tmp_path):
    seen = Seen(written(tmp_path, reviews_page([], frame())))
    assert "No review was held yet" in seen.text
    assert "leadscore review" in seen.text


def test_nothing_of_a_finding_runs(tmp_path):
    assert nothing_runs(written(tmp_path, reviews_page([held(finding=EVIL)], frame())))
