"""Processes that deliver beside the one that was asked: started, told to end with it, and heard to the end.

    python -m campaigns.delivery.helpers FOLDER UNTIL_EMPTY

is one of them. It prints a line of JSON for each thing that it tells: {"done": 20}, and at its end {"states": {"sent":
20}} or {"refused": [problem, remedy]}.
"""

import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from campaigns.delivery.cpus import cpus_of, keep_to
from campaigns.errors import CampaignError, TransportError, TransportUnreachable
from campaigns.progress import Handle, SilentProgress
from campaigns.project import Project

LOOK_SECONDS = 0.1


class Helpers:
    """Runs so many more processes while its body runs; on leaving, waits for them.

    Where they and this one are as many as the CPUs, each keeps to one.

    Args:
        count: how many.
        folder: the project's.
        until_empty: passed on.
        stop: when it is set, the helpers are told to end in good order.
        advance: told how many more are done.

    Raises:
        CampaignError: on leaving: what the first helper that failed was refused.
    """

    def __init__(
        self, count: int, folder: Path, until_empty: bool, stop: threading.Event, advance: Callable[[int], None]
    ) -> None:
        self.states: Counter[str] = Counter()
        self._stop = stop
        self._advance = advance
        self._ending = False
        self._refused: list[tuple[str, str]] = []
        command = [sys.executable, "-m", __name__, str(folder), str(int(until_empty))]
        self._started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]  # noqa: S603 - ours
        self._cpus = cpus_of(count + 1)
        self._listeners = [threading.Thread(target=self._listen, args=(each.stdout,)) for each in self._started]

    def __enter__(self) -> Self:
        self._usual = keep_to(self._cpus[:1])
        for process, cpu in zip(self._started, self._cpus[1:], strict=False):
            keep_to([cpu], process.pid)
        for listener in self._listeners:
            listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        keep_to(self._usual)
        if error is not None:
            self._end()
        for process, listener in zip(self._started, self._listeners, strict=True):
            while listener.is_alive():
                if self._stop.is_set():
                    self._end()
                listener.join(LOOK_SECONDS)
            if process.wait() > 0:  # not killed, and not refused: a fault of ours, whose traceback it printed
                self._refused.append((f"a process beside this one ended with code {process.returncode}", "see above"))
        if error is None and self._refused:
            problem, remedy = self._refused[0]
            raise TransportError(problem, remedy=remedy)

    def _end(self) -> None:
        if not self._ending:  # told twice, one that is about to end would end at once
            self._ending = True
            for process in self._started:
                process.terminate()

    def _listen(self, lines: IO[str]) -> None:
        """Hear one of them; if it is killed, what it had is for others to find."""
        with lines:
            for line in lines:
                told: dict[str, Any] = json.loads(line)
                self._advance(told.get("done", 0))
                self.states.update(told.get("states", {}))
                if "refused" in told:
                    self._refused.append(told["refused"])


class _Telling(SilentProgress):
    """Tells the asking process how far this one is."""

    @contextlib.contextmanager
    def track(self, what: str, total: int | None) -> Iterator[Handle]:
        """Begin a piece of work."""
        yield self

    def advance(self, n: int) -> None:
        """Say that `n` more are done."""
        tell(done=n)


def tell(**values: Any) -> None:
    """Print one line; if whoever asked has died, nobody hears it, and the work goes on."""
    try:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends


def main(folder: str, until_empty: str) -> None:
    """Deliver, and tell how it went."""
    from campaigns.deliver import deliver  # noqa: PLC0415 - which starts helpers itself

    try:
        with Project.open(Path(folder), _Telling()) as project:
            tell(states=deliver(project, until_empty=until_empty == "1", jobs=1).states)
    except TransportUnreachable:
        # The first process delivers to the same servers: it says so where nobody answers, and where these only serve
        # no more connections than it has itself, it sends what is handed back here.
        pass
    except CampaignError as error:
        tell(refused=(error.problem, error.remedy))
    finally:
        gc.freeze()  # as the command line does


if __name__ == "__main__":
    main(*sys.argv[1:])
