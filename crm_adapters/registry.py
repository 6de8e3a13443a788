"""Which adapters there are, by the name that handpicked.toml uses."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crm_adapters.base import Adapter
from crm_adapters.errors import Unsupported
from crm_adapters.files import Files
from crm_adapters.hubspot import adapter as hubspot
from crm_adapters.hubspot.adapter import HubSpot
from crm_adapters.klaviyo import adapter as klaviyo
from crm_adapters.klaviyo.adapter import Klaviyo
from crm_adapters.mapping import load_mapping
from crm_adapters.product_pages.adapter import Manners, ProductPages
from crm_adapters.salesforce import adapter as salesforce
from crm_adapters.salesforce.adapter import Salesforce
from crm_adapters.shopify.adapter import Shopify
from crm_adapters.sql import Sql
from crm_adapters.vendure.adapter import Vendure
from crm_adapters.woocommerce.adapter import WooCommerce

KINDS = {
    "files": "a folder of CSV, Parquet or JSON Lines files",
    "sql": "a database that SQLAlchemy reads",
    "hubspot": f"a HubSpot account, {HubSpot.api_version}",
    "klaviyo": f"a Klaviyo account, API revision {Klaviyo.api_version}",
    "product_pages": "a shop's products, from a Merchant feed, a sitemap or its pages",
    "salesforce": f"a Salesforce org, REST API {Salesforce.api_version}",
    "shopify": f"a Shopify shop, Admin API {Shopify.api_version}",
    "vendure": f"a Vendure shop, {Vendure.api_version}",
    "woocommerce": f"a WooCommerce shop, REST API {WooCommerce.api_version}",
}
"""What can be connected, in words."""


@dataclass(frozen=True)
class Access:
    """Where a system is, and how to get in; what is secret never shows.

    Attributes:
        source: the folder, or the URL.
        user: who logs in, where somebody does.
        password: of the user.
        token: a key of the system's API, where there is no user; or the first refresh token.
        state: the file that tokens are kept in which a system gives anew.
        hosts: that may be called beside the source's own, where a system is spread over several.
        allow_private: whether these may be in a private network.
        contact: a url that tells a shop who reads its pages.
    """

    source: str = field(repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    state: Path | None = None
    hosts: tuple[str, ...] = ()
    allow_private: bool = False
    contact: str = ""


def open_adapter(kind: str, access: Access, mapping: Path | None) -> Adapter:
    """Open the adapter of a kind; no system is called yet.

    Args:
        kind: one of `KINDS`.
        access: where it is, and how to get in.
        mapping: the mapping file, if any; else the one that comes with the adapter.

    Raises:
        Unsupported: no such kind, or a connection that lacks what it needs.
        BadMapping: the mapping is wrong.
    """
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        raise Unsupported(
            f"no adapter {kind!r}",
            remedy=f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(KINDS)}",
        )
    _must_have(kind, access)
    return _OPENERS[kind](access, mapping)


def _salesforce(access: Access, mapping: Path | None) -> Adapter:
    if access.state is None:
        raise Unsupported("Salesforce gives tokens anew", remedy="name the file to keep them in: Access(state=...)")
    login = salesforce.login(_place(access) or salesforce.URL, access.user, access.password, access.token)
    return Salesforce(login, access.state, mapping)


_OPENERS: dict[str, Callable[[Access, Path | None], Adapter]] = {
    "files": lambda access, mapping: Files(Path(access.source), mapping),
    "sql": lambda access, mapping: Sql(access.source, load_mapping(mapping)),
    "hubspot": lambda access, mapping: HubSpot(access.token, mapping, url=_place(access) or hubspot.URL),
    "klaviyo": lambda access, mapping: Klaviyo(access.token, mapping, url=_place(access) or klaviyo.URL),
    "product_pages": lambda access, mapping: ProductPages(
        access.source, mapping, Manners(access.hosts, access.allow_private, access.contact)
    ),
    "salesforce": _salesforce,
    "shopify": lambda access, mapping: Shopify(access.source, access.token, mapping),
    "vendure": lambda access, mapping: Vendure(access.source, access.user, access.password, mapping),
    "woocommerce": lambda access, mapping: WooCommerce(access.source, access.user, access.password, mapping),
}
_LOGIN = ("user", "password")
_NEEDED = {
    "hubspot": ("token",),
    "klaviyo": ("token",),
    "product_pages": ("url",),
    "salesforce": _LOGIN,
    "shopify": ("url", "token"),
    "vendure": ("url", *_LOGIN),
    "woocommerce": ("url", *_LOGIN),
}


def _place(access: Access) -> str:
    """The url that a connection names; empty: none, as all accounts of the system are at one place."""
    return access.source if "://" in access.source else ""


def _must_have(kind: str, access: Access) -> None:
    """Refuse a connection that lacks something, before the system is called in vain."""
    given = {"url": _place(access), "user": access.user, "password": access.password, "token": access.token}
    if missing := [name for name in _NEEDED.get(kind, ()) if not given[name]]:
        raise Unsupported(
            f"a connection with {kind} needs {' and '.join(missing)}",
            remedy="add it in handpicked.toml; a secret may also stand in the environment, as "
            f"HANDPICKED_CONNECTIONS__NAME__{missing[-1].upper()}",
        )
