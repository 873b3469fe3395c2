"""Write JSON: compact, UTF-8, each unusual scalar with the source text it was read from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from lazyimg.errors import InvalidDocument
from lazyimg.oci.json_value import Integer, Real, Text, jsonable

if TYPE_CHECKING:
    from collections.abc import Callable

from lazyimg.oci.json_value import Json

quoted: Final = json.JSONEncoder(ensure_ascii=False).encode
"""Writes a plain text: what every text without ``source`` is written as."""


def dumps(value: Any) -> bytes:
    """Return ``value`` as compact JSON in UTF-8, keys in their order.

    Raises:
        InvalidDocument: it is nested too deep, or holds what JSON cannot.

    Example:
        >>> dumps({"tag": "v1", "size": 3})
        b'{"tag":"v1","size":3}'
    """
    parts: list[str] = []
    _write(jsonable(value), parts.append)
    # What UTF-8 cannot hold is a lone surrogate; its escape in JSON is the one Python writes, \udXXX.
    return "".join(parts).encode("utf-8", "backslashreplace")


def _write(value: Json, out: Callable[[str], None]) -> None:
    if isinstance(value, str):
        out(_text(value))
    elif isinstance(value, dict):
        _write_object(value, out)
    elif isinstance(value, list):
        _write_array(value, out)
    else:
        out(_scalar(value))


def _text(value: str) -> str:
    return value.source if isinstance(value, Text) else quoted(value)


def _scalar(value: float | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.source if isinstance(value, Integer | Real) else _number(value)


def _number(value: float) -> str:
    try:
        return repr(value)
    except ValueError:
        raise InvalidDocument("an integer of so many digits that Python refuses to write it") from None


def _write_object(members: dict[str, Json], out: Callable[[str], None]) -> None:
    separator = "{"
    for key, value in members.items():
        out(separator + _text(key) + ":")
        _write(value, out)
        separator = ","
    out("}" if members else "{}")


def _write_array(items: list[Json], out: Callable[[str], None]) -> None:
    separator = "["
    for item in items:
        out(separator)
        _write(item, out)
        separator = ","
    out("]" if items else "[]")
