"""Sending behaviour events to the receiver of a shop whose customers agreed to be tracked."""

import base64
import json
from datetime import UTC, datetime

from pydantic import SecretStr
from sqlalchemy import update

from campaigns.store.tables import customers

KEY, OTHER = "a-write-key-of-a-test", "another-key-of-a-test"


def basic(key, password=""):
    return {"Authorization": f"Basic {base64.b64encode(f'{key}:{password}'.encode()).decode()}"}


def ready(shop):
    """Give the shop two write keys; its customers agree."""
    shop.settings.events.write_keys = (SecretStr(OTHER), SecretStr(KEY))
    with shop.store.writing() as write:
        write.execute(update(customers).values(attributes={"tracking_consent": "yes"}))
    return shop


def poster(visit):
    """Posts a body with the key."""

    def send(body, path="/v1/batch", headers=None, key=KEY):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return visit("POST", path, content=content, headers={**basic(key), **(headers or {})})

    return send


def viewed(number, **more):
    told = {"type": "track", "event": "Product Viewed", "properties": {"product_id": f"p{number}"}}
    return {**told, "messageId": f"m{number}", "userId": "c1", "timestamp": datetime.now(UTC).isoformat(), **more}


def batch(*told, **more):
    return {"batch": list(told), "sentAt": datetime.now(UTC).isoformat(), **more}
