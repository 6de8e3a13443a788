"""What WooCommerce's refusals mean, and what to do: of a call, of one record in a batch, of a field."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from crm_adapters.base import FieldChange, FieldKind, FieldUpdate, PushResult, RemoteField
from crm_adapters.errors import AdapterError, BadSource, Denied
from crm_adapters.http.address import address
from crm_adapters.http.answer import Answer
from crm_adapters.http.wording import UNAUTHORIZED
from crm_adapters.woocommerce.rows import metadata

REFUSED, NOT_FOUND = 400, 404
KEYS = "WooCommerce > Settings > Advanced > REST API"
GONE = ("woocommerce_rest_invalid_id", "wc_user_invalid_id", "woocommerce_rest_customer_invalid_id")
HIDDEN_HEADER = (
    "its web server keeps the key back: let it pass the Authorization header on to PHP "
    "(Apache: `CGIPassAuth On`, or a SetEnvIf rule for it)"
)
NO_API = (
    "check the connection's url; in the shop, WooCommerce must be active, and the permalinks "
    "(Settings > Permalinks) must not be plain; or a plugin has switched its REST API off"
)
TOO_OLD = "update WooCommerce: its API must know `modified_after`, and how to sort by `modified`"
NO_JSON = (
    "a page stands in the way of the shop's API, of a plugin for maintenance, security or cache: let it leave "
    "/wp-json alone; nothing is lost"
)


def guarded(url: str) -> str:
    """The url of a shop, where the key can be sent without being read on the way.

    Raises:
        BadSource: it is none, or not encrypted.
    """
    place = address(url, "WooCommerce")
    if place.scheme == "http" and not _is_this_machine(place.host):
        raise BadSource(
            "the url of the shop begins with http: its key could be read on the way, and WooCommerce would refuse it",
            remedy="write it with https",
        )
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def refusal(answer: Answer, words: str, *, writes: bool) -> AdapterError:
    """Why a call is refused: who is not known or let in (401, 403), where there is no such API (404), or an old one."""
    told = f"WooCommerce says {answer.status}: {words}"
    if answer.status in (REFUSED, NOT_FOUND):
        return BadSource(told, remedy=NO_API if answer.status == NOT_FOUND else TOO_OLD)
    if answer.status != UNAUTHORIZED:
        return Denied(told, remedy=f"give the key to a user who manages the shop, in {KEYS}")
    if "_cannot_" in code_of(answer.data):  # it refuses somebody whose key it has not seen
        return Denied(told, remedy=HIDDEN_HEADER)
    right = "; to write, it needs the right Read/Write" if writes else ""
    return Denied(told, remedy=f"check the connection's user (consumer key) and password (secret), in {KEYS}{right}")


def is_no_api(answer: Answer) -> bool:
    """Whether nobody is there to ask: a page for people, or a WordPress that knows no such call."""
    is_page = not isinstance(answer.data, Mapping)
    return answer.status == NOT_FOUND and (is_page or code_of(answer.data) == "rest_no_route")


def code_of(told: Any) -> str:
    """The code of an error."""
    return str(told.get("code") or "") if isinstance(told, Mapping) else ""


def unfit(update: FieldUpdate) -> PushResult | None:
    """Say what WooCommerce would pass over in silence; None if nothing."""
    if not (update.customer_id.isascii() and update.customer_id.isdigit() and int(update.customer_id)):
        return PushResult(
            update.customer_id, "not_found", f"{update.customer_id!r} is no id: WooCommerce's are numbers"
        )
    if hidden := next((name for name in update.values if name.startswith("_")), None):
        return PushResult(
            update.customer_id, "rejected", f"{hidden!r} begins with _: WooCommerce keeps these to itself"
        )
    return None


def outcome(update: FieldUpdate, told: Mapping[str, Any] | None, words: str) -> PushResult:
    """What became of one update, by the item of the answer that is about it, and its words.

    The item shows the customer as it is now: what is not in it was dropped on the way, by a plugin or a filter.
    """
    if told is None:
        return PushResult(update.customer_id, "retry", "WooCommerce's answer does not name it")
    if error := told.get("error"):
        return PushResult(update.customer_id, _status(error), words)
    there = {name for name, value in metadata(told).items() if value is not None}
    wrong = [name for name, value in update.values.items() if (name in there) is (value is None)]
    if wrong:
        return PushResult(
            update.customer_id, "rejected", f"WooCommerce took it, and {wrong[0]!r} is not as it was sent"
        )
    return PushResult(update.customer_id, "sent")


def _status(error: Mapping[str, Any]) -> Any:
    data = error.get("data")
    status = data.get("status") if isinstance(data, Mapping) else None
    if code_of(error) in GONE or status == NOT_FOUND:
        return "not_found"
    return "retry" if isinstance(status, int) and status >= 500 else "rejected"


def kind_of(value: Any) -> FieldKind:
    """What a value is: WooCommerce keeps all of them as text; a list is a plugin's own."""
    return "other" if isinstance(value, list | dict) else "text"


def change_of(wanted: RemoteField, there: RemoteField | None, *, dry_run: bool) -> FieldChange:
    """What becomes of a field that a push needs."""
    if wanted.name.startswith("_"):
        return FieldChange(wanted.name, "unfit", "WooCommerce keeps names that begin with _ to itself")
    if there is None:
        return FieldChange(
            wanted.name, "missing" if dry_run else "made", "WooCommerce makes it when it is first written"
        )
    if there.kind == "other":
        return FieldChange(wanted.name, "unfit", "a plugin keeps a list in it; choose another name")
    return FieldChange(wanted.name, "there")
