"""What adapters refuse, each with what is wrong, where, and the next step.

AdapterError
├── Unsupported    the system can't do this; never skipped in silence
├── BadMapping     a mapping file is wrong: file, line, and what was probably meant
├── BadCursor      a stored cursor is of another version or another query
├── SourceMissing  a file, table or column that must be there is not
└── Unreachable    the system does not answer
"""


class AdapterError(Exception):
    """Base of all refusals of adapters; `remedy` is the next step, in words."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class Unsupported(AdapterError):
    """The system can't do what was asked."""


class BadMapping(AdapterError):
    """A mapping file has an unknown key, converter or value."""


class BadCursor(AdapterError):
    """A cursor can't be continued; pull in full instead."""


class SourceMissing(AdapterError):
    """A file, table or column is not there."""


class Unreachable(AdapterError):
    """The system does not answer."""
