"""The history of what was in force, read out of the tags of versions. `test_registry.py` writes it."""

import datetime as dt
from dataclasses import dataclass, field

import pytest

from data_contracts.errors import ReleaseError
from data_contracts.gate import Promotion, Way
from models.version_tags import (
    UNDER_WAY,
    described,
    history_of,
    in_force_before,
    keep_for_good,
    keep_under_way,
    settle,
    taken_out,
)


@dataclass
class Version:
    """A version as MLflow describes it."""

    version: str
    run_id: str = "run"
    creation_timestamp: int = 0
    tags: dict[str, str] = field(default_factory=dict)


class Tags:
    """Writes tags of versions where MLflow would."""

    def __init__(self, *versions: Version):
        self._by_number = {each.version: each for each in versions}

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self._by_number[version].tags[key] = value

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        self._by_number[version].tags.pop(key, None)


def entry(number: int, version: str, *, way: Way = "rule") -> Promotion:
    at = dt.datetime(2026, 5, number)
    return Promotion(
        number=number, version=version, release_id=f"r{version}", at=at, by="ops", way=way, because="why", verdict=None
    )


def entries(told: str) -> list[Promotion]:
    """Versions put into force one after the other; `<2` is version 2, put back."""
    words = enumerate(told.split(), start=1)
    return [entry(n, word.lstrip("<"), way="reverted" if word.startswith("<") else "rule") for n, word in words]


@pytest.mark.parametrize(
    ("told", "in_force", "before"),
    [
        ("1 2", "2", "1"),
        ("1 2 3", "3", "2"),
        ("1 2 3 <2", "2", "1"),
        ("1 2 3 <2 4", "4", "2"),
        ("1 2 3 <2 4 <2 <1 5", "5", "1"),
        ("1 2 2", "2", "1"),
        ("1 2 1", "1", "2"),
        ("1 2 1 <2", "2", "1"),
        ("1 2", "7", "2"),  # the alias was moved in MLflow
    ],
)
def test_before_is_what_stood_in_force_and_was_not_taken_out_of_it(told: str, in_force: str, before: str):
    assert in_force_before(entries(told), in_force) == before


@pytest.mark.parametrize(("told", "in_force"), [("", None), ("1", "1"), ("1 1", "1"), ("1 2 <1", "1")])
def test_there_is_an_end_to_going_back(told: str, in_force: str | None):
    with pytest.raises(ReleaseError, match="no release was in force before"):
        in_force_before(entries(told), in_force)


def test_what_is_under_way_counts_once_the_alias_agrees_and_is_counted_once():
    first, second = Version("1"), Version("2")
    client = Tags(first, second)
    keep_under_way(client, "m", entry(1, "1"))
    assert history_of([first, second], None) == ()
    assert history_of([first, second], "1") == (entry(1, "1"),)
    keep_for_good(client, "m", entry(1, "1"))
    assert history_of([first, second], "1") == (entry(1, "1"),)
    keep_under_way(client, "m", entry(2, "2"))
    assert history_of([first, second], "1") == (entry(1, "1"),)
    assert history_of([first, second], "2") == (entry(1, "1"), entry(2, "2"))


@pytest.mark.parametrize(("in_force", "kept"), [("1", ["1"]), ("2", ["1", "2"])])
def test_what_a_killed_run_left_is_completed_where_it_happened_and_dropped_where_not(in_force: str, kept: list[str]):
    versions = [Version("1"), Version("2")]
    client = Tags(*versions)
    keep_under_way(client, "m", entry(1, "1"))
    keep_for_good(client, "m", entry(1, "1"))
    keep_under_way(client, "m", entry(2, "2"))
    settle(client, "m", versions, history_of(versions, in_force))
    assert not any(tag.startswith(UNDER_WAY) for version in versions for tag in version.tags)
    assert [each.version for each in history_of(versions, None)] == kept


def test_two_that_were_put_into_force_at_once_both_stay_whichever_wrote_first():
    """Neither saw the other, so both are the second entry."""
    ours, theirs = entry(2, "2"), entry(2, "3")
    for order in ((ours, theirs), (theirs, ours)):
        versions = [Version("1"), Version("2"), Version("3")]
        client = Tags(*versions)
        keep_for_good(client, "m", entry(1, "1"))
        for keep in (keep_under_way, keep_for_good):
            for each in order:
                keep(client, "m", each)
        found = history_of(versions, order[-1].version)
        assert found[0] == entry(1, "1")
        assert {each.version for each in found[1:]} == {"2", "3"}
        assert found == history_of(versions[::-1], None)


def test_one_version_put_into_force_by_two_at_once_has_both_entries():
    version, ours = Version("1"), entry(1, "1")
    theirs = ours.model_copy(update={"by": "somebody else"})
    client = Tags(version)
    for keep in (keep_under_way, keep_for_good):
        for each in (ours, theirs):
            keep(client, "m", each)
    assert sorted(each.by for each in history_of([version], "1")) == ["ops", "somebody else"]
    assert not any(tag.startswith(UNDER_WAY) for tag in version.tags)


def test_an_entry_of_before_whose_tag_had_its_number_alone_is_read_once():
    version, old = Version("1"), entry(1, "1")
    version.tags["in_force.000001"] = old.model_dump_json()
    keep_for_good(Tags(version), "m", old)
    assert history_of([version], "1") == (old,)


def test_a_version_says_why_and_when_it_was_last_put_into_force():
    told = described(Version("1"), {"production": "1"}, entries("1 2 1"))
    assert (told.aliases, told.promoted_at, told.promoted_because) == (("production",), dt.datetime(2026, 5, 3), "why")
    assert described(Version("3"), {}, entries("1 2 1")).promoted_at is None


@pytest.mark.parametrize(
    ("told", "version", "number"),
    [("1 2 <1", "2", 3), ("1 2 <1 3", "2", 3), ("1 2 <1 2", "2", None), ("1 2 <1", "1", None), ("1 2", "1", None)],
)
def test_what_a_person_took_out_of_force_is_known_until_it_is_put_there_again(told, version, number):
    found = taken_out(entries(told), version)
    assert (None if found is None else found.number) == number
