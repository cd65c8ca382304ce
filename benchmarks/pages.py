"""Time and memory of the pages and of a review on many leads, beside one scan: `python -m benchmarks.pages`.

The scan reads every column of every table of the checked history once, in a process of its own. All are run in turn,
three times, so that they meet the same machine.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.scale import SMALL, run, workspace

SCAN = """
import sys, duckdb
history = duckdb.connect(sys.argv[1], read_only=True)
history.execute("SET enable_progress_bar = false")
for (name,) in history.execute("SELECT table_name FROM information_schema.tables").fetchall():
    history.execute(f'SELECT bit_xor(hash(one)) FROM "{name}" AS one').fetchall()
"""
TURNS = 3
COMMANDS = (["pages"], ["review"])


def main() -> None:
    """Make the store (or take the one of before), then print what each turn took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to work, kept and taken again; else a temporary one")
    arguments = parser.parse_args()
    if arguments.folder is None:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), n_leads=arguments.leads)
    else:
        measure(arguments.folder.absolute(), n_leads=arguments.leads)


def measure(folder: Path, *, n_leads: int) -> None:
    """Print seconds and peak memory of each command, and seconds of the scan, turn by turn."""
    large = scored_workspace(folder, n_leads=n_leads)
    history = large / "var" / "simulated" / "history.duckdb"
    print(f"{'turn':<6}{'command':<10}{'seconds':>10}{'peak GiB':>10}{'scan, s':>10}{'ratio':>8}", flush=True)
    for turn in range(1, TURNS + 1):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", SCAN, str(history.resolve())], check=True)
        scan = time.perf_counter() - started
        for command in COMMANDS:
            seconds, peak = run(large, command)
            told = f"{seconds:>10.1f}{peak / 2**30:>10.2f}{scan:>10.1f}{seconds / scan:>8.1f}"
            print(f"{turn:<6}{' '.join(command):<10}{told}", flush=True)


def scored_workspace(folder: Path, *, n_leads: int) -> Path:
    """A workspace whose `n_leads` leads are scored and published by a release that was trained on few."""
    small, large = folder / "small", folder / "large"
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{small / 'var' / 'simulated' / 'mlflow.db'}"
    if not (large / "var" / "simulated" / "published").exists():
        for place in (small, large):
            workspace(place)
        for command in (["simulate", "--leads", str(SMALL)], ["check"], ["train"]):
            run(small, command)
        for command in (["simulate", "--leads", str(n_leads)], ["check"], ["score"], ["publish"]):
            run(large, command)
    return large


if __name__ == "__main__":
    main()
