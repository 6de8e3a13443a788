"""Sign messages with DKIM (RFC 6376): RSA-2048, and Ed25519 beside it (RFC 8463)."""

from collections.abc import Sequence
from typing import Protocol


class Signer(Protocol):
    """Signs one message."""

    def sign(self, head: Sequence[str], body: bytes) -> str:
        """Make the DKIM-Signature field of a message.

        Args:
            head: its header fields, "Name: value", folded with CRLF as they are sent, without the last CRLF.
            body: its body as it is sent.

        Returns:
            the field, folded, without the last CRLF.
        """
