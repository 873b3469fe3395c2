"""One-shot streams: bytes that can be read once, and who may read them."""

import os
import threading
from typing import Any

from lazyimg.content.identities import Identities
from lazyimg.errors import StreamSpent
from lazyimg.thunk.key import Keyed


class OneShot(Keyed):
    """A stream with what is known of its use: the identity of a thing that has no other.

    Args:
        readable: an object with ``readinto`` or ``read``, of bytes.
        name: what stands for it in keys; random unless given.
    """

    __slots__ = ("_claimed", "_lock", "_spent", "identities", "readable", "token")

    def __init__(self, readable: Any, *, name: str | None = None) -> None:
        self.readable = readable
        self.token = name or os.urandom(16).hex()
        self._lock = threading.Lock()
        self.identities = Identities()
        self._claimed = False
        self._spent = False

    def __repr__(self) -> str:
        return f"<one-shot {type(self.readable).__qualname__}{' (spent)' if self._spent else ''}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            f"{self!r} is open in this process and cannot be pickled: use Layer.from_opener, with a function "
            "of a module, or Layer.from_tar"
        )

    @property
    def key(self) -> str:
        """What stands for the stream in the keys of thunks."""
        return self.token

    @property
    def spent(self) -> bool:
        """Whether reading began; the bytes are gone then."""
        return self._spent

    @property
    def claimed(self) -> bool:
        """Whether a write that is running will read it."""
        return self._claimed

    def claim(self) -> None:
        """Reserve the stream for one write.

        Raises:
            StreamSpent: it was read before, or another write has it.
        """
        with self._lock:
            if self._spent:
                raise self._refusal("was read already")
            if self._claimed:
                raise self._refusal("is being read by another write")
            self._claimed = True

    def release(self) -> None:
        """Give the claim back; a stream of which nothing was read can be claimed again."""
        with self._lock:
            self._claimed = False

    def spend(self) -> None:
        """Mark the stream as read, just before its first byte is.

        Raises:
            StreamSpent: that happened before.
        """
        with self._lock:
            if self._spent:
                raise self._refusal("was read already")
            self._spent = True

    def _refusal(self, why: str) -> StreamSpent:
        return StreamSpent(
            f"the one-shot stream {self!r} {why}; give each write a new stream, write all targets at once, "
            "or use Layer.from_opener, which can be read again"
        )
