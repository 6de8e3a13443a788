"""A real Vendure shop as a process of its own: its packages are installed once, outside the tree."""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.cluster import free_port

HERE = Path(__file__).parent
NEEDED = ("package.json", "package-lock.json")


def programs_are_there():
    return shutil.which("node") and shutil.which("npm")


def installed():
    """The folder that holds `node_modules`: one that the environment names, or one of the user's cache.

    It is keyed by what is to be installed; whoever comes second waits for the first.
    """
    if given := os.environ.get("HANDPICKED_TEST_VENDURE"):
        return Path(given)
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in NEEDED)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handpicked" / f"vendure-{wanted}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / "complete").exists():
            install(cache)
            (cache / "complete").touch()
    return cache


def install(folder):
    for name in NEEDED:
        shutil.copy(HERE / name, folder / name)
    words = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"npm can't install Vendure: {done.stdout[-2_000:]} {done.stderr[-2_000:]}"


class Server:
    """One shop; `database` is a file that outlives the process, or nothing that does."""

    def __init__(self, packages, database=":memory:"):
        self.packages, self.database, self.port = packages, str(database), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory(prefix="handpicked-vendure-")  # it writes where it is started
        self.process = None

    def start(self):
        words = ["node", str(HERE / "server.js"), str(self.port), self.database]
        environment = {**os.environ, "NODE_PATH": str(self.packages / "node_modules")}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, cwd=self.folder.name, env=environment, stdout=pipe, text=True)
        said = self.process.stdout.readline()
        assert said.strip() == "ready", f"Vendure does not start: {said}"

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.end(signal.SIGTERM)
        self.folder.cleanup()

    def end(self, how):
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process.stdout.close()
            self.process = None
