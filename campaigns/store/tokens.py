"""Tokens that were used, each of which works once: those of webhooks, and turns at what is to be done once."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from campaigns.store.database import Store
from campaigns.store.statements import insert_new
from campaigns.store.tables import used_tokens

KEPT = timedelta(days=2)
"""Longer than any token is accepted for its age."""


def token_is_new(store: Store, digest: str) -> bool:
    """Say whether a token, told by its hash, was not used yet."""
    with store.engine.connect() as read:
        return read.scalar(select(used_tokens.c.digest).where(used_tokens.c.digest == digest)) is None


def use_once(store: Store, digest: str, now: datetime) -> bool:
    """Take a turn that is there once, whoever asks at this moment; False if it is taken."""
    with store.writing() as write:
        return bool(insert_new(write, used_tokens, [{"digest": digest, "used_at": now}]))


def keep_token(store: Store, digest: str, now: datetime) -> None:
    """Remember that a token was used; those too old to be accepted anyhow are forgotten."""
    with store.writing() as write:
        write.execute(delete(used_tokens).where(used_tokens.c.used_at < now - KEPT))
        insert_new(write, used_tokens, [{"digest": digest, "used_at": now}])
