"""Noise that looks like life is hardly ever called signal."""

import numpy as np
import pytest

from benchmarks.noise import COLUMNS, WORLDS, clopper_pearson, noise_table, verdict_on

N_SEEDS = 20
MOST_ALARMS = 3
"""Where one noise in twenty is called signal, 20 histories raise 4 alarms or more once in sixty times."""


def test_the_exact_interval_is_the_published_one() -> None:
    """Newcombe (1998, Statistics in Medicine 17:857), table I: 15 of 148, and none of 20, by Clopper and Pearson."""
    assert clopper_pearson(15, 148) == pytest.approx((0.0578, 0.1617), abs=5e-5)
    assert clopper_pearson(0, 20) == pytest.approx((0.0, 0.1684), abs=5e-5)


@pytest.mark.parametrize("name", WORLDS)
def test_a_noisy_history_falls_with_age_and_its_features_know_nothing(name: str) -> None:
    frame = noise_table(WORLDS[name], seed=0).frame
    rates = frame.groupby("day")["converted"].mean()
    assert rates.loc[14] < 0.8 * rates.loc[0]
    numbers = [column.name for column in COLUMNS if column.group == "noise" and column.type == "number"]
    entry = frame[frame["day"] == 0]
    correlations = [np.corrcoef(entry[number], entry["converted"])[0, 1] for number in numbers]
    assert np.abs(correlations).max() < 4 / np.sqrt(len(entry))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_of_twenty_noisy_histories_at_most_three_are_called_signal() -> None:
    worlds = [WORLDS[name] for name in WORLDS]
    found = {seed: verdict_on(seed, world=worlds[seed % len(worlds)]) for seed in range(N_SEEDS)}
    assert list(found.values()).count("alarm") <= MOST_ALARMS, found
    assert list(found.values()).count("quiet") >= N_SEEDS // 2, "too few histories were judged"
