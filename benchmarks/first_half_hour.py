"""From a raw folder to a finished `leadscore shadow`: minutes, questions, edits and errors.

`python -m benchmarks.first_half_hour --data DATA` runs `leadscore init --yes` and then the commands that it names, on
DATA/bpi2012 and DATA/olist (where they are there) and on the simulated CRM as HubSpot, Salesforce and Pipedrive export
it.
An edit is a line of the settings changed or a question answered; nobody edits anything here. Beside the simulated ones
stands how many MQLs, SQLs and wins there truly are.
"""

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crm_layouts import LAYOUTS, write_layout
from data_contracts.settings import load_settings
from pipelines.init import MOST_QUESTIONS
from pipelines.store import Store
from simulation import simulate

_REAL = ("olist", "bpi2012")
_LEADSCORE = (sys.executable, "-m", "pipelines.cli")
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Try:
    """What became of one export: seconds by command, CPU seconds, errors, what is left, counts and truth."""

    name: str
    seconds: Mapping[str, float]
    cpu_seconds: float
    errors: tuple[str, ...]
    n_todos: int
    n_questions: int
    found: Mapping[str, int]
    true: Mapping[str, int]

    @property
    def row(self) -> str:
        """Its row of the table."""
        times = " | ".join(f"{self.seconds.get(name, 0):.0f}" for name in ("init", "check", "train", "shadow"))
        counts = ", ".join(
            f"{self.found.get(s, 0):,} {s}" + (f" of {self.true[s]:,}" if s in self.true else "")
            for s in ("mql", "sql", "won")
        )
        errors = "; ".join(self.errors) or "none"
        minutes = f"{sum(self.seconds.values()) / 60:.1f} | {self.cpu_seconds / 60:.1f}"
        return f"| {self.name} | {times} | {minutes} | {self.n_questions} | 0 | {self.n_todos} | {errors} | {counts} |"


def tried(name: str, data: Path, work: Path, *, true: Mapping[str, int]) -> Try:
    """`leadscore init` on the folder `data` in the folder `work`, then each command that it names."""
    seconds: dict[str, float] = {}
    errors = []
    before = _cpu_seconds()
    begun = _run(["init", "--data", str(data), "--config", f"config/{name}.toml", "--yes", "--json"], work, seconds)
    if begun.returncode:
        return Try(name, seconds, _cpu_seconds() - before, (_last(begun.stderr),), 0, 0, {}, true)
    told = json.loads(begun.stdout)
    for step in told["next_steps"]:
        command = shlex.split(step)[1:]
        done = _run(command, work, seconds)
        if done.returncode:
            errors.append(f"{command[0]}: {_last(done.stderr)}")
    found = _stages(work, f"config/{name}.toml")
    cpu, n_questions = _cpu_seconds() - before, min(MOST_QUESTIONS, len(told["open_questions"]))
    return Try(name, seconds, cpu, tuple(errors), len(told["todos"]), n_questions, found, true)


def _run(command: Sequence[str], work: Path, seconds: dict[str, float]) -> subprocess.CompletedProcess[str]:
    began = time.monotonic()
    path = {"PYTHONPATH": str(_ROOT), "LEADSCORE_HOME": str(work), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*_LEADSCORE, *command], cwd=work, env=os.environ | path, capture_output=True, text=True, check=False
    )
    seconds[command[0]] = time.monotonic() - began
    return done


def _cpu_seconds() -> float:
    """What all commands have taken of processors so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _last(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no word")


def _stages(work: Path, config: str) -> dict[str, int]:
    """How many leads entered each stage, in the checked history."""
    os.environ["LEADSCORE_HOME"] = str(work)
    with Store.of(load_settings(work / config)).checked_history() as checked:
        moves = checked.history.stage_changes
        counted = moves.group_by("stage").agg(n=moves.lead_id.nunique()).to_pyarrow().to_pylist()
    return {row["stage"]: row["n"] for row in counted}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one row an export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with bpi2012 and olist")
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[*_REAL, *LAYOUTS])
    asked = parser.parse_args(arguments)
    print("| export | init, s | check, s | train, s | shadow, s | minutes | CPU minutes | questions ", end="")
    print("| edits | TODOs | errors | found |\n|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work, simulated = Path(folder), Path(folder) / "simulated"
        for name in asked.only:
            if name in LAYOUTS:
                if not simulated.exists():
                    simulate(simulated, n_leads=asked.leads, seed=asked.seed)
                true = write_layout(name, simulated=simulated, into=work / "data" / name)
                print(tried(name, work / "data" / name, work, true=true).row, flush=True)
            elif (asked.data / name).is_dir():
                print(tried(name, (asked.data / name).absolute(), work, true={}).row, flush=True)
            else:
                print(f"{name} is not in {asked.data}: left out", file=sys.stderr)


if __name__ == "__main__":
    main()
