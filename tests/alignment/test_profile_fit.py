"""Fit at a moment is the fit that models read, under any profile that the declared attributes can answer."""

import pytest

from alignment.profile_fit import KNOWN_SHARE, fit_at, judgeable
from data_contracts.definitions import IdealCustomerProfile
from data_contracts.snapshots import FIT_SHARE, MISSES, Snapshots
from features.build import build_features
from features.snapshots import training_snapshots


@pytest.fixture
def history(make_history):
    entered = {"stage": "mql", "entered_at": "2026-02-01"}
    return make_history(
        {
            "accounts": [
                {"account_id": "both", "industry": "software", "employees": 10},
                {"account_id": "one", "industry": "mining"},
                {"account_id": "none"},
            ],
            "leads": [{"lead_id": name, "account_id": name} for name in ("both", "one", "none")],
            "stage_changes": [{"lead_id": name} | entered for name in ("both", "one", "none")],
        }
    )


def test_it_is_what_models_read(history, settings):
    definitions = settings.definitions
    snapshots = Snapshots(
        training_snapshots(history, definitions, transition=definitions.first_transition).table.filter(
            lambda rows: rows.day == 0
        )
    )
    theirs = build_features(history, snapshots, settings=settings).to_pandas().set_index("snapshot_id")[FIT_SHARE]
    ours = fit_at(history, snapshots, icp=definitions.icp, settings=settings).to_pyarrow().to_pandas()
    ours = ours.set_index("snapshot_id").sort_index()
    assert ours[FIT_SHARE].astype("float64").equals(theirs.sort_index().astype("float64"))
    told = snapshots.table.select("snapshot_id", "lead_id").to_pyarrow().to_pandas().set_index("snapshot_id")["lead_id"]
    by_lead = ours.set_index(told.reindex(ours.index))
    assert by_lead[KNOWN_SHARE].to_dict() == {"both": 1.0, "one": pytest.approx(2 / 3), "none": 0.0}
    assert {lead_id: list(names) for lead_id, names in by_lead[MISSES].items()} == {
        "both": ["size"], "one": ["industry"], "none": [],
    }  # fmt: skip


def test_a_criterion_that_does_not_suit_its_attribute_is_left_out_and_said(settings):
    icp = IdealCustomerProfile.model_validate(
        {
            "criteria": [
                {"name": "sector", "attribute": "industry", "one_of": ["software"]},
                {"name": "turnover", "attribute": "turnover", "at_least": 1},
                {"name": "size", "attribute": "employees", "one_of": ["many"]},
            ]
        }
    )
    kept, told = judgeable(icp, settings)
    assert [one.name for one in kept.criteria] == ["sector"]
    assert told == (
        "[definitions.icp]: 'turnover' asks for 'turnover', which is not declared in [crm.attributes]",
        "[definitions.icp]: 'size' has one_of, but 'employees' is a number; use at_least",
    )
