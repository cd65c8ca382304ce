"""A job title in free text, from the CRM's export to a score and its trace."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_contracts.check import open_checked
from data_contracts.configuration import Configuration
from data_contracts.settings import Settings, load_settings
from data_contracts.traces import as_text
from data_contracts.vocabulary import Transition
from models.pyfunc_model import input_columns, input_example
from pipelines.in_force import registry_of
from pipelines.ingest import ingest_history
from pipelines.score import load_release, score_open_leads, trace_lead_in
from pipelines.store import Store
from simulation import simulate
from tests.example_release import open_leads, release_of_pricing_views

ROOT = Path(__file__).parents[2]
TITLE = "Seniority || ', ' || JobRole || ' (desk ' || Id || ')' AS title,"
"""Of the simulated CRM's words. With the desk no two leads have one title."""

DECLARED = {"table": "leads", "type": "text", "availability": "at_creation", "meaning": "job title"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A small simulated CRM, checked, whose leads have a title."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config" / "sources" / "simulated", tmp_path / "sources" / "simulated")
    select = tmp_path / "sources" / "simulated" / "leads.sql"
    select.write_text(select.read_text(encoding="utf-8").replace("    Rating AS", f"    {TITLE}\n    Rating AS"))
    content = load_settings(ROOT / "config" / "scoring.toml").model_dump(mode="json")
    content["crm"] |= {"sources_folder": str(tmp_path / "sources"), "data_folder": str(tmp_path / "crm")}
    content["crm"]["attributes"]["title"] = DECLARED
    content["definitions"]["transitions"]["sql_to_win"]["horizon_days"] = 30
    content["store"]["folder"] = str(tmp_path / "store")
    made = Settings.model_validate(content)
    simulate(tmp_path / "crm", n_leads=400, seed=7)
    ingest_history(made)
    return made


def recorded(settings: Settings) -> str:
    """The version of a release that learnt from the open leads, in the store."""
    store = Store.of(settings)
    with store.open_history() as engine:
        features = open_leads(open_checked(engine).history, settings)
        release = release_of_pricing_views(features, Transition.MQL_TO_SQL)
        frame = features.to_pandas()
    own = release.manifest.model_copy(update={"configuration": Configuration.of(settings)})
    release = replace(release, manifest=own)
    return registry_of(store).record(release, samples=dict.fromkeys(release.transitions, frame)).version


@pytest.mark.whole
@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
def test_a_declared_text_is_checked_learnt_from_kept_scored_and_traced(settings: Settings) -> None:
    version = recorded(settings)
    release, _ = load_release(version, settings)
    assert input_columns(release.manifest)["attribute_title"] == "text"
    model = release.transitions[Transition.MQL_TO_SQL]
    assert np.isfinite(model.predict(input_example(release.manifest))).all()
    (reader,) = [
        reader
        for _, reader, column in model.estimators[0].named_steps["features"].transformers_
        if column == "attribute_title"
    ]
    assert {"desk", "manager"} <= set(reader.vocabulary_)
    scores = pd.read_parquet(score_open_leads(settings, release=version).path)
    assert not set(map(str.lower, scores["lead_id"])) & set(reader.vocabulary_), "a desk is one lead's own"
    lead_id = str(scores["lead_id"].iloc[0])
    assert f"(desk {lead_id})" in as_text(trace_lead_in(settings, lead_id, release=version))
