"""Replacing everything after a week by noise changes no list up to then."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from data_contracts.check import open_checked
from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.settings import Settings, StoreSettings, load_settings
from data_contracts.vocabulary import Stage
from pipelines.ingest import ingest_history
from pipelines.shadow import AskedWeeks, first_training, hand_offs_of
from pipelines.store import Store
from serving.shadow_lists import HandOffs
from serving.shadow_rule import old_rule
from simulation import simulate

ROOT = Path(__file__).parents[2]
WEEKS, NOISE_AFTER = 4, 3
TOLD = ["lead_id", "week", "as_of", "p_first", "ranking_value", "boundary"]


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Settings:
    folder = tmp_path_factory.mktemp("shadow")
    settings = load_settings(ROOT / "config" / "scoring.toml", data_folder=folder / "export")
    crm = settings.crm.model_copy(update={"sources_folder": ROOT / "config" / "sources"})
    settings = settings.model_copy(update={"crm": crm, "store": StoreSettings(folder=folder)})
    simulate(settings.crm.data_folder, n_leads=3_500, seed=5)
    ingest_history(settings)
    return settings


def lists(engine: Engine, history: CrmHistory, settings: Settings) -> list[HandOffs]:
    begins = history.extracted_at - dt.timedelta(weeks=WEEKS)
    asked = AskedWeeks(begins, WEEKS, train_every=2)
    first = first_training(engine, history, settings, asked)
    rule = old_rule(settings)
    return hand_offs_of(engine, history, settings, rule=rule, asked=asked, first=first)[1]


def with_noise_after(engine: Engine, history: CrmHistory, moment: dt.datetime) -> CrmHistory:
    """What happened or was recorded from `moment` on happens to others, at random: leads, activities, outcomes."""
    random, tables = np.random.default_rng(0), dict(history.tables)
    for name, times in (
        ("activities", ["occurred_at", "recorded_at"]),
        ("stage_changes", ["entered_at", "recorded_at"]),
        ("opportunities", ["closed_at"]),
        ("attribute_changes", ["changed_at"]),
    ):
        rows = tables[name].to_pyarrow().to_pandas()
        is_later = (rows[times].max(axis=1) >= pd.Timestamp(moment)).to_numpy()
        shuffled = {"activities": ["lead_id", "kind"], "stage_changes": ["lead_id"], "opportunities": ["amount"],
                    "attribute_changes": ["new_value"]}[name]  # fmt: skip
        for column in shuffled:
            rows.loc[is_later, column] = random.permutation(rows.loc[is_later, column].to_numpy())
        if name == "stage_changes":
            rows.loc[is_later, "stage"] = random.choice([str(stage) for stage in Stage], int(is_later.sum()))
        schema = tables[name].schema().to_pyarrow()
        tables[name] = engine.keep_for_now(f"noisy_{name}", pa.Table.from_pandas(rows, schema=schema))
    return replace(history, tables=tables)


@pytest.mark.whole
def test_noise_after_a_week_changes_no_list_up_to_then(work):
    with Store.of(work).open_history() as engine:
        history = open_checked(engine).history
        moment = history.extracted_at - dt.timedelta(weeks=WEEKS - NOISE_AFTER)
        before = lists(engine, history, work)
        after = lists(engine, with_noise_after(engine, history, moment), work)
    differing = False
    for one, other in zip(before, after, strict=True):
        for name in ("rule", "model"):
            told, noisy = (getattr(each, name)[TOLD] for each in (one, other))
            then, noisy_then = (each[each["week"] < NOISE_AFTER].reset_index(drop=True) for each in (told, noisy))
            assert (then["week"] >= 0).sum() > 20
            pd.testing.assert_frame_equal(then, noisy_then)
            differing |= not told.equals(noisy)
    assert differing, "the noise is seen in the week after"
