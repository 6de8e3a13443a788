"""Whom we call: given hosts at public addresses, whatever a name, a redirect or a name server says."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_adapters.errors import BadSource, Unreachable
from crm_adapters.product_pages.adapter import Manners, ProductPages
from crm_adapters.product_pages.guard import Guarded, Places, is_public, resolved
from crm_adapters.records import Stream
from tests.crm_adapters.product_pages.shop import feed, item, page, product, sitemap

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "192.0.0.8", "192.0.2.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::1", "2002:a00:1::", "2001:0:7f00:1::1",
        "", "localhost",
    ],
)  # fmt: skip
def test_any_other_address_is_not(address):
    assert not is_public(address)


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_public_only_if_it_is_itself(address):
    for form in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert is_public(form) <= is_public(str(address))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://shop.example.com/p/1", ""),
        ("http://SHOP.example.com./", ""),
        ("https://shop.example.com:8443/", ""),
        ("https://cdn.example.com:8080/1.jpg", ""),
        ("https://bücher.example/", ""),
        ("https://shop.example.com:8080/", "port 8080 of shop.example.com was not given"),
        ("https://cdn.example.com:22/", "port 22"),
        ("https://example.com/", "example.com is not among the given hosts"),
        ("https://shop.example.com.evil.net/", "not among"),
        ("https://shop.example.com@evil.net/", "evil.net is not among"),
        ("https://evil.net\\@shop.example.com/", ""),  # httpx calls the shop; as a link it is refused (urls.py)
        ("ftp://shop.example.com/", "ftp:// is neither http nor https"),
        ("file:///etc/passwd", "file://"),
        ("//shop.example.com/", "nothing://"),
        ("", "nothing://"),
    ],
)
def test_only_given_hosts_and_ports_may_be_called(url, words):
    import re

    places = Places(httpx.URL("https://shop.example.com:8443/feed.xml"), ["cdn.example.com:8080", "bücher.example"])
    try:
        refusal = places.refusal(httpx.URL(url))
    except httpx.InvalidURL:
        refusal = "no host"
    assert re.search(words, refusal) if words else not refusal


@pytest.mark.parametrize("host", ["", "https://a.example", "a.example/x", "a b", "me@a.example", "a.example?x", "[::1"])
def test_a_host_that_is_none_is_refused_before_any_call(host):
    with pytest.raises(BadSource, match=r"is no host; write hosts like cdn.example.com"):
        ProductPages("https://shop.example.com", None, Manners(hosts=[host]))


class Names:
    """A name server that leads to the shop, and can change its mind."""

    def __init__(self, *answers):
        self.answers, self.asked = answers, []

    def __call__(self, host, port):
        self.asked.append((host, port))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class Carrier(httpx.BaseTransport):
    """Carries calls to the shop, whatever address they are meant for; keeps those addresses."""

    def __init__(self, shop):
        self.shop, self.called = shop, []
        self.inner = httpx.HTTPTransport()

    def handle_request(self, request):
        self.called.append((request.url.host, request.headers["host"], request.extensions.get("sni_hostname")))
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.shop.port)
        return self.inner.handle_request(request)

    def close(self):
        self.inner.close()


@pytest.fixture
def guarded(shop, clock):
    """An adapter whose names are led to the shop: `guarded(names, "/feed.xml")`."""
    carrier = Carrier(shop)

    def make(names, source="/feed.xml", **manners):
        transport = Guarded(names, allow_private=False, carrier=lambda: carrier)
        adapter = ProductPages(
            f"https://shop.example.com{source}",
            None,
            Manners(pause_seconds=0, **manners),
            transport=transport,
            clock=clock,
        )
        adapter.carrier = carrier
        return adapter

    yield make
    carrier.close()


def test_the_address_that_was_looked_at_is_the_one_that_is_called(shop, guarded, pull):
    shop.put("/feed.xml", feed(item()))
    adapter = guarded(Names([PUBLIC]))
    assert len(pull(adapter)[0]) == 1
    assert adapter.carrier.called == [(PUBLIC, "shop.example.com", "shop.example.com")]


def test_a_name_that_leads_inside_on_second_thought_is_not_followed(shop, guarded):
    """DNS rebinding: the first answer is good, and the next one is the cloud's own metadata."""
    names = Names([PUBLIC], [PUBLIC], ["169.254.169.254"])
    shop.put("/sitemap.xml", sitemap([(f"https://shop.example.com/p/{n}", "2026-01-05") for n in range(3)]))
    for number in range(3):
        shop.put(f"/p/{number}", page(product(sku=f"s{number}")))
    adapter = guarded(names, "/sitemap.xml")
    with pytest.raises(
        BadSource, match=r"shop.example.com leads to 169.254.169.254, which is no address of the internet"
    ):
        list(adapter.pull(Stream.PRODUCTS, None))
    assert {address for address, _, _ in adapter.carrier.called} == {PUBLIC}


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "fe80::1%eth0", "none"])
def test_a_name_that_leads_inside_is_not_called_even_if_it_leads_outside_too(shop, guarded, pull, address):
    adapter = guarded(Names([PUBLIC, address]))
    with pytest.raises(BadSource, match="allow_private = true"):
        pull(adapter)
    assert adapter.carrier.called == []


def test_a_redirect_to_a_given_host_is_looked_at_like_any_call(shop, guarded, pull):
    shop.put("/feed.xml", status=302, headers={"Location": "https://cdn.example.com/feed.xml"})
    adapter = guarded(
        lambda host, port: [PUBLIC] if host == "shop.example.com" else ["10.0.0.1"], hosts=["cdn.example.com"]
    )
    with pytest.raises(BadSource, match=r"cdn.example.com leads to 10.0.0.1"):
        pull(adapter)
    assert len(adapter.carrier.called) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "file:///etc/passwd",
        "https://shop.example.com:6379/",
        "gopher://shop.example.com/",
    ],
)
def test_a_redirect_out_of_the_given_hosts_is_not_followed(shop, guarded, pull, location):
    shop.put("/feed.xml", status=302, headers={"Location": location})
    names = Names([PUBLIC])
    with pytest.raises(BadSource, match=r"it points elsewhere.*add its host to `hosts`"):
        pull(guarded(names))
    assert names.asked == [("shop.example.com", 443)]


def test_where_one_address_does_not_answer_the_next_is_called(shop, clock, pull):
    shop.put("/feed.xml", feed(item()))
    transport = Guarded(lambda host, port: ["127.0.0.2", "127.0.0.1"], allow_private=True)
    url = f"http://localhost:{shop.port}/feed.xml"
    rows, _, _ = pull(
        ProductPages(url, None, Manners(allow_private=True, pause_seconds=0), transport=transport, clock=clock)
    )
    assert rows[0]["url"] == f"http://localhost:{shop.port}/p/1"
    assert shop.asked[0][1]["host"] == f"localhost:{shop.port}"


def test_a_name_that_nobody_knows_is_told(guarded, pull):
    with pytest.raises(Unreachable, match=r"shop.example.com can't be used now: shop.example.com has no address"):
        pull(guarded(Names([])))


def test_the_machines_own_names_are_resolved():
    assert "127.0.0.1" in resolved("localhost", 80) or "::1" in resolved("localhost", 80)
    with pytest.raises(httpx.ConnectError, match="is not known"):
        resolved("a..b", 80)


def test_a_proxy_of_the_machine_does_not_stand_between_us_and_the_address(shop, guarded, pull, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    shop.put("/feed.xml", feed(item()))
    assert len(pull(guarded(Names([PUBLIC])))[0]) == 1
