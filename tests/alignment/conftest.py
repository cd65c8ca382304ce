"""Small histories for the shared numbers: what a test or a worked example says, and the rest filled in."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from data_contracts.columns import TABLES
from data_contracts.history import CrmHistory
from data_contracts.ports import Engine
from data_contracts.settings import Settings
from tests.alignment.metric_pages import SETTINGS
from tests.alignment.mixed_history import mixed_tables
from tests.example_history import filled, history
from tests.some_engines import opened

Rows = Sequence[Mapping[str, Any]]
MakeHistory = Callable[..., CrmHistory]

EXTRACTED_AT = dt.datetime(2026, 12, 31)

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An empty engine for the tests of one module: DuckDB, where the module does not name others."""
    with opened(getattr(request, "param", "duckdb"), request, tmp_path_factory) as one:
        yield one


@pytest.fixture(scope="session")
def settings() -> Settings:
    """What the worked examples are computed under."""
    return Settings.model_validate(SETTINGS)


@pytest.fixture(scope="session")
def settings_with() -> Callable[..., Settings]:
    """The same with other values: `settings_with(definitions={...})` replaces keys of `[definitions]`."""

    def changed(**sections: Mapping[str, Any]) -> Settings:
        names = {*SETTINGS, *sections}
        return Settings.model_validate({name: SETTINGS.get(name, {}) | dict(sections.get(name, {})) for name in names})

    return changed


@pytest.fixture(scope="module")
def make_history(engine: Engine, settings: Settings) -> MakeHistory:
    """From rows by table to a history in the engine, extracted at the end of 2026 unless said otherwise."""

    def make(
        tables: Mapping[str, Rows], *, extracted_at: dt.datetime = EXTRACTED_AT, under: Settings = settings
    ) -> CrmHistory:
        rows = {name: [filled(name, nth, row) for nth, row in enumerate(tables.get(name, ()))] for name in TABLES}
        rows["unsettled"] = [dict(row) for row in tables.get("unsettled", ())]
        suffix = f"_{next(_NUMBERS)}"
        return history(rows, engine=engine, under=under, extracted_at=extracted_at, suffix=suffix)

    return make


@pytest.fixture(scope="module")
def mixed_history(make_history: MakeHistory) -> Callable[[int], CrmHistory]:
    """A history with something of everything, by seed: `tests.alignment.mixed_history`."""
    kept: dict[int, CrmHistory] = {}

    def made(seed: int) -> CrmHistory:
        if seed not in kept:
            kept[seed] = make_history(mixed_tables(seed))
        return kept[seed]

    return made
