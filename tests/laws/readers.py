"""Sources that count, wait and fail, and FIFOs that tell whether anybody came to read."""

from __future__ import annotations

import contextvars
import errno
import hashlib
import io
import os
import random
import tarfile
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

PATIENCE = 20.0
"""Seconds after which something hangs."""


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of some files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not compress, the same each time."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - the same each time is the point


def sha256(data: bytes) -> str:
    """Return a digest as documents name it, worked out without lazyimg."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Counted:
    """A readable that counts what it gives.

    Args:
        data: what it gives.
        steps: how many bytes each read gives at most, again and again.
        fail_at: after how many bytes it raises ``error``.
        error: what it raises then.
        gate: waited for before the first byte, and again, if ``gate_at`` is given, before that one only.
        gate_at: see ``gate``.

    Attributes:
        given: bytes given so far.
        reads: how often it was asked.
        started: set when it is first asked.
    """

    def __init__(
        self,
        data: bytes,
        *,
        steps: Iterable[int] = (1 << 20,),
        fail_at: int | None = None,
        error: BaseException | None = None,
        gate: threading.Event | None = None,
        gate_at: int = 0,
    ) -> None:
        self.given = 0
        self.reads = 0
        self.started = threading.Event()
        self._data = data
        self._steps = tuple(steps)
        self._fail_at = fail_at
        self._error = error or ValueError("the source broke")
        self._gate = gate
        self._gate_at = gate_at

    def readinto(self, buffer: memoryview) -> int:
        """Give some bytes."""
        size = min(len(buffer), self._steps[self.reads % len(self._steps)], len(self._data) - self.given)
        self.reads += 1
        self.started.set()
        if self._fail_at is not None:
            if self.given >= self._fail_at:
                raise self._error
            size = min(size, self._fail_at - self.given)
        if self._gate is not None:
            if self.given < self._gate_at:
                size = min(size, self._gate_at - self.given)
            elif not self._gate.wait(PATIENCE):
                raise TimeoutError("nobody opened the gate of a test's source")
        buffer[:size] = self._data[self.given : self.given + size]
        self.given += size
        return size


class Openings:
    """An opener that counts: call it to open.

    Attributes:
        opened: every readable that was opened, in order.
    """

    def __init__(self, data: bytes, **settings: Any) -> None:
        self.opened: list[Counted] = []
        self._data = data
        self._settings = settings

    def __call__(self) -> Counted:
        """Open."""
        self.opened.append(Counted(self._data, **self._settings))
        return self.opened[-1]

    @property
    def given(self) -> int:
        """Bytes given by all together."""
        return sum(one.given for one in self.opened)


def fifo(path: Path) -> Path:
    """Make a FIFO that nobody writes to."""
    os.mkfifo(path)
    return path


def is_being_read(path: Path) -> bool:
    """Tell whether anybody holds a FIFO open for reading, or waits for a writer to do so."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno == errno.ENXIO:
            return False
        raise
    return True


class Aside:
    """A function that runs in a thread of its own, from now on.

    Attributes:
        error: what it raised, once it ended.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self.value: Any = None
        self.error: BaseException | None = None
        context = contextvars.copy_context()  # and with it the test's own engine
        self._thread = threading.Thread(target=lambda: context.run(self._run), daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.value = self._function()
        except BaseException as error:  # noqa: BLE001 - raised by result()
            self.error = error

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Wait until it ended, however it did."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "this hangs"

    def result(self) -> Any:
        """Wait for its value, or raise what it raised."""
        self.end()
        if self.error is not None:
            raise self.error
        return self.value
