"""The server as a process: it answers, and SIGTERM ends it well."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from campaigns.errors import BadSettings, MissingTool
from campaigns.init import init
from campaigns.project import Project
from campaigns.serve import listen, serve

ROOT = Path(__file__).parents[2]
CODE = "from campaigns.cli import main; main()"


@pytest.fixture
def shop(tmp_path):
    init(tmp_path)
    with Project.open(tmp_path) as project:
        yield project


def answered(url, process):
    """Ask until there is an answer."""
    for _ in range(150):
        assert process.poll() is None, process.stderr.read()
        try:
            return httpx.get(url, trust_env=False)
        except httpx.ConnectError:
            time.sleep(0.1)
    pytest.fail("no answer within 15 seconds")


def test_a_server_answers_until_it_is_told_to_stop(shop, free_port):
    port = str(free_port())
    words = [sys.executable, "-c", CODE, "--project", str(shop.folder), "serve", "--port", port]
    process = subprocess.Popen(words, cwd=ROOT, env={**os.environ}, stderr=subprocess.PIPE, text=True)
    try:
        assert answered(f"http://127.0.0.1:{port}/healthz", process).json() == {"status": "ok"}
        forged = httpx.post(f"http://127.0.0.1:{port}/unsubscribe/a-key-of-nobody", trust_env=False)
        assert forged.status_code == 404
        process.send_signal(signal.SIGTERM)
        told = process.communicate(timeout=15)[1]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert f"serving on http://127.0.0.1:{port}" in told
    assert "a-key-of-nobody" not in told
    assert "Traceback" not in told


def test_without_its_extra_the_server_tells_what_to_install(shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)  # as if it were not installed
    with pytest.raises(MissingTool, match=r"the web server is not installed; pip install 'handpicked\[web\]'"):
        serve(shop)


def test_a_port_that_is_taken_is_told_with_a_remedy(shop):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSettings, match=rf"127\.0\.0\.1:{port}: .*in use.*; name another place with --host"):
            serve(shop, "127.0.0.1", port)


def test_a_host_that_is_not_this_machines_is_refused():
    with pytest.raises(BadSettings, match="nobody can listen"):
        listen("192.0.2.1", 8000)
