"""The lead guarantee: how many hand-offs missed the profile agreed when they were made, and what was said of each."""

from typing import Any

import pandas as pd
import pyarrow as pa

from alignment.cohorts import JACKKNIFE_GROUP, Cell, beside_leads, cells_of
from alignment.intervals import in_columns, share_among
from alignment.judged import HAND_OFF, JudgedHandOffs
from alignment.milestones import Milestones
from data_contracts.metrics.guarantee import (
    DISPUTES_SCHEMA,
    GUARANTEE_SCHEMA,
    LEDGER_SCHEMA,
    CreditState,
    Guarantee,
    standing,
)
from data_contracts.metrics.periods import Period
from data_contracts.snapshots import TEAM
from data_contracts.today import CAMPAIGN, OWNER, PERSONA, SOURCE

_SEGMENTS = (SOURCE, CAMPAIGN, PERSONA, TEAM, OWNER)


def lead_guarantee(
    milestones: Milestones,
    judged: JudgedHandOffs,
    *,
    disputes: pa.Table | None = None,
    every: Period = Period.MONTH,
    by: str = "",
) -> Guarantee:
    """The ledger of credits and the off-ICP share of each period's hand-offs.

    What became of the lead does not matter, so unsettled leads count too.

    Parameters
    ----------
    milestones
        Its leads are those that count.
    judged
        Their hand-offs.
    disputes
        What was said of hand-offs, of `DISPUTES_SCHEMA`, in order; words after the extract are left out.
    every, by
        As in `cohort_funnel`.

    Raises
    ------
    KeyError
        Where the leads have no column `by`.
    """
    frame = beside_leads(judged.frame, milestones, columns=_SEGMENTS, by=by)
    said = (DISPUTES_SCHEMA.empty_table() if disputes is None else disputes).to_pandas()
    said = said[said["at"] <= milestones.as_of]
    frame = _with_states(frame, said)
    cells = cells_of(frame, frame["handed_off_at"], every=every, milestones=milestones)
    matched = said.merge(judged.frame[HAND_OFF], on=HAND_OFF)
    return Guarantee(
        ledger=_ledger(frame),
        rows=pa.Table.from_pylist([_counted(cell) for cell in cells], schema=GUARANTEE_SCHEMA),
        as_of=milestones.as_of,
        period=every,
        by=by,
        versions=judged.versions,
        not_judged_by=judged.not_judged_by,
        unmatched=len(said) - len(matched),
    )


def _with_states(frame: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """`frame` with how each hand-off stands, since when, and why."""
    last = said.drop_duplicates(HAND_OFF, keep="last")[[*HAND_OFF, "state", "at", "because"]]
    frame = frame.merge(last, on=HAND_OFF, how="left")
    told = (None if pd.isna(word) else CreditState(word) for word in frame["state"])
    stands = [standing(word, is_miss=miss) for word, miss in zip(told, frame["is_miss"], strict=True)]
    state = pd.Series(stands, index=frame.index, dtype=object)
    since = frame["at"].astype("datetime64[us]").mask(state == CreditState.CREDITED, frame["handed_off_at"])
    is_credit = state.isin([CreditState.CREDITED, CreditState.UPHELD])
    return frame.assign(state=state, since_at=since, credited_at=since.where(is_credit))


def _ledger(frame: pd.DataFrame) -> pa.Table:
    rows = frame[frame["state"].notna()].sort_values(["handed_off_at", "lead_id"], ascending=[False, True])
    rows = rows.astype(dict.fromkeys(_SEGMENTS, object))
    rows = rows.assign(missed=rows["missed"].map(list))
    return pa.Table.from_pandas(rows[LEDGER_SCHEMA.names], schema=LEDGER_SCHEMA, preserve_index=False)


def _counted(cell: Cell) -> dict[str, Any]:
    """A row of `GUARANTEE_SCHEMA`."""
    rows = cell.rows
    is_judged = rows["is_judged"].to_numpy()
    not_agreed = int((~rows["has_profile"]).sum())
    is_miss = rows["is_miss"].to_numpy()
    states = {state.value: int((rows["state"] == state).sum()) for state in CreditState}
    return {
        "cohort": cell.cohort,
        "group": cell.group,
        "hand_offs": len(rows),
        "judged": int(is_judged.sum()),
        "unknown": len(rows) - int(is_judged.sum()) - not_agreed,
        "not_agreed": not_agreed,
        "off_icp": int(is_miss.sum()),
        **in_columns("off_icp_share", share_among(is_miss[is_judged], rows[JACKKNIFE_GROUP].to_numpy()[is_judged])),
        **states,
        "credits": states[CreditState.CREDITED] + states[CreditState.UPHELD],
    }
