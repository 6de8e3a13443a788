"""How often a system may be called: several windows at once, each so many calls in so many seconds."""

import threading
from collections import deque
from collections.abc import Sequence

from crm_adapters.http.clock import Clock


class Budget:
    """Waits before a call that would be one too many; shared by all threads of an adapter.

    Args:
        windows: (calls, seconds), for example ((190, 10.0),): never more than 190 calls in any 10 seconds.
        clock: what time it is.
    """

    def __init__(self, windows: Sequence[tuple[int, float]], clock: Clock) -> None:
        self._windows = tuple(windows)
        self._clock = clock
        self._made: deque[float] = deque(maxlen=max((calls for calls, _ in windows), default=0))
        self._turn, self._closing = threading.Lock(), threading.Lock()
        self._closed_until = 0.0

    def spend(self) -> None:
        """Wait until one more call may be made, and count it."""
        with self._turn:  # who waits keeps the others waiting: their turn is later anyhow
            while (wait := self._wait()) > 0:
                self._clock.wait(wait)
            self._made.append(self._clock.now())

    def close(self, seconds: float) -> None:
        """The system says that it wants no call for so long."""
        until = self._clock.now() + seconds
        with self._closing:  # not the turn: who waits for that would hear of it only after his call
            self._closed_until = max(self._closed_until, until)

    def _wait(self) -> float:
        now = self._clock.now()
        waits = [self._closed_until - now]
        for calls, seconds in self._windows:
            if len(self._made) >= calls:
                waits.append(self._made[-calls] + seconds - now)
        return max(waits)
