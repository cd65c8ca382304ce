"""Wins before SQL are mended where later wins ask for it, on what would be published of mended transitions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from data_contracts.errors import TooFewOutcomesError
from data_contracts.vocabulary import OutcomeStatus, Transition
from models.chain import win_probabilities
from models.chain_links import way_to_a_win
from models.fit import Fitter
from models.fitted import FittedChain, FittedTransition
from models.recalibrate import LEAST_OUTCOMES, mend_in_use, recalibrated_chain, rows_since
from models.split import as_it_stood, learning_rows
from models.threads import in_one_thread
from tests.example_release import chain_summary, recalibration
from tests.models.conftest import COLUMNS
from tests.models.test_chain import raised
from tests.models.ways import PLAIN, both_tables, made_by

pytestmark = pytest.mark.whole

FIRST, SECOND = Transition.MQL_TO_SQL, Transition.SQL_TO_WIN
PRODUCT = FittedChain(chain_summary("none"), None)


@pytest.fixture(scope="module")
def tables(make_table):
    return both_tables(make_table(n_leads=2_400))


@pytest.fixture(scope="module")
def since(tables) -> pd.Timestamp:
    """The middle of the history."""
    return tables[FIRST].frame["as_of"].median()


@pytest.fixture(scope="module")
def transitions(tables, since) -> dict[Transition, FittedTransition]:
    """Both models as of `since`."""

    @in_one_thread
    def made(step: Transition) -> FittedTransition:
        known = as_it_stood(learning_rows(tables[step]), since)
        fitted = Fitter(COLUMNS, 0).make(PLAIN, known, at=None)
        return replace(made_by(PLAIN, step), columns=COLUMNS, estimators=fitted.estimators)

    return {step: made(step) for step in (FIRST, SECOND)}


def drifted(tables, transitions, *, since, chain=PRODUCT, level=0.0, slope=1.0):
    """The table of the first step, in which leads from `since` on are won as `level + slope * log-odds` of p_win."""
    table = tables[FIRST]
    frame, random = table.frame, np.random.default_rng(0)
    leads = rows_since(table, since).drop_duplicates("lead_id")
    published = win_probabilities(transitions, leads, chain=chain)["p_win"].to_numpy()
    is_won = pd.Series(random.random(len(leads)) < expit(level + slope * logit(published)), index=leads["lead_id"])
    won = frame["lead_id"].map(is_won)
    labelled = frame["won_status"].isin([OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED]) & won.notna()
    told = np.where(won.eq(True), str(OutcomeStatus.CONVERTED), str(OutcomeStatus.NOT_CONVERTED))
    return replace(table, frame=frame.assign(won_status=frame["won_status"].where(~labelled, told)))


def mend(chain, transitions, table, *, definitions, since):
    return recalibrated_chain(chain, transitions, table, definitions=definitions, since=since)


def test_wins_that_became_rarer_are_followed(tables, transitions, since, definitions):
    table = drifted(tables, transitions, since=since, level=-0.9)
    told = mend(PRODUCT, transitions, table, definitions=definitions, since=since).summary.recalibration
    assert (told.mend, told.slope) == ("level", 1.0)
    assert told.intercept == pytest.approx(-0.9, abs=0.3)
    assert told.intercept_before.high < 0
    assert told.gain.low > 0
    rows = rows_since(way_to_a_win(table, definitions), since)
    assert told.n_leads == rows["lead_id"].nunique()
    assert told.n_converted == rows.loc[rows["converted"], "lead_id"].nunique()
    assert (rows["won_known_at"] <= table.extracted_at).all(), "both horizons have passed"


def test_nothing_is_mended_where_wins_are_as_often_as_said(tables, transitions, since, definitions):
    table = drifted(tables, transitions, since=since)
    made = mend(PRODUCT, transitions, table, definitions=definitions, since=since)
    assert (made.summary.recalibration.mend, mend_in_use(made)) == ("none", None)
    assert made.is_product


def test_what_is_judged_is_what_is_published_of_mended_transitions_by_the_calibrator(
    tables, transitions, since, definitions
):
    """The first transition was mended, and wins come as the calibrator says of the product of what it says now."""
    chain = raised(0.7)
    summary = transitions[FIRST].summary.model_copy(update={"recalibration": recalibration("level", intercept=0.8)})
    mended = transitions | {FIRST: replace(transitions[FIRST], summary=summary)}
    table = drifted(tables, mended, since=since, chain=chain)
    told = mend(chain, mended, table, definitions=definitions, since=since).summary.recalibration
    assert told.mend == "none"
    for models, of in ((transitions, chain), (mended, PRODUCT)):
        other = mend(of, models, table, definitions=definitions, since=since).summary.recalibration
        assert other.intercept > 0.3, "neither the calibrator nor the mend may be forgotten"


def test_a_mended_win_stays_below_its_sql_and_is_judged_as_such(tables, transitions, since, definitions):
    """Twelve times the odds: more than every SQL would have to be won."""
    table = drifted(tables, transitions, since=since, level=2.5)
    made = mend(PRODUCT, transitions, table, definitions=definitions, since=since)
    found = win_probabilities(transitions, table.frame, chain=made)
    assert (found["p_win"] <= found["p_sql"]).all()
    assert (found["p_win"] == found["p_sql"]).any()
    assert made.summary.recalibration.intercept_after.low > 0.2, "the cap leaves too little, and the figures say so"


def test_a_mend_never_turns_the_ranking_round(tables, transitions, since, definitions):
    table = drifted(tables, transitions, since=since, level=-3.0, slope=-1.0)
    made = mend(PRODUCT, transitions, table, definitions=definitions, since=since)
    assert made.summary.recalibration.slope > 0


def test_a_second_mend_replaces_the_first(tables, transitions, since, definitions):
    table = drifted(tables, transitions, since=since, level=-0.9)
    once = mend(PRODUCT, transitions, table, definitions=definitions, since=since)
    assert mend(once, transitions, table, definitions=definitions, since=since).summary == once.summary


def test_too_few_wins_since_are_refused_with_both_numbers(tables, transitions, definitions):
    rows = learning_rows(way_to_a_win(tables[FIRST], definitions))
    late = rows["as_of"].max() - pd.Timedelta(days=3)
    why = f"^p_win before SQL: .* entering since the release's extract.*{LEAST_OUTCOMES} are needed"
    with pytest.raises(TooFewOutcomesError, match=why):
        mend(PRODUCT, transitions, tables[FIRST], definitions=definitions, since=late)
