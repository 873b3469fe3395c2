"""Frozen values that stand for a JSON object and keep what they do not know of it.

A subclass declares each of its fields once, in the specification's order, with its JSON key and how it
is read and written (`in_json`). `Record.from_json` and `Record.to_json` follow: a value read from JSON
and written again is the same JSON, and one changed field changes that member alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar, Self

import attrs

from lazyimg.errors import InvalidDocument
from lazyimg.oci.document import placed
from lazyimg.oci.fields import wrong
from lazyimg.oci.frozen import FrozenDict
from lazyimg.oci.json_value import Json, jsonable, merged


@attrs.frozen
class _Member:
    """How one attribute stands in JSON."""

    name: str
    key: str
    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]
    default: Any
    required: bool


def _as_it_is(value: Any) -> Any:
    return value


def in_json(
    key: str, read: Callable[[Any, str], Any], write: Callable[[Any], Any] = _as_it_is
) -> dict[str, tuple[str, Callable[[Any, str], Any], Callable[[Any], Any]]]:
    """Return the metadata of an attribute that stands in JSON.

    An attribute without a default is one the specification requires; one that equals its default is left
    out when written, as Go does.

    Args:
        key: its name in JSON.
        read: makes a value of JSON, given where it stands.
        write: makes JSON of a value.
    """
    return {"json": (key, read, write)}


@attrs.frozen(kw_only=True)
class Record:
    """A frozen value with a JSON form; equal if its fields are, unknown ones included."""

    WHAT: ClassVar[str] = "record"

    _unknown: Mapping[str, Json] = attrs.field(default=FrozenDict(), repr=False, hash=False)
    _source: Mapping[str, Json] = attrs.field(default=FrozenDict(), repr=False, eq=False)

    @classmethod
    def from_json(cls, members: Any, where: str = "") -> Self:
        """Read the value from a JSON object, which is copied.

        Args:
            members: the object, as `lazyimg.oci.document.loads` gives it.
            where: where it stands in its document, for the error's words.

        Raises:
            InvalidDocument: it is no object, or a member is missing or of a wrong type.
        """
        where = where or cls.WHAT
        if not isinstance(members, dict):
            wrong(members, where, "an object")
        table = cls._table()
        values = {member.name: _read(members, member, where) for member in table.values()}
        source: dict[str, Json] = jsonable(members)  # type: ignore[assignment]  # a dict gives a dict
        unknown = FrozenDict({key: item for key, item in source.items() if key not in table})
        return cls(**values, source=source, unknown=unknown)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object, a copy: what it was read from, with the changes made since."""
        result: dict[str, Json] = jsonable(self._source)  # type: ignore[assignment]  # a dict gives a dict
        table = self._table()
        for member in table.values():
            result = _written(result, member, getattr(self, member.name), tuple(table))
        return result

    @classmethod
    def _table(cls) -> dict[str, _Member]:
        return _members(cls)  # type: ignore[arg-type]  # mypy takes an instance's hash for the class's

    def replace(self, **fields: Any) -> Self:
        """Return the value with other ``fields``; unknown members stay."""
        return attrs.evolve(self, **fields)


@cache
def _members(cls: type[Any]) -> dict[str, _Member]:
    declared = [field for field in attrs.fields(cls) if "json" in field.metadata]
    return {member.key: member for member in map(_member, declared)}


def _member(field: attrs.Attribute[Any]) -> _Member:
    key, read, write = field.metadata["json"]
    required = field.default is attrs.NOTHING
    return _Member(field.name, key, read, write, default=field.default, required=required)


def _read(members: dict[str, Json], member: _Member, where: str) -> Any:
    value = members.get(member.key)
    if value is not None:
        return member.read(value, f"{where}.{member.key}")
    if member.required:
        raise InvalidDocument(f"{where} has no {member.key}")
    return member.default


def _written(result: dict[str, Json], member: _Member, value: Any, order: tuple[str, ...]) -> dict[str, Json]:
    if member.key in result and _read(result, member, "") == value:
        return result
    if not member.required and value == member.default:
        result.pop(member.key, None)
        return result
    new = merged(result.get(member.key), jsonable(member.write(value)))
    return placed(result, member.key, new, order)
