"""What the engine refuses, each with what is wrong, where, and the next step.

EngineError
├── BadFrame      a frame or array breaks the contract of its columns
├── NotFitted     asked before it was fitted
├── NothingToLearn  not one purchase is left to learn from
├── BadModel      a saved model is damaged, or of another version
└── WorkersLost   processes that make slates died again and again
"""


class EngineError(Exception):
    """Base of all refusals of the engine; `remedy` is the next step, in words."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class BadFrame(EngineError):
    """A column is missing, or holds what it must not."""

    def __init__(self, column: str, problem: str, *, remedy: str) -> None:
        super().__init__(f"column {column!r} {problem}", remedy=remedy)
        self.column = column


class NotFitted(EngineError):
    """A model was asked for scores before it had seen data."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not fitted", remedy="call fit(dataset) first")


class NothingToLearn(EngineError):
    """No purchase is left to learn from."""


class BadModel(EngineError):
    """A saved model can't be read back."""


class WorkersLost(EngineError):
    """The processes that make slates died again and again."""
