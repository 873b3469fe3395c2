"""What the interpreter itself tells of effects: its audit events, switched on for a while."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_EFFECTS = (
    "open",
    "os.",
    "pathlib.",
    "glob.",
    "shutil.",
    "tempfile.",
    "socket.",
    "ssl.",
    "subprocess.",
    "_thread.",
    "_posixsubprocess.",
    "pty.",
    "mmap.",
    "import",
    "fcntl.",
    "http.",
    "urllib.",
)


def text_of(path: Any) -> str:
    """Return a path as text, whatever it was given as."""
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else str(path)


_listeners: list[Recorder] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    for listener in _listeners:
        listener.hear(event, arguments)


class Recorder:
    """Records the audit events of effects between `start` and `stop`; use it as a context manager.

    An audit hook cannot be taken back, so there is one for the process, which does nothing while nobody
    listens.

    Attributes:
        events: what happened, each with its arguments, in order.
        threads: the names of threads that were started, by anybody, however short they lived.
        only: if set, events of this thread alone are recorded.
        also: called with each event while it happens, before it has its effect.
    """

    _installed = False

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        self.threads: list[str] = []
        self.only: int | None = None
        self.also: Callable[[str, tuple[Any, ...]], None] = lambda *_: None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an event."""
        if self.only not in {None, threading.get_ident()}:
            return
        if event.startswith(_EFFECTS):
            self.events.append((event, arguments))
            self.also(event, arguments)

    def start(self, *, here: bool = True) -> None:
        """Record from now on, what this thread does alone or what all do."""
        if not Recorder._installed:
            sys.addaudithook(_hook)
            Recorder._installed = True
        self.only = threading.get_ident() if here else None
        _listeners.append(self)
        threading.setprofile(self._hear_thread)

    def stop(self) -> None:
        """Record no more."""
        if self in _listeners:
            _listeners.remove(self)
            threading.setprofile(None)  # type: ignore[arg-type] # which is how it is switched off

    def _hear_thread(self, *_: object) -> None:
        """Note a thread, in itself, before it does anything; Python audits that from 3.12 on only."""
        sys.setprofile(None)
        self.threads.append(threading.current_thread().name)

    def opened(self, path: object) -> int:
        """Return how often a file was opened."""
        return self.paths("open").count(str(path))

    def paths(self, *events: str) -> list[str]:
        """Return the first argument of each of these events, a path."""
        return [text_of(arguments[0]) for event, arguments in list(self.events) if event in events]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
