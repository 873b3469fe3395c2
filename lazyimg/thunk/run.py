"""What an evaluation sees of the run it is part of."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lazyimg.errors import Cancelled, ForcedInside

if TYPE_CHECKING:
    from lazyimg.thunk.thunk import Early, Thunk

V = TypeVar("V")

_here = threading.local()


def is_inside() -> bool:
    """Whether the calling thread is evaluating a thunk right now."""
    return getattr(_here, "depth", 0) > 0


@contextmanager
def inside() -> Iterator[None]:
    """Mark the calling thread as evaluating, so that forcing there is noticed."""
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        yield
    finally:
        _here.depth -= 1


class Run:
    """One forcing of a graph, as an evaluation sees it.

    Attributes:
        runtime: what effectful thunks do their work with; the scheduler never looks inside.
    """

    __slots__ = ("_cancelled", "_post", "_values", "runtime")

    def __init__(self, runtime: Any, values: dict[str, Any], post: Callable[[str, str, Any], None]) -> None:
        self.runtime = runtime
        self._values = values
        self._post = post
        self._cancelled = threading.Event()

    def value(self, thunk: "Thunk[V]") -> V:
        """The value of an input.

        Raises:
            ForcedInside: the thunk was not declared as an input, so its value may not be known.
        """
        try:
            return cast("V", self._values[thunk.key])
        except KeyError:
            raise ForcedInside(
                f"an evaluation asked for the value of {thunk!r}, which is not known yet: "
                "declare it as an input, in a field of the thunk that needs it"
            ) from None

    def publish(self, early: "Early[V]", value: V) -> None:
        """Make a value known before the evaluation that computes it has ended."""
        self._post("early", early.key, value)

    def tell(self, thunk: "Thunk[Any]", what: str, **detail: Any) -> None:
        """Tell the observer something of an evaluation under way; from any thread."""
        self._post("told", thunk.key, (what, detail))

    def cancel(self) -> None:
        """Ask every evaluation of this run to end."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the run has been told to end."""
        return self._cancelled.is_set()

    def check(self) -> None:
        """Return at once while the run goes on.

        Raises:
            Cancelled: the run has been told to end; whatever calls this in its waits ends with it.
        """
        if self._cancelled.is_set():
            raise Cancelled("the run was ended before this thunk had its value")
