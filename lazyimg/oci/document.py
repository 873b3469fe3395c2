r"""JSON documents that lose nothing: the order of keys, unknown fields, and how each scalar was written.

Go, which wrote most documents a registry holds, writes ``<`` as ``\u003c`` and numbers of 64 bits; other
tools write ``1.0`` or escape every non-ASCII letter. A reader that keeps only values would change such
letters, and so the digest, of fields that nobody edited. Here a scalar whose source text differs from
what `dumps` would write is a subclass of its type that remembers the text in ``source``; `dumps` writes
it back. All other scalars are plain ``str``, ``int``, ``float``, ``bool`` and ``None``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

import attrs

from lazyimg.errors import InvalidDocument
from lazyimg.oci.json_reader import loads
from lazyimg.oci.json_value import Json, jsonable, merged, same
from lazyimg.oci.json_writer import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Document", "Json", "dumps", "loads", "placed"]

T = TypeVar("T")
_MIB = 1024 * 1024


@attrs.frozen(eq=False, repr=False)
class Document:
    """A JSON object that remembers the bytes it came from; a value, whose edits return new ones.

    Two documents are equal if they are of one class and their values are equal, whatever their layout.
    Use `parse` or `from_value`; the constructor trusts what it is given.
    """

    ORDER: ClassVar[tuple[str, ...]] = ()
    """The known keys in the order of the specification's own types: where a new one is placed."""
    WHAT: ClassVar[str] = "document"
    LIMIT: ClassVar[int] = 8 * _MIB
    """The most bytes that are parsed."""

    _members: dict[str, Json]
    _original: bytes | None = None

    @classmethod
    def parse(cls, data: bytes | str) -> Self:
        """Read a document and keep its bytes.

        Raises:
            InvalidDocument: the data is too long, no JSON, no object, or contradicts the specification.
        """
        data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
        if len(data) > cls.LIMIT:
            raise InvalidDocument(f"the {cls.WHAT} has {len(data)} bytes; more than {cls.LIMIT} are refused")
        value = loads(data, what=cls.WHAT)
        if not isinstance(value, dict):
            raise InvalidDocument(f"the {cls.WHAT} is no JSON object")
        return cls(value, data)

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> Self:
        """Make a document out of ``value``, which is copied; its keys keep their order.

        Raises:
            InvalidDocument: it holds what JSON cannot.
        """
        members = jsonable(value)
        if not isinstance(members, dict):
            raise InvalidDocument(f"the {cls.WHAT} is no JSON object")
        return cls(members)

    def to_bytes(self) -> bytes:
        """Return the original bytes if nothing was changed, else compact JSON in UTF-8."""
        return dumps(self._members) if self._original is None else self._original

    @property
    def value(self) -> dict[str, Any]:
        """The whole object, as a copy that is the caller's to change."""
        copy: dict[str, Any] = jsonable(self._members)  # type: ignore[assignment]  # a dict gives a dict
        return copy

    @overload
    def get(self, key: str) -> Any: ...
    @overload
    def get(self, key: str, default: T) -> Any | T: ...
    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of one top-level key, as a copy that is the caller's to change."""
        return jsonable(self._members[key]) if key in self._members else default

    def __contains__(self, key: object) -> bool:
        return key in self._members

    def set(self, key: str, value: Any) -> Self:
        """Return the document with one top-level key set; itself if the value is equal.

        A key that is there keeps its place, a known one takes its place in the specification's order, an
        unknown one comes last. What is equal inside an object or list keeps its source text.

        Raises:
            InvalidDocument: ``value`` holds what JSON cannot.
        """
        return self._put(key, merged(self._members.get(key), jsonable(value)))

    def remove(self, key: str) -> Self:
        """Return the document without one top-level key; itself if it has none."""
        if key not in self._members:
            return self
        left = {name: value for name, value in self._members.items() if name != key}
        return attrs.evolve(self, members=left, original=None)

    def _put(self, key: str, value: Json) -> Self:
        """Set a key to a value that is JSON already and that nobody else will change."""
        if key in self._members and same(self._members[key], value):
            return self
        return attrs.evolve(self, members=placed(self._members, key, value, self.ORDER), original=None)

    def _put_or_remove(self, key: str, value: Json) -> Self:
        return self.remove(key) if value is None else self._put(key, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document) or type(self) is not type(other):
            return NotImplemented
        return self is other or same(self._members, other._members)

    def __hash__(self) -> int:
        return hash(frozenset(self._members))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self._members)}>"


def placed(members: Mapping[str, Json], key: str, value: Json, order: Sequence[str]) -> dict[str, Json]:
    """Return ``members`` with ``key`` set: in its place, or after all that precede it in ``order``."""
    if key in members or key not in order:
        return {**members, key: value}
    earlier = order[: order.index(key)]
    found = list(members.items())
    at = max((at for at, (name, _) in enumerate(found, 1) if name in earlier), default=0)
    return dict([*found[:at], (key, value), *found[at:]])
