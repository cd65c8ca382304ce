"""Central lines and the changes to them that tests must notice."""

import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from os import environ
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("mutants.toml")
TREE = (
    "data_contracts", "engines", "crm", "features", "models", "serving", "alignment", "pages",
    "simulation", "pipelines",
    "tests", "config", "docs", "benchmarks",
)  # fmt: skip
LONGEST_SECONDS = 900
"""A test that only a time-out stops is no test of the line: generous, because two trees are tested at once."""

_TESTS_FAILED = 1  # pytest's exit code; others say that it could not collect or run them


class Fate(StrEnum):
    """What became of a mutant. Only the first is good."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    NOT_FOUND = "line not found"
    TIMED_OUT = "timed out"
    BROKEN = "tests broken"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one line: `tests` must fail where `mutated` stands in its place."""

    file: str
    line: str
    mutated: str
    tests: tuple[str, ...]
    why: str

    def n_places(self, root: Path) -> int:
        """How often the line stands in its file; 0 where there is no such file."""
        path = root / self.file
        return path.read_text(encoding="utf-8").count(self.line) if path.exists() else 0


@dataclass(frozen=True, slots=True)
class Found:
    """The fate of a mutant, and how long its tests took."""

    mutant: Mutant
    fate: Fate
    seconds: float


def kept_mutants(path: Path = LIST) -> tuple[Mutant, ...]:
    """The mutants of the list at `path`, in its order."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return tuple(Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows)


def tree_copy(folder: Path) -> Path:
    """A copy of the code, its tests and their settings in `folder`, to mutate."""
    copy = folder / "tree"
    copy.mkdir(parents=True)
    for name in TREE:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.*"), ROOT / "Makefile"):
        if file.is_file():
            shutil.copy(file, copy / file.name)
    return copy


def failing_tests(root: Path, tests: Iterable[str], *, seconds: float = LONGEST_SECONDS) -> int | None:
    """Pytest's exit code of `tests` in the tree at `root`, stopped at the first failure; None where they never end."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        return subprocess.run(
            command, cwd=root, env=_environment(root), capture_output=True, timeout=seconds, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return None


def _environment(root: Path) -> Mapping[str, str]:
    """The tree at `root` goes before the one that is installed; one thread, because two trees are tested at once."""
    return {**environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def hunt(mutant: Mutant, root: Path) -> Found:
    """What becomes of `mutant` in the tree at `root`, which is afterwards as before."""
    if mutant.n_places(root) != 1:
        return Found(mutant, Fate.NOT_FOUND, 0.0)
    file = root / mutant.file
    before = file.read_text(encoding="utf-8")
    started = time.monotonic()
    file.write_text(before.replace(mutant.line, mutant.mutated), encoding="utf-8")
    try:
        code = failing_tests(root, mutant.tests)
    finally:
        file.write_text(before, encoding="utf-8")
    fates = {None: Fate.TIMED_OUT, 0: Fate.SURVIVED, _TESTS_FAILED: Fate.CAUGHT}
    return Found(mutant, fates.get(code, Fate.BROKEN), time.monotonic() - started)
