"""What a transport is: it takes finished messages and says what became of each.

A transport is opened once for a process and gives lanes. A lane is one thing that can be busy (an SMTP connection, a
call to a provider): it has at most `batch` messages in hand at a time, so after a crash at most lanes times batch
messages are in doubt. Different lanes work side by side.
"""

from types import TracebackType
from typing import Literal, NamedTuple, Protocol, Self

from campaigns.errors import TransportError
from campaigns.mail.message import Message


class Envelope(NamedTuple):
    """A finished message on its way.

    Attributes:
        return_path: the bare address that bounces go to (RFC 5321, section 4.4).
        recipient: the bare address it goes to.
        message: what is in it; each transport asks it for the form that it can carry.
        key: names this delivery, and is its Message-ID; the same key is the same message.
    """

    return_path: str
    recipient: str
    message: Message
    key: str


class Outcome(NamedTuple):
    """What became of one message; `answer` is the other side's own words.

    Attributes:
        status: sent; failed (final, never try again); retry (not taken, try again later); in_doubt (handed over whole,
            and the answer was lost: it may have been taken, so trying again may send it twice).
        answer: why, in words; it begins with the reply code and the enhanced status (RFC 3463) where there is one.
    """

    status: Literal["sent", "failed", "retry", "in_doubt"]
    answer: str


class Lane(Protocol):
    """One connection, or one call at a time. Whoever opened it is the only one to use it."""

    async def send(self, envelopes: list[Envelope]) -> list[Outcome]:
        """Hand over at most `batch` messages; one outcome for each, in their order.

        A lost connection, a timeout or a refusal is an outcome, not an error.

        Args:
            envelopes: the lane may take them out of the list, so that nothing holds a message that has left.

        Raises:
            TransportError: it can't be used at all (a wrong password, a sender that is refused, a signature that does
                not hold): none of these messages was taken, and no other will be.
        """

    async def close(self) -> None:
        """Let go of it, politely; never raises."""


class Transport(Protocol):
    """A way for messages to leave. Open it with `async with`; one that is not open gives no lane.

    Attributes:
        lanes: how many lanes one process should open.
        batch: how many messages a lane takes at a time.
    """

    lanes: int
    batch: int

    async def __aenter__(self) -> Self:
        """Get ready; raises TransportError when it can't be used at all."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of files and connections; lanes are closed before."""

    async def lane(self) -> Lane:
        """Open one more lane.

        Raises:
            TransportError: not open, unreachable, or it does not let us in.
        """


def not_open(place: str) -> TransportError:
    """Make the refusal of a transport that is asked for a lane before or after its `async with`."""
    return TransportError(f"{place} is not open", remedy="open it first: `async with transport:`")
