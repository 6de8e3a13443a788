"""How long to wait before the dot that ends a message, so that a server that hangs up before it leaves no doubt."""

import math
import socket
import struct
import sys
import time

SHORTEST_SECONDS, LONGEST_SECONDS = 0.003, 0.25
"""A server that hangs up in the middle of a message is noticed before its end is sent, and nothing is in doubt. Other
lanes use the time. A server that is busy is slow to hang up, too, so it is given as much more as it was slow lately."""
MARGIN = 2
FORGOTTEN = 0.98
"""What is left of that with each message: a busy machine lets a program wait now and then, not each time."""
_TIMES = struct.Struct("=44xI4xI")
"""Of `struct tcp_info`: milliseconds since data was sent and since data came (linux/tcp.h)."""
_COARSE_CLOCK = 6
"""The clock of which the kernel takes these times, CLOCK_MONOTONIC_COARSE (linux/time.h): Python has no name for it."""


class Wait:
    """How long to wait before the dot: longer when the server takes longer than it did at its quickest."""

    def __init__(self) -> None:
        self._quickest, self._slow = math.inf, 0.0

    def seconds(self, answered_in: float) -> float:
        """Say how long, after an answer that took so many seconds; the way there and back is in both, and falls out."""
        self._quickest = min(self._quickest, answered_in)
        self._slow = max(MARGIN * (answered_in - self._quickest), FORGOTTEN * self._slow)
        return min(SHORTEST_SECONDS + self._slow, LONGEST_SECONDS)


def seconds_between(connection: socket.socket) -> float | None:
    """Say how long after the last bytes went out the last ones came in, at most.

    By the kernel's clock, so that a process that was busy when they came does not count its own delay as the server's.
    It ticks every few milliseconds: as much more may have passed as lies between two ticks.

    Returns:
        seconds; none where the kernel does not tell, or the connection is closed.
    """
    if sys.platform != "linux":
        return None
    try:
        sent, came = _TIMES.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TIMES.size))
    except OSError:
        return None
    milliseconds: int = max(sent - came, 0)
    return milliseconds / 1000 + time.clock_getres(_COARSE_CLOCK)
