"""The kinds of faults, and how each is said in the script of faults that a registry follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from lazyimg.server.actions import (
    Action,
    ExpireTokens,
    Hang,
    LoseUpload,
    Reset,
    Status,
    Truncate,
    WrongDigest,
    rate_limit,
)
from lazyimg.server.faults import Fault

if TYPE_CHECKING:
    from matrix.steps import Step

OUT_OF_STEP = 416


def _several(value: Action | tuple[Action, ...]) -> tuple[Action, ...]:
    return value if isinstance(value, tuple) else (value,)


@frozen
class Kind:
    """A kind of fault.

    Attributes:
        name: the head of its column.
        actions: what it does, in turn.
        always: whether it befalls every request of the step, not one alone.
        is_late: whether it comes when the request was handled: the answer is what is lost.
        is_asking: whether it comes in the body of the request, and not of the answer.
        is_slow: whether a cell of it takes seconds.
    """

    name: str
    actions: tuple[Action, ...] = field(converter=_several, eq=False)
    always: bool = field(default=False, kw_only=True)
    is_late: bool = field(default=False, kw_only=True)
    is_asking: bool = field(default=False, kw_only=True)
    is_slow: bool = field(default=False, kw_only=True)

    @property
    def is_status(self) -> bool:
        """Whether an answer comes in place of the registry's."""
        return any(isinstance(action, Status | ExpireTokens) for action in self.actions)

    @property
    def is_out_of_step(self) -> bool:
        """Whether the registry says that it stands elsewhere (416)."""
        return any(isinstance(action, Status) and action.status == OUT_OF_STEP for action in self.actions)

    def does(self, action: type[Action]) -> bool:
        """Tell whether it does something of a kind."""
        return any(isinstance(each, action) for each in self.actions)

    def script(self, step: Step, path: str, size: int) -> list[Fault]:
        """Say it in the registry's words.

        Args:
            step: where.
            path: the pattern of the step's path, with its digests.
            size: bytes of the body that matters.
        """
        times = None if self.always else 1
        before = [Fault(Reset(), "PATCH", received=size // 2)] if step.is_after_cut else []
        return before + [
            Fault(action, step.method, path, times=times, skip=step.skip, **self._point(step, size))
            if not isinstance(action, WrongDigest)
            else Fault(WrongDigest(step.offset(size)), step.method, path, times=times, skip=step.skip)
            for action in self.actions
        ]

    def _point(self, step: Step, size: int) -> dict[str, Any]:
        if self.is_late:
            return {"handled": True}
        if self.does(Truncate) and not self.is_asking:
            return {"sent": step.offset(size)}
        if step.place is None or (step.is_read and self.is_status):
            return {}
        return {"sent" if step.is_read else "received": step.offset(size)}


KINDS: tuple[Kind, ...] = (
    Kind("reset", Reset()),
    Kind("reset, always", Reset(), always=True),
    Kind("answer lost", Reset(), is_late=True),
    Kind("answer lost, always", Reset(), is_late=True, always=True),
    Kind("half-open", Hang(), is_slow=True),
    Kind("half-open, always", Hang(), is_slow=True, always=True),
    Kind("500", Status(500)),
    Kind("502", Status(502)),
    Kind("503", Status(503)),
    Kind("503, always", Status(503), always=True),
    Kind("500 though done", Status(500), is_late=True),
    Kind("500 though done, always", Status(500), is_late=True, always=True),
    Kind("429", rate_limit(1), is_slow=True),
    Kind("429, always", rate_limit(1), is_slow=True, always=True),
    Kind("closed amid the body sent", Truncate(), is_asking=True),
    Kind("closed amid the body sent, always", Truncate(), is_asking=True, always=True),
    Kind("short body", Truncate()),
    Kind("short body, always", Truncate(), always=True),
    Kind("wrong digest", WrongDigest()),
    Kind("upload lost, 404", LoseUpload()),
    Kind("upload lost, 404, always", LoseUpload(), always=True),
    Kind("upload lost, 416", (LoseUpload(), Status(416, "BLOB_UPLOAD_INVALID"))),
    Kind("416 though there, always", Status(416, "RANGE_INVALID"), always=True),
    Kind("token expired", ExpireTokens()),
    Kind("token expired, always", ExpireTokens(), always=True),
)
