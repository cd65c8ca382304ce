"""One engine in memory for the tests of a module: a check clears away what it works with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ibis.backends.duckdb import Backend

from tests.data_contracts.raw_rows import small_engine

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ibis 12 fetches its results by a DuckDB method that DuckDB 1.5 deprecates."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:fetch_arrow_table.* is deprecated:DeprecationWarning"))


@pytest.fixture(scope="module")
def engine() -> Iterator[Backend]:
    opened = small_engine()
    yield opened
    opened.disconnect()
