"""What every transport must keep; prove your own with `check_transport(transport, received)`."""

from collections.abc import Callable, Sequence

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Envelope, Transport

BODY = b"From: shop@example.com\r\nTo: ada@example.com\r\nSubject: one\r\n\r\nfirst\r\n.\r\n..dots\r\nlast\r\n"


def check_transport(transport: Transport, received: Callable[[], Sequence[bytes]]) -> None:
    """Send two messages and look whether both arrived unchanged; ask a closed transport and look whether it refuses.

    Args:
        transport: not yet open.
        received: the messages that arrived so far.

    Raises:
        AssertionError: a rule is broken; it says which.
    """
    other = BODY.replace(b"one", b"two")
    assert _refuses(transport), "a transport that is not open yet refuses to send"
    with transport as opened:
        for key, body in (("<1@example.com>", BODY), ("<2@example.com>", other)):
            outcome = opened.send(Envelope("Shop <shop@example.com>", "ada@example.com", body, key))
            assert outcome.status == "sent", f"a good message must be sent: {outcome}"
            assert outcome.answer, "an outcome says in words what became of the message"
    assert _refuses(transport), "a transport that is closed again refuses to send"
    arrived = sorted(received())
    assert arrived == sorted([BODY, other]), "each message arrives once and unchanged, dots at line starts included"


def _refuses(transport: Transport) -> bool:
    try:
        transport.send(Envelope("shop@example.com", "ada@example.com", BODY, "<0@example.com>"))
    except TransportError:
        return True
    return False
