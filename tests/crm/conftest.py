import pytest

from engines.duckdb import DuckDbEngine


@pytest.fixture
def engine() -> DuckDbEngine:
    return DuckDbEngine.opened()
