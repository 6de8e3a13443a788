"""CONTACT FIELDS: what is written back of each customer: top picks, segment, and what is to be expected."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from campaigns.picks import recommend, text
from campaigns.project import Project
from campaigns.store import frames
from campaigns.store.aliases import records_of
from campaigns.sync import connect
from campaigns.train import recommender_as_of
from campaigns.write_back import Pushed, Values, named, push
from crm_adapters.base import FieldChange, FieldKind, RemoteField, System
from crm_adapters.errors import BadMapping, Unsupported
from crm_adapters.records import Stream
from engine.prospects import prospects

OF_A_PICK = ("id", "sku", "title", "url", "reason")
OF_A_CUSTOMER = ("segment", "next_purchase_on", "value_band", "model", "picked_at")
_PICK = re.compile(rf"recommended_\d+_(?:{'|'.join(OF_A_PICK)})")
LONGEST, USUAL = 255, 3


def is_field(name: str) -> bool:
    """Say whether a name is one of ours: recommended_1_title, segment and so on.

    >>> is_field("recommended_2_sku"), is_field("segment"), is_field("recommended_2_colour")
    (True, True, False)
    """
    return name in OF_A_CUSTOMER or bool(_PICK.fullmatch(name))


def contact_fields(project: Project, size: int) -> dict[str, Values]:
    """Make the fields of every customer who agreed to be written to.

    Args:
        project: the open project.
        size: picks for each customer.

    Returns:
        customer id to the values of recommended_1_id, recommended_1_title, ..., segment and the others.
    """
    as_of = project.as_of()
    people = frames.customers(project.store)
    consenting = people.loc[people["consent_email"] == "subscribed", "customer_id"].tolist()
    model, recommender = recommender_as_of(project, as_of)
    slates = recommend(project, recommender, consenting, size)
    products = frames.products(project.store).set_index("product_id")[["sku", "title", "url"]]
    told = slates.join(products, on="product_id").assign(url=lambda rows: _links(project, rows))
    fields = picks_of(told)
    for customer, values in about(frames.traits(project.store), as_of, fields).items():
        fields[customer] |= values | {"model": model, "picked_at": as_of.isoformat(timespec="seconds")}
    return dict(fields)


def give_back(project: Project, name: str, size: int | None = None, *, dry_run: bool = False) -> Pushed:
    """Write the fields of every consenting customer to a connected system; only what changed.

    Args:
        project: the open project.
        name: the connection.
        size: picks for each customer; none: as many as the mapping names, else 3.
        dry_run: tell what would change, write nothing.

    Raises:
        BadMapping: it names a field that we don't have.
        Unsupported: the system has no customers, or lacks a field and can't be given it from here.
    """
    adapter = connect(project, name)
    if isinstance(adapter, System) and Stream.CUSTOMERS not in adapter.streams():
        raise Unsupported(f"{name} has no customers to write to", remedy="push to the system that has them")
    names = adapter.mapping.push
    for ours in names or ():
        _must_be_ours(ours)
    missing = _made(adapter, names, dry_run=dry_run) if isinstance(adapter, System) and names else []
    if missing and not dry_run:
        raise Unsupported(f"{name} lacks {missing[0].name!r}", remedy=missing[0].detail)
    fields = at_home(project, name, contact_fields(project, size or _most(names)))
    done = push(project, name, named(adapter, fields), dry_run=dry_run)
    done.missing = [f"{change.name}: {change.detail}" for change in missing]
    return done


def at_home(project: Project, name: str, fields: Mapping[str, Values]) -> dict[str, Values]:
    """Give fields to the records that a system itself has of each customer, under the system's own ids.

    A system that no customer was ever pulled from gets all of them, under the ids that they have here.
    """
    records = records_of(project.store, name)
    if not records:
        return dict(fields)
    return {own: fields[customer] for own, customer in records.items() if customer in fields}


def _must_be_ours(name: str) -> None:
    if not is_field(name):
        known = [*OF_A_CUSTOMER, *(f"recommended_1_{each}" for each in OF_A_PICK)]
        near = difflib.get_close_matches(name, known, n=1)
        raise BadMapping(
            f"[push] of the mapping names {name!r}, which is no field of ours",
            remedy=f"did you mean {near[0]!r}?" if near else f"choose of: {', '.join(known)}",
        )


def _made(adapter: System, names: Mapping[str, str], *, dry_run: bool) -> list[FieldChange]:
    """Make the fields that the system lacks; those that can't be made here."""
    changes = adapter.ensure_fields(wanted(names), dry_run=dry_run)
    return [change for change in changes if change.status in ("missing", "unfit")]


def _most(names: Mapping[str, str] | None) -> int:
    """The highest number among recommended_1_title and so on."""
    return max((int(ours.split("_")[1]) for ours in names or () if _PICK.fullmatch(ours)), default=USUAL)


def _links(project: Project, picks: pd.DataFrame) -> pd.Series:
    """Where each product is shown; where no one says, at the shop's usual place."""
    usual = project.settings.shop.base_url + "/products/" + picks["product_id"].astype(str)
    return picks["url"].where(picks["url"].map(text).ne(""), usual)


def picks_of(slates: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Turn slates into fields: recommended_1_id, recommended_1_sku, recommended_1_title, ...

    Args:
        slates: customer_id, rank, product_id, sku, title, url, reason.
    """
    fields: dict[str, dict[str, Any]] = {}
    columns = ["customer_id", "rank", "product_id", "sku", "title", "url", "reason"]
    for customer, rank, *words in slates[columns].to_numpy().tolist():
        values = fields.setdefault(customer, {})
        for name, word in zip(OF_A_PICK, words, strict=True):
            values[f"recommended_{rank}_{name}"] = text(word) or None
    return fields


def about(traits: pd.DataFrame, as_of: Any, customers: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Tell segment, next purchase and value band of customers; None where nothing is known."""
    told = traits[["customer_id", "segment"]].merge(prospects(traits, as_of), on="customer_id").set_index("customer_id")
    rows: Mapping[Any, Any] = told[["segment", "next_purchase_on", "value_band"]].to_dict("index")
    names = ("segment", "next_purchase_on", "value_band")
    return {one: {name: text(rows.get(one, {}).get(name)) or None for name in names} for one in customers}


def wanted(names: Mapping[str, str]) -> list[RemoteField]:
    """Say what fields a system must have, in its own names; `names` is ours to theirs."""
    return [RemoteField(theirs, _kind(ours), longest=LONGEST) for ours, theirs in names.items()]


def _kind(name: str) -> FieldKind:
    return "time" if name == "picked_at" else "text"
