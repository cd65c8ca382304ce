"""Scoring on a Spark cluster of one worker: `python -m benchmarks.spark --leads 1000000`.

A standalone master and one worker run on loopback; the driver's memory is capped. The history is checked by DuckDB and
carried over, so that both engines score the same leads by the same release: their scores are compared.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.scale import SMALL, run, workspace
from engines.duckdb import DuckDbEngine
from engines.spark import MASTER, SparkEngine

PORT = 7477


def main() -> None:
    """Prepare, score on both engines, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to work (about 12 GiB for a million leads); kept if given")
    parser.add_argument("--driver-memory", default="1g")
    parser.add_argument("--worker-memory", default="6g")
    arguments = parser.parse_args()
    if arguments.folder:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        measure(arguments.folder, arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    """Score in `folder` on DuckDB, then on Spark, and compare."""
    small, large = folder / "small", folder / "large"
    if not large.exists():
        workspace(small), workspace(large)
        for command in (["simulate", "--leads", str(SMALL)], ["check"], ["train"]):
            run(small, command)
        for command in (["simulate", "--leads", str(arguments.leads)], ["check"]):
            run(large, command)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{small / 'var' / 'simulated' / 'mlflow.db'}"
    print(f"{'scoring on':<40}{'seconds':>10}{'peak GiB':>10}", flush=True)
    seconds, peak = run(large, ["score", "--release", "candidate"])
    print(f"{'DuckDB':<40}{seconds:>10.0f}{peak / 2**30:>10.2f}", flush=True)
    scores = large / "var" / "simulated" / "scored_leads"
    on_duckdb = pq.read_table(scores).sort_by("lead_id")
    carry_over(large / "var" / "simulated")
    settings = (Path(__file__).parents[1] / "config" / "scoring.toml").read_text(encoding="utf-8")
    (large / "config" / "spark.toml").write_text(
        settings.replace('kind = "duckdb"', 'kind = "spark"'), encoding="utf-8"
    )
    with cluster(folder, memory=arguments.worker_memory) as address:
        os.environ[MASTER] = address
        os.environ["PYSPARK_SUBMIT_ARGS"] = (
            f"--driver-memory {arguments.driver_memory} --conf spark.executor.memory={arguments.worker_memory} "
            "--conf spark.executor.memoryOverhead=2g pyspark-shell"
        )
        seconds, peak = run(large, ["score", "--release", "candidate", "--config", "config/spark.toml"])
    print(
        f"{f'Spark, driver capped at {arguments.driver_memory}':<40}{seconds:>10.0f}{peak / 2**30:>10.2f}", flush=True
    )
    compare(on_duckdb, pq.read_table(scores).sort_by("lead_id"))


def carry_over(store: Path) -> None:
    """Write the checked history of the DuckDB file in `store` as the accepted run of a Spark store."""
    target = store / "history"
    source = DuckDbEngine.opened(store / "history.duckdb", read_only=True)
    spark = SparkEngine.opened(target / "runs" / "carried")
    for name in sorted(source.tables()):
        rows = source.table(name)
        spark.keep(name, pa.RecordBatchReader.from_batches(rows.schema().to_pyarrow(), source.stream(rows)))
    source.close()
    spark.close()
    spark.backend.disconnect()
    (target / "current.json").write_text(json.dumps({"accepted": "carried", "last": "accepted"}), encoding="utf-8")


@contextmanager
def cluster(folder: Path, *, memory: str) -> Iterator[str]:
    """The address of a standalone master on loopback with one worker of this machine's cores."""
    import pyspark

    command = [Path(pyspark.__file__).parent / "bin" / "spark-class"]
    environment = os.environ | {"SPARK_NO_DAEMONIZE": "1", "SPARK_LOCAL_DIRS": str(folder / "spill")}
    address = f"spark://127.0.0.1:{PORT}"
    master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(PORT), "--webui-port", "0"]
    worker = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0"]
    worker += ["--cores", str(os.cpu_count()), "--memory", memory, "--work-dir", str(folder / "work"), address]
    with (folder / "cluster.log").open("w") as log:
        started = []
        try:
            for part in (master, worker):
                started.append(subprocess.Popen([*command, *part], env=environment, stdout=log, stderr=log))
                time.sleep(5)
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


def compare(ours: pa.Table, theirs: pa.Table) -> None:
    """Print how far the scores of two engines are apart."""
    if ours["lead_id"] != theirs["lead_id"]:
        sys.exit(f"the engines scored other leads: {ours.num_rows:,} and {theirs.num_rows:,}")
    differences = {
        name: float(np.nanmax(np.abs(np.subtract(ours[name].to_numpy(), theirs[name].to_numpy()))))
        for name in ("p_sql", "p_win_given_sql", "p_win")
    }
    texts = {name: sum(a != b for a, b in zip(ours[name].to_pylist(), theirs[name].to_pylist(), strict=True))
             for name in ("grade", "action", "reason_1")}  # fmt: skip
    print(f"{ours.num_rows:,} leads; largest differences {differences}; other texts {texts}")


if __name__ == "__main__":
    main()
