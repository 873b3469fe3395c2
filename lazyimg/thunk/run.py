"""What an evaluation sees of the run it is part of."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lazyimg.errors import Cancelled, ForcedInside

if TYPE_CHECKING:
    from types import TracebackType

    from lazyimg.thunk.thunk import Early, Thunk

V = TypeVar("V")


class _Here(threading.local):
    """How many evaluations the present thread is in."""

    depth = 0


_here = _Here()


def is_inside() -> bool:
    """Whether the calling thread is evaluating a thunk right now."""
    return _here.depth > 0


class _Depth:
    """A block of evaluations so much deeper, which ends at the depth that it began at."""

    __slots__ = ("_deeper", "_outer")

    def __init__(self, deeper: int) -> None:
        self._deeper = deeper

    def __enter__(self) -> None:
        self._outer = _here.depth
        _here.depth = self._outer + self._deeper

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        _here.depth = self._outer


def inside() -> _Depth:
    """A block in which the calling thread counts as evaluating, so that forcing there is noticed."""
    return _Depth(1)


def as_before() -> _Depth:
    """A block after which the thread is as deep as before, though Ctrl-C came just as it entered another."""
    return _Depth(0)


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
