import datetime as dt
import errno
import json
import re
import shutil
from pathlib import Path

import pytest

from data_contracts.check import kept_runs
from data_contracts.check.data_docs import RunTold
from data_contracts.check.kept_runs import RUNS_KEPT, keep_run

NOON = dt.datetime(2026, 4, 1, 12)
MINUTE = dt.timedelta(minutes=1)


def keep(docs: Path, judged_at=NOON, *, title="crm", stopped_by=()):
    run = RunTold(judged_at, title, verdicts=(), checks={}, stopped_by=stopped_by)
    keep_run(docs, run, write_pages=lambda folder: (folder / "leads.html").write_text(title))


def listed(docs: Path):
    """The runs that the first page lists, in its order; each has its pages."""
    names = re.findall('href="runs/([^"/]+)/index.html"', (docs / "index.html").read_text())
    for name in names:
        assert {page.name for page in (docs / "runs" / name).iterdir()} == {"index.html", "leads.html", "run.json"}
    assert sorted(names) == sorted(folder.name for folder in (docs / "runs").iterdir())
    return names


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with the pages of one run."""
    keep(tmp_path / "docs", title="the first")
    return tmp_path / "docs"


def test_runs_are_listed_the_newest_first_and_keep_their_pages(docs: Path):
    keep(docs, NOON + MINUTE, stopped_by=["leads.is_delivered"])
    keep(docs, NOON + 2 * MINUTE)
    assert listed(docs) == ["2026-04-01T120200", "2026-04-01T120100", "2026-04-01T120000"]
    assert (docs / "runs" / "2026-04-01T120000" / "leads.html").read_text() == "the first"
    outcomes = re.findall(">(accepted|refused)<", (docs / "index.html").read_text())
    assert outcomes == ["accepted", "refused", "accepted"]


def test_the_oldest_run_goes_where_there_are_more_than_are_kept(docs: Path):
    for n in range(1, RUNS_KEPT + 2):
        keep(docs, NOON + n * MINUTE)
    names = listed(docs)
    assert len(names) == RUNS_KEPT
    assert names[0] == "2026-04-01T123100"
    assert names[-1] == "2026-04-01T120200"


def test_a_run_is_kept_though_the_clock_was_set_back(docs: Path, monkeypatch):
    monkeypatch.setattr(kept_runs, "RUNS_KEPT", 2)
    keep(docs, NOON + MINUTE)
    keep(docs, NOON - MINUTE)
    assert listed(docs) == ["2026-04-01T120100", "2026-04-01T115900"]


def test_two_runs_in_one_second_have_two_names(docs: Path):
    keep(docs, NOON + dt.timedelta(microseconds=5))
    keep(docs, NOON + dt.timedelta(microseconds=6))
    assert listed(docs) == ["2026-04-01T120000-3", "2026-04-01T120000-2", "2026-04-01T120000"]


def test_pages_of_before_there_was_a_list_are_dropped(tmp_path: Path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.html").write_text("all tables")
    (docs / "leads.html").write_text("leads")
    keep(docs)
    assert listed(docs) == ["2026-04-01T120000"]
    assert {path.name for path in docs.iterdir()} == {"index.html", "runs"}


def test_a_copy_in_which_the_link_became_a_folder_keeps_its_runs(docs: Path, tmp_path: Path):
    shutil.copytree(docs, tmp_path / "copy")
    keep(tmp_path / "copy", NOON + MINUTE)
    assert listed(tmp_path / "copy") == ["2026-04-01T120100", "2026-04-01T120000"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: (run / "run.json").unlink(),
        lambda run: (run / "run.json").write_bytes(b"\xff{"),
        lambda run: (run / "run.json").write_text("[]"),
        lambda run: (run / "run.json").write_text(json.dumps({"judged_at": "2026-04-01T12:00:00"})),
        lambda run: (run / "run.json").write_text((run / "run.json").read_text().replace('00:00"', '00:00Z"')),
        lambda run: (run / "index.html").unlink(),
        lambda run: run.rename(run.with_name("..evil")),
        lambda run: run.rename(run.with_name("2026-04-01T120000<b>")),
        lambda run: (shutil.move(run, run.parents[2] / "away"), run.symlink_to(run.parents[2] / "away")),
        lambda run: (shutil.rmtree(run), run.write_text("a file")),
        lambda run: (shutil.rmtree(run.parent), run.parent.write_text("a file")),
        lambda run: (shutil.rmtree(run.parent), run.parent.symlink_to(run.parents[2])),
    ],
    ids=lambda _: "",
)
def test_a_damaged_or_foreign_run_is_left_behind_and_breaks_nothing(docs: Path, damage):
    damage(docs / "runs" / "2026-04-01T120000")
    keep(docs, NOON + MINUTE)
    assert listed(docs) == ["2026-04-01T120100"]


def test_what_is_no_page_of_a_run_is_not_taken_over(docs: Path, tmp_path: Path):
    run = docs / "runs" / "2026-04-01T120000"
    (run / "rows.csv").write_text("secret")
    (run / "deeper").mkdir()
    (tmp_path / "elsewhere.html").write_text("secret")
    (run / "link.html").symlink_to(tmp_path / "elsewhere.html")
    keep(docs, NOON + MINUTE)
    assert listed(docs) == ["2026-04-01T120100", "2026-04-01T120000"]


def test_pages_are_copied_where_a_disk_knows_no_hard_links(docs: Path, monkeypatch):
    def refused(*_: object):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    keep(docs, NOON + MINUTE)
    assert listed(docs) == ["2026-04-01T120100", "2026-04-01T120000"]


@pytest.mark.parametrize(("number", "is_full"), [(errno.ENOSPC, True), (errno.EIO, False)])
def test_a_page_that_cannot_be_read_drops_its_run_and_a_full_disk_drops_none(
    docs: Path, monkeypatch, number: int, is_full: bool
):
    def refused(*_: object):
        raise OSError(number, "no")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "hardlink_to", refused)
        patched.setattr(shutil, "copyfile", refused)
        if is_full:
            with pytest.raises(OSError, match="no"):
                keep(docs, NOON + MINUTE)
        else:
            keep(docs, NOON + MINUTE)
    assert listed(docs) == (["2026-04-01T120000"] if is_full else ["2026-04-01T120100"])
