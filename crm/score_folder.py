"""What was published, run by run, as files in a folder that grows."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data_contracts.calls import (
    CALL_LIST_SCHEMA,
    DECLINED_SCHEMA,
    HAND_OFFS_SCHEMA,
    NOTHING_BEFORE,
    CallList,
    CallsBefore,
)
from data_contracts.disk import disk_errors
from data_contracts.errors import StoreError, UnknownLeadError
from data_contracts.keeping import held, kept_file, new_folder
from data_contracts.scores import PUBLISHED_SCORES_SCHEMA, SCORED_HAND_OFFS_SCHEMA, WriteBackPlan

SCORES, CALLS, HAND_OFFS, DECLINED = "scores.parquet", "calls.parquet", "hand_offs.parquet", "declined.parquet"
_ABOUT = "about.json"
_Read = TypeVar("_Read")

ROWS_TOGETHER = 20_000
"""Scores lie by lead in groups of so many rows. Who asks for a few leads of a million reads their groups alone."""

WAIT_SECONDS = 30.0
"""A seller's word takes a moment, so a run waits for another that writes it instead of giving up."""


class ScoreFolder:
    """A folder a publication, numbered in order, and one file of what sellers declined.

    | file of a publication | holds |
    |---|---|
    | `about.json` | the moment, the release, the thresholds, the history |
    | `scores.parquet` | the scores that changed, by lead; it goes once it is older than `keep_days` |
    | `calls.parquet` | the call list |
    | `hand_offs.parquet` | the new hand-offs, each with its score as it stood: these are kept for good |

    A publication appears whole or not at all.
    """

    def __init__(self, folder: Path, *, keep_days: int) -> None:
        self.folder = folder
        self.keep_days = keep_days

    def append(self, plan: WriteBackPlan, calls: CallList) -> None:
        """See `ScoreHistory`. Scores that are older than `keep_days` are let go, those at a hand-off never."""
        about = _about(plan, calls)
        with disk_errors(self.folder), held(self.folder, by="leadscore publish", wait_seconds=WAIT_SECONDS):
            self.folder.mkdir(parents=True, exist_ok=True)
            runs = self._runs()
            if all(run["digest"] != about["digest"] for run in runs):
                number = max((int(run["folder"].name.split("-")[0]) for run in runs), default=0) + 1
                self._write(self.folder / f"{number:06d}-{about['digest']}", plan, calls, about)
            self._let_go(runs, now=plan.scored.as_of)

    def decline(self, lead_id: str, *, at: dt.datetime, by: str, because: str) -> None:
        """See `ScoreHistory`."""
        path = self.folder / DECLINED
        with disk_errors(path), held(self.folder, by="leadscore decline", wait_seconds=WAIT_SECONDS):
            before = self.calls_before(at)
            handed_off, declined = (
                pc.max(moments.filter(pc.equal(table["lead_id"], lead_id))).as_py()
                for table, moments in (
                    (before.hand_offs, before.hand_offs["handed_off_at"]),
                    (before.declined, before.declined["at"]),
                )
            )
            if handed_off is None or (declined is not None and declined >= handed_off):
                what = "was declined already" if handed_off else "was never handed off"
                raise UnknownLeadError(f"lead {lead_id!r} {what}; `leadscore calls` lists whom sales has")
            word = {"lead_id": lead_id, "at": at, "by": by, "because": because}
            told = pa.concat_tables([self._declined(), pa.Table.from_pylist([word], schema=DECLINED_SCHEMA)])
            with kept_file(path, within=self.folder) as aside:
                pq.write_table(told, aside)

    def calls_before(self, as_of: dt.datetime) -> CallsBefore:
        """See `ScoreHistory`."""
        with disk_errors(self.folder):
            runs = [run for run in self._runs() if run["as_of"] <= as_of]
            earlier = [run["as_of"] for run in runs if run["as_of"] < as_of]
            if not runs:
                return NOTHING_BEFORE
            last = max(runs, key=lambda run: (run["as_of"], run["folder"].name))
            hand_offs = pa.concat_tables(
                _read(run["folder"] / HAND_OFFS, columns=HAND_OFFS_SCHEMA.names) for run in runs
            )
            return CallsBefore(
                last_run_at=max(earlier, default=None),
                hand_offs=hand_offs.cast(HAND_OFFS_SCHEMA).sort_by("handed_off_at"),
                declined=self._declined(),
                queue=_read(last["folder"] / CALLS).cast(CALL_LIST_SCHEMA),
            )

    def handed_off(self, as_of: dt.datetime) -> pa.Table:
        """See `ScoreHistory`."""
        with disk_errors(self.folder):
            found = [SCORED_HAND_OFFS_SCHEMA.empty_table()]
            for run in self._runs():
                if run["as_of"] <= as_of:
                    found.append(_read(run["folder"] / HAND_OFFS, columns=SCORED_HAND_OFFS_SCHEMA.names))
            return pa.concat_tables([table.cast(SCORED_HAND_OFFS_SCHEMA) for table in found]).sort_by("handed_off_at")

    def of_leads(
        self, lead_ids: Collection[str], *, columns: Sequence[str] = PUBLISHED_SCORES_SCHEMA.names
    ) -> pa.Table:
        """See `ScoreHistory`."""
        schema = pa.schema([PUBLISHED_SCORES_SCHEMA.field(name) for name in columns])
        asked = ds.field("lead_id").isin(pa.array(lead_ids, pa.string()))
        with disk_errors(self.folder):
            found = [schema.empty_table()]
            for run in self._runs():
                kept = run["folder"] / SCORES
                path = kept if kept.exists() else run["folder"] / HAND_OFFS
                found.append(_read(path, columns=schema.names, only=asked).cast(schema))
            return pa.concat_tables(found)

    def _runs(self) -> list[dict[str, Any]]:
        """What is said of each publication, in order, with its `folder`."""
        return [_read_about(path) for path in sorted(self.folder.glob(f"[0-9]*/{_ABOUT}"))]

    def _declined(self) -> pa.Table:
        path = self.folder / DECLINED
        return _read(path).cast(DECLINED_SCHEMA) if path.exists() else DECLINED_SCHEMA.empty_table()

    def _write(self, path: Path, plan: WriteBackPlan, calls: CallList, about: dict[str, str]) -> None:
        new = self._new_hand_offs(calls)
        changed = pc.unique(pa.chunked_array([*plan.changes["lead_id"].chunks, *new["lead_id"].chunks], pa.string()))
        with new_folder(path, within=self.folder) as version:
            scores = _published(plan, changed)
            pq.write_table(scores, version / SCORES, row_group_size=ROWS_TOGETHER)
            pq.write_table(calls.rows, version / CALLS)
            places = pc.index_in(new["lead_id"], value_set=scores["lead_id"].combine_chunks())
            for name in [name for name in scores.column_names if name not in new.column_names]:
                new = new.append_column(name, scores[name].take(places))
            pq.write_table(new, version / HAND_OFFS)
            (version / _ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")

    def _new_hand_offs(self, calls: CallList) -> pa.Table:
        """The rows of the leads that were handed off at its moment, and are not here yet."""
        now = pa.scalar(calls.as_of, pa.timestamp("us"))
        here = self.calls_before(calls.as_of).hand_offs
        known = here.filter(pc.equal(here["handed_off_at"], now))["lead_id"].combine_chunks()
        rows = calls.rows.filter(pc.equal(calls.rows["handed_off_at"], now))
        return rows.filter(pc.invert(pc.is_in(rows["lead_id"], value_set=known)))

    def _let_go(self, runs: list[dict[str, Any]], *, now: dt.datetime) -> None:
        for run in runs:
            if run["as_of"] < now - dt.timedelta(days=self.keep_days):
                (run["folder"] / SCORES).unlink(missing_ok=True)


def _about(plan: WriteBackPlan, calls: CallList) -> dict[str, str]:
    scored = plan.scored
    told = {
        "as_of": scored.as_of.isoformat(),
        "release_id": scored.release_id,
        "definitions_version": scored.definitions_version,
        "thresholds_id": scored.thresholds_id,
        "data_fingerprint": scored.data_fingerprint,
    }
    listed = calls.rows.cast(CALL_LIST_SCHEMA).combine_chunks()
    with pa.BufferOutputStream() as stream, pa.ipc.new_stream(stream, CALL_LIST_SCHEMA) as writer:
        writer.write_table(listed)
    digest = hashlib.sha256(json.dumps(told).encode() + stream.getvalue().to_pybytes()).hexdigest()[:16]
    return {**told, "digest": digest}


def _published(plan: WriteBackPlan, lead_ids: pa.Array) -> pa.Table:
    """The scores of `lead_ids` under `plan`, by lead, with the boundaries that they were made under."""
    scores = ds.dataset(plan.scored.path, format="parquet").to_table(filter=ds.field("lead_id").isin(lead_ids))
    scores = scores.sort_by("lead_id")
    teams, boundaries = (list(each) for each in zip(*plan.thresholds.boundaries.items(), strict=True))
    boundary = pa.array(boundaries, pa.float64()).take(
        pc.index_in(scores["team"].combine_chunks(), value_set=pa.array(teams))
    )
    for name, value in (
        ("thresholds_id", pa.repeat(plan.scored.thresholds_id, scores.num_rows)),
        ("data_fingerprint", pa.repeat(plan.scored.data_fingerprint, scores.num_rows)),
        ("boundary", boundary),
    ):
        scores = scores.append_column(name, value)
    return scores.select(PUBLISHED_SCORES_SCHEMA.names).cast(PUBLISHED_SCORES_SCHEMA)


def _read(path: Path, *, columns: list[str] | None = None, only: ds.Expression | None = None) -> pa.Table:
    return _told(path, lambda: pq.read_table(path, columns=columns, filters=only, partitioning=None))


def _read_about(path: Path) -> dict[str, Any]:
    def read() -> dict[str, Any]:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {"digest": told["digest"], "as_of": dt.datetime.fromisoformat(told["as_of"]), "folder": path.parent}

    return _told(path, read)


def _told(path: Path, read: Callable[[], _Read]) -> _Read:
    """What `read` reads from `path`. Raises `StoreError` where it is damaged."""
    try:
        return read()
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path} is damaged ({error}): it says what was published; put it back from a copy of the store"
        ) from error
