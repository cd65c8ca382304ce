"""The true probability that an MQL becomes a customer is the share of those like it that do."""

import numpy as np
import pandas as pd
import pytest

from simulation import SimulationSummary, laws
from simulation.clock import DAY
from simulation.funnel import Story, tell
from simulation.people import draw_groups, draw_people
from simulation.wins import p_win_if_contacted, truth_of_wins


@pytest.fixture(scope="module")
def story() -> Story:
    groups = draw_groups(np.random.default_rng([3, 0]), 20_000)
    rng = np.random.default_rng([3, 1])
    return tell(rng, draw_people(rng, next(iter(groups.chunks(20_000)))))


def test_leads_that_sales_calls_are_won_as_often_as_their_truth_says(story):
    first, deals = story.first_pass, story.deals
    won_at = dict(zip(zip(deals.leads, deals.sql_at, strict=True), deals.won_at, strict=True))
    is_called = first.contacted_at <= first.mql_at + laws.HORIZON_SQL_DAYS * DAY
    is_won = np.array(
        [
            sql_at <= mql_at + laws.HORIZON_SQL_DAYS * DAY
            and won_at[lead, sql_at] <= sql_at + laws.HORIZON_WIN_DAYS * DAY
            for lead, mql_at, sql_at in zip(first.leads, first.mql_at, first.sql_at, strict=True)
        ]
    )
    true, n_called = p_win_if_contacted(story), is_called.sum()
    for part in (true < np.median(true), true >= np.median(true)):
        share, meant = is_won[is_called & part].mean(), true[is_called & part].mean()
        assert share == pytest.approx(meant, abs=3 * np.sqrt(meant * (1 - meant) / (n_called / 2)))


def test_the_truth_is_of_the_leads_that_are_written(simulated: SimulationSummary):
    written = pd.read_parquet(simulated.folder / "truth" / "truth.parquet")
    truth = truth_of_wins(n_leads=simulated.n_leads, seed=11).to_pandas()
    assert truth[["lead_id", "mql_at"]].equals(written[["lead_id", "mql_at"]])
    assert (truth["p_mql_to_win"] < written["p_mql_to_sql"] + 0.02).all()
    assert truth["p_mql_to_win"].between(0, 1).all()
