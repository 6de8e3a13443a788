"""How much a system may be asked for, in points: a bucket that each call empties a little, and that fills by itself."""

import math
import threading

from crm_adapters.http.clock import Clock


class CostBudget:
    """Waits before a call that costs more points than are left; shared by all threads of an adapter.

    What is assumed at first is corrected by what the system tells with each answer.

    Args:
        clock: what time it is.
        maximum: points in a full bucket.
        restored: points that come back each second.
    """

    def __init__(self, clock: Clock, maximum: float = 1_000, restored: float = 50) -> None:
        self._clock, self._maximum, self._restored = clock, float(maximum), float(restored)
        self._left, self._at, self._under_way = self._maximum, clock.now(), 0.0
        self._turn, self._counting = threading.Lock(), threading.Lock()

    @property
    def maximum(self) -> float:
        """Points that a call can cost at most, as far as is known."""
        return self._maximum

    def spend(self, cost: float) -> None:
        """Wait until so many points are there, and take them; `settle` is to follow once the call is answered."""
        with self._turn:  # who waits keeps the others waiting: their turn is later anyhow
            while (wait := self._wait(cost)) > 0:
                self._clock.wait(wait)
            with self._counting:
                self._refill()
                self._left -= cost
                self._under_way += cost

    def settle(self, cost: float, left: float | None, maximum: float | None = None, restored: float = 0) -> None:
        """A call has been answered.

        Args:
            cost: what was taken for it.
            left: points that the system says are left; None: it does not say.
            maximum: of a full bucket; None: it does not say.
            restored: points that come back each second; 0: it does not say.
        """
        with self._counting:
            self._refill()
            self._under_way -= cost
            self._maximum = maximum or self._maximum
            self._restored = restored if restored > 0 else self._restored
            if left is not None:
                self._left = left - self._under_way  # the system may not have met the others yet

    def _wait(self, cost: float) -> float:
        """Seconds until so many points are there, in whole thousandths, never too few; a full bucket has to do."""
        with self._counting:
            self._refill()
            lacking = min(cost, self._maximum) - self._left
            return math.ceil(lacking / self._restored * 1_000) / 1_000

    def _refill(self) -> None:
        now = self._clock.now()
        self._left = min(self._maximum, self._left + (now - self._at) * self._restored)
        self._at = now
