"""Every test here that takes `engine` runs on each engine that is installed."""

from collections.abc import Iterator

import pytest

from data_contracts.ports import Engine
from tests.some_engines import ENGINES, opened


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An empty engine for the tests of one module."""
    with opened(request.param, request, tmp_path_factory) as one:
        yield one
