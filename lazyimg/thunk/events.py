"""What a run tells while it goes on: plain values, handed to an observer on the calling thread."""

from collections.abc import Callable
from typing import Any

from attrs import frozen


@frozen
class Event:
    """Something that happened to a thunk.

    Attributes:
        key: the thunk's key.
        name: the operation's name, such as ``Append``.
    """

    key: str
    name: str


@frozen
class Started(Event):
    """An evaluation began."""


@frozen
class Ended(Event):
    """An evaluation gave a value, ``seconds`` after it began."""

    seconds: float


@frozen
class Failed(Event):
    """An evaluation raised ``error``."""

    error: BaseException


@frozen
class Expanded(Event):
    """An evaluation returned another thunk, called ``by``, to take its place."""

    by: str


@frozen
class Told(Event):
    """An evaluation under way told something of itself.

    Attributes:
        what: a short name, such as ``attempt`` or ``sent``.
        detail: plain values, never a credential.
    """

    what: str
    detail: dict[str, Any]


Observer = Callable[[Event], None]


def silent(event: Event) -> None:
    """The observer that looks away."""
