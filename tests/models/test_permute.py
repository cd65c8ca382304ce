"""Shuffled features know nothing, and everything else is as it was."""

import pandas as pd
import pytest

from data_contracts.definitions import Definitions
from models.permute import permuted
from models.train import backtest_transition
from tests.models.conftest import COLUMNS, TableFactory

SHUFFLED = [column.name for column in COLUMNS if column.name != "days_in_stage"]


def test_features_move_together_within_a_day_and_nothing_else_moves(make_table: TableFactory):
    table = make_table(n_leads=200)
    other = permuted(table, seed=1)
    untouched = [name for name in table.frame.columns if name not in SHUFFLED]
    pd.testing.assert_frame_equal(other.frame[untouched], table.frame[untouched])
    for _, day in table.frame.groupby("day"):
        before, after = (frame.loc[day.index, SHUFFLED].apply(repr_of, axis=1) for frame in (table.frame, other.frame))
        assert sorted(before) == sorted(after)
    assert (other.frame["n_visits"] != table.frame["n_visits"]).mean() > 0.5


def repr_of(row: pd.Series) -> str:
    return repr(row.tolist())


def test_the_same_seed_shuffles_the_same_way(make_table: TableFactory):
    table = make_table(n_leads=200)
    first, again, other = (permuted(table, seed=seed).frame["n_visits"].tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.whole
def test_no_signal_is_left(make_table: TableFactory, definitions: Definitions):
    table = make_table(n_leads=1_200)
    (real,) = backtest_transition(table, definitions=definitions, n_folds=1).windows
    (chance,) = backtest_transition(permuted(table, seed=1), definitions=definitions, n_folds=1).windows
    assert real.has_gain
    assert real.has_ranking
    assert not chance.has_gain
    assert chance.model.auc.low < 0.5
