"""The witnesses: the official SDKs of Segment and RudderStack post to a real server of ours."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import rudderstack.analytics.client as rudderstack
import segment.analytics.client as segment
import uvicorn

from campaigns.serve import listen
from campaigns.store.site_orders import SYSTEM
from campaigns.store.tables import events, orders, quarantine
from campaigns.web.app import make_app
from tests.campaigns.web.sending import KEY, ready

CLIENTS = {"segment": segment.Client, "rudderstack": rudderstack.Client}


@pytest.fixture
def server(shop, free_port, monkeypatch):
    """The address of the shop's receiver, on a server of its own."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # the SDKs ask the environment
    ready(shop)
    port = free_port()
    config = uvicorn.Config(make_app(shop), access_log=False, log_level="warning")
    running = uvicorn.Server(config)
    with listen("127.0.0.1", port) as place:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [place]})
        thread.start()
        while not running.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
        running.should_exit = True
        thread.join()


@pytest.fixture
def client(server):
    """Makes a client of an SDK that tells its errors: `client("segment", gzip=True)`."""
    made = []

    def make(name, key=KEY, **more):
        errors = []
        one = CLIENTS[name](key, host=server, on_error=lambda error, batch: errors.append(error), max_retries=1, **more)
        made.append(one)
        return one, errors

    yield make
    for one in made:
        one.shutdown()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", CLIENTS)
def test_a_visit_as_an_sdk_tells_it_is_in_the_store(client, rows, name, packed):
    tell, errors = client(name, gzip=packed)
    at = datetime.now(UTC) - timedelta(hours=3)
    tell.track(anonymous_id="a1", event="Product Viewed", properties={"product_id": "p1"}, timestamp=at)
    tell.identify("c1", traits={"email": "c1@example.com", "firstName": "Ada"}, anonymous_id="a1")
    tell.page("c1", name="Cart")
    lines = [{"product_id": "p1", "price": 19.99, "quantity": 2}]
    tell.track("c1", "Order Completed", {"order_id": "o1", "total": 39.98, "currency": "USD", "products": lines})
    tell.flush()
    assert errors == []
    assert sorted((row.customer_id, row.kind, row.product_id) for row in rows(events)) == [
        ("c1", "ordered", None),
        ("c1", "viewed", "p1"),
        ("c1", "visited", None),
    ]
    viewed = next(row for row in rows(events) if row.kind == "viewed")
    assert abs(viewed.at - at) < timedelta(seconds=30)
    (order,) = rows(orders)
    assert (order.id, order.customer_id, order.currency) == (f"{SYSTEM}:o1", "c1", "USD")
    assert (order.lines["quantity"], order.lines["unit_price_minor"]) == ([2], [1999])
    assert rows(quarantine) == []


@pytest.mark.parametrize("name", CLIENTS)
def test_what_an_sdk_tells_again_is_kept_once(client, rows, name):
    for _ in range(2):
        tell, errors = client(name)
        tell.track("c1", "Product Viewed", {"product_id": "p1"}, message_id="m1")
        tell.flush()
        assert errors == []
    assert len(rows(events)) == 1


@pytest.mark.parametrize("name", CLIENTS)
def test_many_events_come_in_batches_and_none_is_lost(client, rows, name):
    tell, errors = client(name)
    for number in range(350):
        tell.track("c1", "Product Viewed", {"product_id": f"p{number}"})
    tell.flush()
    assert errors == []
    assert {row.product_id for row in rows(events)} == {f"p{number}" for number in range(350)}


@pytest.mark.parametrize("name", CLIENTS)
def test_an_sdk_with_a_wrong_key_is_told_so_in_words_and_gives_up(client, rows, name):
    tell, errors = client(name, key="wrong-key-of-a-test")
    tell.track("c1", "Product Viewed", {"product_id": "p1"})
    tell.flush()
    (error,) = errors
    assert (error.status, error.code) == (401, "WrongKey")
    assert "send a key of events.write_keys" in error.message
    assert rows(events) == []
