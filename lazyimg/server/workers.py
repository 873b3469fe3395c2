"""The threads of a registry: a small pool for storage and hashing, a thread of its own for each hook."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

SIZE = 8
"""The largest number of pool threads: they wait for disks and hash without the interpreter's lock."""


@define
class Workers:
    """Runs what would hold up the event loop."""

    _pool: ThreadPoolExecutor | None = field(default=None, repr=False)

    def open(self) -> None:
        """Make the pool ready; its threads start when they are needed."""
        self._pool = ThreadPoolExecutor(SIZE, thread_name_prefix="lazyimg-registry")

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start ``function``, which is known to end soon, in the pool."""
        if self._pool is None:
            raise RuntimeError("the workers of the registry are closed")
        return self._pool.submit(function, *args, **kwargs)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function``, which is known to end soon, in the pool."""
        return await asyncio.wrap_future(self.submit(function, *args, **kwargs))

    async def hold(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function``, which may block for ever, in a daemon thread that nothing else waits for."""
        held: Future[T] = Future()

        def call() -> None:
            try:
                result = function(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - whatever a user's hook raises is raised where it is awaited
                _deliver(held.set_exception, error)
            else:
                _deliver(held.set_result, result)

        threading.Thread(target=call, name="lazyimg-registry-hook", daemon=True).start()
        return await asyncio.wrap_future(held)

    def close(self) -> None:
        """End the pool's threads, waiting for what they do."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


def _deliver(settle: Callable[[T], None], value: T) -> None:
    """Settle a future, unless who waited for it has given up."""
    with contextlib.suppress(InvalidStateError):
        settle(value)
