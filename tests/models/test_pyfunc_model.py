import datetime as dt
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml

from data_contracts.errors import ReleaseError
from data_contracts.scores import CHANCES
from data_contracts.vocabulary import Transition
from models.artefacts import save_release
from models.chain import win_probabilities
from models.pyfunc_model import _load_pyfunc, input_columns, input_example
from models.registry import ReleaseRegistry
from tests.example_release import fitted, leads, release_of, two_step_release

mlflow_warns_on_import = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")

SAMPLES = {transition: leads(40) for transition in Transition}


def frame_of(n: int) -> pd.DataFrame:
    """Leads of both stages, as a notebook has them: with columns that no release reads."""
    return leads(n, seed=3).assign(stage=["mql", "sql"] * (n // 2), lead_id=[f"L{i}" for i in range(n)])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The address of a store with one release in it, which is the candidate and in production."""
    address = f"sqlite:///{tmp_path_factory.mktemp('pyfunc') / 'mlflow.db'}"
    registry = ReleaseRegistry(address)
    registry.record(two_step_release(), samples=SAMPLES)
    registry.promote("1", because="it is the first", at=dt.datetime(2026, 5, 2), by="analyst", force=True)
    return address


def loaded_by_mlflow(store, alias):
    """What MLflow's own call gives for the release under `alias`."""
    import mlflow

    mlflow.set_tracking_uri(store)
    try:
        return mlflow.pyfunc.load_model(f"models:/lead-scoring@{alias}")
    finally:
        mlflow.set_tracking_uri(None)


@pytest.mark.whole
@mlflow_warns_on_import
@pytest.mark.parametrize("alias", ["production", "candidate"])
def test_mlflow_loads_a_release_by_its_own_call_and_predicts_as_we_do(store, alias):
    model = loaded_by_mlflow(store, alias)
    frame = frame_of(10)
    found, release = model.predict(frame), two_step_release()
    pd.testing.assert_frame_equal(found, win_probabilities(release.transitions, frame))
    assert (found.loc[1::2, "p_sql"] == 1.0).all(), "an SQL has its SQL behind it"


@pytest.mark.whole
@mlflow_warns_on_import
def test_mlflow_knows_the_columns_what_a_frame_lacks_and_a_made_up_example(store):
    model = loaded_by_mlflow(store, "candidate")
    assert [(column.name, column.type.name) for column in model.metadata.signature.inputs] == [
        ("stage", "string"),
        ("visits", "double"),
        ("days_since_visit", "double"),
        ("industry", "string"),
    ]
    assert tuple(model.metadata.signature.outputs.input_names()) == CHANCES
    assert model.metadata.metadata == {"release_id": "2026-05-01-abc123", "definitions_version": "2026.1"}
    assert set(model.input_example["industry"]) == {"made up"}
    assert np.isfinite(model.predict(model.input_example)["p_win"]).all()
    with pytest.raises(Exception, match=r"missing inputs \['visits'\]"):
        model.predict(frame_of(2).drop(columns="visits"))


@pytest.mark.whole
def test_mlflow_is_told_our_loader_and_no_other(store):
    (file,) = Path(store.removeprefix("sqlite:///")).parent.rglob("MLmodel")
    told = yaml.safe_load(file.read_text(encoding="utf-8"))["flavors"]
    assert list(told) == ["python_function"]
    assert told["python_function"]["loader_module"] == "models.pyfunc_model"


def test_a_folder_that_holds_an_untrusted_type_is_refused_by_the_loader_too(tmp_path):
    save_release(two_step_release(), tmp_path)
    planted = skops.io.dumps({"estimators": [sys.exit], "calibrator": None})
    (tmp_path / "mql_to_sql.skops").write_bytes(planted)
    with pytest.raises(ReleaseError, match=r"mql_to_sql\.skops holds 1 type\(s\) that are not trusted \(sys\.exit\)"):
        _load_pyfunc(str(tmp_path))


def test_where_one_transition_leads_to_a_win_no_stage_is_asked_for(tmp_path):
    release = release_of({Transition.MQL_TO_WIN: fitted(Transition.MQL_TO_WIN)})
    save_release(release, tmp_path)
    assert list(input_columns(release.manifest)) == ["visits", "days_since_visit", "industry"]
    found = _load_pyfunc(str(tmp_path)).predict(leads(4))
    assert found["p_sql"].isna().all()
    assert found["p_win"].between(0, 1).all()


def test_the_input_example_is_made_up_of_the_columns_and_can_be_written_as_json():
    example = input_example(two_step_release().manifest)
    assert json.loads(example.to_json(orient="split", index=False)) == {
        "columns": ["stage", "visits", "days_since_visit", "industry"],
        "data": [["mql", 1.0, 1.0, "made up"], ["sql", 2.0, 2.0, "made up"]],
    }
