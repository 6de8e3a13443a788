"""A small shop on a real socket, and a name server that leads to it: the tests fill it, and read what it was asked for.

It answers conditions (ETag, Last-Modified) as RFC 9110 says, keeps connections open, and does what it is told beside.
Its feeds have the form that Google's product data specification documents; no merchant's account was read.
"""

import gzip
import html
import json
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
GOOGLE = "http://base.google.com/ns/1.0"


@dataclass
class Document:
    """What stands at a path; `modified` is in seconds since 1970."""

    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    etag: str = ""
    modified: float | None = None

    def is_known(self, asked):
        if self.etag and "if-none-match" in asked:
            return asked["if-none-match"] == self.etag
        since = asked.get("if-modified-since")
        return bool(since and self.modified is not None and self.modified <= parsedate_to_datetime(since).timestamp())


class Quiet(ThreadingHTTPServer):
    """Says nothing when somebody hangs up."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Shop:
    """Documents by path; what was asked for, in order."""

    def __init__(self):
        self.clear()
        self._server = Quiet(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def clear(self):
        self.documents, self.asked = {}, []
        self.dates = {}  # of the pages in the sitemap

    def put(self, path, body="", *, packed=False, **more):
        body = body.encode() if isinstance(body, str) else body
        self.documents[path] = Document(gzip.compress(body, mtime=0) if packed else body, **more)

    def paths(self):
        return [path for path, _ in self.asked]

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self):
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body go together: apart, the second waits 40 ms for an acknowledgement

            def do_GET(self):
                asked = {name.lower(): value for name, value in self.headers.items()}
                shop.asked.append((self.path, asked))
                found = shop.documents.get(self.path) or Document(b"not here", 404)
                status = 304 if found.is_known(asked) else found.status
                headers = {"Content-Length": str(len(found.body)), **found.headers} if status != 304 else {}
                headers |= {"ETag": found.etag} if found.etag else {}
                headers |= {"Last-Modified": formatdate(found.modified, usegmt=True)} if found.modified else {}
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if status != 304:
                    self.wfile.write(found.body)

            def log_message(self, *_):
                pass

        return Handler


def sitemap(entries):
    """A sitemap of (url, date) pairs; a date of None is left out."""
    lines = (
        f"<url><loc>{escape(url)}</loc>{f'<lastmod>{date}</lastmod>' if date else ''}</url>" for url, date in entries
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="{SITEMAP}">{"".join(lines)}</urlset>'


def index(urls):
    """A sitemap of sitemaps."""
    lines = "".join(f"<sitemap><loc>{escape(url)}</loc></sitemap>" for url in urls)
    return f'<sitemapindex xmlns="{SITEMAP}">{lines}</sitemapindex>'


def page(*nodes, head="", body=""):
    """A page with JSON-LD."""
    scripts = "".join(
        f'<script type="application/ld+json">{node if isinstance(node, str) else json.dumps(node)}</script>'
        for node in nodes
    )
    return f"<!doctype html><html><head><meta charset=utf-8>{head}{scripts}</head><body>{body}</body></html>"


def product(sku="s1", name="Tea", price="4.50", **more):
    """A product of JSON-LD, in stock."""
    offer = {"@type": "Offer", "price": price, "priceCurrency": "EUR", "availability": "https://schema.org/InStock"}
    return {"@context": "https://schema.org", "@type": "Product", "name": name, "sku": sku, "offers": offer, **more}


def feed(*items):
    """A feed of RSS 2.0, each item a dict of Google's names."""
    told = "".join(
        "<item>" + "".join(f"<g:{name}>{escape(value)}</g:{name}>" for name, value in item.items()) + "</item>"
        for item in items
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0" xmlns:g="{GOOGLE}"><channel><title>Shop</title>{told}</channel></rss>'
    )


def item(identity="1", **more):
    """An item of a feed."""
    return {"id": identity, "title": f"Tea {identity}", "link": f"/p/{identity}", "price": "4.50 EUR", **more}


def meta(**named):
    """Open Graph; `og_title` is og:title."""
    return "".join(
        f'<meta property="{name.replace("_", ":", 1).replace("__", ":")}" content="{html.escape(value)}">'
        for name, value in named.items()
    )


class Clock:
    """Time that passes when somebody waits; it began now, as the server's has."""

    def __init__(self):
        self.time, self.waits = time.time(), []

    def now(self):
        return self.time

    def wait(self, seconds):
        self.time += seconds
        self.waits.append(seconds)
