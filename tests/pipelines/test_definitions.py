"""What was agreed at any time stays in the store, and a version never means two things."""

import datetime as dt
import json
import stat
import threading
from pathlib import Path

import pytest

from data_contracts.definitions import Definitions
from data_contracts.errors import BusyError, SettingsError, StoreError
from data_contracts.keeping import held
from pipelines import definitions as keeping
from pipelines.definitions import definitions_at, definitions_kept, keep_definitions
from pipelines.display import agreement, definitions
from tests.example_history import settings


def agreed(version: str = "2026.1", *, effective_from: str = "2026-01-01", **others: object) -> Definitions:
    """Definitions of the example with some of their own."""
    return settings(version=version, effective_from=effective_from, **others).definitions


def keep(store: Path, *several: Definitions) -> None:
    for one in several:
        keep_definitions(store, one, by="a test")


def file_of(store: Path, version: str = "2026.1") -> Path:
    return store / "definitions" / f"{version}.json"


def test_what_is_kept_comes_back_as_it_was_and_is_readable_text(tmp_path):
    keep(tmp_path, agreed(agreed_by=["sales", "märketing"]))
    assert definitions_kept(tmp_path) == (agreed(agreed_by=["sales", "märketing"]),)
    text = file_of(tmp_path).read_text(encoding="utf-8")
    assert '"version": "2026.1"\n' in text
    assert "märketing" in text
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_everything_kept_is_the_owner_s_alone_and_nothing_is_left_aside(tmp_path):
    store = tmp_path / "store"
    keep(store, agreed(), agreed("2026.2"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (store, *store.rglob("*"))}
    assert modes == {
        "store": 0o700,
        "definitions": 0o700,
        "definitions.lock": 0o600,
        "2026.1.json": 0o600,
        "2026.2.json": 0o600,
    }


def test_what_a_killed_run_left_aside_is_removed_by_the_next(tmp_path):
    (tmp_path / ".version-definitions-12345678").write_text("half a file")
    keep(tmp_path, agreed())
    assert {path.name for path in tmp_path.iterdir()} == {"definitions", "definitions.lock"}


def test_the_same_agreement_is_kept_once_and_never_written_again(tmp_path):
    keep(tmp_path, agreed())
    before = file_of(tmp_path).stat()
    with held(tmp_path / "definitions", by="another run"):
        keep(tmp_path, agreed())
    after = file_of(tmp_path).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_agreement_under_the_same_version_is_refused_with_everything_that_differs(tmp_path):
    keep(tmp_path, agreed())
    with pytest.raises(SettingsError) as error:
        keep(tmp_path, agreed(contact={"assume_contacted_because": "we call all"}, snapshots={"up_to_days": 60}))
    assert str(error.value) == (
        f"definitions 2026.1 are kept in {file_of(tmp_path)} and were agreed otherwise there: "
        'definitions.contact.assume_contacted_because "" -> we call all, definitions.snapshots.up_to_days 90 -> 60; '
        "raise `version` in [definitions], so that no version means two things"
    )
    assert definitions_kept(tmp_path) == (agreed(),)


def test_of_two_runs_at_once_with_one_version_the_second_is_held_against_what_the_first_kept(tmp_path):
    """The second waits for the lock, and finds a file that was not there when it looked."""
    told: list[str] = []

    def second() -> None:
        try:
            keep(tmp_path, agreed(snapshots={"up_to_days": 60}))
        except SettingsError as error:
            told.append(str(error))

    thread = threading.Thread(target=second)
    with held(tmp_path / "definitions", by="the first"):
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        file_of(tmp_path).parent.mkdir()
        file_of(tmp_path).write_text(json.dumps(agreed().model_dump(mode="json")), encoding="utf-8")
    thread.join()
    assert "definitions.snapshots.up_to_days 90 -> 60" in told[0]
    assert definitions_kept(tmp_path) == (agreed(),)


def test_who_waits_too_long_is_told_who_is_at_work(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "WAIT_SECONDS", 0.1)
    with held(tmp_path / "definitions", by="the first"), pytest.raises(BusyError, match="the first"):
        keep(tmp_path, agreed())


@pytest.mark.parametrize("version", ["Q1/2026", "../../outside", "2026 (draft)", "a%2Fb", "ä:*?", ".", "con.json"])
def test_any_version_has_a_file_of_its_own_in_the_folder(tmp_path, version):
    store = tmp_path / "store"
    keep(store, agreed(version), agreed("a/b"))
    assert {one.version for one in definitions_kept(store)} == {version, "a/b"}
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert len(list((store / "definitions").iterdir())) == 2


def test_versions_come_in_order_of_the_day_from_which_they_hold_then_of_their_numbers(tmp_path):
    later = agreed("2025.9", effective_from="2026-03-01")
    keep(tmp_path, later, agreed("2026.10"), agreed("2026.9"), agreed("2026.9b"), agreed("draft"))
    assert [one.version for one in definitions_kept(tmp_path)] == ["2026.9", "2026.9b", "2026.10", "draft", "2025.9"]


def test_what_was_agreed_for_a_day_is_the_last_that_holds_from_it_or_before(tmp_path):
    first, second = agreed("1", effective_from="2026-01-01"), agreed("2", effective_from="2026-03-01")
    keep(tmp_path, second, first)
    days = {dt.date(2026, 1, 1): first, dt.date(2026, 2, 28): first, dt.date(2026, 3, 1): second}
    assert {day: definitions_at(tmp_path, day) for day in days} == days


def test_of_two_that_hold_from_one_day_the_higher_version_holds_whichever_was_kept_first(tmp_path):
    keep(tmp_path / "a", agreed("2026.9"), agreed("2026.10"))
    keep(tmp_path / "b", agreed("2026.10"), agreed("2026.9"))
    for store in (tmp_path / "a", tmp_path / "b"):
        assert definitions_at(store, dt.date(2026, 5, 1)).version == "2026.10"


def test_a_day_before_the_first_names_the_earliest(tmp_path):
    keep(tmp_path, agreed("2", effective_from="2026-03-01"), agreed("1"))
    with pytest.raises(SettingsError) as error:
        definitions_at(tmp_path, dt.date(2025, 12, 31))
    assert str(error.value) == (
        "no definitions were in effect on 2025-12-31: the earliest that are kept are 1, effective from 2026-01-01; "
        "name that day or a later one"
    )


def test_a_store_that_keeps_none_says_what_to_run(tmp_path):
    assert definitions_kept(tmp_path / "nowhere") == ()
    with pytest.raises(SettingsError, match=r"no definitions are kept in .*; run `leadscore train` first"):
        definitions_at(tmp_path / "nowhere", dt.date(2026, 1, 1))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_a_damaged_file_is_named_to_whoever_reads_or_keeps(tmp_path, content):
    keep(tmp_path, agreed(), agreed("2026.2"))
    file_of(tmp_path).write_bytes(content)
    for ask in (lambda: definitions_kept(tmp_path), lambda: keep(tmp_path, agreed())):
        with pytest.raises(StoreError, match=r"definitions/2026\.1\.json is damaged: .*put it back from a copy"):
            ask()


def test_a_file_under_the_name_of_another_version_is_refused(tmp_path):
    keep(tmp_path, agreed())
    file_of(tmp_path).rename(file_of(tmp_path, "2026.2"))
    with pytest.raises(StoreError, match=r"2026\.2\.json holds definitions 2026\.1 under the name of another version"):
        definitions_kept(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    file_of(tmp_path).mkdir(parents=True)
    with pytest.raises(StoreError, match=r"definitions/2026\.1\.json cannot be read or written: Is a directory"):
        definitions_kept(tmp_path)


def test_a_kept_setting_under_a_name_of_before_is_told_its_new_one_with_the_other_problems(tmp_path):
    keep(tmp_path, agreed())
    content = json.loads(file_of(tmp_path).read_text(encoding="utf-8"))
    content |= {"learn_from": content.pop("learn_since"), "snapshots": {"every_days": 0}}
    content["icp"]["letters"] = content["icp"].pop("fit_boundaries")
    file_of(tmp_path).write_text(json.dumps(content), encoding="utf-8")
    for ask in (lambda: definitions_kept(tmp_path), lambda: keep(tmp_path, agreed())):
        with pytest.raises(SettingsError) as error:
            ask()
        first, *lines = str(error.value).splitlines()
        assert first == f"{file_of(tmp_path)} has 3 problem(s):"
        assert sorted(lines) == [
            "  - definitions.icp.letters: this setting is now definitions.icp.fit_boundaries",
            "  - definitions.learn_from: this setting is now definitions.learn_since",
            "  - definitions.snapshots.every_days: Input should be greater than 0",
        ]


def test_a_setting_that_came_since_has_its_usual_value_in_what_was_kept_before(tmp_path):
    keep(tmp_path, agreed())
    content = json.loads(file_of(tmp_path).read_text(encoding="utf-8"))
    del content["snapshots"]
    file_of(tmp_path).write_text(json.dumps(content), encoding="utf-8")
    keep(tmp_path, agreed())
    assert definitions_kept(tmp_path) == (agreed(),)


def test_the_list_says_what_each_version_changed_and_nothing_of_what_has_a_column_of_its_own(capsys):
    several = (
        agreed("1"),
        agreed("2", effective_from="2026-02-01", agreed_by=["sales"], snapshots={"up_to_days": 60}),
    )
    definitions(several, as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {
            "version": "2",
            "effective_from": "2026-02-01",
            "agreed_by": ["sales"],
            "changed": ["definitions.snapshots.up_to_days 90 -> 60"],
        },
        {"version": "1", "effective_from": "2026-01-01", "agreed_by": [], "changed": []},
    ]
    definitions(several, as_json=False)
    head, newest, oldest = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "version"
    assert (newest.split()[0], oldest.split()[0]) == ("2", "1")


def test_an_empty_list_says_what_to_run(capsys):
    definitions((), as_json=False)
    assert capsys.readouterr().out == "no definitions are kept; run `leadscore train`\n"
    definitions((), as_json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_one_agreement_is_shown_setting_by_setting_without_what_says_nothing(capsys):
    agreement(agreed("1"), as_json=False)
    title, _, *lines = capsys.readouterr().out.splitlines()
    told = dict(line.split(maxsplit=1) if "company" not in line else line.rsplit(maxsplit=1) for line in lines)
    assert title == "definitions 1, effective from 2026-01-01"
    assert told["definitions.snapshots.up_to_days"].strip() == "90"
    assert told["definitions.icp.criteria.company size.at_least"].strip() == "50.0"
    assert not any("personas" in line or "company size.name" in line for line in lines)
