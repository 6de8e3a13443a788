"""The check of transports finds every rule that a transport can break."""

import pytest

from campaigns.mail.transports.base import Outcome, not_open
from campaigns.mail.transports.checks import check_transport


class Shelf:
    """A transport that puts messages on a shelf, and keeps every rule."""

    lanes, batch = 2, 2

    def __init__(self):
        self.shelf, self.open = [], False

    async def __aenter__(self):
        self.open = True
        return self

    async def __aexit__(self, *_):
        self.open = False

    async def lane(self):
        if not self.open:
            raise not_open("the shelf")
        return Board(self)

    def keep(self, envelope):
        self.shelf.append(envelope.key)
        return Outcome("sent", "on the shelf")


class Board:
    def __init__(self, shelf):
        self.shelf = shelf

    async def send(self, envelopes):
        assert len(envelopes) <= self.shelf.batch
        return [self.shelf.keep(envelope) for envelope in envelopes]

    async def close(self):
        """Nothing is held."""


class Laneless(Shelf):
    lanes = 0


class Batchless(Shelf):
    batch = 0


class Single(Shelf):
    batch = 1


class Early(Shelf):
    def __init__(self):
        super().__init__()
        self.open = True


class Late(Shelf):
    async def __aexit__(self, *_):
        """Stays open."""


class Failing(Shelf):
    def keep(self, envelope):
        return Outcome("retry", "not today")


class Silent(Shelf):
    def keep(self, envelope):
        super().keep(envelope)
        return Outcome("sent", "")


class Doubling(Shelf):
    def keep(self, envelope):
        super().keep(envelope)
        return super().keep(envelope)


class Losing(Shelf):
    def keep(self, envelope):
        outcome = super().keep(envelope)
        del self.shelf[1:]
        return outcome


class Renaming(Shelf):
    def keep(self, envelope):
        self.shelf.append(envelope.key.upper())
        return Outcome("sent", "under another name")


@pytest.mark.parametrize("kind", [Shelf, Single])
def test_a_transport_that_keeps_every_rule_passes(kind):
    shelf = kind()
    check_transport(shelf, lambda: shelf.shelf)
    assert len(shelf.shelf) == 2 + shelf.batch


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (Laneless, "a transport has a lane"),
        (Batchless, "a lane takes a message"),
        (Early, "not open yet gives no lane"),
        (Late, "closed again gives no lane"),
        (Failing, "a good message must be sent: .*not today"),
        (Silent, "says in words what became of the message"),
        (Doubling, "each message arrives once"),
        (Losing, "each message arrives once"),
        (Renaming, "each message arrives once"),
    ],
)
def test_a_broken_rule_is_named(broken, rule):
    shelf = broken()
    with pytest.raises(AssertionError, match=rule):
        check_transport(shelf, lambda: shelf.shelf)


class Fragile(Shelf):
    """Its lanes can't be closed twice."""

    async def lane(self):
        await super().lane()
        return FragileBoard(self)


class FragileBoard(Board):
    closed = False

    async def close(self):
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


def test_a_lane_that_can_not_be_closed_twice_does_not_pass():
    shelf = Fragile()
    with pytest.raises(RuntimeError, match="closed already"):
        check_transport(shelf, lambda: shelf.shelf)
