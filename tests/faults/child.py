"""A delivering process that dies by SIGKILL at a step of the send loop.

    python -m tests.faults.child FOLDER [POINT N]

It is the code that ships, and a fault point is a function of it: the process dies before or after its N-th call.
"""

import os
import signal
import sys
from pathlib import Path

from campaigns.deliver import deliver
from campaigns.delivery.lanes import Post
from campaigns.delivery.ledger import Ledger
from campaigns.mail.transports import smtp
from campaigns.mail.transports.smtp_session import Session
from campaigns.project import Project
from campaigns.store import claims, outbox, runs


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def _plain(owner, name, *, after, count, only=lambda *_: True):
    """Die at the count-th call of a function."""
    whole, calls = getattr(owner, name), iter(range(1, 10**9))

    def fatal(*values, **named):
        mine = only(*values) and next(calls) == count
        if mine and not after:
            die()
        found = whole(*values, **named)
        if mine:
            die()
        return found

    setattr(owner, name, fatal)


def _awaited(owner, name, *, after, count):
    """Die at the count-th call of a coroutine."""
    whole, calls = getattr(owner, name), iter(range(1, 10**9))

    async def fatal(*values, **named):
        mine = next(calls) == count
        if mine and not after:
            die()
        found = await whole(*values, **named)
        if mine:
            die()
        return found

    setattr(owner, name, fatal)


def _half_a_body(count):
    """Die when half of a message is written."""
    whole, calls = Session.write, iter(range(1, 10**9))

    def fatal(session, data):
        if len(data) > 10_000 and next(calls) == count:
            whole(session, data[: len(data) // 2])
            die()
        whole(session, data)

    Session.write = fatal


def is_dot(_session, data):
    return data == b".\r\n"


POINTS = {
    # On PostgreSQL a claim, and a turn, is not committed there; on SQLite it is, and the process does not know.
    "in the middle of a claim": lambda n: _plain(claims, "_take", after=True, count=max(n // 1000, 1)),
    "after a claim": lambda n: _awaited(Ledger, "claim", after=True, count=max(n // 1000, 1)),
    "after composing": lambda n: _plain(Post, "_composed", after=True, count=n),
    "in the middle of a turn": lambda n: _plain(outbox, "turn", after=True, count=max(n // 20, 1)),
    "after `sending` is committed": lambda n: _awaited(Ledger, "turn", after=True, count=n),
    "after DATA is answered": lambda n: _awaited(smtp.SmtpLane, "_introduce", after=True, count=n),
    "in the middle of a body": _half_a_body,
    "before the dot": lambda n: _plain(Session, "write", after=False, count=n, only=is_dot),
    "after the dot": lambda n: _plain(Session, "write", after=True, count=n, only=is_dot),
    "after the server's answer": lambda n: _awaited(smtp.SmtpLane, "_hand_over", after=True, count=n),
    "while judging what the dead left": lambda n: _plain(outbox, "recover", after=True, count=2),
    "while handing back": lambda n: _plain(outbox, "hand_back", after=True, count=1),
    "while closing the run": lambda n: _plain(runs, "finish", after=True, count=2),
}


if __name__ == "__main__":
    if len(sys.argv) > 2:
        POINTS[sys.argv[2]](int(sys.argv[3]))
    with Project.open(Path(sys.argv[1])) as project:
        deliver(project, until_empty=True)
