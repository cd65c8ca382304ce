"""The servers as the README starts them, and every command, connect to nobody but this machine.

A watch is loaded into every Python process (`sitecustomize` on PYTHONPATH, so that children have it too). It writes
down each connection, datagram and name lookup that leaves the machine. It does not see what native code does without
Python's `socket`.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_contracts.telemetry import SWITCHED_OFF

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
BASH = "/bin/bash"
STARTUP_SECONDS = 240
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}

WATCH = """
import os, sys

_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_HERE = ("", "localhost", "::1", "::", "0.0.0.0", "127.0.0.1")


def _watch(event, arguments):
    if event in _LOOKUPS:
        host = arguments[0]
    elif event in _SENDS and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else (host or "")
    if host in _HERE or host.startswith("127."):
        return
    with open(os.environ["WATCH_FILE"], "a") as file:
        file.write(f"{event} {host}\\n")


sys.addaudithook(_watch)
"""

SENDS_UNLESS_CI = ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS")
"""Libraries send nothing where they find these; a user's terminal has none of them."""


class Watched:
    """A copy of the checkout's Prefect side in a folder of its own, with the watch in every process started there."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "connections.txt"
        (folder / "watch").mkdir()
        (folder / "watch" / "sitecustomize.py").write_text(WATCH)
        for name in ("config", "pipelines", "prefect.yaml"):
            (folder / name).symlink_to(ROOT / name)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in {*SWITCHED_OFF, *SENDS_UNLESS_CI} and not name.startswith(("PREFECT_", "MLFLOW_"))
        }
        self.environment = kept | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "watch"),
            "WATCH_FILE": str(self.file),
            "PREFECT_HOME": str(folder / "prefect"),
            "OMP_NUM_THREADS": "1",
        }

    def seen(self):
        """What was written down so far, each target once."""
        return sorted(set(self.file.read_text().splitlines())) if self.file.exists() else []

    def run(self, script, *, check=True):
        """The finished shell script."""
        result = subprocess.run(
            [BASH, "-euc", script],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    @contextmanager
    def started(self, script, *, log):
        """The script at work in the background, in a process group of its own that is ended in the end."""
        with (self.folder / log).open("w") as file:
            process = subprocess.Popen(
                [BASH, "-euc", script],
                cwd=self.folder, env=self.environment, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
            try:
                yield self.folder / log
            finally:
                end_group(process)


def end_group(process):
    """Ask the whole group to stop, and insist after a while."""
    for how, patience in ((signal.SIGINT, 20), (signal.SIGKILL, 20)):
        try:
            os.killpg(process.pid, how)
            process.wait(timeout=patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(is_there, *, what):
    end = time.monotonic() + STARTUP_SECONDS
    while not is_there():
        assert time.monotonic() < end, f"{what} was not there after {STARTUP_SECONDS} s"
        time.sleep(0.5)


def answers(url):
    def ask():
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  (our own http address)
                return answer.status == 200
        except OSError:
            return False

    return ask


def readme_block(first_words):
    """The lines of the README's code block that has a line with `first_words`."""
    blocks = re.findall(
        r"^```\w*\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (block,) = [block for block in blocks if first_words in block]
    return block.strip().splitlines()


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


def test_the_watch_sees_a_lookup_and_a_connection_and_not_what_stays_here(watched):
    (watched.folder / "knock.py").write_text(
        "import contextlib, socket\n"
        "for host in ('203.0.113.7', 'telemetry.invalid', 'localhost'):\n"
        "    with contextlib.suppress(OSError):\n"
        "        socket.create_connection((host, 9), timeout=0.05)\n"
    )
    watched.run("python -c \"import subprocess, sys; subprocess.run([sys.executable, 'knock.py'])\"")
    assert watched.seen() == [
        "socket.connect 203.0.113.7",
        "socket.getaddrinfo 203.0.113.7",
        "socket.getaddrinfo telemetry.invalid",
    ]


def bring(run, watched):
    """Copy the export of a finished run and its store into the watched folder."""
    for name in ("data", "var"):
        shutil.copytree(run.folder / name, watched.folder / name)


def mlflow_server(watched, command):
    """Start the MLflow server by `command`, and ask it what its pages ask it first."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    (watched.folder / "var" / "simulated").mkdir(parents=True)
    with watched.started(f"{command} --port {port}", log="mlflow.log"):
        wait_for(answers(f"{address}/health"), what="MLflow's server")
        assert answers(f"{address}/ajax-api/3.0/mlflow/ui-telemetry")()
        assert answers(f"{address}/")()


def test_mlflow_s_server_as_the_readme_starts_it_connects_to_nobody(watched):
    (command,) = readme_block("mlflow server")
    mlflow_server(watched, command)
    assert watched.seen() == []


def test_mlflow_s_server_would_report_home_without_the_variable(watched):
    (command,) = readme_block("mlflow server")
    mlflow_server(watched, command.split(" ", 1)[1])
    assert any("mlflow" in target for target in watched.seen())


def prefect_lines(port):
    lines = [line.replace(":4200", f":{port}") for line in readme_block("prefect server start")]
    assert sum(line.startswith("export") for line in lines) == 2
    assert lines[-1].startswith("prefect worker start")
    return lines


def states_of_runs(port):
    """The states of the flow runs that nobody's parent is: those that a deployment started."""
    url = f"http://127.0.0.1:{port}/api/flow_runs/filter"
    body = json.dumps({"flow_runs": {"parent_task_run_id": {"is_null_": True}}}).encode()
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  (our own http address)
        runs = json.load(answer)
    # The schedules have made runs of the days to come as well.
    return [run["state_type"] for run in runs if not run["auto_scheduled"]]


def has_ended(port):
    """Whether a run that was started has ended. A server that is busy with it may answer late, or not at all."""
    try:
        return bool(set(states_of_runs(port)) & ENDED)
    except OSError:
        return False


def test_prefect_s_server_and_worker_as_the_readme_starts_them_connect_to_nobody(finished_run, watched):
    bring(finished_run, watched)
    watched.environment["PREFECT_SERVER_API_PORT"] = str(port := free_port())
    *setup, worker = prefect_lines(port)
    exports = "\n".join(line for line in setup if line.startswith("export"))
    try:
        watched.run("\n".join(setup))
        with watched.started(f"{exports}\n{worker}", log="worker.log") as log:
            wait_for(lambda: "started" in log.read_text().lower(), what="the worker")
            watched.run(f"{exports}\nprefect deployment run nightly/nightly")
            wait_for(lambda: has_ended(port), what="the end of the nightly run")
        assert states_of_runs(port) == ["COMPLETED"], log.read_text()
    finally:
        watched.run("prefect server stop", check=False)
    assert watched.seen() == []


def reports_to_prefect(watched, *, within_seconds):
    """Whether a server that is started without the variables reports home in time; it is stopped then."""
    watched.environment["PREFECT_SERVER_API_PORT"] = str(port := free_port())
    setup = "\n".join(line for line in prefect_lines(port) if "PREFECT_API_URL=" in line or "server start" in line)
    end = time.monotonic() + within_seconds
    try:
        watched.run(setup)
        while not (found := any("prefect" in target for target in watched.seen())) and time.monotonic() < end:
            time.sleep(0.5)
        return found
    finally:
        watched.run("prefect server stop", check=False)


def test_prefect_s_server_would_report_home_without_the_variables(watched):
    """A report that fails at the start comes again after ten minutes; a server that is started anew reports at once."""
    assert any(reports_to_prefect(watched, within_seconds=120) for _ in range(4))


def test_no_command_connects_to_anybody(finished_run, watched):
    bring(finished_run, watched)
    lead = "L-0010931"
    for command in (
        "simulate --leads 200 --out elsewhere", "check", "quarantine --limit 1", "train", "backtest --folds 1",
        "releases", "releases --card candidate",
        "score --release candidate", "publish --release candidate --dry-run --limit 1", "publish --release candidate",
        f"trace {lead} --release candidate", "promote 1 --because tried", "schema",
    ):  # fmt: skip
        watched.run(f"leadscore {command}")
    assert watched.seen() == []
