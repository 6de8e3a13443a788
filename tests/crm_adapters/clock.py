"""A clock for tests of adapters."""


class Clock:
    """Time that passes only by waiting; each wait is kept."""

    def __init__(self, now=1_767_607_200.0):  # 2026-01-05T10:00:00Z
        self.time, self.waits = now, []

    def now(self):
        return self.time

    def wait(self, seconds):
        assert seconds > 0
        self.waits.append(seconds)
        self.time += seconds
