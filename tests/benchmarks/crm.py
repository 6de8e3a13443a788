"""How fast customers come in from a system that is called, beside paging through it with httpx and keeping nothing.

    python -m tests.benchmarks.crm           # 100,000 customers

A hundred at a time, from a real Vendure, and from a process that answers as Vendure does, at once; ours are
translated, checked and stored.
"""

import json
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from campaigns.init import init
from campaigns.project import Project
from campaigns.sync import pull
from crm_adapters.vendure.lists import CUSTOMER
from tests.benchmarks.vendure_shop import shop_of
from tests.cluster import free_port
from tests.crm_adapters.vendure.running import programs_are_there
from tests.crm_adapters.vendure.shop import LOGIN, OWNER

CUSTOMERS, TAKEN = 100_000, 100
ROUNDS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)
QUERY = (
    f"query ($options: CustomerListOptions) {{ customers(options: $options) {{ totalItems items {{ {CUSTOMER} }} }} }}"
)
CONNECTION = """
[connections.shop]
adapter = "vendure"
url = "{url}"
user = "superadmin"
password = "superadmin"
"""


def customer(number):
    """One customer, as Vendure gives it; each changed a minute after the one before."""
    changed = (START + timedelta(minutes=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    street = {"streetLine1": f"{number} High Street", "city": "Leeds", "province": "", "postalCode": "LS1 1AA"}
    return {
        "id": str(number),
        "createdAt": changed,
        "updatedAt": changed,
        "firstName": f"Ada {number}",
        "lastName": "Lovelace",
        "emailAddress": f"customer{number}@example.com",
        "phoneNumber": "+441134960000",
        "addresses": [{**street, "country": {"code": "GB"}, "defaultBillingAddress": True}],
    }


class Shop(BaseHTTPRequestHandler):
    """Answers what the adapter asks: a login, and lists of what changed after a moment."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    changed, written = [], []

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self._data(asked["query"], asked["variables"]))

    def _data(self, query, variables):
        if "login" in query:
            return b'{"login":{"__typename":"CurrentUser"}}'
        if " customers(" not in query:
            name = "products" if " products(" in query else "orders"
            return b'{"%b":{"totalItems":0,"items":[]}}' % name.encode()
        options = variables["options"]
        after = options["filter"].get("updatedAt", {}).get("after", "")
        first = bisect_right(self.changed, after)
        start = first + options.get("skip", 0)
        items = b",".join(self.written[start : start + options["take"]])
        return b'{"customers":{"totalItems":%d,"items":[%b]}}' % (len(self.written) - first, items)

    def _answer(self, data):
        body = b'{"data":%b}' % data
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("vendure-auth-token", "token")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


def serve(port, count):
    """Answer until killed."""
    made = [customer(number) for number in range(count)]
    Shop.changed = [each["updatedAt"] for each in made]
    Shop.written = [json.dumps(each).encode() for each in made]
    ThreadingHTTPServer(("127.0.0.1", port), Shop).serve_forever()


def paging_alone(url):
    """Seconds to page through all customers, keeping nothing; and how many they are."""
    start, found, only = time.perf_counter(), 0, {}
    with httpx.Client(timeout=60) as client:
        told = client.post(f"{url}/admin-api", json={"query": LOGIN, "variables": OWNER})
        client.headers["Authorization"] = f"Bearer {told.headers['vendure-auth-token']}"
        while True:
            options = {"take": TAKEN, "filter": only, "sort": {"updatedAt": "ASC"}}
            body = {"query": QUERY, "variables": {"options": options}}
            told = client.post(f"{url}/admin-api", json=body).json()["data"]["customers"]
            found += len(told["items"])
            if told["totalItems"] <= len(told["items"]):
                return time.perf_counter() - start, found
            only = {"updatedAt": {"after": told["items"][-1]["updatedAt"]}}


def ours(url):
    """Seconds of a pull into a new store; and how many customers it kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "shop"
        init(folder)
        settings = folder / "handpicked.toml"
        text = settings.read_text(encoding="utf-8").partition("[connections.shop]")[0]
        settings.write_text(text + CONNECTION.format(url=url), encoding="utf-8")
        with Project.open(folder) as project:
            _ = project.store
            start = time.perf_counter()
            pulled = pull(project, "shop")
            return time.perf_counter() - start, sum(each.records for each in pulled)


def sentences(count=CUSTOMERS):
    """Measure; yield one sentence at a time."""
    yield of_answers_at_once(count)
    if programs_are_there():
        with shop_of(count) as url:
            yield told("a real Vendure", count, paging_alone(url), ours(url))


def of_answers_at_once(count):
    """Beside a server that takes no time."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.crm", "serve", str(port), str(count)])
    url = f"http://127.0.0.1:{port}"
    try:
        _until_it_answers(url)
        rounds = [(paging_alone(url), ours(url)) for _ in range(ROUNDS)]
    finally:
        server.terminate()
        server.wait()
    alone, mine = sorted(rounds, key=lambda both: both[0][0] / both[1][0])[ROUNDS // 2]
    return told("a server that answers at once", count, alone, mine)


def told(whom, count, alone, mine):
    """The ratio of two pulls, in words."""
    assert alone[1] == mine[1] == count
    return (
        f"a pull of {count:,} customers from {whom}, {TAKEN} a page, into the store is {alone[0] / mine[0]:.2f} of "
        f"paging with httpx alone ({count / mine[0]:,.0f} a second; {count / alone[0]:,.0f})"
    )


def _until_it_answers(url):
    for _ in range(300):
        try:
            httpx.get(url)
        except httpx.ConnectError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server did not start")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), int(sys.argv[3]))
    else:
        for sentence in sentences(*map(int, sys.argv[1:])):
            sys.stdout.write(sentence + "\n")
            sys.stdout.flush()
