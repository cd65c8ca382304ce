"""UCI Bank Marketing (Moro, Cortez and Rita, 2014): telephone leads in the order of their calls, as a table."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

from data_contracts.sayings import Attribute
from data_contracts.snapshots import DAYS_IN_STAGE, TEXT, FeatureColumn, LabelledTable
from data_contracts.vocabulary import ENTRY, OutcomeStatus, Transition
from models.split import Split, split_at

FILE = "bank-additional-full.csv.gz"
TEST_SHARE = 0.2
"""The last rows, on which the figures of the literature that keep the order are made."""

KNOWN_AFTER = ("duration", "y")
"""What is known only once the call is over: the classic leak, and the outcome."""

NEVER_CONTACTED_BEFORE = 999
"""What `pdays` says of a lead that no earlier campaign had called."""

STARTS_AT = dt.datetime(2008, 5, 1)  # noqa: DTZ001 (all times are UTC without a zone)
MINUTES_APART = 32
"""The file has no dates. Rows are in their order, and equal steps of this length lead to its end in November 2010."""

OUTCOME_SECONDS = 1
"""A call's outcome is known when it ends, so before the next row."""


def bank_table(folder: Path) -> LabelledTable:
    """Every row of the file in `folder` as a lead and an account of its own, looked at once, just before its call."""
    raw = pd.read_csv(folder / FILE, sep=";")
    features = raw.drop(columns=list(KNOWN_AFTER))
    features = features.rename(columns={name: name.replace(".", "_") for name in features.columns})
    features["pdays"] = features["pdays"].where(features["pdays"] != NEVER_CONTACTED_BEFORE)
    columns = tuple(_column(name, features[name]) for name in features.columns)
    types = {column.name: "float64" if column.type == "number" else TEXT for column in columns}
    converted = (raw["y"] == "yes").to_numpy()
    return LabelledTable(
        transition=Transition.MQL_TO_WIN,
        horizon_days=0,
        frame=pd.concat([_leads(converted), features.astype(types)], axis=1),
        columns=columns,
        catalogue_digest="bank_marketing",
        counts={
            OutcomeStatus.CONVERTED: int(converted.sum()),
            OutcomeStatus.NOT_CONVERTED: int((~converted).sum()),
        },
        extracted_at=STARTS_AT + dt.timedelta(minutes=MINUTES_APART * len(raw)),
    )


def bank_split(table: LabelledTable) -> Split:
    """The last `TEST_SHARE` of the rows to judge on, those before to learn from."""
    n_test = int(TEST_SHARE * len(table.frame))
    test_from: pd.Timestamp = table.frame["as_of"].iloc[-n_test]
    return split_at(table.frame, test_from.to_pydatetime())


def _column(name: str, values: pd.Series) -> FeatureColumn:
    kind = "number" if pd.api.types.is_numeric_dtype(values) else "category"
    return FeatureColumn(name, kind, "attributes", Attribute(name.replace("_", " ")), "not known")


def _leads(converted: np.ndarray) -> pd.DataFrame:
    """The columns beside the features."""
    number = np.arange(len(converted))
    lead = pd.Series(number, dtype=np.int64).astype(TEXT)
    as_of = pd.Timestamp(STARTS_AT) + pd.to_timedelta(MINUTES_APART * number, unit="min")
    status = np.where(converted, OutcomeStatus.CONVERTED.value, OutcomeStatus.NOT_CONVERTED.value)
    return pd.DataFrame(
        {
            "snapshot_id": number,
            "lead_id": lead,
            "account_id": lead,
            "group_id": lead,
            "transition": Transition.MQL_TO_WIN.value,
            "day": ENTRY,
            DAYS_IN_STAGE: 0.0,
            "contacted_after_days": 0.0,
            "touched_after_days": float("nan"),
            "converted_after_days": np.where(converted, 0.0, np.nan),
            "left_after_days": float("nan"),
            "stage": "mql",
            "as_of": as_of,
            "outcome_status": status,
            "converted": converted,
            "outcome_known_at": as_of + pd.Timedelta(seconds=OUTCOME_SECONDS),
            "weight": 1.0,
        }
    )
