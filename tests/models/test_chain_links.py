import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from data_contracts.vocabulary import OutcomeStatus, Transition
from models.chain_links import Chain, Link, way_to_a_win
from models.fit import Fitter
from models.recipe import Recipe
from models.split import learning_rows
from tests.example_release import base_rate
from tests.models.ways import BLENDED, PLAIN, both_made_by, both_tables, made_by

FIRST, SECOND = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN
AT = dt.datetime(2025, 6, 1)


@pytest.fixture(scope="module")
def tables(make_table):
    return both_tables(make_table(n_leads=1_200, seed=11))


@pytest.fixture(scope="module")
def chain(tables):
    return Chain.of(tables, both_made_by(PLAIN), seed=0)


def test_the_way_to_a_win_has_the_outcomes_of_the_whole_way(tables, definitions):
    way = way_to_a_win(tables[FIRST], definitions)
    frame = tables[FIRST].frame
    assert (way.transition, way.horizon_days) == (Transition.MQL_TO_WIN, 28 + 28)
    assert way.frame["outcome_known_at"].tolist() == frame["won_known_at"].tolist()
    assert way.frame["converted"].tolist() == (frame["won_status"] == "converted").tolist()
    assert way.counts[OutcomeStatus.CENSORED] == (frame["won_status"] == "censored").sum()
    assert 0 < way.frame["converted"].sum() < frame["converted"].sum(), "not every SQL is won"


def test_a_link_learns_what_was_known_at_the_moment_and_nothing_later(tables, chain):
    asked = tables[FIRST].frame.tail(50)
    link = chain.first
    known = link.rows[link.rows["outcome_known_at"] <= AT]
    fitter = Fitter(tables[FIRST].columns, 0)
    expected = fitter.predicted(PLAIN, known, asked, at=None)
    np.testing.assert_array_equal(link.predicted(asked, at=AT), expected)


def test_a_link_learns_nothing_of_accounts_that_it_must_not_see(tables):
    accounts = set(learning_rows(tables[FIRST])["group_id"].unique()[::2])
    link = Link.of(tables[FIRST], made_by(BLENDED, FIRST), seed=0)
    frame = tables[FIRST].frame
    turned = frame.assign(converted=frame["converted"] ^ frame["group_id"].isin(accounts))
    other = Link.of(replace(tables[FIRST], frame=turned), made_by(BLENDED, FIRST), seed=0)
    asked = frame.tail(20)
    found = link.predicted(asked, at=AT, unseen=accounts)
    np.testing.assert_array_equal(other.predicted(asked, at=AT, unseen=accounts), found)
    assert not np.array_equal(other.predicted(asked, at=AT), link.predicted(asked, at=AT))


def test_without_signal_the_link_is_the_base_rate_by_age_of_what_was_known(tables):
    link = Link.of(tables[SECOND], base_rate(SECOND), seed=0)
    asked = tables[FIRST].frame.tail(3)
    found = link.predicted(asked, at=AT)
    assert link.recipe is None
    assert len(set(found)) == 1, "SQLs are looked at on one day, so that there is one age"
    known = link.known(AT)
    assert found[0] == pytest.approx(known["converted"].mean(), abs=0.05)


def test_products_for_calibration_are_of_accounts_that_neither_model_saw(tables, chain, definitions):
    rows = learning_rows(way_to_a_win(tables[FIRST], definitions))
    seen = chain.cross_predicted(rows, at=AT)
    assert seen.index.equals(rows.index)
    assert seen[["p_sql", "p_win_given_sql"]].notna().all(axis=None)
    inside = chain.predicted(rows, at=AT)
    assert not np.allclose(seen["p_sql"], inside["p_sql"])
    assert np.corrcoef(seen["p_sql"], inside["p_sql"])[0, 1] > 0.95


def test_young_leads_are_left_out_of_the_products_for_calibration(tables):
    link = Link.of(tables[FIRST], made_by(BLENDED, FIRST), seed=0)
    assert link.recipe is not None
    assert link.recipe.young
    assert link.without_young().recipe == Recipe(BLENDED.settings, recent_share=0.5)
    assert Link.of(tables[SECOND], base_rate(SECOND), seed=0).without_young().recipe is None
