"""What every transport is: it takes a finished message and says what became of it."""

from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from campaigns.errors import TransportError


@dataclass(frozen=True)
class Envelope:
    """A finished message on its way.

    Attributes:
        sender: the shop's address, with or without its name.
        recipient: the bare address it goes to.
        data: the whole message, CRLF.
        key: names this delivery; the same key is the same message.
    """

    sender: str
    recipient: str
    data: bytes
    key: str


@dataclass(frozen=True)
class Outcome:
    """What became of one message; `answer` is the other side's own words.

    Attributes:
        status: sent; failed (final, never try again); retry (not taken, try again later); in_doubt (handed over whole,
            and the answer was lost: it may have been taken, so trying again may send it twice).
        answer: why, in words.
    """

    status: Literal["sent", "failed", "retry", "in_doubt"]
    answer: str


class Transport(Protocol):
    """A way for messages to leave. Open it with `with`; one that is not open refuses to send."""

    def __enter__(self) -> Self:
        """Get ready; raises TransportError when it can't be used at all."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of files and connections."""

    def send(self, envelope: Envelope) -> Outcome:
        """Hand over one message.

        Raises:
            TransportError: it can't be used at all, or is not open; this message was not handed over.
        """


def not_open(place: str) -> TransportError:
    """Make the refusal of a transport that is asked to send before or after its `with`."""
    return TransportError(f"{place} is not open", remedy="open it first: `with transport:`")
