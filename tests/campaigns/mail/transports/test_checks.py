"""The check of transports finds every rule that a transport can break."""

import pytest

from campaigns.errors import TransportError
from campaigns.mail.transports.base import Outcome
from campaigns.mail.transports.checks import check_transport


class Shelf:
    """A transport that puts messages on a shelf, and keeps every rule."""

    def __init__(self):
        self.shelf, self.open = [], False

    def __enter__(self):
        self.open = True
        return self

    def __exit__(self, *_):
        self.open = False

    def send(self, envelope):
        self.refuse_when_closed()
        self.shelf.append(self.carried(envelope.data))
        return Outcome("sent", "on the shelf")

    def refuse_when_closed(self):
        if not self.open:
            raise TransportError("the shelf is not open", remedy="open it")

    def carried(self, data):
        return data


class Early(Shelf):
    def __init__(self):
        super().__init__()
        self.open = True


class Late(Shelf):
    def __exit__(self, *_):
        """Stays open."""


class Failing(Shelf):
    def send(self, envelope):
        self.refuse_when_closed()
        return Outcome("retry", "not today")


class Silent(Shelf):
    def send(self, envelope):
        return Outcome("sent", super().send(envelope).answer[:0])


class Doubling(Shelf):
    def send(self, envelope):
        super().send(envelope)
        return super().send(envelope)


class Losing(Shelf):
    def send(self, envelope):
        outcome = super().send(envelope)
        del self.shelf[1:]
        return outcome


class Undotted(Shelf):
    def carried(self, data):
        return data.replace(b"\r\n..", b"\r\n.")


class Unix(Shelf):
    def carried(self, data):
        return data.replace(b"\r\n", b"\n")


def test_a_transport_that_keeps_every_rule_passes():
    shelf = Shelf()
    check_transport(shelf, lambda: shelf.shelf)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (Early, "not open yet refuses to send"),
        (Late, "closed again refuses to send"),
        (Failing, "a good message must be sent: .*not today"),
        (Silent, "says in words what became of the message"),
        (Doubling, "arrives once and unchanged"),
        (Losing, "arrives once and unchanged"),
        (Undotted, "arrives once and unchanged, dots at line starts included"),
        (Unix, "arrives once and unchanged"),
    ],
)
def test_a_broken_rule_is_named(broken, rule):
    shelf = broken()
    with pytest.raises(AssertionError, match=rule):
        check_transport(shelf, lambda: shelf.shelf)
