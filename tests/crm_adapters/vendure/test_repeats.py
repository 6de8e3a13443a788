"""A shop that gives one page for ever, whatever is asked, is told; no real one does, so none plays it."""

import json

import httpx
import pytest

from crm_adapters.errors import BadSource
from crm_adapters.records import Stream
from crm_adapters.vendure.adapter import MOST_BEGUN, Vendure

LOGIN = {"login": {"__typename": "CurrentUser"}}


@pytest.mark.parametrize("second", [0, 1], ids=["of_one_time", "of_two_times"])
def test_a_page_that_comes_again_and_again_ends_the_pull_with_words(second):
    items = [
        {"id": str(n), "updatedAt": f"2026-01-05T10:00:0{second * (n == 2)}.000Z", "emailAddress": f"{n}@example.com"}
        for n in (1, 2)
    ]
    asked = []

    def answer(request):
        asked.append(request)
        listed = {"customers": {"totalItems": 900, "items": items}}
        data = LOGIN if "login" in json.loads(request.content)["query"] else listed
        return httpx.Response(200, json={"data": data}, headers={"vendure-auth-token": "t"})

    shop = Vendure("https://shop.example.com", "u", "p", page_records=2, transport=httpx.MockTransport(answer))
    with pytest.raises(BadSource, match="Vendure gives the same page again and again; try again later"):
        list(shop.pull(Stream.CUSTOMERS, None))
    assert len(asked) <= 2 * MOST_BEGUN + 5
