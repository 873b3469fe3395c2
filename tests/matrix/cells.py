"""Every step times every fault: which of them mean something, and what has to come of each."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Literal

from attrs import frozen
from matrix.faults import KINDS, Kind
from matrix.steps import STATUS, STEPS, TAG, UNTOLD, Step

from lazyimg.server.actions import ExpireTokens, LoseUpload, Truncate, WrongDigest

if TYPE_CHECKING:
    from collections.abc import Callable

Backend = Literal["embedded", "docker-registry"]
BACKENDS: tuple[Backend, ...] = ("embedded", "docker-registry")

Outcome = Literal["whole", "error"]
"""``whole``: the image is there, to the byte. ``error``: a clear one, nothing half done, no tag moved."""


@frozen
class Cell:
    """One step, one fault, one registry."""

    step: Step
    kind: Kind
    backend: Backend

    @property
    def name(self) -> str:
        """The cell in the name of its test."""
        return f"{self.backend}-{self.step.name}-{self.kind.name}".replace(", ", "-").replace(": ", "-")

    @property
    def may_leave_uploads(self) -> bool:
        """Whether an upload was begun of which nobody was told, or that nobody may cancel any more."""
        return self.step.method == "POST" and self.kind.is_late

    @property
    def may_have_moved(self) -> bool:
        """Whether the tag may have moved though there is an error: the answer was lost, or wrong."""
        is_unclear = self.kind.is_late or self.kind.does(WrongDigest)
        return self.step.path == TAG and self.step.method == "PUT" and is_unclear


def reason(step: Step, kind: Kind) -> str | None:
    """Say why a fault means nothing at a step; None if it does."""
    return next((why for why, holds in MEANINGLESS.items() if holds(step, kind)), None)


def _has_no_digest(step: Step, kind: Kind) -> bool:
    says_one = step.is_read or "manifest" in step.path
    return kind.does(WrongDigest) and (step.what == "token" or not says_one)


def _has_no_upload(step: Step, kind: Kind) -> bool:
    return (kind.does(LoseUpload) or kind.is_out_of_step) and not step.is_to_upload


def _is_no_end(step: Step, kind: Kind) -> bool:
    is_end = step.place is None or step.place == ("first" if step.is_read else "last")
    return (kind.is_late or (kind.does(WrongDigest) and not step.is_read)) and not is_end


MEANINGLESS: dict[str, Callable[[Step, Kind], bool]] = {
    "what is not sent cannot be short: the answer has no body": lambda step, kind: (
        kind.does(Truncate) and not kind.is_asking and not step.is_read
    ),
    "nor is there a body in the request": lambda step, kind: (
        kind.is_asking and (step.is_read or step.place is None)
    ),
    "nothing in the answer is relied on by its digest": _has_no_digest,
    "the request is to no upload": _has_no_upload,
    "no token is shown": lambda step, kind: kind.does(ExpireTokens) and step.what in ("token", UNTOLD),
    "an answer is lost, or wrong, as a whole, not at a byte of the request": _is_no_end,
    "a status stands before the first byte": lambda step, kind: (
        kind.is_status and step.is_read and step.place not in (None, "first")
    ),
}


def expected(cell: Cell) -> Outcome:
    """Say what has to come of a cell.

    One fault on the way is got over: files are read again from where the registry stands, and so, out of
    scratch space, are streams. Content that is not what its digest says is an error, and so is a token that
    is refused right after it was given. What always goes wrong is an error unless it is passed by.
    """
    if cell.kind.does(WrongDigest):
        return "error"
    if cell.kind.always:
        return "whole" if _is_passed_by(cell) else "error"
    return "error" if cell.kind.does(ExpireTokens) and cell.step.is_first_with_token else "whole"


def _is_passed_by(cell: Cell) -> bool:
    """Whether what always goes wrong at a place is not met again there."""
    step, kind = cell.step, cell.kind
    if step.what == "POST mount":  # the registry says no: an upload is begun instead
        return kind.is_status
    if step.what == STATUS:  # the registry does not know the upload: another is begun
        return kind.does(LoseUpload) or kind.is_out_of_step
    if "manifest" in step.path:  # sent, or read, whole again
        return False
    return _is_done(cell) if kind.is_late else _is_left_behind(cell)


def _is_done(cell: Cell) -> bool:
    """Whether the registry has what it was sent though its answer is lost, and tells so when it is asked."""
    is_last = cell.step.place == "last"
    if cell.step.method == "PUT":
        return cell.kind.is_status or is_last
    return is_last and cell.backend == "embedded"


def _is_left_behind(cell: Cell) -> bool:
    """Whether the rest is sent, or read, without coming by the place again."""
    step, is_inside = cell.step, cell.step.place in ("middle", "last")
    if step.method == "PUT":  # tried again by PATCH, behind which the PUT has no body; not so for a token
        return step.place not in (None, "first") and not cell.kind.does(ExpireTokens)
    if step.method == "PATCH":  # what arrived stays, and the rest is shorter; not so where a cut loses all
        return is_inside and cell.backend == "embedded" and not cell.kind.does(LoseUpload)
    return step.is_read and is_inside


CELLS: tuple[Cell, ...] = tuple(
    Cell(step, kind, backend)
    for step, kind, backend in product(STEPS, KINDS, BACKENDS)
    if reason(step, kind) is None
)


def _rank(cell: Cell, missing: set[Step]) -> tuple[bool, bool]:
    """Order cells for the share: slow faults where they hold up one request alone, then missing steps."""
    return cell.kind.is_slow and cell.step.method != "HEAD", cell.step not in missing


def turn(cell: Cell) -> tuple[Kind, Outcome, str]:
    """Say what a cell is one of: a fault that ends in a way; of wrong content, at each that can be wrong."""
    return cell.kind, expected(cell), cell.step.what if cell.kind.does(WrongDigest) else ""


def spread(backend: Backend) -> list[Cell]:
    """Return a share of a registry's cells that has every step and every fault, few of the slow ones.

    It has each fault once with each end that it has anywhere, too.
    """
    cells = [cell for cell in CELLS if cell.backend == backend]
    steps, found = set(STEPS), []
    for kind in KINDS:
        of_kind = sorted((cell for cell in cells if cell.kind == kind), key=lambda cell: _rank(cell, steps))
        steps.discard(of_kind[0].step)
        found.append(of_kind[0])
    for index, step in enumerate(each for each in STEPS if each in steps):
        quick = [cell for cell in cells if cell.step == step and not cell.kind.is_slow]
        found.append(quick[index % len(quick)])
    turns = set(map(turn, found))
    for cell in cells:
        if turn(cell) not in turns and not cell.kind.is_slow:
            turns.add(turn(cell))
            found.append(cell)
    return found
