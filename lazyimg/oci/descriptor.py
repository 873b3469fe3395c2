"""Descriptors: what a manifest or index says of content it refers to."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from lazyimg.errors import ContentMismatch
from lazyimg.oci import fields
from lazyimg.oci.digest import Digest
from lazyimg.oci.frozen import FrozenDict, frozen_mapping
from lazyimg.oci.platform import Platform
from lazyimg.oci.record import Record, json_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def _tuple(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _size(value: Any) -> int:
    return fields.count(value, "descriptor.size")


def _media_type(value: Any) -> str:
    return fields.media_type(value, "descriptor.mediaType")


@attrs.frozen(kw_only=True)
class Descriptor(Record):
    """A reference to content: its type, digest and size (image-spec descriptor.md).

    Attributes:
        media_type: of the content.
        digest: of the content; a text is checked and made a `Digest`.
        size: of the content, in bytes.
        urls: from which it may be downloaded besides.
        annotations: arbitrary texts by name.
        data: the content itself, embedded; see `verify`.
        platform: in an index, what the image runs on.
        artifact_type: in an index, of the artifact the manifest is.

    Example:
        >>> d = Descriptor(media_type="application/vnd.oci.empty.v1+json", digest=Digest.of(b"{}"), size=2)
        >>> d.to_json()["size"]
        2
    """

    WHAT: ClassVar[str] = "descriptor"

    media_type: str = json_field("mediaType", fields.media_type, converter=_media_type)
    digest: Digest = json_field("digest", fields.digest, converter=Digest)
    size: int = json_field("size", fields.count, converter=_size)
    urls: tuple[str, ...] = json_field("urls", fields.texts, default=(), converter=_tuple)
    annotations: Mapping[str, str] = json_field(
        "annotations", fields.text_map, default=FrozenDict(), converter=frozen_mapping, hash=False
    )
    data: bytes | None = json_field("data", fields.base64, write=_base64, default=None)
    platform: Platform | None = json_field(
        "platform", Platform.from_json, write=Platform.to_json, default=None
    )
    artifact_type: str | None = json_field("artifactType", fields.text, default=None)

    def verify(self, data: bytes) -> bytes:
        """Return ``data`` if it is the content this descriptor names.

        Raises:
            ContentMismatch: its size or digest is another.
        """
        if len(data) != self.size:
            raise ContentMismatch(f"{self.digest} must have {self.size} bytes, these are {len(data)}")
        found = Digest.of(data, self.digest.algorithm)
        if found != self.digest:
            raise ContentMismatch(f"the content of {self.digest} has the digest {found}")
        return data
