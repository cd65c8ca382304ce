"""The list of mutants keeps step with the code."""

import pytest

from tests.mutants.mutation import ROOT, Fate, Mutant, hunt, kept_mutants

MUTANTS = kept_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}: {mutant.why}")
def test_each_kept_line_stands_exactly_once_in_its_file(mutant: Mutant):
    assert mutant.n_places(ROOT) == 1, mutant.line


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.file}: {mutant.why}")
def test_each_mutant_is_python_and_another_line(mutant: Mutant):
    assert mutant.mutated != mutant.line
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    compile(text.replace(mutant.line, mutant.mutated), mutant.file, "exec")


def test_each_test_that_is_to_fail_is_there():
    files = {test.partition("::")[0] for mutant in MUTANTS for test in mutant.tests}
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_no_mutant_is_kept_twice_and_every_package_has_some():
    assert len({(mutant.file, mutant.line, mutant.mutated) for mutant in MUTANTS}) == len(MUTANTS)
    packages = {mutant.file.partition("/")[0] for mutant in MUTANTS}
    assert {"data_contracts", "features", "models", "serving", "pipelines"} <= packages


LENGTH = "def length(text):\n    return len(text)\n"


@pytest.fixture
def tree(tmp_path):
    """A tree of one module and one test of it."""
    (tmp_path / "measuring.py").write_text(LENGTH)
    (tmp_path / "test_measuring.py").write_text(
        "from measuring import length\n\n\ndef test_length():\n    assert length('') == 0\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("line", "mutated", "fate"),
    [
        ("len(text)", "len(text) + 1", Fate.CAUGHT),
        ("len(text)", "2 * len(text)", Fate.SURVIVED),
        ("length of text", "", Fate.NOT_FOUND),
        ("def length", "def width", Fate.BROKEN),
    ],
)
def test_a_mutant_is_caught_only_where_its_tests_fail(tree, line, mutated, fate):
    found = hunt(Mutant("measuring.py", line, mutated, ("test_measuring.py",), why="a length is a length"), tree)
    assert found.fate is fate
    assert (tree / "measuring.py").read_text() == LENGTH
