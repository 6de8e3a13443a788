"""Open a store: SQLite (WAL) by default, PostgreSQL by URL; made and migrated on first use."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pydantic_core
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from campaigns.errors import MissingTool, StoreError
from campaigns.store.gate import GATE, GatedConnection

if TYPE_CHECKING:
    from alembic.config import Config

    from campaigns.store.bulk import BulkConnection

BUSY_SECONDS = 30
WRITES = "BEGIN IMMEDIATE"
"""A writer takes SQLite's lock at once: upgrading a reader's snapshot later fails without waiting."""
MIGRATIONS = Path(__file__).parent / "migrations"
TABLES_LOCK = 0x48414E44
"""PostgreSQL's advisory lock for making tables: a number that no other program on the database is likely to take."""


class Store:
    """An open store. `engine` is for statements, `bulk()` for a million rows; both see the same tables."""

    def __init__(self, url: str, engine: Engine) -> None:
        self.url = url
        self.engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: committed on leaving, rolled back on an error."""
        with self.keeping() as kept, kept.begin():
            yield kept

    @contextmanager
    def keeping(self, *, durable: bool = False) -> Iterator[Connection]:
        """One connection for several write transactions, each begun by `connection.begin()`.

        Args:
            durable: what is committed is on the disk, and outlives a power failure. SQLite is told so; PostgreSQL
                does it anyhow.
        """
        with self.engine.connect().execution_options(sqlite_begins=WRITES) as connection:
            if durable and self.engine.dialect.name == "sqlite":
                raw: Any = connection.connection.dbapi_connection
                raw.execute("PRAGMA synchronous=FULL")
                raw.execute("PRAGMA cache_size=-65536")
                raw.execute("PRAGMA wal_autocheckpoint=10000")
            yield connection

    @contextmanager
    def bulk(self) -> Iterator["BulkConnection"]:
        """One bulk transaction over Arrow: committed on leaving, rolled back on an error."""
        from campaigns.store.bulk import open_bulk  # noqa: PLC0415 - 90 MB that whoever sends mail does not need

        alone = GATE.alone() if self.engine.dialect.name == "sqlite" else nullcontext()
        with alone, open_bulk(make_url(self.url)) as bulk:
            yield bulk

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


@contextmanager
def reading(kept: Connection) -> Iterator[None]:
    """One read transaction on a connection that is kept for writing: no other writer waits for it."""
    with _beginning(kept, "BEGIN"):
        yield


@contextmanager
def one_statement(kept: Connection) -> Iterator[None]:
    """A transaction of one statement that writes, and of any that read.

    SQLite holds its lock while it works at that statement, and not while a thread waits for Python's lock between
    BEGIN, the statement and COMMIT, which can take longer than all three.
    """
    with _beginning(kept, None):
        yield


@contextmanager
def _beginning(kept: Connection, words: str | None) -> Iterator[None]:
    kept.execution_options(sqlite_begins=words)
    try:
        with kept.begin():
            yield
    finally:
        kept.execution_options(sqlite_begins=WRITES)


def open_store(url: str) -> Store:
    """Open the store at `url`, and bring its tables up to date.

    Raises:
        StoreError: the database does not answer, or is of a newer version than this Handpicked.
        MissingTool: the driver is not installed.
    """
    try:
        engine = create_engine(url, json_deserializer=from_json, **_options(url))
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            f"{_safe(url)} is no database URL", remedy="write sqlite:///file.db or postgresql+psycopg://user@host/name"
        ) from error
    except ModuleNotFoundError as error:
        raise MissingTool(
            "the PostgreSQL driver is not installed", remedy="pip install 'handpicked[postgres]'"
        ) from error
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    try:
        _migrate(engine)
    except StoreError:
        engine.dispose()
        raise
    except OperationalError as error:
        engine.dispose()
        raise StoreError(
            f"the database {_safe(url)} can't be used: {str(error.orig).strip()}",
            remedy="check that it runs, and the URL",
        ) from error
    return Store(url, engine)


def _options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_SECONDS, "factory": GatedConnection}, "poolclass": NullPool}
    return {"pool_pre_ping": True}


def from_json(text: str) -> Any:
    """Read JSON, twice as fast as Python's own does; what only that one reads (half a surrogate pair), it reads."""
    try:
        return pydantic_core.from_json(text, cache_strings="keys")
    except ValueError:
        return json.loads(text)


def _safe(url: str) -> str:
    """A URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "this"


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        words = connection.get_execution_options().get("sqlite_begins", "BEGIN")
        if words is not None:
            connection.exec_driver_sql(words)


def _migrate(engine: Engine) -> None:
    known = versions()
    current = _version(engine)
    if current == known[-1]:
        return
    if current is not None and current not in known:
        raise StoreError(
            f"the database is of version {current}, newer than this Handpicked knows",
            remedy="upgrade Handpicked: pip install -U handpicked",
        )
    from alembic import command  # noqa: PLC0415 - takes a fifth of a second, and nearly always there is nothing to do

    config = alembic_config()
    with making_tables(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def versions() -> list[str]:
    """The versions that the tables have had, the newest last: the names of the migrations begin with them."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _version(engine: Engine) -> str | None:
    """The version of a database's tables, as Alembic writes it down; none of one without tables."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


@contextmanager
def making_tables(engine: Engine) -> Iterator[Connection]:
    """A transaction in which one process at a time makes tables; the others wait, and find them made.

    SQLite has one writer anyhow. PostgreSQL lets two look for a table, and the second one that makes it fails.
    """
    with engine.connect().execution_options(sqlite_begins=WRITES) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(TABLES_LOCK)))
        yield connection


def alembic_config() -> "Config":
    """Where the migrations are; `attributes["connection"]` is to be set."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
