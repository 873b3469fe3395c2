"""What a manifest and an index have in common: media type, annotations, subject, artifact type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import attrs

from lazyimg.errors import InvalidDocument
from lazyimg.oci import fields
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.document import Document
from lazyimg.oci.json_value import jsonable, merged
from lazyimg.oci.media_type import is_schema1

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lazyimg.oci.frozen import FrozenDict
    from lazyimg.oci.json_value import Json

MAX_MANIFEST: Final = 4 * 1024 * 1024
"""The largest manifest or index in bytes that is read (distribution-spec, "Pushing Manifests")."""

_SCHEMA_VERSION: Final = 2
_GENERIC: Final = frozenset({"", "application/json", "application/octet-stream", "text/plain"})


def essence(content_type: str | None) -> str | None:
    """Return a ``Content-Type`` without parameters, or None if it says nothing of the content.

    Example:
        >>> essence("application/vnd.oci.image.index.v1+json; charset=utf-8")
        'application/vnd.oci.image.index.v1+json'
    """
    name = (content_type or "").partition(";")[0].strip().lower()
    return None if name in _GENERIC else name


@attrs.frozen(eq=False, repr=False)
class Annotated(Document, ABC):
    """A manifest or an index: the document under a tag.

    It is checked when parsed. A document that is both image and index, or whose ``mediaType`` is not the
    ``Content-Type`` it came with, is refused: two readers could see two images in it (CVE-2021-41190).
    """

    LIMIT: ClassVar[int] = MAX_MANIFEST
    MEDIA_TYPES: ClassVar[frozenset[str]] = frozenset()
    """The types this class reads."""
    FOREIGN: ClassVar[frozenset[str]] = frozenset()
    """Keys that only the other kind of document has, in lower case: Go reads keys in any case."""

    _content_type: str | None = None

    @classmethod
    def parse(cls, data: bytes | str, media_type: str | None = None) -> Self:
        """Read a document and keep its bytes.

        Args:
            data: the whole document.
            media_type: the ``Content-Type`` or descriptor's type it came with, if any.

        Raises:
            InvalidDocument: it is no JSON, too long (over 4 MiB), of Docker's schema 1, both image and
                index, of another media type than said, or lacks what the specification requires.
        """
        return cls.typed(super().parse(data), media_type)

    @classmethod
    def typed(cls, document: Document, media_type: str | None) -> Self:
        """Take a JSON document as this class, and check it; raises as `parse` does."""
        made = cls(document._members, document._original, essence(media_type))  # noqa: SLF001  # its own superclass
        made._check()
        return made

    @classmethod
    def made(cls, media_type: str, members: dict[str, Json]) -> Self:
        """Make a document of nothing but these members.

        Raises:
            InvalidDocument: ``media_type`` is none of this class's.
        """
        cls._check_kind(media_type)
        return cls({"schemaVersion": _SCHEMA_VERSION, "mediaType": media_type, **members})

    @property
    def media_type(self) -> str:
        """The document's ``mediaType``, else what it was served as, else what its content says."""
        return self._declared or self._content_type or self._implied_media_type()

    @cached_property
    def annotations(self) -> FrozenDict[str, str]:
        """The annotations; none are an empty mapping."""
        return fields.text_map(self._members.get("annotations"), f"{self.WHAT}.annotations")

    @cached_property
    def subject(self) -> Descriptor | None:
        """The manifest this one refers to (image-spec manifest.md, "subject")."""
        value = self._members.get("subject")
        return None if value is None else Descriptor.from_json(value, f"{self.WHAT}.subject")

    @property
    def artifact_type(self) -> str | None:
        """The type of the artifact, if one is said."""
        value = self._members.get("artifactType")
        return None if value is None else fields.text(value, f"{self.WHAT}.artifactType")

    def with_annotations(self, annotations: Mapping[str, str]) -> Self:
        """Return the document with exactly these annotations; with none of them the key goes."""
        if annotations == self.annotations:
            return self
        if not annotations:
            return self.remove("annotations")
        wanted = fields.text_map(jsonable(annotations), "annotations")
        return self._put("annotations", merged(self._members.get("annotations"), jsonable(wanted)))

    def with_subject(self, subject: Descriptor | None) -> Self:
        """Return the document referring to ``subject``; None refers to nothing."""
        if subject == self.subject:
            return self
        return self._put_or_remove("subject", None if subject is None else subject.to_json())

    def with_artifact_type(self, artifact_type: str | None) -> Self:
        """Return the document with this artifact type; None removes it."""
        if artifact_type == self.artifact_type:
            return self
        wanted = None if artifact_type is None else fields.media_type(artifact_type, "artifactType")
        return self._put_or_remove("artifactType", wanted)

    def with_media_type(self, media_type: str) -> Self:
        """Return the document as one of another media type; its descriptors are not touched.

        Raises:
            InvalidDocument: it is no type of this kind of document.
        """
        self._check_kind(media_type)
        if media_type == self.media_type:
            return self
        return attrs.evolve(self._put("mediaType", media_type), content_type=None)

    @property
    def _declared(self) -> str | None:
        value = self._members.get("mediaType")
        return None if value is None or value == "" else fields.media_type(value, f"{self.WHAT}.mediaType")

    @abstractmethod
    def _implied_media_type(self) -> str:
        """Return the type that the descriptors of this document speak for."""

    def _descriptors(self, key: str) -> tuple[Descriptor, ...]:
        found = fields.items(self._members.get(key), f"{self.WHAT}.{key}")
        return tuple(Descriptor.from_json(item, f"{self.WHAT}.{key}[{at}]") for at, item in enumerate(found))

    def _check(self) -> None:
        self._check_schema()
        self._check_keys()
        self._check_media_type()
        _ = self.annotations, self.subject, self.artifact_type

    def _check_schema(self) -> None:
        version = self._members.get("schemaVersion")
        types = (self._content_type or "", str(self._members.get("mediaType")))
        if version == 1 or any(map(is_schema1, types)):
            raise InvalidDocument(
                "the manifest is of Docker's schema 1, which is not supported: push the image again with a "
                "current tool, which writes schema 2"
            )
        if type(version) is not int or version != _SCHEMA_VERSION:
            raise InvalidDocument(f"the {self.WHAT} has no schemaVersion 2")

    def _check_media_type(self) -> None:
        declared, served = self._declared, self._content_type
        if declared and served and declared != served:
            raise InvalidDocument(
                f"the {self.WHAT} says it is {declared!r} but came as {served[:100]!r}: refused"
            )
        self._check_kind(self.media_type)

    def _check_keys(self) -> None:
        """Refuse keys that Go, which reads them in any case, takes for other ones than we do."""
        known = {key.lower() for key in self.ORDER}
        for key in self._members:
            if key.lower() in self.FOREIGN:
                raise InvalidDocument(f"the {self.WHAT} has {key!r} too: it is both image and index, refused")
            if key.lower() in known and key not in self.ORDER:
                raise InvalidDocument(f"the {self.WHAT} has {key!r}, in another case than specified: refused")

    @classmethod
    def _check_kind(cls, media_type: str) -> None:
        if media_type not in cls.MEDIA_TYPES:
            known = ", ".join(sorted(cls.MEDIA_TYPES))
            raise InvalidDocument(f"no {cls.WHAT} has the media type {media_type[:100]!r}: use {known}")


def descriptors_json(descriptors: Iterable[Descriptor]) -> list[Json]:
    """Return a list of descriptors as JSON."""
    written: list[Any] = [descriptor.to_json() for descriptor in descriptors]
    return written
