"""The agreed fit to the last bit; alike on each engine, so that a release scores alike on each."""

import datetime as dt

import pytest

from features.build import build_features
from tests.some_engines import ENGINES

pytestmark = pytest.mark.parametrize("engine", ENGINES, indirect=True, scope="module")


def test_the_share_of_the_weights_is_not_rounded(make_history, make_snapshots, settings):
    """Industry weighs 2, size and seniority 1 each; of the three that are known, 2 + 1 of 4 are met."""
    history = make_history(
        {
            "accounts": [{"account_id": "A", "industry": "software", "employees": 10}],
            "leads": [{"lead_id": "a", "account_id": "A"}],
        }
    )
    snapshots = make_snapshots([{"lead_id": "a", "as_of": dt.datetime(2026, 6, 1)}])
    table = build_features(history, snapshots, settings=settings).table
    assert table.icp_fit_share.to_pyarrow().to_pylist() == [2 / 3]
