"""A private PostgreSQL cluster for tests; PostgreSQL refuses to run as root, so root hands it to another user."""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text


def free_port():
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def binaries():
    """Find where PostgreSQL's programs are; none if it is not installed."""
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = packaged[-1] if packaged else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Cluster:
    """A running server: makes databases, and can be killed and started again."""

    def __init__(self, programs, folder, user, port):
        self.programs, self.folder, self.user, self.port = programs, folder, user, port
        self.url = f"postgresql+psycopg://shop@127.0.0.1:{port}"

    def run(self, program, *words):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "HOME": str(self.folder)}
        words = [*self.user, self.programs / program, *words]
        subprocess.run(words, check=True, cwd=self.folder, env=environment, **quiet)

    def start(self):
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        data, log = self.folder / "data", self.folder / "log"
        self.run("pg_ctl", "-D", data, "-w", "-o", settings, "-l", log, "start")

    def stop(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def new_database(self):
        """Make an empty database; give its URL."""
        name = f"shop_{uuid.uuid4().hex[:12]}"
        engine = create_engine(f"{self.url}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return f"{self.url}/{name}"


@contextmanager
def cluster():
    """Start a server on a free port; gone, with its data, on leaving."""
    folder = Path(tempfile.gettempdir()) / f"handpicked-pg-{uuid.uuid4().hex[:8]}"  # a socket's path is short
    folder.mkdir(mode=0o777)
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    made = Cluster(binaries(), folder, user, free_port())
    try:
        made.run("initdb", "-D", folder / "data", "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync")
        made.start()
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
