import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from data_contracts.vocabulary import OutcomeStatus, Transition
from models.chain_links import Chain, Link, way_to_a_win
from models.fit import Fitter
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


@pytest.mark.parametrize("recipe", [PLAIN, BLENDED.with_calibrator("sigmoid")], ids=["plain", "blend"])
def test_a_part_is_predicted_by_what_has_not_seen_its_accounts(tables, recipe):
    frame = tables[FIRST].frame
    part = {account: n % 4 for n, account in enumerate(frame["group_id"].unique())}
    asked = frame[frame["group_id"].map(part) == 2].tail(20)
    turned = frame.assign(converted=frame["converted"] ^ (frame["group_id"].map(part) == 2))
    found = Link.of(tables[FIRST], made_by(recipe, FIRST), seed=0).cross_predicted(asked, at=AT, part=part)
    other = Link.of(replace(tables[FIRST], frame=turned), made_by(recipe, FIRST), seed=0)
    again = other.cross_predicted(asked, at=AT, part=part)
    if recipe.calibrator == "none":
        np.testing.assert_array_equal(again, found)
    else:
        # The calibrator knows them by way of the models of the other parts, and it reorders nothing.
        assert np.argsort(again).tolist() == np.argsort(found).tolist()
    assert not np.allclose(other.predicted(asked, at=AT), found, atol=0.05)


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
    part = {account: n % 4 for n, account in enumerate(tables[FIRST].frame["group_id"].unique())}
    asked = link.rows.tail(20)
    old = Link.of(tables[FIRST], made_by(replace(BLENDED, young=False), FIRST), seed=0)
    ours, theirs = (one.cross_predicted(asked, at=AT, part=part) for one in (link, old))
    np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(link.predicted(asked, at=AT), old.predicted(asked, at=AT))


def test_a_base_rate_is_crossed_too(tables):
    link = Link.of(tables[SECOND], base_rate(SECOND), seed=0)
    part = {account: n % 4 for n, account in enumerate(tables[FIRST].frame["group_id"].unique())}
    asked = tables[FIRST].frame
    assert len(set(link.cross_predicted(asked, at=AT, part=part))) == 4
