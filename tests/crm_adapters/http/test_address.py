"""Urls as people type them."""

import httpx
import pytest

from crm_adapters.errors import BadSource
from crm_adapters.http.address import address, place


@pytest.mark.parametrize(
    "url", ["https://shop.example.com", "http://127.0.0.1:3000/api/", "https://[::1]:8", "https://é.eu"]
)
def test_a_url_is_taken(url):
    assert str(address(url, "Shop")) == str(httpx.URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "", "/api", "shop.example.com", "https://", "ftp://shop.example.com", "https://shop.example.com\n", "https://[::1",
        " https://shop.example.com", "https://a..example.com", f"https://{'a' * 64}.com", "https://a.example:99999",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused_before_any_call(client_of, url):
    with pytest.raises(BadSource, match="the url of Shop is none; write it like https://"):
        client_of(None, url)


def test_a_refused_url_is_not_repeated():
    with pytest.raises(BadSource) as refusal:
        address("htps://me:p4ssword@shop.example.com", "Shop")
    assert "p4ssword" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://SHOP.example.com:443/api?x=1#y", True),
        ("https://me:word@shop.example.com", True),
        ("http://shop.example.com", False),
        ("https://shop.example.com:444", False),
        ("https://shop.example.com.evil.com", False),
        ("https://shop.example.com@evil.com", False),
    ],
)
def test_a_place_is_scheme_host_and_port(url, same):
    assert (place(httpx.URL(url)) == "https://shop.example.com") is same
