"""One manifest: what is accepted, and what it refers to.

The bytes are kept exactly as they came. Judged is only what a registry must know: that they are one JSON
object which does not contradict itself or its Content-Type. What it refers to must be in the repository,
except a subject, which may come later or never, and layers that are not distributed (image-spec,
"Non-Distributable Layers") or that name other addresses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from lazyimg.errors import InvalidDigest, InvalidDocument
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import loads
from lazyimg.oci.media_type import is_distributable, is_index, is_schema1
from lazyimg.server.errors import manifest_invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
"""Media types (RFC 6838, section 4.2)."""


@frozen
class Parsed:
    """A manifest that was judged: its media type and its JSON."""

    media_type: str
    value: Mapping[str, Any]

    @property
    def subject(self) -> Digest | None:
        """The digest of the manifest that this one refers to, if any."""
        subject = self.value.get("subject")
        return None if subject is None else digest_of(subject, "subject")

    @property
    def artifact_type(self) -> str | None:
        """The type a referrers list shows: ``artifactType``, else an image's config media type."""
        own = self.value.get("artifactType") or (self.value.get("config") or {}).get("mediaType")
        return own if isinstance(own, str) and own else None

    def descriptor(self, digest: Digest, size: int) -> dict[str, Any]:
        """Return the descriptor that a referrers list shows, annotations pulled up."""
        entry: dict[str, Any] = {"mediaType": self.media_type, "digest": digest, "size": size}
        if self.artifact_type:
            entry["artifactType"] = self.artifact_type
        if self.value.get("annotations"):
            entry["annotations"] = self.value["annotations"]
        return entry

    def blobs(self) -> Iterator[Digest]:
        """Yield the digests of the blobs that must be in the repository."""
        if self.value.get("config") is not None:
            yield digest_of(self.value["config"], "config")
        for layer in self.value.get("layers") or ():
            digest = digest_of(layer, "layer")
            if is_distributable(str(layer.get("mediaType"))) and not layer.get("urls"):
                yield digest

    def manifests(self) -> Iterator[Digest]:
        """Yield the digests of the manifests that must be in the repository."""
        return (digest_of(child, "manifest") for child in self.value.get("manifests") or ())


def digest_of(descriptor: Any, what: str) -> Digest:
    """Return the digest of a descriptor.

    Raises:
        ApiError: 400 MANIFEST_INVALID; it is no descriptor.
    """
    try:
        return Digest(descriptor["digest"])
    except (TypeError, KeyError, InvalidDigest) as error:
        raise manifest_invalid(f"the {what} is no descriptor with a digest: {error}") from error


def parse(data: bytes, content_type: str | None) -> Parsed:
    """Judge the bytes of a manifest.

    Args:
        data: the bytes.
        content_type: the Content-Type they came with, parameters and all, or None.

    Raises:
        ApiError: 400 MANIFEST_INVALID.
    """
    try:
        value = loads(data, what="manifest")
    except InvalidDocument as error:
        raise manifest_invalid(str(error)) from error
    if not isinstance(value, dict):
        raise manifest_invalid("a manifest is a JSON object")
    parsed = Parsed(_media_type(value, content_type), value)
    _judge_kind(parsed)
    _judge_fields(parsed)
    return parsed


def _media_type(value: Mapping[str, Any], content_type: str | None) -> str:
    """Return the media type that Content-Type and document agree on."""
    sent = (content_type or "").partition(";")[0].strip()
    said = value.get("mediaType")
    if said is not None and not isinstance(said, str):
        raise manifest_invalid("mediaType is no string")
    if sent and said and sent != said:
        raise manifest_invalid(f"Content-Type is {sent} but mediaType is {said}")
    if not MEDIA_TYPE.fullmatch(sent or said or ""):
        raise manifest_invalid("neither Content-Type nor mediaType is a media type")
    return str(sent or said)


def _judge_kind(parsed: Parsed) -> None:
    """Refuse what is of no kind, or of two."""
    value, image = parsed.value, {"config", "layers"} & parsed.value.keys()
    if is_schema1(parsed.media_type) or value.get("schemaVersion") == 1:
        raise manifest_invalid("Docker schema 1 manifests are not accepted")
    if "manifests" in value and image:
        raise manifest_invalid("a manifest is an image or an index, not both", detail=sorted(image))
    if is_index(parsed.media_type) and image:
        raise manifest_invalid("an index has manifests, not config or layers")


def _judge_fields(parsed: Parsed) -> None:
    """Refuse fields that are not what they must be."""
    for name, kind in (("layers", list), ("manifests", list), ("annotations", dict)):
        if not isinstance(parsed.value.get(name), kind | None):
            raise manifest_invalid(f"{name} is no {kind.__name__}")
    for _ in (parsed.subject, *parsed.blobs(), *parsed.manifests()):
        pass  # a descriptor that is none has raised
