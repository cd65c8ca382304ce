"""The page of a lead: what a reader finds on it, and that no id, word or reason runs or escapes its folder."""

import datetime as dt
import html
import re
import shlex

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from data_contracts.traces import NotTraced
from pages import write_site
from pages.frame import file_name
from tests.example_site import AS_OF, EVIL, frame, lead, pages_of_leads, score, way

HOSTILE = [
    "../../x",
    "a/b",
    "/etc/passwd",
    "x" * 300,
    "\U0001f600",
    EVIL,
    "a;b $(rm -rf .)",
    "-v",
    "..",
    "a\nb",
    "CON",
]


def site(folder, *rows, ways=None, scores=()):
    """A site of these leads, written into `folder`; gives the HTML of each lead's page."""
    told = frame(lead_pages=frozenset(row["lead_id"] for row in rows))
    made = pages_of_leads(*rows, ways=ways, scores=scores, told=told)
    folder.mkdir(parents=True, exist_ok=True)
    write_site(folder, made, told)
    return {row["lead_id"]: (folder / told.page_of(row["lead_id"])).read_text(encoding="utf-8") for row in rows}


def page(folder, **changes):
    return site(folder, lead("L-1", **changes))["L-1"]


def text(page):
    """What is read: without elements, white space as one space."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page)))


def test_the_heading_says_how_likely_it_is_and_the_first_reason_that_speaks_for_it(tmp_path):
    assert "<h1>60% likely to become SQL: asked for a demo 4 days ago</h1>" in page(tmp_path)


def test_without_a_reason_nothing_is_claimed(tmp_path):
    told = page(tmp_path, reason_1="no signal found: base rate", reason_2=None)
    assert "<h1>60% likely to become SQL</h1>" in told
    assert "Nothing tells it from other leads" in told


def test_it_says_by_when_to_call(tmp_path):
    assert "Call by Wed, Jul 1, 8:00\u202fPM." in page(tmp_path)  # 18:00 UTC in Berlin


def test_an_overdue_lead_is_to_be_called_now_and_bad_news(tmp_path):
    told = page(tmp_path, is_overdue=True, respond_by_at=AS_OF - dt.timedelta(days=1))
    assert "Call now: the time to respond passed on Mon, Jun 29" in told
    assert '<dd class="bad">Mon, Jun 29' in told


def test_a_lead_drawn_by_lot_and_one_like_no_other_are_told_so(tmp_path):
    assert "drawn by lot, to learn from" in page(tmp_path / "lot", handed_off_by="lot")
    assert "Too few labelled leads resemble it" in page(tmp_path / "unlike", is_extrapolated=True)
    plain = page(tmp_path / "plain")
    assert "lot" not in text(plain).split("Grade")[0]
    assert "Too few labelled leads" not in plain


def test_figures_carry_their_interval_their_worth_and_their_meaning(tmp_path):
    told = text(page(tmp_path))
    assert "Becomes SQL 60% 50% to 70% of leads given the same" in told
    assert "Expected value €8,800 20% likely to be won" in told
    assert "Grade A1 A: 80% or more of the profile met · 1: 50% or more likely" in told
    assert "100 labelled leads had this grade" in told
    assert "Owner U-1 team sales" in told


@pytest.mark.parametrize(
    ("grade", "words"),
    [
        ("B2", "B: 60% to 80% of the profile met · 2: 30% to 50% likely"),
        ("D4", "D: less than 40% of the profile met · 4: less than 10% likely"),
    ],
)
def test_a_grade_is_told_by_the_boundaries_that_it_lies_between(tmp_path, grade, words):
    assert words in text(page(tmp_path, grade=grade))


def test_what_is_not_known_is_said_where_the_number_would_stand(tmp_path):
    told = text(page(tmp_path, p_next_low=None, p_next_high=None, owner_id=None, source=None, persona=None))
    assert "Becomes SQL 60% its interval is not known" in told
    assert "Owner –" in told
    assert "None" not in told


def test_an_sql_becomes_a_customer(tmp_path):
    assert "60% likely to become customer" in page(tmp_path, stage="sql")


def test_reasons_are_counted_for_and_against(tmp_path):
    assert "1 reason speaks for it, 1 reason speaks against" in page(tmp_path / "both")
    alone = page(tmp_path / "down", reason_1=None)
    assert "Nothing speaks for it, 1 reason speaks against" in alone


def test_the_history_says_from_where_to_where_it_moved_and_is_drawn(tmp_path):
    scores = [score(), score(days_ago=7, p_next=0.4, grade="B2"), score("L-2", days_ago=7, p_next=0.1)]
    told = site(tmp_path, lead("L-1"), lead("L-2"), scores=scores)
    assert "Published 2 times since Jun 23, 2026: from 40% to 60%" in told["L-1"]
    assert (
        'aria-label="Probability of the next step by published score: Jun 23, 2026 40%; Jun 30, 2026 60%."'
        in (told["L-1"])
    )
    assert "Published once, on Jun 23, 2026: 10%" in told["L-2"]
    assert "<svg" not in told["L-2"]
    assert re.findall(r"<td class=\"time\"[^>]*>([^<]*)", told["L-1"]) == ["Jun 30, 2026", "Jun 23, 2026"]


def test_a_lead_that_was_not_published_yet_says_so(tmp_path):
    told = page(tmp_path)
    assert "Its score was not published yet" in told
    assert "leadscore changes" not in told


def test_all_histories_are_in_one_pair_of_files(tmp_path):
    scores = [score("L-1"), score("L-1", days_ago=7), score("L-2"), score("L-9")]
    told = site(tmp_path, lead("L-1"), lead("L-2"), scores=scores)
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        "score-history.csv",
        "score-history.parquet",
    ]
    assert pq.read_table(tmp_path / "tables/score-history.parquet").num_rows == 4
    assert pyarrow.csv.read_csv(tmp_path / "tables/score-history.csv").num_rows == 4
    assert 'href="../tables/score-history.csv"' in told["L-1"]
    assert "2 rows. With all others:" in text(told["L-1"])


def test_the_way_is_shown_noun_by_noun_and_the_last_two_are_open(tmp_path):
    told = page(tmp_path)
    summaries = re.findall(r"<details( open)?><summary>(\d+ \w+):", told)
    assert summaries == [
        ("", "1 RawHistory"), ("", "2 ScoredLeads"), (" open", "3 WriteBackPlan"), (" open", "4 PublishReceipt")
    ]  # fmt: skip
    assert '<dt class="part">source</dt>' in told


def test_a_lead_that_cannot_be_traced_says_why_and_has_its_page(tmp_path):
    because = "lead 'L-1' was merged into 'L-2'"
    told = site(tmp_path, lead("L-1"), lead("L-3"), ways=[way("L-3"), NotTraced("L-1", because)])
    assert "Its way cannot be shown" in told["L-1"]
    assert because in text(told["L-1"])
    assert "60% likely to become SQL" in told["L-1"]
    assert "Its way cannot be shown" not in told["L-3"]


@pytest.mark.parametrize("lead_id", HOSTILE)
def test_any_id_gives_one_file_in_the_folder_of_the_leads(tmp_path, lead_id):
    site(tmp_path / "site", lead(lead_id), scores=[score(lead_id), score(lead_id, days_ago=3)])
    (found,) = (tmp_path / "site/leads").iterdir()
    assert found.name == file_name(lead_id)
    assert re.fullmatch(r"[0-9a-f]{16}\.html", found.name)
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("lead_id", HOSTILE)
def test_commands_can_be_pasted_whatever_the_id_holds(tmp_path, lead_id):
    told = site(tmp_path, lead(lead_id), scores=[score(lead_id)])[lead_id]
    for verb in ("changes", "trace"):
        (command,) = re.findall(rf"<code>(leadscore {verb} .*?)</code>", told, re.DOTALL)
        words = shlex.split(html.unescape(command))
        assert [word for word in words if word != "--"] == ["leadscore", verb, lead_id]
        assert ("--" in words) == lead_id.startswith("-")


def test_nothing_in_a_lead_runs(tmp_path):
    words = dict.fromkeys(("source", "campaign", "persona", "owner_id", "team"), EVIL)
    row = lead(EVIL, **words, reason_1=f"raises: {EVIL}", reason_2=f"lowers: {EVIL}", reason_3=EVIL)
    scores = [score(EVIL, days_ago=day, release_id=EVIL, action=EVIL, stage=EVIL, grade=EVIL) for day in (0, 3)]
    for ways in (None, [NotTraced(EVIL, EVIL)]):
        told = site(tmp_path / str(ways is None), row, scores=scores, ways=ways)[EVIL]
        assert re.findall(r"<script[^>]*>", told) == ['<script defer src="../site.js">']
        assert "<img" not in told
        assert "49" not in text(told).replace("7*7", "")
        assert not re.findall(r"<[^>]*\son\w+=", told.replace(html.escape(EVIL), ""))


def test_the_record_in_the_crm_is_one_click_away(tmp_path):
    told = site(tmp_path, lead("a/b?c"))["a/b?c"]
    assert 'href="https://crm.example/leads/a%2Fb%3Fc"' in told
