from pathlib import Path

import pandas as pd
import pytest

from benchmarks.models.bank import FILE, bank_split, bank_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = pd.DataFrame(
        {
            "age": range(30, 40),
            "job": "admin.",
            "duration": 100,
            "pdays": [999] * 9 + [3],
            "emp.var.rate": 1.1,
            "y": ["no"] * 7 + ["yes"] * 3,
        }
    )
    rows.to_csv(tmp_path / FILE, sep=";", index=False)
    return tmp_path


def test_the_last_fifth_is_judged_and_all_rows_before_are_learnt_from(folder: Path) -> None:
    split = bank_split(bank_table(folder))
    assert split.train["age"].tolist() == list(range(30, 38))
    assert split.test["age"].tolist() == [38, 39]


def test_what_is_known_after_the_call_is_no_feature(folder: Path) -> None:
    names = {column.name: column.type for column in bank_table(folder).columns}
    assert names == {"age": "number", "job": "category", "pdays": "number", "emp_var_rate": "number"}


def test_a_lead_never_contacted_before_has_no_days_since(folder: Path) -> None:
    pdays = bank_table(folder).frame["pdays"]
    assert pdays.isna().sum() == 9
    assert pdays.iloc[9] == 3


def test_every_row_is_a_lead_and_an_account_of_its_own_whose_outcome_is_known_before_the_next(folder: Path) -> None:
    frame = bank_table(folder).frame
    assert frame["group_id"].is_unique
    assert (frame["outcome_known_at"].iloc[:-1].to_numpy() < frame["as_of"].iloc[1:].to_numpy()).all()
    assert frame["converted"].sum() == 3
