"""The tables of the store, one statement for SQLite and PostgreSQL.

Times are UTC microseconds since 1970 in a BIGINT (`UtcTime`): both databases compare and copy them in bulk
without a conversion. Money is integer minor units of the ISO 4217 currency beside it. Ids are the vendor's own.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept as UTC microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuse a naive time: without a zone it is not a moment."""
        return microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give the moment back in UTC."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


def microseconds(value: datetime | None) -> int | None:
    """Write a moment as the tables keep it: UTC microseconds since 1970.

    Raises:
        ValueError: it has no zone.
    """
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone: {value!r}; give it one, e.g. tzinfo=UTC")
    return (value - EPOCH) // timedelta(microseconds=1)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

customers = Table(
    "customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("system", Text, nullable=False),
    Column("email", Text),
    Column("email_normalised", Text, index=True),
    Column("phone", Text, index=True),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("birth_date", Text),
    Column("gender", Text),
    Column("locale", Text),
    Column("time_zone", Text),
    Column("country", Text),
    Column("region", Text),
    Column("city", Text),
    Column("postcode", Text),
    Column("street", Text),
    Column("tags", JSON),
    Column("attributes", JSON),
    Column("consent_email", Text, nullable=False),
    Column("consent_source", Text),
    Column("consent_at", UtcTime),
    Column("objected", Boolean, nullable=False),
    Column("created_at", UtcTime),
    Column("updated_at", UtcTime),
    Column("erased_at", UtcTime),
)

customer_aliases = Table(
    "customer_aliases",
    metadata,
    Column("alias_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("found_at", UtcTime, nullable=False),
)

merges = Table(  # who became part of whom in a connected system, see merges.py
    "merges",
    metadata,
    Column("merged_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False, index=True),
    Column("system", Text, nullable=False),
    Column("merged_at", UtcTime, nullable=False),
)

customer_traits = Table(
    "customer_traits",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("segment", Text),
    Column("rfm", Text),
    Column("recency_days", Float),
    Column("orders", Integer),
    Column("spent_minor", BigInteger),
    Column("tenure_days", Float),
    Column("gap_days", Float),
    Column("first_order_at", UtcTime),
    Column("last_order_at", UtcTime),
    Column("computed_at", UtcTime, nullable=False),
    Column("previous_segment", Text),
)

segmentations = Table(
    "segmentations",
    metadata,
    Column("as_of", UtcTime, primary_key=True),
    Column("since", UtcTime),  # the run that `previous_segment` and the moves are from
    Column("facts", JSON, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("id", Text, primary_key=True),
    Column("system", Text, nullable=False),
    Column("sku", Text),
    Column("parent_id", Text),
    Column("title", Text, nullable=False),
    Column("description", Text),
    Column("url", Text),
    Column("image_url", Text),
    Column("brand", Text),
    Column("category_path", Text),
    Column("size", Text),
    Column("price_minor", BigInteger),
    Column("currency", Text),
    Column("available", Boolean, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("recommendable", Boolean, nullable=False),
    Column("attributes", JSON),
    Column("created_at", UtcTime),
    Column("updated_at", UtcTime),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("system", Text, nullable=False),
    Column("customer_id", Text, index=True),
    Column("email", Text),
    Column("placed_at", UtcTime, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("currency", Text),
    Column("test", Boolean, nullable=False),
    Column("updated_at", UtcTime),
    Column("lines", JSON, nullable=False, server_default="{}"),  # see lines.py
)

events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("system", Text, nullable=False),
    Column("customer_id", Text, index=True),
    Column("kind", Text, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("product_id", Text),
    Column("message_id", Text, index=True),
    Column("properties", JSON),
    Column("person", Text, index=True),  # of what was done on the shop's pages: whose it is there, see identities.py
    Column("received_at", UtcTime),  # before this moment nothing may know of it; none: since it happened
)

identities = Table(  # who is who on the shop's pages, see identities.py
    "identities",
    metadata,
    Column("person", Text, primary_key=True),
    Column("stands_for", Text, index=True),  # another person
    Column("email", Text, index=True),
    Column("since", UtcTime, nullable=False),
)

offers = Table(
    "offers",
    metadata,
    Column("product_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("starts_at", UtcTime, primary_key=True),
    Column("system", Text, nullable=False),
    Column("ends_at", UtcTime, nullable=False),
    Column("announced_at", UtcTime, nullable=False, index=True),
)

cursors = Table(
    "cursors",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("cursor", Text),
    Column("pages", Integer, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("detail", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

acknowledged_fields = Table(
    "acknowledged_fields",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("value_hash", Text, nullable=False),
    Column("acknowledged_at", UtcTime, nullable=False),
)

dead_letters = Table(  # updates that a connected system refuses
    "dead_letters",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("fields", JSON, nullable=False),
    Column("status", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("refused_at", UtcTime, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
)

preferences = Table(  # what a customer chose on the preference page
    "preferences",
    metadata,
    Column("customer_id", Text, primary_key=True),
    Column("unwanted", JSON, nullable=False),  # names of campaigns
    Column("every_days", Integer),  # at most one message in so many days; none: as often as there is one
    Column("changed_at", UtcTime, nullable=False),
)

hits = Table(  # every request to a link in a message, as it came; `verdict` is judged later, and may be judged again
    "hits",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("run_id", Text),
    Column("customer_id", Text, index=True),
    Column("product_id", Text),
    Column("method", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("verdict", Text),
    Column("rules", Text),
)

used_tokens = Table(  # of webhooks whose signature covers only a token: each works once
    "used_tokens",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("used_at", UtcTime, nullable=False),
)

buckets = Table(  # token buckets of the rate limits, so that a restart does not begin anew
    "buckets",
    metadata,
    Column("key", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("refilled_at", UtcTime, nullable=False),
    Column("since", UtcTime, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column("id", Text, primary_key=True),
    Column("as_of", UtcTime, nullable=False, index=True),
    Column("trained_at", UtcTime, nullable=False),
    Column("path", Text, nullable=False),
    Column("card", JSON, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("scheduled_at", UtcTime, nullable=False),
    Column("as_of", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("planned_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("note", Text),
    Column("model_id", Text),
    Column("template_version", Text),
    Column("settings", JSON),
    UniqueConstraint("campaign", "scheduled_at"),
)

NOT_LEFT = text("state IN ('waiting', 'paused')")
"""Written out, for a database takes an index of some rows only where it reads the same words in the question."""

messages = Table(
    "messages",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("due_at", UtcTime),
    Column("expires_at", UtcTime),
    Column("address", Text),
    Column("rfc_message_id", Text, unique=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("claimed_by", Text),
    Column("lease_until", UtcTime),
    Column("answer", Text),
    Column("changed_at", UtcTime, nullable=False),
    # Claims read in this order: among those due at one moment, recipient domains are mixed, as a hash mixes them.
    Index("ix_messages_state_due_at_rfc_message_id", "state", "due_at", "rfc_message_id"),
    Index("ix_messages_run_id_state", "run_id", "state"),
    # What is too late is found every second, and only among what has not left: no other change touches this index.
    Index("ix_messages_state_expires_at", "state", "expires_at", sqlite_where=NOT_LEFT, postgresql_where=NOT_LEFT),
    Index("ix_messages_customer_id", "customer_id"),
)

message_contents = Table(
    "message_contents",
    metadata,
    # Apart from the message, which changes three times on its way: each change would write these 2 KB again.
    Column("run_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("content", JSON, nullable=False),
    ForeignKeyConstraint(["run_id", "customer_id"], ["messages.run_id", "messages.customer_id"]),
)
