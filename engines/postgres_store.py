"""Histories as schemas of a PostgreSQL database: each run builds one, which takes its name when it is complete."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from data_contracts.errors import BusyError, ContractError, SettingsError, StoreError
from engines.postgres import PostgresEngine, connected, first_line

_OURS = "leadscore: a history that every check replaces"
"""The comment by which a schema is known as ours. No other schema is ever dropped."""

_WAIT_FOR_READERS = "10min"


@dataclass(frozen=True, slots=True)
class PostgresHistories:
    """The port `HistoryStore` over the schemas `<schema>` (accepted), `<schema>_refused` and `<schema>_building`.

    The names are switched in one transaction, which waits until nobody reads the history before. Views of others on a
    history are dropped with it.

    Attributes
    ----------
    url
        `postgresql://...`; with a password it comes from the environment.
    schema
        At most 40 of a-z, 0-9 and _.
    """

    url: str = field(repr=False)
    schema: str

    @property
    def _refused(self) -> str:
        return f"{self.schema}_refused"

    @property
    def _building(self) -> str:
        return f"{self.schema}_building"

    def is_there(self) -> bool:
        """Whether the schema of the accepted history is there."""
        with self._session() as session:
            return _is_there(session, self.schema)

    @contextmanager
    def new(self) -> Iterator[PostgresEngine]:
        """A schema aside, which takes the name of the accepted or the refused history."""
        with self._session() as session:
            if not _row(session, "SELECT pg_try_advisory_lock(hashtextextended(%s, 1))", self.schema)[0]:
                raise BusyError(f"another run is building a history in schema {self.schema}; wait until it has ended")
            for schema in (self.schema, self._refused, self._building):
                _refuse_strangers(session, schema)
            _drop(session, self._building)
            try:
                yield from self._built(session)
            finally:
                _drop(session, self._building)

    def _built(self, session: "psycopg.Connection[Any]") -> Iterator[PostgresEngine]:
        refusal = None
        engine = PostgresEngine.opened(self.url, schema=self._building)
        try:
            session.execute(f"COMMENT ON SCHEMA {self._building} IS '{_OURS}'")
            with engine.enough_of_everything():
                yield engine
        except ContractError as error:
            refusal = error
        finally:
            engine.close()
        self._take(session, self.schema if refusal is None else self._refused)
        if refusal is not None:
            raise refusal

    def _take(self, session: "psycopg.Connection[Any]", schema: str) -> None:
        """Give the schema that was built the name `schema`, once nobody reads what bears it."""
        try:
            with session.transaction():
                session.execute(f"SET LOCAL lock_timeout = '{_WAIT_FOR_READERS}'")
                session.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (schema,))
                session.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
                session.execute(f"ALTER SCHEMA {self._building} RENAME TO {schema}")
        except psycopg.errors.LockNotAvailable as error:
            raise BusyError(f"schema {schema} is being read for more than {_WAIT_FOR_READERS}; try again") from error

    @contextmanager
    def accepted(self) -> Iterator[PostgresEngine]:
        """The schema of the accepted history."""
        with self._read(self.schema) as engine:
            yield engine

    @contextmanager
    def last_judged(self) -> Iterator[PostgresEngine | None]:
        """The schema that was made later: schemas are numbered as they are made."""
        with self._session() as session:
            there = session.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname IN (%s, %s) ORDER BY oid DESC",
                (self.schema, self._refused),
            ).fetchall()
        if not there:
            yield None
            return
        with self._read(there[0][0]) as engine:
            yield engine

    @contextmanager
    def _read(self, schema: str) -> Iterator[PostgresEngine]:
        with self._session() as session:
            session.execute("SELECT pg_advisory_lock_shared(hashtextextended(%s, 2))", (schema,))
            engine = PostgresEngine.opened(self.url, schema=schema)
            try:
                with engine.enough_of_everything():
                    yield engine
            finally:
                engine.close()

    @contextmanager
    def _session(self) -> Iterator["psycopg.Connection[Any]"]:
        """A connection that holds locks: they go with it, however the process ends."""
        try:
            session = connected(self.url, self.schema)
        except psycopg.Error as error:
            raise StoreError(
                f"PostgreSQL does not answer ({type(error).__name__}); see LEADSCORE_POSTGRES_URL"
            ) from None
        try:
            with session:
                yield session
        except psycopg.OperationalError as error:
            reason = first_line(error)
            raise StoreError(f"PostgreSQL, schema {self.schema}: {reason}; run this again") from error


def _row(session: "psycopg.Connection[Any]", query: str, *values: str) -> tuple[Any, ...]:
    found = session.execute(query, values).fetchone()
    return found if found is not None else (None,)


def _is_there(session: "psycopg.Connection[Any]", schema: str) -> bool:
    return bool(_row(session, "SELECT count(*) FROM pg_namespace WHERE nspname = %s", schema)[0])


def _refuse_strangers(session: "psycopg.Connection[Any]", schema: str) -> None:
    """Raise `SettingsError` where `schema` holds something and was not made here."""
    told = _row(
        session,
        "SELECT obj_description(n.oid, 'pg_namespace'), (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid) "
        "+ (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid) "
        "FROM pg_namespace n WHERE nspname = %s",
        schema,
    )
    if told[0] != _OURS and len(told) > 1 and told[1]:
        raise SettingsError(
            f"schema {schema} holds {told[1]} table(s), views or functions of somebody else, and a check replaces a "
            "schema as a whole; name another one (postgres_schema in [engine])"
        )


def _drop(session: "psycopg.Connection[Any]", schema: str) -> None:
    session.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
