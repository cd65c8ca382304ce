"""What several tests of the check begin with."""

import pytest

from engines.duckdb import DuckDbEngine
from tests.data_contracts.raw_rows import STRICT, check, many, raw, small_engine


@pytest.fixture
def checked_before() -> DuckDbEngine:
    """An engine in which three clean leads were checked."""
    engine = small_engine()
    check(raw(many(3), engine=engine), STRICT)
    return engine
