"""Processes that do the same work beside the one that was asked: started, told to end with it, and heard to the end."""

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from campaigns.errors import CampaignError, TransportError

Work = Callable[[Path, bool, Callable[[int], None]], Any]
LOOK_SECONDS = 0.2


class Helpers:
    """Runs `work` in so many more processes while its body runs; on leaving, waits for them.

    Args:
        count: how many.
        work: a function of a module, called with folder, until_empty and a function that tells progress.
        folder: the project's.
        until_empty: passed on.
        stop: when it is set, the helpers are told to end in good order.
        advance: told how many more are done.

    Raises:
        CampaignError: on leaving: what the first helper that failed was refused.
    """

    def __init__(
        self,
        count: int,
        work: Work,
        folder: Path,
        until_empty: bool,
        stop: threading.Event,
        advance: Callable[[int], None],
    ) -> None:
        self.results: list[Any] = []
        self._stop = stop
        self._advance = advance
        self._context = multiprocessing.get_context("spawn")  # the parent may have threads
        self._started = [self._start(work, folder, until_empty) for _ in range(count)]
        self._errors: list[tuple[str, str]] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def _start(self, work: Work, folder: Path, until_empty: bool) -> tuple[Any, Connection]:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(theirs, work, folder, until_empty), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._end()
        self._listener.join()
        if error is None and self._errors:
            problem, remedy = self._errors[0]
            raise TransportError(problem, remedy=remedy)

    def _end(self) -> None:
        for process, _ in self._started:
            if process.is_alive():
                process.terminate()

    def _listen(self) -> None:
        """Hear what they say until all are gone; one that is killed only ends: its messages are others' to find."""
        talking = {ours: process for process, ours in self._started}
        told = False
        while talking:
            if self._stop.is_set() and not told:
                self._end()
                told = True
            for ready in wait(list(talking), timeout=LOOK_SECONDS):
                assert isinstance(ready, Connection)
                try:
                    self._hear(*ready.recv())
                except EOFError:
                    ready.close()
                    talking.pop(ready).join()

    def _hear(self, what: str, value: Any) -> None:
        if what == "done":
            self._advance(value)
        elif what == "result":
            self.results.append(value)
        else:
            self._errors.append(value)


def _work(to_parent: Connection, work: Work, folder: Path, until_empty: bool) -> None:
    try:
        to_parent.send(("result", work(folder, until_empty, lambda count: to_parent.send(("done", count)))))
    except CampaignError as error:
        to_parent.send(("refused", (error.problem, error.remedy)))
    finally:
        to_parent.close()
