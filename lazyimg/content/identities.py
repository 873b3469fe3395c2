"""The identities that a one-shot stream's layers come to, waited for by whoever asks."""

import threading

from lazyimg.content.identity import Identity
from lazyimg.thunk.once import Once


class Identities:
    """One cell for each layer that is made of one stream, by the layer's key.

    Once the stream's reading failed, every cell fails with the same error, those asked for later too.
    """

    __slots__ = ("_cells", "_error", "_lock")

    def __init__(self) -> None:
        self._cells: dict[str, Once[Identity]] = {}
        self._error: BaseException | None = None
        self._lock = threading.Lock()

    def cell(self, layer_key: str) -> Once[Identity]:
        """The cell of the layer with this key."""
        with self._lock:
            cell = self._cells.setdefault(layer_key, Once())
            if self._error is not None:
                cell.fail(self._error)
            return cell

    def fail(self, error: BaseException) -> None:
        """Make whoever waits, or asks later, for what is not known yet raise ``error``."""
        with self._lock:
            self._error = error
            for cell in self._cells.values():
                cell.fail(error)
