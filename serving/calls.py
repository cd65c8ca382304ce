"""The call list beside the scores: made from them, kept with them, and written into their actions."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import feather
from pydantic import TypeAdapter

from data_contracts.calls import CallList, CallsBefore, HandOffState, TeamCalls
from data_contracts.errors import PublishError
from data_contracts.history import CrmHistory
from data_contracts.settings import Settings
from features.since_hand_off import since_hand_off
from serving.candidates import COLUMNS, CallCandidates, call_candidates
from serving.queue import call_list

_ROWS, _TEAMS = "_calls.arrow", "_calls.json"
"""The files beside the scores. Whoever reads the folder as Parquet passes over them."""

_TEAM_CALLS = TypeAdapter(tuple[TeamCalls, ...])

DECIDED = ("action", "respond_by_at", "expected_at", "recheck_at")
"""The columns of the scores that the call list decides, for the leads that are on it."""


def add_call_list(
    folder: Path, history: CrmHistory, hand_offs: HandOffState, *, settings: Settings, as_of: dt.datetime
) -> None:
    """Make the call list of the scores in `folder`, keep it there, and write it into their actions."""
    thresholds, before = hand_offs.thresholds, hand_offs.before
    candidates = call_candidates(_batches(folder), before, policy=thresholds.policy, as_of=as_of)
    handed_off = _open_hand_offs(candidates, before)
    since = since_hand_off(history, handed_off, settings=settings, as_of=as_of)
    calls = call_list(candidates, before, since, thresholds=thresholds, as_of=as_of)
    for file in sorted(folder.glob("*.parquet")):
        _rewrite(file, calls.rows)
    feather.write_feather(calls.rows, folder / _ROWS, compression="uncompressed")
    (folder / _TEAMS).write_bytes(_TEAM_CALLS.dump_json(calls.teams, indent=2))


def open_call_list(path: Path, *, as_of: dt.datetime) -> CallList:
    """The call list beside the scores at `path`. Raises `PublishError` where there is none."""
    try:
        rows = feather.read_table(path / _ROWS, memory_map=False)
        return CallList(as_of, rows, _TEAM_CALLS.validate_json((path / _TEAMS).read_bytes()))
    except (OSError, pa.ArrowInvalid, ValueError) as error:
        raise PublishError(f"there is no call list at {path} ({error}); run `leadscore score` first") from error


def with_calls(scores: pa.RecordBatch | pa.Table, calls: pa.Table) -> pa.RecordBatch | pa.Table:
    """`scores` with what the call list decides of the leads that are on it."""
    places = pc.index_in(scores["lead_id"], value_set=calls["lead_id"].combine_chunks())
    is_listed = pc.is_valid(places)
    for name in DECIDED:
        position, field = scores.schema.get_field_index(name), scores.schema.field(name)
        decided = calls[name].combine_chunks().take(places).cast(field.type)
        scores = scores.set_column(position, field, pc.if_else(is_listed, decided, scores[name]))
    return scores


def _batches(folder: Path) -> Iterator[pa.RecordBatch]:
    for file in sorted(folder.glob("*.parquet")):
        yield from pq.ParquetFile(file).iter_batches(columns=COLUMNS)


def _open_hand_offs(candidates: CallCandidates, before: CallsBefore) -> pd.DataFrame:
    """`lead_id` and the last `handed_off_at` of the candidates that were handed off before."""
    last = before.hand_offs.to_pandas().drop_duplicates("lead_id", keep="last")
    found: pd.DataFrame = last.loc[last["lead_id"].isin(candidates.leads["lead_id"]), ["lead_id", "handed_off_at"]]
    return found


def _rewrite(file: Path, calls: pa.Table) -> None:
    """The scores in `file` with what the call list decides, batch by batch, in the place of those without."""
    aside = file.with_name(f"_{file.name}")
    source = pq.ParquetFile(file)
    with pq.ParquetWriter(aside, source.schema_arrow) as target:
        for batch in source.iter_batches():
            target.write_batch(with_calls(batch, calls))
    aside.replace(file)
    # Spark keeps a checksum beside each file and would take the new one for damaged.
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
