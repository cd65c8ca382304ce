"""What was put into force stays: in order, whole, whoever wrote at once, and damage is told."""

import datetime as dt
import threading
from pathlib import Path

import pytest

from data_contracts.errors import StoreError
from data_contracts.keeping import held
from data_contracts.thresholds import PublishedThresholds
from pipelines.kept_thresholds import published, write_published
from tests.example_release import thresholds

AT = dt.datetime(2026, 5, 1, 12)
RELEASE = "2026-05-01-abc123"


def entry(boundary: float) -> PublishedThresholds:
    return PublishedThresholds(at=AT, by="ops", because=f"{boundary}", thresholds=thresholds(boundary))


def write(store: Path, boundary: float) -> None:
    write_published(store, RELEASE, entry(boundary), by="leadscore thresholds")


def test_nothing_is_published_at_first(tmp_path: Path):
    assert published(tmp_path, RELEASE) == ()


def test_every_publication_is_kept_in_order(tmp_path: Path):
    for boundary in (0.3, 0.4, 0.35):
        write(tmp_path, boundary)
    assert [one.thresholds.boundaries["sales"] for one in published(tmp_path, RELEASE)] == [0.3, 0.4, 0.35]
    assert published(tmp_path, "another") == ()


def test_of_two_at_once_the_second_waits_and_neither_is_lost(tmp_path: Path):
    write(tmp_path, 0.3)
    second = threading.Thread(target=write, args=(tmp_path, 0.5))
    with held(tmp_path / "thresholds", by="the first"):
        second.start()
        second.join(0.3)
        assert second.is_alive()
    second.join()
    assert [one.because for one in published(tmp_path, RELEASE)] == ["0.3", "0.5"]


def test_a_write_that_is_broken_off_leaves_what_stood_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, 0.3)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data_contracts.keeping._flush", full)
    with pytest.raises(StoreError, match="disk is full"):
        write(tmp_path, 0.5)
    monkeypatch.undo()
    assert [one.because for one in published(tmp_path, RELEASE)] == ["0.3"]


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path):
    write(tmp_path, 0.3)
    file = tmp_path / "thresholds" / f"{RELEASE}.json"
    file.write_text(file.read_text()[:-20])
    with pytest.raises(StoreError, match=f"{RELEASE}.json is damaged.*put it back from a copy of the store"):
        published(tmp_path, RELEASE)
