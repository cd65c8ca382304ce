"""On a simulated CRM the true probabilities are known: the models find them, on leads that nobody called.

Those leads were never labelled, so none of them was learnt from; their true probability is the one they would have
had if sales had called. This is what the rules on maturity and contact are for: without either the level is wrong.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression

from data_contracts.check import open_checked
from data_contracts.settings import StoreSettings, load_settings
from data_contracts.vocabulary import ENTRY, OutcomeStatus, Transition
from features.build import build_training_table
from models.contact import contact_report, entries_of, standing_for_all, weighted_for_contact, with_chances
from models.estimators import logistic_setting
from models.fit import Fitter
from models.recipe import Recipe
from models.split import default_test_from, learning_rows
from models.train import train_transition
from pipelines.ingest import ingest_history
from pipelines.store import Store
from simulation import simulate
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEEDS = (21, 22, 23, 24)
N_LEADS = 14_000
RECIPE = Recipe((logistic_setting(-3),))
"""Of the outcome, where the choice does not matter."""


@pytest.fixture(scope="module")
def crms(tmp_path_factory):
    """By seed: the labelled table of MQL to SQL, and the truth about each lead's first MQL entry."""
    found = {}
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp(f"crm{seed}")
        settings = load_settings(ROOT / "config" / "scoring.toml", data_folder=folder / "export")
        crm = settings.crm.model_copy(update={"sources_folder": ROOT / "config" / "sources"})
        settings = settings.model_copy(update={"crm": crm, "store": StoreSettings(folder=folder)})
        simulate(crm.data_folder, n_leads=N_LEADS, seed=seed)
        ingest_history(settings)
        with Store.of(settings).open_history() as engine:
            table = build_training_table(
                engine, open_checked(engine).history, settings, transition=Transition.MQL_TO_SQL
            )
        found[seed] = table, pd.read_parquet(crm.data_folder / "truth" / "truth.parquet"), settings
    return found


@pytest.fixture(scope="module", autouse=True)
def few_search_rows():
    """Recipes are tried on a sample, which is quicker; the chosen one still learns from all leads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.select.SEARCH_ROWS", 4_000)
        yield


@pytest.fixture(scope="module")
def recovered(crms):
    """By seed: predicted and true probabilities of the leads that nobody called, at their first MQL entry."""
    return {seed: predicted_and_true(table, truth, settings) for seed, (table, truth, settings) in crms.items()}


def predicted_and_true(table, truth, settings, *, asked=None):
    """Predictions of a model trained on `table` for the never contacted of `asked` (else of `table`), and the truth."""
    fitted = train_transition(table, definitions=settings.definitions)
    frame = (asked or table).frame
    entries = frame[(frame["day"] == ENTRY) & (frame["outcome_status"] == OutcomeStatus.NEVER_CONTACTED)]
    first = entries.drop_duplicates("lead_id").merge(truth, on="lead_id", validate="one_to_one")
    first = first[(first["as_of"] - first["mql_at"]).dt.total_seconds().abs() < 3600]
    assert len(first) > 2_000
    return fitted.predict(first), first["p_mql_to_sql"].to_numpy()


def slope_of(predicted, true):
    """Calibration slope: of the true probability on the predicted log-odds, by fractional logistic regression."""
    x = np.tile(logit(predicted), 2)[:, None]
    y = np.repeat([1, 0], len(predicted))
    return LogisticRegression(C=np.inf).fit(x, y, sample_weight=np.concatenate([true, 1 - true])).coef_[0, 0]


def test_the_interval_of_the_calibration_slope_against_the_truth_contains_1(recovered):
    slopes = np.array([slope_of(*pair) for pair in recovered.values()])
    half = student.ppf(0.975, len(slopes) - 1) * slopes.std(ddof=1) / np.sqrt(len(slopes))
    print(f"slopes {slopes.round(3)}, mean {slopes.mean():.3f} +- {half:.3f}")
    assert slopes.mean() - half <= 1 <= slopes.mean() + half
    assert slopes.mean() == pytest.approx(1, abs=0.15), "an interval may contain 1 because it is wide"


def test_the_level_of_the_probabilities_is_that_of_the_truth(recovered):
    off = [predicted.mean() - true.mean() for predicted, true in recovered.values()]
    print(f"mean predicted less mean true {np.round(off, 3)}")
    assert np.mean(off) == pytest.approx(0, abs=0.025)


def test_predicted_probabilities_rank_as_the_true_ones_do(recovered):
    ranks = [pd.Series(predicted).corr(pd.Series(true), method="spearman") for predicted, true in recovered.values()]
    print(f"rank correlation with the truth {np.round(ranks, 3)}")
    assert min(ranks) > 0.6


@pytest.mark.parametrize("left_out", [OutcomeStatus.CENSORED, OutcomeStatus.NEVER_CONTACTED])
def test_without_the_rule_the_level_would_be_wrong(crms, left_out):
    """Counting the censored, or the never contacted, as negatives makes every probability too low."""
    table, truth, settings = crms[SEEDS[0]]
    frame = table.frame.copy()
    frame.loc[frame["outcome_status"] == left_out, ["outcome_status", "weight"]] = [OutcomeStatus.NOT_CONVERTED, 1.0]
    predicted, true = predicted_and_true(replace(table, frame=frame), truth, settings, asked=table)
    print(f"{left_out} as negatives: mean predicted less mean true {predicted.mean() - true.mean():.3f}")
    assert predicted.mean() < true.mean() - 0.05


def with_truth(entries, truth):
    """Those of `entries` that are a lead's first, with its true probability."""
    found = entries.merge(truth[["lead_id", "mql_at", "p_mql_to_sql"]], on="lead_id")
    return found[(found["as_of"] - found["mql_at"]).dt.total_seconds().abs() < 3600]


def test_the_true_rate_of_all_leads_is_within_the_bounds(crms):
    """Contacted or not: the bounds assume nothing; the narrow figure assumes what holds in the simulation."""
    off = []
    for table, truth, _ in crms.values():
        report = contact_report(table, RECIPE, test_from=default_test_from(learning_rows(table)), seed=0)
        later = with_truth(entries_of(table).frame, truth)
        true = later.loc[later["as_of"] >= report.test_from, "p_mql_to_sql"].mean()
        rate = report.rate
        print(f"bounds {rate.lowest.value:.3f} to {rate.highest.value:.3f}, narrow {rate.if_alike}, truth {true:.3f}")
        assert rate.lowest.value < true < rate.highest.value
        assert report.unlike_share < 0.05, "simulated sales may call anybody"
        off.append(rate.if_alike.value - true)
    assert np.mean(off) == pytest.approx(0, abs=0.03)


def test_weights_for_the_chance_of_contact_bring_nothing(crms):
    """They are off: a flexible model without them is as close to the truth of all leads."""
    gains = []
    for table, truth, _ in crms.values():
        entries = with_chances(entries_of(table), seed=0)
        rows, asked = standing_for_all(table, entries), with_truth(entries, truth)
        fitter = Fitter(table.columns, seed=0)
        plain, weighted = (
            np.sqrt(np.mean((fitter.predicted(RECIPE, train, asked, at=None) - asked["p_mql_to_sql"]) ** 2))
            for train in (rows, weighted_for_contact(rows))
        )
        print(f"root mean square error plain {plain:.4f}, weighted {weighted:.4f}")
        gains.append(plain - weighted)
    assert np.mean(gains) < 0.005
