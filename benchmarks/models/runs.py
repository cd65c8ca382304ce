"""A contestant on a task, in a process of its own: its probabilities, its seconds, or why it failed. Done is kept."""

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.models.contestants import ROOT, Contestant
from benchmarks.models.tasks import TEST_FILE

MOST_SECONDS = 1800.0
"""A contestant that takes longer has failed: twenty times what AutoGluon is given."""

LONGEST_REASON = 160
"""Characters of an error that are shown."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Effort:
    """What a run took and said.

    Attributes
    ----------
    cpu_seconds
        User and system, with all processes it waited for, from its start to its end.
    failed_because
        Why there are no probabilities; None where there are.
    chosen
        What it chose, in its own words.
    """

    cpu_seconds: float
    wall_seconds: float
    failed_because: str | None
    chosen: str


@dataclass(frozen=True, eq=False)
class Run:
    """A contestant's probabilities of the test rows, in their order; None where it failed."""

    contestant: Contestant
    effort: Effort
    probability: np.ndarray | None


def kept_or_run(
    contestant: Contestant, folder: Path, *, rows_digest: str, n_threads: int = 1, most_seconds: float = MOST_SECONDS
) -> tuple[Run, bool]:
    """The run of `contestant` on the task in `folder`, and whether it was there already.

    A run is kept in `folder/runs` with a digest of the rows, of the command's sources and of the number of threads, and
    is taken where these are the same. A run that failed is tried again.
    """
    kept = folder / "runs" / contestant.key
    kept.parent.mkdir(parents=True, exist_ok=True)
    digest = _digest(contestant, rows_digest=rows_digest, n_threads=n_threads)
    found = _kept(contestant, kept, digest=digest)
    if found is not None:
        return found, True
    run = _run(contestant, folder, n_threads=n_threads, most_seconds=most_seconds)
    if run.probability is not None:
        pd.DataFrame({"probability": run.probability}).to_parquet(kept.with_suffix(".parquet"), index=False)
        kept.with_suffix(".json").write_text(json.dumps({"digest": digest, **asdict(run.effort)}), encoding="utf-8")
    return run, False


def _kept(contestant: Contestant, kept: Path, *, digest: str) -> Run | None:
    try:
        content = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
        if content.pop("digest") != digest:
            return None
        probability = pd.read_parquet(kept.with_suffix(".parquet"))["probability"].to_numpy()
        return Run(contestant, Effort(**content), probability)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(contestant: Contestant, *, rows_digest: str, n_threads: int) -> str:
    texts = [rows_digest, contestant.row_set, str(n_threads)]
    for source in contestant.sources:
        files = sorted(source.rglob("*.py")) if source.is_dir() else [source]
        texts += [file.read_text(encoding="utf-8") for file in files]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _run(contestant: Contestant, folder: Path, *, n_threads: int, most_seconds: float) -> Run:
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "out.parquet"
        command = [*contestant.command, str(folder.absolute()), contestant.row_set, str(out)]
        cpu_seconds, wall_seconds, failed_because = _timed(
            command, cwd=Path(work), environment=_environment(n_threads), most_seconds=most_seconds
        )
        probability, chosen = None, ""
        if failed_because is None:
            probability, failed_because = _read(out, n_rows=len(pd.read_parquet(folder / TEST_FILE, columns=["as_of"])))
            said = out.with_suffix(".txt")
            chosen = said.read_text(encoding="utf-8") if said.is_file() else ""
    return Run(contestant, Effort(cpu_seconds, wall_seconds, failed_because, chosen), probability)


def _environment(n_threads: int) -> Mapping[str, str]:
    """Ours, with our modules to import and a number of threads. Nothing that runs reports home."""
    threads = dict.fromkeys(THREAD_VARIABLES, str(n_threads))
    return os.environ | threads | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "DO_NOT_TRACK": "true"}


def _timed(
    command: list[str], *, cwd: Path, environment: Mapping[str, str], most_seconds: float
) -> tuple[float, float, str | None]:
    """CPU seconds and seconds of `command`, and why it failed; None where it did not."""
    with (cwd / "stderr.txt").open("w+", encoding="utf-8", errors="replace") as errors:
        started = time.monotonic()
        try:
            process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdout=errors, stderr=errors, start_new_session=True
            )
        except OSError as error:
            return 0.0, 0.0, f"cannot be started: {error.strerror}"
        is_late = False
        while not (waited := os.wait4(process.pid, os.WNOHANG))[0]:
            if not is_late and time.monotonic() - started > most_seconds:
                is_late = True
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.05)
        _, status, used = waited
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        errors.seek(0)
        said = [line.strip() for line in errors if line.strip()]
    cpu_seconds = used.ru_utime + used.ru_stime
    if is_late:
        return cpu_seconds, seconds, f"took longer than {most_seconds:g} s"
    if process.returncode == 0:
        return cpu_seconds, seconds, None
    return cpu_seconds, seconds, (said[-1] if said else f"exit code {process.returncode}")[:LONGEST_REASON]


def _read(out: Path, *, n_rows: int) -> tuple[np.ndarray | None, str | None]:
    """The probabilities in `out`, or why they are none."""
    try:
        probability = pd.read_parquet(out)["probability"].to_numpy(dtype=np.float64)
    except (OSError, KeyError, ValueError) as error:
        return None, f"wrote no probabilities: {type(error).__name__}"
    if len(probability) != n_rows:
        return None, f"wrote {len(probability):,} probabilities for {n_rows:,} rows"
    if not ((probability >= 0) & (probability <= 1)).all():
        return None, "wrote numbers that are no probabilities"
    return probability, None
