"""Whatever an export holds: it is accepted row for row, refused with reasons, or unreadable with a reason.

`LEADSCORE_FUZZ_SEED` and `LEADSCORE_FUZZ_CASES` choose other cases, and more of them; a case's number and the seed,
which every failure prints, are enough to see it again (`LEADSCORE_FUZZ_FIRST`).
"""

import json
import os
import random
import shutil
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from data_contracts.columns import TABLES
from data_contracts.settings import load_settings
from pipelines.cli import app
from simulation import simulate
from tests.robustness.exports import CANARIES, CSV_TABLES, MUTATIONS, copy_of, read_export

ROOT = Path(__file__).parents[2]
KINDS = load_settings(ROOT / "config" / "scoring.toml").crm.kinds
SEED = int(os.environ.get("LEADSCORE_FUZZ_SEED", "1"))
FIRST = int(os.environ.get("LEADSCORE_FUZZ_FIRST", "0"))
N_CASES = int(os.environ.get("LEADSCORE_FUZZ_CASES", "40"))
LONGEST_SECONDS = 60
REPEATED_EVERY = 6
"""Of how many accepted exports one is checked a second time."""

OUTCOMES = {0: "accepted", 4: "unreadable source", 5: "refused by contract"}
MERGED_AWAY = ("leads",)
"""Tables out of which merged leads are taken, whose facts are then their survivors'."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60 * N_CASES)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    simulate(folder, n_leads=300, seed=3)
    return read_export(folder)


def check(folder):
    """Exit code, standard output and everything that was said, of a check on a new store; and its seconds."""
    shutil.rmtree("var", ignore_errors=True)
    started = time.monotonic()
    result = CliRunner().invoke(app, ["check", "--data", str(folder), "--json"])
    trouble = [] if isinstance(result.exception, SystemExit | None) else [f"a traceback: {result.exception!r}"]
    seconds = time.monotonic() - started
    if seconds > LONGEST_SECONDS:
        trouble.append(f"took {seconds:.0f} s")
    return result.exit_code, result.stdout, result.stdout + result.stderr, trouble


def mutated(sound, number):
    """The case `number`: which mutations, and the export after them."""
    rng = random.Random(f"{SEED}-{number}")  # noqa: S311
    names = list(MUTATIONS)
    chosen = [names[number % len(names)], *rng.choices(names, k=rng.choice([0, 0, 1, 2]))]
    export = copy_of(sound)
    done = []
    for name in chosen:
        # A mutation may find nothing left to mutate after those before it.
        with suppress(IndexError, KeyError, ValueError):
            MUTATIONS[name](export, rng)
            done.append(name)
    return done, export


def persons_told(said, store):
    """The canaries in what was said, and in the pages about the check."""
    pages = [path.read_text(encoding="utf-8") for path in (store / "data_docs").glob("**/*.html")]
    return [f"tells {canary!r}" for canary in CANARIES if any(canary in text for text in [said, *pages])]


def lost_rows(report, export, con):
    """What the report, the quarantine and the history do not agree on, row by row."""
    trouble = []
    delivered = {table: len(export.rows[raw]) for raw, table in CSV_TABLES.items()} if export.is_row_for_row else {}
    for each in report["tables"]:
        table, n_rows, accepted, refused = each["table"], each["rows"], each["accepted"], each["refused"]
        if accepted + refused != n_rows:
            trouble.append(f"{table}: {n_rows} rows, {accepted} accepted and {refused} refused")
        if delivered.get(table, n_rows) != n_rows:
            trouble.append(f"{table}: {delivered[table]} rows delivered, {n_rows} reported")
        (kept,) = con.execute(f"SELECT count(*) FROM {table}").fetchone()
        if kept != accepted and not (table in MERGED_AWAY and kept < accepted):
            trouble.append(f"{table}: {accepted} accepted and {kept} in the history")
        told, without = con.execute(
            "SELECT count(DISTINCT source_row), count(*) FILTER (WHERE coalesce(rule, '') = '' OR "
            "coalesce(reason, '') = '' OR coalesce(raw_row, '') = '') FROM quarantine WHERE \"table\" = ?",
            [table],
        ).fetchone()
        if told != refused or without:
            trouble.append(f"{table}: {refused} refused, {told} in quarantine, {without} of them without all they need")
    return trouble


def broken_promises(con, extracted_at):
    """Accepted rows that do not keep the contracts, looked for anew."""
    conditions = []
    for table, contract in TABLES.items():
        for column in contract.speaking({"kind": KINDS, "currency": ("EUR",)}).columns:
            name = f'"{column.name}"'
            if column.required and not column.nullable:
                conditions.append((table, f"{name} IS NULL"))
            if column.vocabulary:
                words = ", ".join(f"'{word}'" for word in column.vocabulary)
                conditions.append((table, f"{name} NOT IN ({words})"))
            if column.at_least is not None:
                conditions.append((table, f"{name} < {column.at_least}"))
            if column.type == "timestamp" and not column.may_be_future:
                conditions.append((table, f"{name} > TIMESTAMP '{extracted_at}'"))
            if column.type == "number":
                conditions.append((table, f"NOT isfinite({name})"))
        conditions += [
            (table, f'"{r.column}" IS NOT NULL AND "{r.column}" NOT IN (SELECT "{r.key}" FROM {r.table})')
            for r in contract.references
            if r.table != table
        ]
        key = ", ".join(f'"{name}"' for name in contract.key)
        nullable = [name for name in contract.key if contract.column(name).nullable]
        given = " AND ".join(f'"{name}" IS NOT NULL' for name in contract.key if name not in nullable)
        conditions.append((table, f"{given} QUALIFY count(*) OVER (PARTITION BY {key}) > 1"))
    counted = {(t, where): len(con.execute(f"SELECT 1 FROM {t} WHERE {where}").fetchall()) for t, where in conditions}
    return [f"{table}: {n} accepted rows with {where}" for (table, where), n in counted.items() if n]


def trouble_with(number, sound, outcomes):
    """What a check got wrong on the case `number`; its outcome is counted in `outcomes`."""
    chosen, export = mutated(sound, number)
    export.write(Path("data"))
    code, out, said, trouble = check(Path("data"))
    outcomes[OUTCOMES.get(code, f"exit {code}")] += 1
    if code not in OUTCOMES:
        trouble.append(f"exit {code}: {said[-300:]}")
    if chosen == ["nothing"] and code != 0:
        trouble.append("a sound export is not accepted")
    (store,) = Path("var").iterdir() if Path("var").exists() else (Path("var"),)
    trouble += persons_told(said, store)
    if code == 0:
        report = json.loads(out)
        with duckdb.connect(str(store / "history.duckdb"), read_only=True) as con:
            trouble += lost_rows(report, export, con)
            trouble += broken_promises(con, report["extracted_at"])
        if number % REPEATED_EVERY == 0 and json.loads(check(Path("data"))[1])["fingerprint"] != report["fingerprint"]:
            trouble.append("the same export twice has two fingerprints")
    return [f"seed {SEED}, case {number} ({', '.join(chosen)}): {each}" for each in trouble]


def test_whatever_an_export_holds_the_check_loses_nothing_tells_nobody_and_never_falls_over(
    sound, tmp_path, monkeypatch
):
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    outcomes: Counter[str] = Counter()
    trouble = [each for number in range(FIRST, FIRST + N_CASES) for each in trouble_with(number, sound, outcomes)]
    told = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common())
    print(f"seed {SEED}, {N_CASES} exports: {told}")
    assert not trouble, "\n".join(trouble)
