"""Whatever is posted to the receiver of behaviour events: nothing breaks, and no good event is lost."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from campaigns.store.tables import events
from tests.campaigns.web.sending import batch, poster, ready, viewed

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def shop(shop):
    return ready(shop)


@pytest.fixture
def post(visit):
    return poster(visit)


NAMES = ["type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "properties", "traits", "batch"]
NAMES += ["previousId", "product_id", "products", "order_id", "price", "quantity", "currency", "email", "writeKey"]
WORDS = ["track", "page", "identify", "alias", "Product Viewed", "Order Completed", "Order\0", "c1", "\ud800", "\0"]
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(WORDS)
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)


@QUICK
@given(body=JSON, path=st.sampled_from(["batch", "track", "identify", "page", "alias"]))
def test_any_json_as_a_body_breaks_nothing(post, body, path):
    assert post(body, f"/v1/{path}").status_code in (200, 400)


@QUICK
@given(body=st.binary(max_size=200), packed=st.booleans())
def test_any_bytes_as_a_body_break_nothing(post, body, packed):
    assert post(gzip.compress(body) if packed else body).status_code in (200, 400)


@QUICK
@given(noise=st.lists(JSON.filter(lambda told: told == told), max_size=4), place=st.integers(0, 4))
def test_whatever_stands_beside_it_a_good_event_is_kept(shop, post, noise, place):
    with shop.store.writing() as write:
        write.execute(delete(events))
    told = [*noise[:place], viewed("good"), *noise[place:]]
    text = json.dumps(batch(*told)).replace("NaN", "1e999").replace("-Infinity", "-1e999").replace("Infinity", "1e999")
    assert post(text.encode()).status_code == 200
    with shop.store.engine.connect() as read:
        assert "pgood" in read.execute(select(events.c.product_id)).scalars().all()
