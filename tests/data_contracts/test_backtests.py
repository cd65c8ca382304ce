"""A backtest as kept and as shown."""

from data_contracts.backtests import Backtest, group_rows
from data_contracts.vocabulary import Transition
from tests.example_release import backtest, evaluation


def test_a_row_says_what_came_and_what_was_gained():
    (row,) = group_rows(backtest().off)
    assert (row["with"], row["too high by"]) == ("referral", "0.100 [0.040, 0.160]")
    assert row["gain"] == "-0.030 [-0.040, -0.020]"


def test_months_stand_apart():
    assert [group.value for group in backtest().months] == ["2026-06"]


def test_it_is_kept_as_json_and_read_back():
    told = backtest(evaluation(Transition.MQL_TO_SQL, model="lightgbm"))
    assert Backtest.model_validate_json(told.model_dump_json()) == told
