"""The threads of a registry: a pool for storage, one for passwords, a thread of its own for each hook."""

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

HASHING = 2
"""The largest number of threads that hash passwords, which is slow on purpose."""


@define
class Workers:
    """Runs what would hold up the event loop."""

    _pool: ThreadPoolExecutor | None = field(default=None, repr=False)
    _hashing: ThreadPoolExecutor | None = field(default=None, repr=False)

    def open(self) -> None:
        """Make the pools ready; their threads start when they are needed."""
        self._pool = ThreadPoolExecutor(SIZE, thread_name_prefix="lazyimg-registry")
        self._hashing = ThreadPoolExecutor(HASHING, thread_name_prefix="lazyimg-registry-passwords")

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start ``function``, which is known to end soon, in the pool."""
        return _opened(self._pool).submit(function, *args, **kwargs)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function``, which is known to end soon, in the pool."""
        return await asyncio.wrap_future(self.submit(function, *args, **kwargs))

    async def hash(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function``, which hashes a password, where whoever guesses waits for other guesses alone."""
        return await asyncio.wrap_future(_opened(self._hashing).submit(function, *args, **kwargs))

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
        """End the pools' threads, waiting for what they do; passwords that wait are looked at no more."""
        for pool in (self._hashing, self._pool):
            if pool is not None:
                pool.shutdown(cancel_futures=pool is self._hashing)
        self._pool = self._hashing = None


def _opened(pool: ThreadPoolExecutor | None) -> ThreadPoolExecutor:
    if pool is None:
        raise RuntimeError("the workers of the registry are closed")
    return pool


def _deliver(settle: Callable[[T], None], value: T) -> None:
    """Settle a future, unless who waited for it has given up."""
    with contextlib.suppress(InvalidStateError):
        settle(value)
