"""Our models beside their peers on the public funnels, written to docs/benchmarks.md.

    .venv/bin/python -m benchmarks.models
    .venv/bin/python -m benchmarks.models --funnel olist --peer lightgbm catboost

What was run is kept under var/benchmarks/models and not run again while rows and code are the same. A part is printed;
the whole is written to docs/benchmarks.md, unless --out says otherwise. Talk goes to stderr.
"""

import argparse
import importlib.metadata
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.models.contestants import SAID, Contestant, ours, peers
from benchmarks.models.environment import peers_python, versions_in
from benchmarks.models.figures import Result, result_of
from benchmarks.models.funnels import FILES, ROOT, lacking_files, tasks_of
from benchmarks.models.page import Surroundings, page
from benchmarks.models.runs import Run, kept_or_run
from benchmarks.models.tasks import Task, write_task

DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = ROOT / "var" / "benchmarks" / "models"
PEERS_ENVIRONMENT = ROOT / "var" / "peers" / ".venv"
OUR_LIBRARIES = ("scikit-learn", "lightgbm", "pandas", "numpy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for. 1 where no funnel's files are there."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder with a folder of files for each funnel")
    parser.add_argument(
        "--funnel", nargs="+", choices=list(FILES), default=list(FILES), metavar="NAME", help=", ".join(FILES)
    )
    parser.add_argument(
        "--peer", nargs="*", choices=list(SAID), default=list(SAID), metavar="NAME", help=", ".join(SAID)
    )
    parser.add_argument("--out", type=Path, help="file to write the page to")
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--fresh", action="store_true", help="run everything anew")
    asked = parser.parse_args(arguments)
    funnels = [funnel for funnel in asked.funnel if _is_there(funnel, asked.data)]
    if not funnels:
        return 1
    if asked.fresh:
        shutil.rmtree(KEPT, ignore_errors=True)
    python = peers_python(PEERS_ENVIRONMENT)
    contestants = [*ours(), *peers(python, asked.peer)]
    results = [
        _judged(task, contestants, n_threads=asked.threads) for funnel in funnels for task in _told(funnel, asked.data)
    ]
    surroundings = Surroundings(_our_versions(), versions_in(python), asked.threads)
    is_whole = (set(funnels), set(asked.peer)) == (set(FILES), set(SAID))
    _hand_out(page(results, surroundings=surroundings), asked.out or (PAGE if is_whole else None))
    return 0


def _is_there(funnel: str, data: Path) -> bool:
    lacking = lacking_files(funnel, data)
    if lacking:
        _say(f"{funnel} is skipped: {', '.join(file.name for file in lacking)} not in {lacking[0].parent}")
    return not lacking


def _told(funnel: str, data: Path) -> Sequence[Task]:
    _say(f"{funnel}: making the rows")
    return list(tasks_of(funnel, data))


def _judged(task: Task, contestants: Sequence[Contestant], *, n_threads: int) -> Result:
    folder = KEPT / task.name
    digest = write_task(task, folder)
    runs: list[Run] = []
    for contestant in contestants:
        if contestant.row_set in task.row_sets:
            run, was_kept = kept_or_run(contestant, folder, rows_digest=digest, n_threads=n_threads)
            _say(f"{task.name}: {contestant.key} {_took(run, was_kept=was_kept)}")
            runs.append(run)
    return result_of(task, runs)


def _took(run: Run, *, was_kept: bool) -> str:
    if run.effort.failed_because is not None:
        return f"failed: {run.effort.failed_because}"
    return "was done already" if was_kept else f"took {run.effort.wall_seconds:.0f} s"


def _our_versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in OUR_LIBRARIES}


def _hand_out(text: str, out: Path | None) -> None:
    if out is None:
        print(text)
        return
    out.write_text(text, encoding="utf-8")
    _say(f"written to {out}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
