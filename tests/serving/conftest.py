"""What tests of serving share: Ibis 12 still calls methods that newer versions of DuckDB rename, and DuckDB warns."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let that warning pass in this folder only."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore:fetch_.* is deprecated:DeprecationWarning"))
