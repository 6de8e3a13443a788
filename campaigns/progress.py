"""Progress: how long work tells how far it is. Verbs know this protocol; only the command line knows rich."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Handle(Protocol):
    """One piece of work under way."""

    def advance(self, n: int) -> None:
        """Say that `n` more are done."""


class Progress(Protocol):
    """Where work tells how far it is."""

    def track(self, what: str, total: int | None) -> AbstractContextManager[Handle]:
        """Begin a piece of work of `total` steps, or of unknown length."""
        ...

    def say(self, text: str) -> None:
        """Tell one line."""
        ...


class _SilentHandle:
    def advance(self, n: int) -> None:
        pass


class SilentProgress:
    """Tells nothing: for libraries and tests."""

    @contextmanager
    def track(self, what: str, total: int | None) -> Iterator[Handle]:
        """Begin a piece of work; nothing is shown."""
        yield _SilentHandle()

    def say(self, text: str) -> None:
        """Tell nothing."""


class _RichHandle:
    def __init__(self, bars: Bars, what: str, total: int | None) -> None:
        self._bars, self._task, self._total = bars, bars.add_task(what, total=total), total

    def advance(self, n: int) -> None:
        self._bars.update(self._task, advance=n)

    def finish(self) -> None:
        done = self._bars.tasks[self._task].completed
        self._bars.update(self._task, total=self._total or done or 1, completed=self._total or done or 1)


class RichProgress:
    """Bars on the terminal's error stream, so that what a command prints can be piped."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    @contextmanager
    def track(self, what: str, total: int | None) -> Iterator[Handle]:
        """Show a bar until the work ends."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=self._console) as bars:
            handle = _RichHandle(bars, what, total)
            yield handle
            handle.finish()

    def say(self, text: str) -> None:
        """Tell one line."""
        self._console.print(text)
