"""Time and peak memory of every step on many leads: `python -m benchmarks.scale --leads 1000000`.

Each step runs as the command that a user would run, in a process of its own. The release is trained on 20,000 leads and
scores the many: training is not what grows with the number of open leads. Timings are of one run on one machine;
compare them with each other, not with another machine's.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEADSCORE = Path(sys.executable).with_name("leadscore")
SMALL = 20_000


def main() -> None:
    """Run every step and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument(
        "--folder", type=Path, help="where to work (about 8 GiB for a million leads); else a temporary one"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        measure(Path(folder), n_leads=arguments.leads)


def measure(folder: Path, *, n_leads: int) -> None:
    """Run the steps in `folder` and print what each took."""
    small, large = (workspace(folder / name) for name in ("small", "large"))
    for command in (["simulate", "--leads", str(SMALL)], ["check"], ["train"]):
        run(small, command)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{small / 'var' / 'simulated' / 'mlflow.db'}"
    print(f"{'step':<40}{'seconds':>10}{'leads/s':>12}{'peak GiB':>10}", flush=True)
    for command in (
        ["simulate", "--leads", str(n_leads)],
        ["check"],
        ["score", "--release", "candidate"],
        ["publish", "--release", "candidate"],
    ):
        seconds, peak = run(large, command)
        print(f"{' '.join(command):<40}{seconds:>10.0f}{n_leads / seconds:>12,.0f}{peak / 2**30:>10.2f}", flush=True)


def workspace(folder: Path) -> Path:
    """A new working folder with our settings."""
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "config", folder / "config")
    return folder


def run(folder: Path, command: list[str]) -> tuple[float, int]:
    """Seconds and peak resident bytes of `leadscore` with the arguments `command`."""
    started = time.perf_counter()
    process = subprocess.Popen([LEADSCORE, *command], cwd=folder, stdout=subprocess.DEVNULL)
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    if process.wait() != 0:
        raise SystemExit(f"leadscore {' '.join(command)} failed with exit code {process.returncode}")
    watcher.join()
    return time.perf_counter() - started, peak[0]


def _watch(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            high_water = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return
        peak[0] = max(peak[0], int(high_water.split()[1]) * 1024)
        time.sleep(0.2)


if __name__ == "__main__":
    main()
