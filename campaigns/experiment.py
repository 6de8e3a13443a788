"""Experiments: who is held out, drawn from (seed, run, customer) so that no order of work changes it."""

import hashlib


def draw(*parts: object) -> float:
    """Draw a number in [0, 1) that depends only on its parts.

    >>> draw(0, "weekly@1", "c1") == draw(0, "weekly@1", "c1")
    True
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56


def held_out(seed: int, run_id: str, customer_id: str, share: float) -> bool:
    """Say whether a customer is, on purpose, not written to in this run."""
    return draw(seed, run_id, customer_id) < share
