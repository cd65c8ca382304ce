from pathlib import Path

import pandas as pd
import pytest

from benchmarks.models.runs import kept_or_run
from benchmarks.models.tasks import Task, write_task
from tests.benchmarks.conftest import FakePeer

QUARTER = 'pd.DataFrame({"probability": [0.25] * len(test)}).to_parquet(out)\n'


@pytest.fixture
def folder(task: Task, tmp_path: Path) -> Path:
    write_task(task, tmp_path / "task")
    return tmp_path / "task"


def test_a_peer_reads_its_rows_and_writes_probabilities_and_what_it_chose(
    task: Task, folder: Path, fake_peer: FakePeer
) -> None:
    body = (
        'rate = train["converted"].mean()\n'
        'pd.DataFrame({"probability": [rate] * len(test)}).to_parquet(out)\n'
        'out.with_suffix(".txt").write_text("the rate")\n'
    )
    run, was_kept = kept_or_run(fake_peer("mean", body), folder, rows_digest="rows")
    rate = task.row_sets["task_rows"]["converted"].mean()
    assert run.probability is not None
    assert run.probability.tolist() == [rate] * len(task.split.test)
    assert (run.effort.failed_because, run.effort.chosen, was_kept) == (None, "the rate", False)


def test_cpu_seconds_are_those_of_the_process_and_of_its_children(folder: Path, fake_peer: FakePeer) -> None:
    busy = 'import subprocess\nsubprocess.run([sys.executable, "-c", "sum(range(20_000_000))"])\n'
    alone, _ = kept_or_run(fake_peer("alone", QUARTER), folder, rows_digest="rows")
    with_child, _ = kept_or_run(fake_peer("with_child", busy + QUARTER), folder, rows_digest="rows")
    assert 0 < alone.effort.cpu_seconds < with_child.effort.cpu_seconds


def test_what_was_done_is_taken_until_rows_or_sources_change(folder: Path, fake_peer: FakePeer) -> None:
    count = f'print(1, file=open({str(folder / "count")!r}, "a"))\n'

    def times() -> int:
        return len((folder / "count").read_text().split())

    first, _ = kept_or_run(fake_peer("fake", count + QUARTER), folder, rows_digest="rows")
    again, was_kept = kept_or_run(fake_peer("fake", count + QUARTER), folder, rows_digest="rows")
    assert (was_kept, times()) == (True, 1)
    assert again.probability is not None
    assert again.probability.tolist() == first.probability.tolist()
    assert again.effort == first.effort
    kept_or_run(fake_peer("fake", count + QUARTER), folder, rows_digest="other rows")
    assert times() == 2
    kept_or_run(fake_peer("fake", count + QUARTER + "# changed\n"), folder, rows_digest="other rows")
    assert times() == 3


def test_a_damaged_record_is_run_anew(folder: Path, fake_peer: FakePeer) -> None:
    peer = fake_peer("fake", QUARTER)
    kept_or_run(peer, folder, rows_digest="rows")
    (folder / "runs" / f"{peer.key}.parquet").write_text("cut")
    assert kept_or_run(peer, folder, rows_digest="rows")[1] is False


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('raise RuntimeError("no such thing")\n', "RuntimeError: no such thing"),
        ("sys.exit(3)\n", "exit code 3"),
        ("", "wrote no probabilities: FileNotFoundError"),
        ('pd.DataFrame({"probability": [0.5]}).to_parquet(out)\n', "wrote 1 probabilities for"),
        ('pd.DataFrame({"probability": [1.5] * len(test)}).to_parquet(out)\n', "numbers that are no probabilities"),
        ('pd.DataFrame({"probability": [float("nan")] * len(test)}).to_parquet(out)\n', "no probabilities"),
    ],
)
def test_a_peer_that_fails_says_why_and_is_tried_again(
    body: str, reason: str, folder: Path, fake_peer: FakePeer
) -> None:
    peer = fake_peer("broken", body)
    run, _ = kept_or_run(peer, folder, rows_digest="rows")
    assert run.probability is None
    assert reason in str(run.effort.failed_because)
    assert not list((folder / "runs").glob("broken*"))


def test_a_peer_that_takes_too_long_is_ended_and_has_failed(folder: Path, fake_peer: FakePeer) -> None:
    run, _ = kept_or_run(
        fake_peer("slow", "import time\ntime.sleep(60)\n"), folder, rows_digest="rows", most_seconds=0.2
    )
    assert run.effort.failed_because == "took longer than 0.2 s"
    assert run.effort.wall_seconds < 30


def test_a_peer_whose_program_is_not_there_has_failed(folder: Path, fake_peer: FakePeer) -> None:
    from dataclasses import replace

    absent = replace(fake_peer("absent", ""), command=("no-such-program-anywhere",))
    run, _ = kept_or_run(absent, folder, rows_digest="rows")
    assert str(run.effort.failed_because).startswith("cannot be started")


def test_peers_work_in_a_folder_that_is_gone_afterwards(folder: Path, fake_peer: FakePeer) -> None:
    body = f'Path("left_behind").write_text("x")\nPath({str(folder / "where")!r}).write_text(str(Path.cwd()))\n'
    kept_or_run(fake_peer("untidy", body + QUARTER), folder, rows_digest="rows")
    assert not Path((folder / "where").read_text()).exists()
    assert pd.read_parquet(folder / "runs" / "untidy-task_rows.parquet")["probability"].eq(0.25).all()
