"""What every transport must keep; prove your own with `check_transport(transport, received)`."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from campaigns.errors import TransportError
from campaigns.mail.message import Message, build
from campaigns.mail.transports.base import Envelope, Transport

SENDER = "Shop <shop@example.com>"
RECIPIENT = "ada@example.com"
TEXT = "first\n.\n..dots at the start of a line\n.\nlast, with an umlaut: ü\n"


def trial(number: int = 1) -> Envelope:
    """Make a message whose body would break a careless transport: dots at line starts, and more than ASCII."""
    key = f"<{number}@example.com>"
    return Envelope("bounces@example.com", RECIPIENT, _message(number, key), key)


def _message(number: int, key: str) -> Message:
    return build(
        sender=SENDER,
        to_name="Ada",
        to_address=RECIPIENT,
        subject=f"Trial {number}: ☕",
        html=f"<p>.\n.<b>{number}</b> ü</p>\n",
        text=TEXT,
        rfc_message_id=key,
        date=datetime(2026, 1, 5, 8, tzinfo=UTC),
        list_id="trial.example.com",
        unsubscribe_url="https://shop.example.com/unsubscribe/1",
    )


def check_transport(transport: Transport, received: Callable[[], Sequence[str]]) -> None:
    """Send messages over two lanes and look whether each arrived once; ask a closed transport, and see that it refuses.

    Args:
        transport: not yet open.
        received: the Message-IDs of what arrived so far, angle brackets included.

    Raises:
        AssertionError: a rule is broken; it says which.
    """
    asyncio.run(_check(transport, received))


async def _check(transport: Transport, received: Callable[[], Sequence[str]]) -> None:
    assert transport.lanes >= 1, "a transport has a lane"
    assert transport.batch >= 1, "a lane takes a message"
    assert await _refuses(transport), "a transport that is not open yet gives no lane"
    async with transport as opened:
        first, second = await opened.lane(), await opened.lane()
        outcomes = await first.send([trial(1)])
        outcomes += await second.send([trial(number) for number in range(2, 2 + transport.batch)][:2])
        outcomes += await first.send([trial(9)])
        for outcome in outcomes:
            assert outcome.status == "sent", f"a good message must be sent: {outcome}"
            assert outcome.answer, "an outcome says in words what became of the message"
        await first.close()
        await second.close()
        await first.close()  # a lane that is closed again is still closed, and says nothing
    assert await _refuses(transport), "a transport that is closed again gives no lane"
    wanted = [
        "<1@example.com>",
        "<2@example.com>",
        *(["<3@example.com>"] if transport.batch > 1 else []),
        "<9@example.com>",
    ]
    assert sorted(received()) == sorted(wanted), "each message arrives once"


async def _refuses(transport: Transport) -> bool:
    try:
        await transport.lane()
    except TransportError:
        return True
    return False
