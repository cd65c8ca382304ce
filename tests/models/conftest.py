"""Synthetic leads whose true probabilities are known, as a `LabelledTable`."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from data_contracts.definitions import Definitions, IdealCustomerProfile, TransitionDefinition
from data_contracts.sayings import Attribute
from data_contracts.snapshots import FeatureColumn, LabelledTable
from data_contracts.vocabulary import OutcomeStatus, Transition
from models.estimators import lightgbm_setting, logistic_setting
from models.fitted import FittedTransition
from models.train import train_transition

HORIZON_WEEKS = 4
N_WEEKS_OPEN = 8
FROM = dt.datetime(2024, 1, 1)
EXTRACTED_AT = dt.datetime(2026, 1, 1)
COLUMNS = (
    FeatureColumn("n_visits", "number", "behaviour", Attribute("visits", "visits"), "none recorded"),
    FeatureColumn("employees", "number", "attributes", Attribute("size of the company", "people"), "not known"),
    FeatureColumn("days_in_stage", "number", "funnel", Attribute("days in the stage", "days"), "never missing"),
    FeatureColumn("noise", "number", "behaviour", Attribute("nothing"), "never missing"),
    FeatureColumn("source", "category", "funnel", Attribute("where it came from"), "not recorded"),
)
TITLE = FeatureColumn("title", "text", "attributes", Attribute("job title"), "not known")
LOGISTIC = logistic_setting(-3)
TREES = lightgbm_setting(0, categories="one_hot")
NATIVE_TREES = lightgbm_setting(0, categories="native")
SOURCES = ("search", "event", "partner", "referral")


@dataclass(frozen=True)
class Truth:
    """How the synthetic leads come about. All outcomes follow from a weekly chance to convert and one to drop out.

    Attributes
    ----------
    strength
        How much the features matter; 0 is no signal.
    contacted_share
        Share of leads that sales calls; the more visits, the likelier. Who is not called neither converts nor drops.
    leads_per_account
        Each account has this many leads.
    """

    n_leads: int = 3_000
    strength: float = 1.0
    contacted_share: float = 1.0
    leads_per_account: int = 2
    drop_out: float = 0.15


def synthetic_table(
    truth: Truth = Truth(), *, seed: int = 0, transition: Transition = Transition.MQL_TO_SQL
) -> LabelledTable:
    """Leads that enter over two years, looked at as they enter and every week while open; `true_p` is their truth."""
    random = np.random.default_rng(seed)
    leads = _leads(truth, random)
    rows = []
    is_open = np.ones(len(leads), dtype=bool)
    conversion_week = _conversion_weeks(leads, random)
    for week in range(N_WEEKS_OPEN):
        is_open &= leads["last_week"].to_numpy() >= week
        rows.append(_snapshots(leads[is_open], conversion_week[is_open], week=week))
    frame = pd.concat(rows, ignore_index=True).sort_values(["as_of", "lead_id"], ignore_index=True)
    frame["snapshot_id"] = np.arange(len(frame))
    frame["transition"] = str(transition)
    return LabelledTable(
        transition=transition,
        horizon_days=7 * HORIZON_WEEKS,
        frame=frame,
        columns=COLUMNS,
        catalogue_digest="synthetic",
        counts={status: int((frame["outcome_status"] == status).sum()) for status in OutcomeStatus},
        extracted_at=EXTRACTED_AT,
    )


def _leads(truth: Truth, random: np.random.Generator) -> pd.DataFrame:
    n = truth.n_leads
    n_visits = random.poisson(2.0, n).astype(float)
    employees = np.exp(random.normal(4.0, 1.5, n))
    source = random.choice([*SOURCES, "rare"], n, p=[0.4, 0.3, 0.15, 0.149, 0.001])
    effect = 0.5 * (n_visits - 2) + 0.8 * (source == "referral") - 0.8 * (source == "event") + 0.3 * (employees > 55)
    weekly = expit(-2.3 + truth.strength * effect)
    stay = 1 - weekly - truth.drop_out * (1 - weekly)
    is_contacted = random.random(n) < np.clip(truth.contacted_share * (0.4 + 0.3 * n_visits), 0, 1)
    entered = FROM + pd.to_timedelta(random.uniform(0, 730, n), unit="D").floor("s")
    return pd.DataFrame(
        {
            "lead_id": [f"L{i:06d}" for i in range(n)],
            "account_id": [f"A{i // truth.leads_per_account:06d}" for i in range(n)],
            "entered": entered,
            "n_visits": n_visits,
            "employees": np.where(random.random(n) < 0.2, np.nan, employees),
            "noise": random.normal(size=n),
            "source": pd.Series(np.where(random.random(n) < 0.05, None, source), dtype="str"),
            "weekly": weekly,
            "true_p": weekly * (1 - stay**HORIZON_WEEKS) / (1 - stay),
            "is_contacted": is_contacted | (truth.contacted_share == 1),
            "icp_fit_share": np.where(random.random(n) < 0.1, np.nan, random.integers(0, 6, n) / 5),
            "drop_out": truth.drop_out,
        }
    )


def _conversion_weeks(leads: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    """The week (from 0) in which each lead converts, or infinity; sets how long it is open as `last_week`."""
    n_weeks = N_WEEKS_OPEN + HORIZON_WEEKS
    would_convert = random.random((len(leads), n_weeks)) < leads["weekly"].to_numpy()[:, None]
    would_drop = random.random((len(leads), n_weeks)) < leads["drop_out"].to_numpy()[:, None]
    contacted = leads["is_contacted"].to_numpy()
    first_conversion = np.where(would_convert.any(axis=1), would_convert.argmax(axis=1), np.inf)
    first_drop = np.where(would_drop.any(axis=1), would_drop.argmax(axis=1), np.inf)
    is_converted = contacted & (first_conversion <= first_drop)
    leads["last_week"] = np.where(contacted, np.minimum(first_conversion, first_drop), np.inf)
    return np.where(is_converted, first_conversion, np.inf)


def _snapshots(leads: pd.DataFrame, conversion_week: np.ndarray, *, week: int) -> pd.DataFrame:
    as_of = leads["entered"] + dt.timedelta(weeks=week)
    known_at = as_of + dt.timedelta(weeks=HORIZON_WEEKS)
    converted = conversion_week < week + HORIZON_WEEKS
    status = np.select(
        [known_at > EXTRACTED_AT, converted, leads["is_contacted"]],
        [OutcomeStatus.CENSORED, OutcomeStatus.CONVERTED, OutcomeStatus.NOT_CONVERTED],
        OutcomeStatus.NEVER_CONTACTED,
    )
    features = leads[["lead_id", "account_id", "n_visits", "employees", "noise", "source", "true_p", "icp_fit_share"]]
    snapshots = features.assign(
        group_id=leads["account_id"],
        day=7 * week,
        contacted_after_days=0.0,
        touched_after_days=np.nan,
        converted_after_days=np.where(converted, 7.0 * (conversion_week - week), np.nan),
        left_after_days=np.where(leads["last_week"] < conversion_week, 7.0 * (leads["last_week"] - week), np.nan),
        stage="mql",
        as_of=as_of,
        days_in_stage=7.0 * week,
        point_rule_points=10 * leads["n_visits"],
        outcome_status=[str(one) for one in status],
        converted=status == OutcomeStatus.CONVERTED,
        outcome_known_at=known_at,
        weight=1.0 / (week + 1),
    )
    return snapshots[snapshots["as_of"] < EXTRACTED_AT]


def titled(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` with a `TITLE` of three words, nearly each of its own; four of five that convert are heads of something.

    Where there are no visits there is no title.
    """
    random = np.random.default_rng(0)
    is_head = np.where(random.random(len(rows)) < 0.8, rows["converted"], ~rows["converted"])
    unit, desk = random.integers(0, 12, len(rows)), random.integers(0, 400, len(rows))
    titles = [f"{'Head' if head else 'Clerk'}, unit{a} desk{b}" for head, a, b in zip(is_head, unit, desk, strict=True)]
    return rows.assign(title=pd.Series(titles, index=rows.index, dtype="str").where(rows["n_visits"] > 0))


TableFactory = Callable[..., LabelledTable]


@pytest.fixture(scope="session")
def make_table() -> TableFactory:
    """`make_table(n_leads=…, strength=…, seed=…)`: synthetic leads with those changes to the `Truth`."""

    def make(*, seed: int = 0, transition: Transition = Transition.MQL_TO_SQL, **changes: float) -> LabelledTable:
        return synthetic_table(Truth(**changes), seed=seed, transition=transition)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def table(make_table: TableFactory) -> LabelledTable:
    """3,000 leads of 1,500 accounts with a clear signal, every one contacted."""
    return make_table()


@pytest.fixture(scope="session")
def fitted(table: LabelledTable, definitions: Definitions) -> FittedTransition:
    """The model of `table`."""
    return train_transition(table, definitions=definitions)


@pytest.fixture(scope="session")
def definitions() -> Definitions:
    """Both transitions."""
    return Definitions(
        version="1",
        effective_from=dt.date(2024, 1, 1),
        transitions={
            Transition.MQL_TO_SQL: TransitionDefinition(horizon_days=28),
            Transition.SQL_TO_WIN: TransitionDefinition(horizon_days=28),
        },
        icp=IdealCustomerProfile(fit_boundaries=(0.8, 0.6, 0.4)),
    )
