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
        del self._by_number[version].tags[key]


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
    assert not any(UNDER_WAY in version.tags for version in versions)
    assert [each.version for each in history_of(versions, None)] == kept


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
