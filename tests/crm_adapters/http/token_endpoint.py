"""A token endpoint that gives a new refresh token each time, and processes that ask it."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx

from crm_adapters.http.oauth import Login

SECRET, FIRST = "cl1ent-s3cret", "refr3sh-0"


class Endpoint:
    """A token endpoint that gives a new refresh token each time; `grace`: it takes the one before, too."""

    def __init__(self):
        self.good, self.before, self.grace = FIRST, None, False
        self.asked, self.given, self.more = [], 0, {}
        self.lock, self.met, self.hold = threading.Lock(), threading.Event(), None

    def answer(self, form):
        """Status and data, as RFC 6749 says in 5.1 and 5.2."""
        with self.lock:
            self.asked.append(form)
            if (form.get("client_id"), form.get("client_secret")) != ("client", SECRET):
                return 401, {"error": "invalid_client", "error_description": f"not {form.get('client_secret')}"}
            if form["grant_type"] == "refresh_token":
                if form["refresh_token"] not in {self.good, self.before if self.grace else None}:
                    return 400, {"error": "invalid_grant", "error_description": "expired access/refresh token"}
                self.before = self.good
            self.given += 1
            told = {"access_token": f"acc3ss-{self.given}", "instance_url": "https://eu1.example.com", "issued_at": "7"}
            if form["grant_type"] == "refresh_token":
                self.good = told["refresh_token"] = f"refr3sh-{self.given}"
        self.met.set()
        if self.hold:
            self.hold.wait(20)
        return 200, told | self.more

    def transport(self):
        def handled(request):
            form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
            status, data = self.answer(form)
            return httpx.Response(status, json=data)

        return httpx.MockTransport(handled)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        status, data = self.server.endpoint.answer({name: values[0] for name, values in parse_qs(body).items()})
        content = json.dumps(data).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # whoever asked was killed

    def log_message(self, *_):
        pass


@contextmanager
def on_loopback(endpoint):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.endpoint = endpoint
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def login(url="https://login.example.com", refresh=FIRST, secret=SECRET):
    return Login("Shop", url, "/oauth/token", "client", secret, refresh)


CHILD = """
import os, signal, sys
from pathlib import Path
from crm_adapters.errors import AdapterError
from crm_adapters.http.oauth import Login, Tokens

url, path, stale, renames = sys.argv[1:]
if renames:  # "2": die when the answer is there and not yet kept; "2+": when it has just been kept
    met, last = [], renames.endswith("+")
    def hook(event, _):
        if len(met) == int(renames.rstrip("+")) and event == "open":
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "os.rename":
            met.append(event)
            if len(met) == int(renames.rstrip("+")) and not last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
tokens = Tokens(Login("Shop", url, "/oauth/token", "client", "cl1ent-s3cret", "refr3sh-0"), Path(path))
try:
    token = tokens.current()
    print(tokens.renewed(token).access if token.access == stale else token.access)
except AdapterError as error:
    print(error)
"""


def child(url, path, stale="", renames=""):
    command = [sys.executable, "-c", CHILD, url, str(path), stale, renames]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], env=os.environ | {"NO_PROXY": "*"}
    )


def told(process):
    output, _ = process.communicate(timeout=30)
    return output.strip()


def kept(path):
    return json.loads(path.read_text())
