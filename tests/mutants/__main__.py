"""`python -m tests.mutants [WORD]`: make every kept change (whose file or reason has WORD in it), and see tests fail.

Exit code 1 where a change goes unnoticed, a line is not found, or the tests do not pass on the tree as it stands.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from tests.mutants.mutation import Fate, Found, Mutant, failing_tests, hunt, kept_mutants, tree_copy

AT_ONCE = 2


def main(word: str = "") -> int:
    """Hunt the mutants and print what became of them."""
    mutants = [mutant for mutant in kept_mutants() if word in mutant.file or word in mutant.why]
    with TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(AT_ONCE):
            trees.put(tree_copy(Path(folder) / str(number)))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tests = sorted({test for mutant in mutants for test in mutant.tests})
            print(f"{len(mutants)} mutants; first the tests that must catch them, on the tree as it stands", flush=True)
            unsound = [test for test in pool.map(_failing(trees), tests) if test]
            if unsound:
                print(f"these tests fail on the tree as it stands, and prove nothing: {', '.join(unsound)}")
                return 1
            found = list(pool.map(_hunted(trees), mutants))
    return _told(found)


def _failing(trees: "SimpleQueue[Path]"):
    def failing(test: str) -> str:
        tree = trees.get()
        try:
            return "" if failing_tests(tree, [test]) == 0 else test
        finally:
            trees.put(tree)

    return failing


def _hunted(trees: "SimpleQueue[Path]"):
    def hunted(mutant: Mutant) -> Found:
        tree = trees.get()
        try:
            found = hunt(mutant, tree)
        finally:
            trees.put(tree)
        print(_row(found), flush=True)
        return found

    return hunted


def _row(found: Found) -> str:
    return f"{found.fate:<15} {found.seconds:5.0f} s  {found.mutant.file:<34} {found.mutant.why}"


def _told(found: Sequence[Found]) -> int:
    amiss = [each for each in found if each.fate is not Fate.CAUGHT]
    print(f"\n{len(found)} mutants, {len(found) - len(amiss)} caught")
    for each in amiss:
        print(f"{_row(each)}\n    - {each.mutant.line.strip()}\n    + {each.mutant.mutated.strip()}")
    return 1 if amiss else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
