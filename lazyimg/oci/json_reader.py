"""Read JSON by its grammar (RFC 8259), keeping the source text of unusual scalars.

Strict where readers are known to differ, because two readers of one document must never see two
documents: duplicate keys, a byte order mark, NaN, bytes after the value are all refused.
"""

from __future__ import annotations

import json
import re
from typing import Final

from lazyimg.errors import InvalidDocument
from lazyimg.oci.json_value import MAX_DEPTH, Integer, Json, Real, Text
from lazyimg.oci.json_writer import quoted

_SPACE: Final = re.compile(r"[ \t\n\r]*").match
_COLON: Final = re.compile(r"[ \t\n\r]*:[ \t\n\r]*").match
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?").match
_PLAIN: Final = re.compile(r'"([^"\\\x00-\x1f]*)"').match
_DECODE: Final = json.JSONDecoder().raw_decode
_WORDS: Final[dict[str, tuple[str, bool | None]]] = {
    "t": ("true", True),
    "f": ("false", False),
    "n": ("null", None),
}


class _Refused(Exception):  # it never leaves this module
    """What is wrong, and at which character."""

    def __init__(self, words: str, at: int) -> None:
        super().__init__(words)
        self.at = at


def loads(data: bytes | str, *, what: str = "document") -> Json:
    """Read one JSON value out of UTF-8 bytes or a text.

    Args:
        data: the whole document.
        what: what it is, for the error's words.

    Raises:
        InvalidDocument: it is no JSON, and where; a duplicate key; nested deeper than 128 levels.

    Example:
        >>> loads(b'{"size": 9007199254740993}')
        {'size': 9007199254740993}
    """
    text = _decoded(data, what)
    try:
        return _document(text)
    except _Refused as error:
        raise InvalidDocument(f"the {what} is no valid JSON: {error} ({_place(text, error.at)})") from None


def _decoded(data: bytes | str, what: str) -> str:
    try:
        if isinstance(data, str):
            data.encode()
            return data
        return bytes(data).decode()
    except UnicodeError as error:
        raise InvalidDocument(f"the {what} is no UTF-8: {error.reason} at {error.start}") from None  # type: ignore[attr-defined]


def _place(text: str, at: int) -> str:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return f"line {line}, column {column}"


def _document(text: str) -> Json:
    if text.startswith("\ufeff"):
        raise _Refused("it begins with a byte order mark", 0)
    value, at = _value(text, _skip(text, 0), 0)
    at = _skip(text, at)
    if at != len(text):
        raise _Refused("there is more after the value", at)
    return value


def _skip(text: str, at: int) -> int:
    found = _SPACE(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> tuple[Json, int]:
    first = text[at : at + 1]
    if first == '"':
        return _string(text, at)
    if first == "{":
        return _object(text, at, depth + 1)
    if first == "[":
        return _array(text, at, depth + 1)
    word = _WORDS.get(first)
    if word is not None and text.startswith(word[0], at):
        return word[1], at + len(word[0])
    return _number(text, at)


def _string(text: str, at: int) -> tuple[str, int]:
    plain = _PLAIN(text, at)
    if plain is not None:
        return plain[1], plain.end()
    try:
        value, end = _DECODE(text, at)
    except json.JSONDecodeError as error:
        raise _Refused(error.msg.lower(), error.pos) from None
    source = text[at:end]
    return (value if quoted(value) == source else Text(value, source)), end


def _number(text: str, at: int) -> tuple[Json, int]:
    found = _NUMBER(text, at)
    if found is None:
        raise _Refused("a value is expected", at)
    source = found[0]
    try:
        value = float(source) if found[1] or found[2] else int(source)
    except ValueError:
        raise _Refused(f"a number of {len(source)} digits", at) from None
    if repr(value) == source:
        return value, found.end()
    return (Real(value, source) if isinstance(value, float) else Integer(value, source)), found.end()


def _deeper(depth: int, at: int) -> None:
    if depth > MAX_DEPTH:
        raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels", at)


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Json], int]:
    _deeper(depth, at)
    members: dict[str, Json] = {}
    at = _skip(text, at + 1)
    if text.startswith("}", at):
        return members, at + 1
    while True:
        key, at = _member_key(text, at, members)
        members[key], at = _value(text, at, depth)
        at = _skip(text, at)
        if text.startswith("}", at):
            return members, at + 1
        at = _comma(text, at, "}")


def _member_key(text: str, at: int, members: dict[str, Json]) -> tuple[str, int]:
    if not text.startswith('"', at):
        raise _Refused("a key is expected", at)
    key, end = _string(text, at)
    if key in members:
        raise _Refused(f"the key {key[:80]!r} appears twice", at)
    colon = _COLON(text, end)
    if colon is None:
        raise _Refused("':' is expected", _skip(text, end))
    return key, colon.end()


def _comma(text: str, at: int, closing: str) -> int:
    if not text.startswith(",", at):
        raise _Refused(f"',' or '{closing}' is expected", at)
    return _skip(text, at + 1)


def _array(text: str, at: int, depth: int) -> tuple[list[Json], int]:
    _deeper(depth, at)
    items: list[Json] = []
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return items, at + 1
    while True:
        item, at = _value(text, at, depth)
        items.append(item)
        at = _skip(text, at)
        if text.startswith("]", at):
            return items, at + 1
        at = _comma(text, at, "]")
