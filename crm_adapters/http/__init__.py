"""What every adapter that speaks HTTP stands on, written once: calls, waiting, tokens, and a log without secrets."""
