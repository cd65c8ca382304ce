"""The engine that the settings name. Drivers are imported only where they are asked for."""

import importlib.util
import os

from data_contracts.errors import SettingsError
from data_contracts.ports import Engine, HistoryStore
from data_contracts.settings import Settings
from engines.duckdb import DuckDbEngine
from engines.duckdb_store import DuckDbHistories

POSTGRES_URL = "LEADSCORE_POSTGRES_URL"
"""The environment variable with the database's address. It may hold a password, so it is no setting."""

_DRIVERS = {"postgres": "psycopg", "spark": "pyspark"}


def histories_of(settings: Settings) -> HistoryStore:
    """Where the histories of `settings` are kept.

    Raises `SettingsError` where the engine's driver is not installed, or where its address is not in the environment.
    """
    kind, folder = settings.engine.kind, settings.store.folder
    _require_driver(kind)
    if kind == "postgres":
        from engines.postgres_store import PostgresHistories

        return PostgresHistories(url=_postgres_url(), schema=settings.engine.postgres_schema)
    if kind == "spark":
        from engines.spark_store import SparkHistories

        return SparkHistories(folder / "history")
    return DuckDbHistories(folder, memory_limit=settings.engine.memory_limit)


def reader_of(settings: Settings) -> Engine | None:
    """The engine that carries out the source's SELECTs; None where that is the one that holds the history."""
    if settings.engine.kind == "duckdb" or settings.engine.selects == "engine":
        return None
    return DuckDbEngine.opened(memory_limit=settings.engine.memory_limit)


def _require_driver(kind: str) -> None:
    driver = _DRIVERS.get(kind)
    if driver is not None and importlib.util.find_spec(driver) is None:
        raise SettingsError(
            f"[engine] kind is {kind!r} and {driver} is not installed; install it: pip install 'leadscore[{kind}]'"
        )


def _postgres_url() -> str:
    url = os.environ.get(POSTGRES_URL, "")
    if not url:
        raise SettingsError(
            f"[engine] kind is 'postgres' and {POSTGRES_URL} is not set; set it to the database's address, like "
            "postgresql://leadscore@localhost/crm"
        )
    return url
