"""A value that is set once and waited for by many."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast

if TYPE_CHECKING:
    from types import TracebackType

V = TypeVar("V")

SLICE = 0.1
"""Seconds a wait lasts before it looks up, so that Ctrl-C and cancellation are seen."""


class Once(Generic[V]):
    """A cell that goes from pending to known or failed, and stays there.

    >>> cell = Once()
    >>> cell.state
    'pending'
    >>> cell.set(42)
    >>> cell.get()
    42
    """

    __slots__ = ("_changed", "_error", "_state", "_traceback", "_value")

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state: Literal["pending", "known", "failed"] = "pending"
        self._value: V | None = None
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None

    @property
    def state(self) -> Literal["pending", "known", "failed"]:
        """``pending``, ``known`` or ``failed``. Reading it never waits."""
        return self._state

    def set(self, value: V) -> None:
        """Make the value known and wake every waiter. A cell that is settled stays as it is."""
        self._settle("known", value, None)

    def fail(self, error: BaseException) -> None:
        """Make every waiter, present and future, raise ``error``. A settled cell stays as it is."""
        self._settle("failed", None, error)

    def get(self, timeout: float | None = None, check: Callable[[], None] | None = None) -> V:
        """Wait for the value.

        Args:
            timeout: seconds to wait at most; None waits for as long as it takes.
            check: called between slices of the wait; what it raises ends the wait.

        Raises:
            TimeoutError: the value was not known in time.
            BaseException: the very error that the cell failed with.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._wait(deadline):
            if check is not None:
                check()
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"nothing was known after {timeout:g} s")
        if self._error is not None:
            # From where it failed, or the waits of all who raise this one object would pile up in it.
            raise self._error.with_traceback(self._traceback)
        return cast("V", self._value)

    def _wait(self, deadline: float | None) -> bool:
        left = SLICE if deadline is None else min(SLICE, max(0.0, deadline - time.monotonic()))
        with self._changed:
            return self._changed.wait_for(lambda: self._state != "pending", left)

    def _settle(
        self, state: Literal["known", "failed"], value: V | None, error: BaseException | None
    ) -> None:
        with self._changed:
            if self._state == "pending":
                self._traceback = None if error is None else error.__traceback__
                self._value, self._error, self._state = value, error, state
                self._changed.notify_all()
