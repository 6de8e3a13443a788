"""Every fault once: nothing is lost or repeated but what was in the hand of a killed process, and that is named.

The whole table, each fault with both policies on both databases and 5,000 recipients: `python -m tests.faults.harness`.
"""

import os
from itertools import cycle

import pytest

from tests.faults.harness import CASES, ONLY, play

COUNT = 400
TWO_PROCESSES = 2_500
"""So many that a second process is started: what is away is away for both, and neither may judge the other dead."""
PAIRS = cycle([("sqlite", "skip"), ("postgresql", "resend"), ("sqlite", "resend"), ("postgresql", "skip")])
ALIVE = {"stopped for a while", *ONLY}
"""Who lives must not be judged dead: with `resend`, that would be seen as repeated mail."""
PLAYED = [
    (name, ONLY.get(name, database), "resend" if name in ALIVE else policy)
    for name, (database, policy) in zip(CASES, PAIRS, strict=False)
]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "database", "policy"), PLAYED, ids=lambda value: value)
def test_only_what_a_killed_process_held_is_missing_or_doubled(name, database, policy, request):
    if name == "disk full" and os.geteuid() != 0:
        pytest.skip("only root can make a small disk")
    server = request.getfixturevalue("postgres") if database == "postgresql" else None
    found = play(name, TWO_PROCESSES if name in ONLY else COUNT, policy, server)
    assert found.sound(policy) == []
