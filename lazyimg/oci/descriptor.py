"""Descriptors: what a manifest or index says of content it refers to."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from lazyimg.errors import ContentMismatch
from lazyimg.oci import fields
from lazyimg.oci.digest import Digest
from lazyimg.oci.frozen import FrozenDict, frozen_mapping, frozen_texts
from lazyimg.oci.media_type import is_index
from lazyimg.oci.platform import Platform
from lazyimg.oci.record import Record, in_json


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()


def _sized(data: bytes | None) -> str:
    return "None" if data is None else f"<{len(data)} bytes>"


def _size(value: Any) -> int:
    return fields.count(value, "descriptor.size")


def _media_type(value: Any) -> str:
    return fields.media_type(value, "descriptor.mediaType")


def _by_name(texts: Mapping[str, str]) -> Mapping[str, str]:
    return frozen_mapping(texts)


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

    media_type: str = attrs.field(converter=_media_type, metadata=in_json("mediaType", fields.media_type))
    digest: Digest = attrs.field(converter=Digest, metadata=in_json("digest", fields.digest))
    size: int = attrs.field(converter=_size, metadata=in_json("size", fields.count))
    urls: tuple[str, ...] = attrs.field(
        default=(), converter=frozen_texts, metadata=in_json("urls", fields.texts)
    )
    annotations: Mapping[str, str] = attrs.field(
        default=FrozenDict(),
        converter=_by_name,
        hash=False,
        metadata=in_json("annotations", fields.text_map),
    )
    data: bytes | None = attrs.field(
        default=None, repr=_sized, metadata=in_json("data", fields.base64, _base64)
    )
    platform: Platform | None = attrs.field(
        default=None, metadata=in_json("platform", Platform.from_json, Platform.to_json)
    )
    artifact_type: str | None = attrs.field(default=None, metadata=in_json("artifactType", fields.text))

    @property
    def is_index(self) -> bool:
        """Whether it is an index that is referred to, and no manifest of one image: told by its type.

        >>> kind = "application/vnd.oci.image.index.v1+json"
        >>> Descriptor(media_type=kind, digest=Digest.of(b"{}"), size=2).is_index
        True
        """
        return is_index(self.media_type)

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
