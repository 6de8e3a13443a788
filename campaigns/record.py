"""RECORD: keep a request to a link in a message, without keeping who made it."""

import hashlib
import hmac
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from campaigns.mail.headers import one_line
from campaigns.mail.links import Link
from campaigns.project import Project
from campaigns.store import hits

LONGEST_USER_AGENT = 300
log = logging.getLogger(__name__)


def record(project: Project, link: Link, method: str, headers: Mapping[str, str], address: str) -> None:
    """Keep one request as it came. When that fails it is told in the log: the reader is not to suffer from it.

    Args:
        project: the open project.
        link: what the link says.
        method: GET or HEAD.
        headers: of the request; only the user agent is kept, cut to 300 characters.
        address: the network address; only a keyed hash is kept, by the project's secret.
    """
    hit = hits.Hit(
        kind=link.kind,
        at=datetime.now(UTC),
        run_id=link.values["run"],
        customer_id=link.values["customer"],
        product_id=link.values.get("product"),
        method=method,
        user_agent=one_line(headers.get("user-agent", ""))[:LONGEST_USER_AGENT],
        address=address_key(project, address),
    )
    try:
        hits.record(project.store, hit)
    except SQLAlchemyError as error:
        log.warning("a %s of run %s was not recorded: %s", hit.kind, hit.run_id, type(error).__name__)


def address_key(project: Project, address: str) -> str:
    """Hash a network address under the project's secret, and cut it: enough to tell two apart, not to find one."""
    secret = project.settings.secret.get_secret_value().encode()
    return hmac.digest(secret, address.encode("utf-8", "replace"), hashlib.sha256).hex()[:16]
