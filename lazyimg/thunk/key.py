"""The structural identity of a thunk: equal operation, parameters and input keys give equal keys.

A key is the sha256, in hexadecimal, of a tagged encoding of the class's name and its fields. An input
stands in it by its own key, so a key is computed from the leaves up, without recursion over the graph, and
is the same in every process whatever the hash seed. The order of a mapping is part of its key, because it
is part of the bytes that a mapping becomes.

What has no structure (a callable, a stream) is wrapped in `Opaque`, whose token stands for it: random,
unless the user names one.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Generic, TypeVar

import attrs
from attrs import field, frozen

V = TypeVar("V")


@frozen(eq=False, repr=False)
class Opaque(Generic[V]):
    """A value without structure of its own, known by a token.

    >>> Opaque(print, token="v1").token
    'v1'
    """

    value: V
    token: str = field(factory=lambda: secrets.token_hex(16), kw_only=True)

    def __repr__(self) -> str:
        """The value's own name where it has one, and nothing of its state."""
        named = getattr(self.value, "__qualname__", type(self.value).__name__)
        return f"<{named}>"


class Keyed:
    """What stands in a key by a key of its own; `Thunk` is one."""

    __slots__ = ()

    @property
    def key(self) -> str:
        """The structural identity, in hexadecimal."""
        raise NotImplementedError


def digest_of(name: str, values: Iterable[tuple[str, Any]]) -> str:
    """The key of an operation called ``name`` with these named parameters.

    Raises:
        TypeError: a parameter, at any depth, has no structure and is not wrapped in `Opaque`.
    """
    state = hashlib.sha256(b"lazyimg thunk 1\0" + name.encode())
    for field_name, value in values:
        _text(state.update, b"f", field_name)
        _encode(value, state.update)
    return state.hexdigest()


Write = Callable[[bytes], None]


def _encode(value: Any, write: Write) -> None:
    for kind, encode in _ENCODERS:
        if isinstance(value, kind):
            encode(value, write)
            return
    if attrs.has(type(value)):
        _attrs_value(value, write)
        return
    raise TypeError(
        f"a parameter of type {type(value).__qualname__} has no structure to make a key of: "
        "wrap it in Opaque(value, token=...), or use str, bytes, numbers, paths, times, tuples or mappings"
    )


def _text(write: Write, tag: bytes, text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    write(b"%s%d:" % (tag, len(data)))
    write(data)


def _bytes(value: bytes, write: Write) -> None:
    write(b"b%d:" % len(value))
    write(value)


def _sequence(value: Any, write: Write) -> None:
    write(b"(%d:" % len(value))
    for item in value:
        _encode(item, write)


def _mapping(value: Mapping[Any, Any], write: Write) -> None:
    write(b"{%d:" % len(value))
    for name, item in value.items():
        _encode(name, write)
        _encode(item, write)


def _set(value: frozenset[Any], write: Write) -> None:
    write(b"<%d:" % len(value))
    for encoded in sorted(digest_of("", [("", item)]) for item in value):
        write(encoded.encode())


def _attrs_value(value: Any, write: Write) -> None:
    _text(write, b"a", f"{type(value).__module__}.{type(value).__qualname__}")
    for attribute in attrs.fields(type(value)):
        if attribute.eq:
            _encode(getattr(value, attribute.name), write)


def _named(tag: bytes, text: Callable[[Any], str]) -> Callable[[Any, Write], None]:
    return lambda value, write: _text(write, tag, text(value))


# The first match wins: an Enum may be a str, a bool is an int, a datetime is a date.
_ENCODERS: tuple[tuple[Any, Callable[[Any, Write], None]], ...] = (
    (Keyed, _named(b"k", lambda value: value.key)),
    (Opaque, _named(b"o", lambda value: value.token)),
    (type(None), lambda _, write: write(b"n")),
    (Enum, _named(b"e", lambda value: f"{type(value).__qualname__}.{value.name}")),
    (str, _named(b"s", str)),
    (bytes, _bytes),
    (bool, lambda value, write: write(b"t" if value else b"u")),
    (int, _named(b"i", int.__repr__)),
    (float, _named(b"d", float.__repr__)),
    (PurePath, _named(b"p", str)),
    (date, _named(b"D", lambda value: value.isoformat())),
    (timedelta, _named(b"T", repr)),
    (type, _named(b"c", lambda value: f"{value.__module__}.{value.__qualname__}")),
    (Mapping, _mapping),
    ((tuple, list), _sequence),
    (frozenset, _set),
)
