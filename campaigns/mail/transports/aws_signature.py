"""Sign a POST to Amazon with Signature Version 4.

Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests to one service in one region with one key."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str
    service: str

    def headers(self, url: str, given: Mapping[str, str], body: bytes, at: datetime) -> dict[str, str]:
        """Add to the headers of a POST those that sign it.

        Args:
            url: without a query.
            given: headers to be signed, by lower-case name; the values without spaces around them.
            body: as it is sent.
            at: now; Amazon refuses what is more than 5 minutes off.

        Returns:
            `given` with host, x-amz-date and authorization.
        """
        moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = {**given, "host": urlsplit(url).netloc, "x-amz-date": moment}
        names = ";".join(sorted(signed))
        lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
        # The path is quoted once more than it is in the URL, except by S3.
        path = quote(urlsplit(url).path or "/", safe="/-_.~")
        canonical = "\n".join(["POST", path, "", *lines, "", names, hashlib.sha256(body).hexdigest()])
        scope = f"{moment[:8]}/{self.region}/{self.service}/aws4_request"
        text = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        signature = hmac.new(self._key(moment[:8]), text.encode(), hashlib.sha256).hexdigest()
        credential = f"Credential={self.access_key}/{scope}"
        return signed | {
            "authorization": f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}",
        }

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret_key}".encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key
