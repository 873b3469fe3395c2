"""Edits of a JSON text that leave alone all they do not mean: order, spacing, and how each value is spelled.

The text is known to be a JSON object; whoever edits has parsed it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen

_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_DECODER = json.JSONDecoder()
_INDENT = re.compile(r"\{\s*\n([ \t]+)\S")


@frozen
class Member:
    """A member of an object, by its places in the text: of its key, of its value, and behind that."""

    key: str
    start: int
    value: int
    end: int


def set_member(text: str, path: Sequence[str], value: Any) -> str:
    """Give a member a value; it keeps its place if it is there, and else becomes the last one.

    Args:
        text: a JSON object.
        path: the keys on the way to it; objects that are missing are made.
        value: what it becomes.

    >>> set_member('{"b": {"x": 1.0},  "a": 2}', ["b", "y"], True)
    '{"b": {"x": 1.0,"y":true},  "a": 2}'
    """
    at = _skip(text, 0)
    for depth, key in enumerate(path[:-1]):
        found = _last(text, at, key)
        if found is None:
            return _insert(text, at, depth + 1, key, _nested(path[depth + 1 :], value))
        at = found.value
    found = _last(text, at, path[-1])
    if found is None:
        return _insert(text, at, len(path), path[-1], value)
    return text[: found.value] + _written(text, value, len(path)) + text[found.end :]


def remove_member(text: str, path: Sequence[str]) -> str:
    """Take a member away, as often as it is there; nothing happens if it is not.

    >>> remove_member('{"a": {"x": 1,  "y": 2}}', ["a", "x"]), remove_member('{"a": 1}', ["b"])
    ('{"a": {"y": 2}}', '{"a": 1}')
    """
    at = _skip(text, 0)
    for key in path[:-1]:
        found = _last(text, at, key)
        if found is None:
            return text
        at = found.value
    while found := _last(text, at, path[-1]):
        text = _without(text, at, found)
    return text


def _without(text: str, at: int, member: Member) -> str:
    """Take one member away, and the comma that parted it from its neighbour."""
    members = list(_members(text, at))
    place = members.index(member)
    if place + 1 < len(members):
        return text[: member.start] + text[members[place + 1].start :]
    if place:
        return text[: members[place - 1].end] + text[member.end :]
    return text[: at + 1] + text[_skip(text, member.end) :]


def _insert(text: str, at: int, depth: int, key: str, value: Any) -> str:
    """Add a member at the end of the object that begins ``at``, indented as its neighbours are."""
    members = list(_members(text, at))
    colon = ": " if _unit(text) else ":"
    written = f"{json.dumps(key)}{colon}{_written(text, value, depth)}"
    if members:
        gap = text[at + 1 : members[0].start]
        return f"{text[: members[-1].end]},{gap}{written}{text[members[-1].end :]}"
    unit, end = _unit(text), _skip(text, at + 1)
    inner, outer = (f"\n{unit * depth}", f"\n{unit * (depth - 1)}") if unit else ("", "")
    return f"{text[: at + 1]}{inner}{written}{outer}{text[end:]}"


def _written(text: str, value: Any, depth: int) -> str:
    unit = _unit(text)
    if not unit:
        return json.dumps(value, separators=(",", ":"))
    return json.dumps(value, indent=unit).replace("\n", f"\n{unit * depth}")


def _unit(text: str) -> str:
    """Return what a level is indented by: a tab where nothing tells, nothing in a text of one line."""
    found = _INDENT.search(text)
    if found:
        return found[1]
    return "\t" if "\n" in text.strip() or text.strip() == "{}" else ""


def _nested(path: Sequence[str], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _last(text: str, at: int, key: str) -> Member | None:
    """Return the member of a key; of several, the last, which is what parsers take."""
    return next((member for member in reversed(list(_members(text, at))) if member.key == key), None)


def _members(text: str, at: int) -> Iterator[Member]:
    """Yield the members of the object that begins ``at``."""
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, end) + 1)
        _, end = _DECODER.raw_decode(text, value)
        yield Member(key, at, value, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    """Return where the next thing begins that is no space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
