"""One engine in memory for the tests of a module: a check clears away what it works with."""

from collections.abc import Iterator

import pytest

from engines.duckdb import DuckDbEngine
from tests.data_contracts.raw_rows import small_engine


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDbEngine]:
    opened = small_engine()
    yield opened
    opened.close()
