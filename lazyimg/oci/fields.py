"""Read one field of a document as the type the specification gives it, or say what is wrong with it.

Each reader takes a JSON value and where it stands (``manifest.layers[2].size``), for the error's words.
``null`` stands for an absent field wherever Go, which writes it so, would read it as one.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lazyimg.errors import InvalidDigest, InvalidDocument
from lazyimg.oci.digest import Digest
from lazyimg.oci.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazyimg.oci.json_value import Json

_LARGEST: Final = (1 << 63) - 1
_NAMES: Final[dict[type, str]] = {
    dict: "an object",
    list: "a list",
    bool: "a boolean",
    type(None): "null",
}


def wrong(value: Any, where: str, wanted: str) -> NoReturn:
    """Refuse ``value``.

    Raises:
        InvalidDocument: always.
    """
    kind = next((name for kind, name in _NAMES.items() if isinstance(value, kind)), None)
    found = kind or ("a text" if isinstance(value, str) else "a number")
    raise InvalidDocument(f"{where} must be {wanted}, not {found}")


def text(value: Json, where: str) -> str:
    """Read a text."""
    return str.__str__(value) if isinstance(value, str) else wrong(value, where, "a text")


def flag(value: Json, where: str) -> bool:
    """Read a boolean."""
    return value if isinstance(value, bool) else wrong(value, where, "a boolean")


def count(value: Json, where: str) -> int:
    """Read a number of bytes: an integer, zero or more."""
    if not isinstance(value, int) or isinstance(value, bool):
        wrong(value, where, "an integer")
    if value < 0:
        raise InvalidDocument(f"{where} is {value}: it cannot be negative")
    if value > _LARGEST:
        raise InvalidDocument(f"{where} has {len(str(value))} digits: no file is that large")
    return int(value)


def items(value: Json, where: str) -> list[Json]:
    """Read a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else wrong(value, where, "a list")


def members(value: Json, where: str) -> Mapping[str, Json]:
    """Read an object."""
    if value is None:
        return {}
    return value if isinstance(value, dict) else wrong(value, where, "an object")


def texts(value: Json, where: str) -> tuple[str, ...]:
    """Read a list of texts."""
    return tuple(text(item, f"{where}[{at}]") for at, item in enumerate(items(value, where)))


def text_map(value: Json, where: str) -> FrozenDict[str, str]:
    """Read an object whose values are texts, such as annotations or labels."""
    found = members(value, where)
    return FrozenDict({str.__str__(key): text(item, f"{where}[{key!r}]") for key, item in found.items()})


def digest(value: Json, where: str) -> Digest:
    """Read a digest."""
    try:
        return Digest(text(value, where))
    except InvalidDigest as error:
        raise InvalidDocument(f"{where}: {error}") from None


def digests(value: Json, where: str) -> tuple[Digest, ...]:
    """Read a list of digests."""
    return tuple(digest(item, f"{where}[{at}]") for at, item in enumerate(items(value, where)))


def base64(value: Json, where: str) -> bytes:
    """Read bytes written in base64 (RFC 4648 section 4)."""
    try:
        return binascii.a2b_base64(text(value, where), strict_mode=True)
    except ValueError:
        raise InvalidDocument(f"{where} is no base64") from None


def media_type(value: Json, where: str) -> str:
    """Read a media type: letters that can go into a header, at least one."""
    found = text(value, where)
    if not found or not found.isascii() or not found.isprintable():
        raise InvalidDocument(f"{where} is no media type: {found[:80]!r}")
    return found
