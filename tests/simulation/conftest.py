from pathlib import Path

import pytest

from crm.sql_source import SqlSource
from data_contracts.history import RawHistory
from engines.duckdb import DuckDbEngine
from simulation import SimulationSummary, simulate

SOURCE = Path(__file__).parents[2] / "config" / "sources" / "simulated"


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulationSummary:
    """24,000 simulated leads in two chunks."""
    return simulate(tmp_path_factory.mktemp("simulated"), n_leads=24_000, seed=11)


@pytest.fixture(scope="session")
def raw(simulated: SimulationSummary) -> RawHistory:
    """The simulated CRM as the shipped source reads it."""
    return SqlSource("simulated", folder=SOURCE, data_folder=simulated.folder).read(DuckDbEngine.opened())
