from pathlib import Path

import pytest

from data_contracts.errors import SettingsError
from data_contracts.vocabulary import Stage
from tests.crm.recognise.exports_by_hand import guess, recognised, rows, written


def log(n: int = 60, *, won: str = "Loan approved", more: str = "") -> str:
    """Applications: each submitted and checked; an offer for two of three, of which every second is approved.

    With an approval the money is paid, in the same second. The others are declined three days later.
    """
    lines = ["case_id,event,lifecycle,amount,timestamp"]
    for i in range(n):
        day = f"2024-{i // 28 + 1:02d}-{i % 28 + 1:02d}"
        lines += [
            f"c{i},Submitted,COMPLETE,{i % 7}00,{day}T08:00:00+00:00",
            f"c{i},Checked,START,{i % 7}00,{day}T09:00:00+00:00",
        ]
        lines += [f"c{i},Checked,COMPLETE,{i % 7}00,{day}T09:30:00+00:00"]
        if i % 3:
            lines.append(f"c{i},Offer sent,COMPLETE,{i % 7}00,{day}T10:00:00+00:00")
        if i % 3 == 1:
            lines += [f"c{i},{word},COMPLETE,{i % 7}00,{day}T12:00:00+00:00" for word in (won, "Paid out")]
        else:
            lines.append(f"c{i},Declined,COMPLETE,{i % 7}00,{day}T18:00:00+00:00")
    return "\n".join(lines) + "\n" + more


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "data", {"events.csv": log()})


def test_cases_are_leads_and_events_are_stages_and_activities(data: Path, tmp_path: Path):
    found = recognised(data)
    assert guess(found, "event log")[1] == "300 rows of 60 cases; no column tells rows apart"
    assert found.stages == {
        "created": Stage.MQL, "Loan approved": Stage.WON, "Declined": Stage.LOST, "Offer sent": Stage.SQL,
    }  # fmt: skip
    query = "SELECT stage, count(*), min(entered_at) FROM raw_stage_changes GROUP BY 1 ORDER BY 1"
    assert rows(found, query, data=data, work=tmp_path / "s") == [
        ("Declined", 40, "2024-01-01T18:00:00+00:00"),
        ("Loan approved", 20, "2024-01-02T12:00:00+00:00"),
        ("Offer sent", 40, "2024-01-02T10:00:00+00:00"),
        ("created", 60, "2024-01-01T08:00:00+00:00"),
    ]
    leads = rows(
        found, "SELECT count(*), min(lead_amount), max(lead_amount) FROM raw_leads", data=data, work=tmp_path / "t"
    )
    assert leads == [(60, "000", "600")]


def test_the_beginning_the_ending_and_what_is_only_begun_are_no_activities(data: Path, tmp_path: Path):
    found = recognised(data)
    kinds = rows(found, "SELECT DISTINCT kind FROM raw_activities ORDER BY 1", data=data, work=tmp_path / "s")
    assert kinds == [("Checked COMPLETE",), ("Offer sent",)]
    left = {one.value for one in found.guesses if one.what == "events left out"}
    assert left == {"Paid out", "Checked START"}


def test_an_event_that_comes_up_later_reaches_the_check(data: Path, tmp_path: Path):
    found = recognised(data)
    written(data, {"events.csv": log(more="c1,Fraud found,COMPLETE,100,2024-03-01T10:00:00+00:00\n")})
    query = "SELECT count(*) FROM raw_activities WHERE kind = 'Fraud found'"
    assert rows(found, query, data=data, work=tmp_path / "s") == [(1,)]


def test_people_say_which_event_is_what(data: Path):
    found = recognised(data, won="Paid out", sql="", lost="Declined")
    assert Stage.SQL not in found.stages.values()
    assert found.stages["Paid out"] is Stage.WON
    assert {"won", "sql", "lost"}.isdisjoint(question.name for question in found.questions)
    with pytest.raises(SettingsError, match=r"the answer to `won` names 'Nothing'; the words are .*Offer sent"):
        recognised(data, won="Nothing")


def test_a_win_that_no_word_tells_must_be_said(tmp_path: Path):
    data = written(tmp_path / "data", {"events.csv": log(won="Schritt 9").replace("Paid out", "Schritt 10")})
    with pytest.raises(SettingsError, match=r"nothing tells which of .* is a win; say it: --answer won=WORD"):
        recognised(data)
    assert recognised(data, won="Schritt 9").stages["Schritt 9"] is Stage.WON
