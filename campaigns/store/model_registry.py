"""Which models were trained, on what was known before which moment, and where they are saved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from campaigns.store.database import Store
from campaigns.store.tables import models


@dataclass(frozen=True)
class SavedModel:
    """One saved model; `path` is relative to the project."""

    id: str
    as_of: datetime
    path: str


def save_model(
    store: Store, model_id: str, as_of: datetime, trained_at: datetime, path: str, card: dict[str, Any]
) -> None:
    """Write down a trained model and its card."""
    with store.writing() as write:
        write.execute(insert(models).values(id=model_id, as_of=as_of, trained_at=trained_at, path=path, card=card))


def latest_model(store: Store, as_of: datetime) -> SavedModel | None:
    """Find the newest model that saw nothing from `as_of` on."""
    named = models.c
    query = (
        select(named.id, named.as_of, named.path)
        .where(named.as_of <= as_of)
        .order_by(named.as_of.desc(), named.trained_at.desc())
    )
    with store.engine.connect() as read:
        row = read.execute(query.limit(1)).first()
    return SavedModel(*row) if row else None
