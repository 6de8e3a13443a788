"""Shared fixtures: a store on SQLite and on a private PostgreSQL that the session starts itself."""

import os
import shutil
import socket
import subprocess
import uuid
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from campaigns.store.database import open_store


def missing(what):
    """A test's need that is not there: a failure in CI, a skip with its reason elsewhere."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _binaries():
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = packaged[-1] if packaged else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """Start a private cluster; PostgreSQL refuses to run as root, so root hands it to another user."""
    binaries = _binaries()
    if binaries is None:
        missing("PostgreSQL")
    folder = Path(f"/tmp/handpicked-pg-{uuid.uuid4().hex[:8]}")
    folder.mkdir(mode=0o777)
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    port = free_port()
    run = {
        "check": True,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": folder,
        "env": {**os.environ, "HOME": str(folder)},
    }
    subprocess.run(
        [*user, binaries / "initdb", "-D", folder / "data", "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync"],
        **run,
    )
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    subprocess.run(
        [*user, binaries / "pg_ctl", "-D", folder / "data", "-w", "-o", settings, "-l", folder / "log", "start"], **run
    )
    yield f"postgresql+psycopg://shop@127.0.0.1:{port}"
    subprocess.run([*user, binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"], **run)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The URL of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    server = request.getfixturevalue("postgres")
    name = f"shop_{uuid.uuid4().hex[:12]}"
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture
def store(database):
    """An empty store on each database."""
    with open_store(database) as opened:
        yield opened
