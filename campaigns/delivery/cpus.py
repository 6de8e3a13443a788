"""Keep each of several delivering processes to a CPU of its own, whose caches know its work.

One that shares its CPU with another program claims less meanwhile, and the others claim more.
"""

import os
from collections.abc import Iterable


def cpus_of(processes: int) -> list[int]:
    """Say which CPU each of so many processes keeps to; none where there are more, or the system can't be asked."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if not 1 < len(usable) <= processes:
        return []
    return [usable[number % len(usable)] for number in range(processes)]


def keep_to(cpus: Iterable[int], thread: int = 0) -> set[int]:
    """Let a thread, and those that it starts, run on these CPUs only.

    Args:
        cpus: none: it may go on where it could.
        thread: its id, which is that of its process if it is the first one; 0: this one.

    Returns:
        where it could run; empty if nothing was changed, as when it has ended, or the system does not allow it.
    """
    wanted = set(cpus)
    if not wanted:
        return set()
    try:
        usual = os.sched_getaffinity(thread)
        os.sched_setaffinity(thread, wanted)
    except OSError:  # it is only quicker so: no delivery ends for it
        return set()
    return usual
