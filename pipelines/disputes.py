"""What was said of hand-offs under the lead guarantee, kept in the store: what sales disputes, and what came of it.

One file, `guarantee/disputes.parquet`: words are added to it, and none is changed.
"""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alignment.judged import guaranteed_hand_offs, judged_hand_offs
from data_contracts.definitions import Definitions
from data_contracts.disk import disk_errors
from data_contracts.errors import SettingsError, StoreError, UnknownLeadError
from data_contracts.history import CrmHistory
from data_contracts.keeping import held, kept_file
from data_contracts.metrics.guarantee import DISPUTES_SCHEMA, MAY_FOLLOW, CreditState, HandOffWord, standing
from data_contracts.privacy import masked
from data_contracts.settings import Settings
from pipelines.definitions import definitions_kept
from pipelines.store import Store

FILE = "disputes.parquet"

WAIT_SECONDS = 30.0
"""A word takes a moment, so a run waits for another that writes it instead of giving up."""


def disputes_kept(folder: Path) -> pa.Table:
    """All that was said, of `DISPUTES_SCHEMA`, in order; no rows where nothing was. Raises `StoreError` if damaged."""
    path = folder / FILE
    with disk_errors(path):
        if not path.exists():
            return DISPUTES_SCHEMA.empty_table()
        try:
            return pq.read_table(path, partitioning=None).cast(DISPUTES_SCHEMA)
        except (pa.ArrowException, ValueError) as error:
            raise StoreError(
                f"{path} is damaged ({error}): it says what was disputed; put it back from a copy of the store"
            ) from error


def agreed_versions(settings: Settings) -> Sequence[Definitions]:
    """Every version that the store keeps, in order; before the first is kept, that of the settings file."""
    return definitions_kept(settings.store.folder) or (settings.definitions,)


def say_of_hand_off(
    settings: Settings, lead_id: str, state: CreditState, *, because: str, at: dt.datetime, by: str
) -> HandOffWord:
    """Keep that the lead's last hand-off is in `state` from now on, and give what was kept.

    Raises
    ------
    SettingsError
        Where no reason is given.
    UnknownLeadError
        Where the checked history has no such lead, nobody handed it off, or its hand-off does not stand so that this
        can be said of it: disputed already, credited without a dispute, or nothing to take back.
    StoreError
        Where the file is damaged or cannot be written.
    """
    if not because.strip():
        raise SettingsError("say why with --because: the ledger keeps it")
    store = Store.of(settings)
    with store.checked_history() as checked:
        hand_off = _last_hand_off(checked.history, settings, lead_id)
    fit = hand_off["fit_share"]
    word = HandOffWord(
        lead_id=lead_id,
        handed_off_at=hand_off["handed_off_at"].to_pydatetime(),
        state=state,
        at=at,
        by=by,
        because=masked(" ".join(because.split())),
        definitions_version=hand_off["definitions_version"],
        fit_share=None if pd.isna(fit) else float(fit),
        missed=tuple(hand_off["missed"]),
    )
    keep_word(store.disputes, word, is_miss=bool(hand_off["is_miss"]))
    return word


def keep_word(folder: Path, word: HandOffWord, *, is_miss: bool) -> None:
    """Add `word` to what is kept in `folder`, where it may follow what was said before.

    `is_miss` says whether the hand-off misses the profile. Raises as `say_of_hand_off`.
    """
    said = {name: value for name, value in word.model_dump().items() if name in DISPUTES_SCHEMA.names}
    with disk_errors(folder / FILE), held(folder, by="leadscore dispute", wait_seconds=WAIT_SECONDS):
        folder.mkdir(parents=True, exist_ok=True)
        kept = disputes_kept(folder)
        _refuse_unfit(word, before=standing(_last_said(kept, word), is_miss=is_miss))
        with kept_file(folder / FILE, within=folder) as aside:
            pq.write_table(pa.concat_tables([kept, pa.Table.from_pylist([said], schema=DISPUTES_SCHEMA)]), aside)


def _last_hand_off(history: CrmHistory, settings: Settings, lead_id: str) -> pd.Series:
    """The lead's last hand-off, held against what was agreed then."""
    if not history.leads.filter(history.leads.lead_id == lead_id).count().to_pyarrow().as_py():
        raise UnknownLeadError(f"there is no lead {lead_id!r} in the checked history; give its id in the CRM")
    hand_offs = guaranteed_hand_offs(history, settings)
    own = judged_hand_offs(
        hand_offs.filter(hand_offs.lead_id == lead_id), history, versions=agreed_versions(settings), settings=settings
    ).frame
    if own.empty:
        raise UnknownLeadError(f"lead {lead_id!r} was never handed off: it did not enter MQL, so nothing was promised")
    return own.iloc[-1]


def _last_said(kept: pa.Table, word: HandOffWord) -> CreditState | None:
    of_hand_off = [
        row["state"]
        for row in kept.select(["lead_id", "handed_off_at", "state"]).to_pylist()
        if (row["lead_id"], row["handed_off_at"]) == (word.lead_id, word.handed_off_at)
    ]
    return CreditState(of_hand_off[-1]) if of_hand_off else None


def _refuse_unfit(word: HandOffWord, *, before: CreditState | None) -> None:
    if before in MAY_FOLLOW[word.state]:
        return
    stands = f"is {before.value} already" if before else "is not in the ledger"
    remedy = {
        CreditState.DISPUTED: "nothing more is needed",
        CreditState.UPHELD: "only what sales disputes is upheld",
        CreditState.WITHDRAWN: "there is nothing to take back",
    }[word.state]
    hand_off = f"the hand-off of lead {word.lead_id!r} at {word.handed_off_at:%Y-%m-%d %H:%M} (UTC)"
    raise UnknownLeadError(f"{hand_off} {stands}; {remedy}")
