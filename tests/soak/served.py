"""The embedded registry as a program: at one port and directory, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from support.ports import port_below_ephemeral

import lazyimg

if TYPE_CHECKING:
    from soak.usage import Usage

from soak.usage import usage_of

ROOT = Path(lazyimg.__file__).parents[1]


class Served:
    """``lazyimg registry serve``; use it as a context manager.

    Its port is none that the system gives to whoever connects: a client that dials a free one of those,
    while the registry is down, may be connected to itself.

    Args:
        directory: where it keeps what is pushed.

    Attributes:
        starts: how many times it was started.
        up: set while it answers.
        left: how many files a registry that was killed left behind in its staging directory, each time.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.host = f"127.0.0.1:{port_below_ephemeral()}"
        self.starts = 0
        self.left: list[int] = []
        self.up = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> int | None:
        """The id of its process; None while it is down."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, and return when it answers."""
        command = ("registry", "serve", "--address", self.host, "--disk", str(self.directory))
        process = subprocess.Popen(
            [sys.executable, "-m", "lazyimg.cli", *command],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("serving"):
            raise AssertionError(f"the registry did not start: it ended with {process.wait(20)}, {line!r}")
        self._process = process
        self.up.set()
        self.starts += 1

    def kill(self) -> None:
        """Kill it (SIGKILL), in the middle of whatever it does."""
        self._end(signal.SIGKILL)
        self.left.append(len(self.staged()))

    def _end(self, how: signal.Signals) -> None:
        self.up.clear()
        process, self._process = self._process, None
        if process is not None:
            with process:
                process.send_signal(how)

    def staged(self) -> list[Path]:
        """Return the files of what is arriving."""
        return list((self.directory / "staging").iterdir())

    def usage(self) -> Usage:
        """Look at what it holds."""
        return usage_of(str(self.process))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end(signal.SIGTERM)
