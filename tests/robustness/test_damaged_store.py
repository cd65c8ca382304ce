"""Damaged files of a store: an error that says which, and a check that makes the history anew."""

import duckdb
import pytest

from tests.robustness.workshop import STEPS, kept_in

DAMAGES = {
    "garbage": lambda content: b"\xde\xad" * 5000,
    "cut short": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
}
READERS = {
    "history": ["train", "score", "publish", "quarantine", "trace"],
    "scores": ["publish"],
    "releases": ["train", "score", "publish", "releases"],
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def file_of(store, part):
    files = {"history": "history.duckdb", "scores": "scored_leads/part-0.parquet", "releases": "mlflow.db"}
    return store.folder / files[part]


def command_of(name):
    return [[name, "L-0000001"]] if name == "trace" else [[name]]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("part", READERS)
def test_whoever_reads_a_damaged_file_says_so(workshop, part, damage):
    workshop.put("published, new scores")
    file = file_of(workshop.store, part)
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    trouble = []
    for name in READERS[part]:
        ran = workshop.run(command_of(name))
        trouble += [f"{name}: {each}" for each in ran.trouble]
        if ran.code == 0:
            trouble.append(f"{name} read a file that is {damage} and said nothing")
    assert not trouble, "\n".join(trouble)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_check_puts_a_good_history_in_the_place_of_a_damaged_one(workshop, damage):
    expected = workshop.undisturbed("check")[0]
    workshop.put("published, new export")
    history = workshop.store.folder / "history.duckdb"
    history.write_bytes(DAMAGES[damage](history.read_bytes()))
    ran = workshop.run(STEPS["check"])
    assert ran.code == 0, ran.said
    assert kept_in(workshop.store).history == expected.history


@pytest.mark.parametrize("step", ["check", "train", "score", "publish"])
def test_a_history_that_another_program_has_locked_is_an_error_that_says_so(workshop, step):
    workshop.put("published, new scores")
    with duckdb.connect(str(workshop.store.folder / "history.duckdb")):
        ran = workshop.run(STEPS[step])
    assert ran.trouble == []
