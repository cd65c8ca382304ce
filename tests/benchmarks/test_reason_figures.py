"""What the figures of reasons are made of."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from benchmarks import reasons
from benchmarks.models.tasks import Task
from benchmarks.reasons import RECIPES, Agreement, agreement_with_shap, mean_text, resampled_accounts, stability


def texts(*leads: list[str | None]) -> np.ndarray:
    return np.array(leads, dtype=object)


def test_reasons_agree_by_the_first_and_by_all_of_them() -> None:
    one = texts(["a", "b", "c"], ["a", "b", None], ["a", None, None], [None, None, None])
    other = texts(["a", "c", "x"], ["b", "a", "x"], ["x", "y", "z"], [None, None, None])
    found = Agreement.of(one, other)
    assert found.same_first.tolist() == [1, 0, 0, 1]
    assert found.overlap == pytest.approx([2 / 3, 1, 0, 1])


def test_accounts_are_drawn_whole_and_rows_keep_their_order() -> None:
    rows = pd.DataFrame({"group_id": list("abcab"), "row": range(5)})
    drawn = resampled_accounts(rows, np.random.default_rng(1))
    times = Counter(drawn["row"])
    assert times[0] == times[3]
    assert times[1] == times[4]
    assert times[0] + times[1] + times[2] == 3
    assert drawn["row"].is_monotonic_increasing


def test_an_interval_is_as_wide_as_accounts_make_it() -> None:
    same = np.repeat([1.0, 0.0], 50)
    assert mean_text(np.ones(100), np.arange(100)) == "1.000 [1.000, 1.000]"
    assert mean_text(same, np.arange(100)).startswith("0.500 [0.40")
    assert mean_text(same, np.repeat(["a", "b"], 50)) == "0.500 [0.000, 1.000]"


@pytest.mark.whole
def test_each_table_has_a_line_for_each_model(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    small = "4 leaves, 60 trees"
    monkeypatch.setattr(reasons, "TREES", {small: reasons.TREES[small]})
    monkeypatch.setattr(
        reasons, "RECIPES", {small: RECIPES[small], "logistic regression": RECIPES["logistic regression"]}
    )
    split, columns = task.judged(), task.table.columns
    _, beside = agreement_with_shap(split, columns)
    assert float(beside.removeprefix(small).split()[0]) > 0.7
    _, *kept = stability(split, columns, n_resamples=2)
    assert [line.split("  ")[0] for line in kept] == [small, "logistic regression"]
    assert all(0.3 < float(line[32:37]) <= 1 for line in kept)
