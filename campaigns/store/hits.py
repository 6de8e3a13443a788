"""Requests to links in messages: kept raw as they come, read again in parts to be judged."""

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
from sqlalchemy import ColumnElement, Integer, Select, bindparam, case, delete, func, insert, select, update

from campaigns.store.database import Store
from campaigns.store.statements import in_parts
from campaigns.store.tables import events, hits, message_contents, messages

PART = 50_000
"""So many hits are judged at a time: about 100 MB of frames."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request.

    Attributes:
        kind: click, open, view, or more (the link that no reader sees).
        at: when it came.
        run_id: the run of the message.
        customer_id: whose message it is.
        product_id: of a click, the product.
        method: GET or HEAD.
        user_agent: what the program calls itself.
        address: a keyed hash: the same network address gives the same one, and none can be read back.
    """

    kind: str
    at: datetime
    run_id: str
    customer_id: str
    product_id: str | None
    method: str
    user_agent: str
    address: str


def record(store: Store, hit: Hit) -> None:
    """Keep a request as it came; what it means is judged later."""
    with store.writing() as write:
        write.execute(insert(hits).values(id=uuid.uuid4().hex, **asdict(hit)))


def read_parts(store: Store, since: datetime, until: datetime, part: int = PART) -> Iterator[pd.DataFrame]:
    """Read the hits of a period, about `part` at a time; all of one customer stand in the same part.

    Yields:
        hits' own columns; of its message: sent_at (if it was), links (how many products it shows), rfc_message_id.
    """
    within = hits.c.at.between(since, until)
    last = ""
    while (end := _end_of_part(store, within, last, part)) is not None:
        with store.bulk() as bulk:
            found = bulk.read(_with_messages().where(within, hits.c.customer_id > last, hits.c.customer_id <= end))
        for name in ("at", "sent_at"):
            found = found.set_column(found.column_names.index(name), name, found[name].cast(pa.timestamp("us", "UTC")))
        yield found.to_pandas()
        last = end


def _end_of_part(store: Store, within: ColumnElement[bool], last: str, part: int) -> str | None:
    """Find the last customer of the next part; none: there is no further part."""
    customer = hits.c.customer_id
    ahead = select(customer).where(within, customer > last).order_by(customer)
    with store.engine.connect() as read:
        end: str | None = read.scalar(ahead.offset(part - 1).limit(1)) or read.scalar(
            select(func.max(customer)).where(within, customer > last)
        )
    return end


def _with_messages() -> Select[Any]:
    named = messages.c
    mine = (named.run_id == hits.c.run_id) & (named.customer_id == hits.c.customer_id)
    shown = message_contents.c
    its = (shown.run_id == hits.c.run_id) & (shown.customer_id == hits.c.customer_id)
    return select(
        *hits.c,
        case((named.state == "sent", named.changed_at)).label("sent_at"),
        func.json_array_length(shown.content["picks"], type_=Integer).label("links"),
        named.rfc_message_id,
    ).select_from(hits.outerjoin(messages, mine).outerjoin(message_contents, its))


def save_verdicts(store: Store, judged: pd.DataFrame, rules: str) -> None:
    """Keep the verdicts, and what people did as events; an event of a hit that is no longer a person's goes.

    Args:
        store: the store.
        judged: as read, with the new `verdict`; those that change nothing may be left out.
        rules: the version of the rules.
    """
    if judged.empty:
        return
    verdict = update(hits).where(hits.c.id == bindparam("hit")).values(verdict=bindparam("said"), rules=rules)
    named = [{"hit": hit, "said": said} for hit, said in zip(judged["id"], judged["verdict"], strict=True)]
    human = judged[(judged["verdict"] == "human") & judged["kind"].isin(list(EVENTS))]
    made = [_event(row) for row in human.to_dict("records")]
    with store.writing() as write:
        write.execute(verdict, named)
        for some in in_parts(event_id(hit) for hit in judged["id"]):
            write.execute(delete(events).where(events.c.id.in_(some)))
        if made:
            write.execute(insert(events), made)


EVENTS = {"click": "clicked", "open": "opened"}
"""Which hits of people become events, and of what kind."""


def event_id(hit: str) -> str:
    """The id of the event that a hit becomes: judging it again finds the same one."""
    return f"hit:{hit}"


def _event(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        "id": event_id(row["id"]),
        "system": "web",
        "customer_id": row["customer_id"],
        "kind": EVENTS[row["kind"]],
        "at": row["at"].to_pydatetime(),
        "product_id": row["product_id"] if isinstance(row["product_id"], str) else None,
        "message_id": row["rfc_message_id"] if isinstance(row["rfc_message_id"], str) else None,
        "properties": {"run": row["run_id"]},
    }


def verdict_counts(store: Store, since: datetime, until: datetime) -> Counter[str]:
    """Count the hits of a period by verdict; one that is not yet judged counts as such."""
    query = select(hits.c.verdict, func.count()).where(hits.c.at.between(since, until)).group_by(hits.c.verdict)
    with store.engine.connect() as read:
        return Counter({verdict or "not judged": count for verdict, count in read.execute(query)})
