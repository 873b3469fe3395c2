"""What values of faults and of their actions may be: a slip ends the test that makes it, not a later one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

if TYPE_CHECKING:
    from attrs import Attribute

Validator: TypeAlias = Callable[[Any, "Attribute[Any]", Any], Any]
"""What attrs calls with a value that a field is given."""


def _refuse(kind: type[Exception], attribute: Attribute[Any], value: object, wanted: str) -> NoReturn:
    raise kind(f"{attribute.name}={value!r}: give {wanted}")


def whole(least: int, wanted: str, *, most: float = math.inf) -> Validator:
    """Return the demand for a whole number.

    Args:
        least: the smallest.
        wanted: the words for it.
        most: the largest.
    """

    def check(_instance: object, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            _refuse(TypeError, attribute, value, wanted)
        if not least <= value <= most:
            _refuse(ValueError, attribute, value, wanted)

    return check


def seconds(_instance: object, attribute: Attribute[Any], value: Any) -> None:
    """Demand a time.

    Raises:
        TypeError: it is no number.
        ValueError: it is below 0, or without an end.
    """
    wanted = "seconds, 0 or more"
    if not isinstance(value, int | float) or isinstance(value, bool):
        _refuse(TypeError, attribute, value, wanted)
    if not 0 <= value < math.inf:
        _refuse(ValueError, attribute, value, wanted)


def header(_instance: object, attribute: Attribute[Any], value: Any) -> None:
    """Demand texts that a header can be (RFC 9110, "Field Values").

    Raises:
        TypeError: it is no mapping of texts.
        ValueError: there is a line break in them, or a letter that does not go into a header.
    """
    wanted = "names and values of headers, texts of one line in Latin-1"
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) for pair in value.items() for part in pair
    ):
        _refuse(TypeError, attribute, value, wanted)
    joined = "".join((*value, *value.values()))
    if "" in value or not joined.isprintable() or max(joined, default=" ") > "\xff":
        _refuse(ValueError, attribute, value, wanted)


def pattern(fits: Callable[[str], bool], wanted: str) -> Validator:
    """Return the demand for a shell pattern that something fits.

    Args:
        fits: tells whether anything does.
        wanted: the words for it.
    """

    def check(_instance: object, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, str):
            _refuse(TypeError, attribute, value, wanted)
        if not fits(value):
            _refuse(ValueError, attribute, value, wanted)

    return check


def value_of(kinds: type | tuple[type, ...], wanted: str) -> Validator:
    """Return the demand for a value of a class; the class itself is none.

    Args:
        kinds: the class, or several.
        wanted: the words for it.
    """

    def check(_instance: object, attribute: Attribute[Any], value: Any) -> None:
        if not isinstance(value, kinds):
            _refuse(TypeError, attribute, value, wanted)

    return check
