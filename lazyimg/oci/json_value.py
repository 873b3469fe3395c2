"""JSON values: scalars that remember how they were written, equality, and copies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Self, TypeAlias

from lazyimg.errors import InvalidDocument

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_DEPTH: Final = 128
"""How deep objects and lists may be nested: deeper ones are refused, read or written."""


class Text(str):
    r"""A text whose source differs from what the writer would write, such as ``"\u003c"``."""

    __slots__ = ("source",)
    source: str

    def __new__(cls, value: str, source: str) -> Self:
        """Make a text that is written as ``source``."""
        made = super().__new__(cls, value)
        made.source = source
        return made

    def __reduce__(self) -> tuple[type[Text], tuple[str, str]]:
        return Text, (str(self), self.source)


class Integer(int):
    """An integer written unusually: ``-0``."""

    source: str

    def __new__(cls, value: int, source: str) -> Self:
        """Make an integer that is written as ``source``."""
        made = super().__new__(cls, value)
        made.source = source
        return made

    def __reduce__(self) -> tuple[type[Integer], tuple[int, str]]:
        return Integer, (int(self), self.source)


class Real(float):
    """A number with a fraction or an exponent, written otherwise than Python does: ``1e5``, ``1.10``."""

    source: str

    def __new__(cls, value: float, source: str) -> Self:
        """Make a number that is written as ``source``."""
        made = super().__new__(cls, value)
        made.source = source
        return made

    def __reduce__(self) -> tuple[type[Real], tuple[float, str]]:
        return Real, (float(self), self.source)


_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None), Text, Integer, Real})


def jsonable(value: Any, depth: int = 0) -> Json:
    """Return a copy of ``value`` as JSON: dictionaries, lists and scalars, with their source texts.

    Mappings become dictionaries, tuples lists, subclasses of the scalars plain ones.

    Raises:
        InvalidDocument: it is nested too deep, or holds what JSON cannot: another type, NaN, infinity.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value  # type: ignore[no-any-return]  # one of the scalar types
    if depth > MAX_DEPTH:
        raise InvalidDocument(f"a value nested deeper than {MAX_DEPTH} levels is refused")
    if isinstance(value, Mapping):
        return {_key(key): jsonable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item, depth + 1) for item in value]
    return _scalar(value)


def _key(key: Any) -> str:
    if type(key) is str or type(key) is Text:
        return key
    if isinstance(key, str):
        return str.__str__(key)
    raise InvalidDocument(f"a JSON object has texts as its keys, not {type(key).__name__}")


def _scalar(value: Any) -> Json:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise InvalidDocument(f"JSON cannot hold this value of type {type(value).__name__}")


def same(one: Json, other: Json) -> bool:
    """Tell whether two values are the same JSON: the order of keys is nothing, 1, 1.0 and true differ."""
    return one == other and _same_kinds(one, other)


def _same_kinds(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_same_kinds(item, other[key]) for key, item in one.items())
    if isinstance(one, list):
        return all(map(_same_kinds, one, other))
    return _kind(one) is _kind(other)


def _kind(value: Any) -> type:
    return next((kind for kind in (str, bool, int, float) if isinstance(value, kind)), type(value))


def merged(old: Json, new: Json) -> Json:
    """Return ``new``, with what is equal in ``old`` taken from there: its place, and its source text."""
    if isinstance(old, dict) and isinstance(new, dict):
        return _merged_dict(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return _merged_list(old, new)
    return old if same(old, new) else new


def _merged_dict(old: dict[str, Json], new: dict[str, Json]) -> dict[str, Json]:
    kept = {key: merged(item, new[key]) for key, item in old.items() if key in new}
    if list(kept) != [key for key in new if key in old]:
        return {**kept, **{key: item for key, item in new.items() if key not in old}}
    # The order of ``new`` agrees with that of ``old``, so new keys stay where they were put.
    written = {key: key for key in old}
    return {written.get(key, key): kept.get(key, item) for key, item in new.items()}


def _merged_list(old: list[Json], new: list[Json]) -> list[Json]:
    written: dict[str, str] = {item: item for item in old if isinstance(item, Text)}
    aligned = map(merged, old, new) if len(old) == len(new) else new
    return [written.get(item, item) if isinstance(item, str) else item for item in aligned]
