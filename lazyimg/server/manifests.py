"""Manifests: what is accepted, what it refers to, and how tags and referrers follow it.

The bytes are kept exactly as they came. Judged is only what a registry must know: that they are one JSON
object which does not contradict itself or its Content-Type, and that what it refers to is in the
repository. Excepted are a subject, which may come later or never, and layers that are not distributed
(image-spec "Non-Distributable Layers") or that name other addresses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from lazyimg.errors import InvalidDigest, InvalidDocument
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import loads
from lazyimg.oci.media_type import OCI_INDEX, is_distributable, is_index, is_schema1
from lazyimg.server.errors import ApiError, digest_invalid, manifest_invalid, manifest_unknown
from lazyimg.server.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
"""The grammar of tags (distribution-spec, "Pulling manifests")."""

LIMIT = 4 << 20
"""The largest manifest accepted, in bytes."""


@frozen
class StoredManifest:
    """A manifest as it is kept: its media type and its exact bytes."""

    media_type: str
    data: bytes

    @classmethod
    def from_record(cls, record: bytes) -> StoredManifest:
        """Return the manifest that a record holds."""
        media_type, _, data = record.partition(b"\n")
        return cls(media_type.decode(), data)

    def to_record(self) -> bytes:
        """Return the record that holds the manifest."""
        return self.media_type.encode() + b"\n" + self.data


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
    _judge(parsed)
    return parsed


def _media_type(value: Mapping[str, Any], content_type: str | None) -> str:
    """Return the media type that Content-Type and document agree on."""
    sent = (content_type or "").partition(";")[0].strip()
    said = value.get("mediaType")
    if said is not None and not isinstance(said, str):
        raise manifest_invalid("mediaType is no string")
    if sent and said and sent != said:
        raise manifest_invalid(f"Content-Type is {sent} but mediaType is {said}")
    if not (sent or said):
        raise manifest_invalid("neither Content-Type nor mediaType says what this is")
    return str(sent or said)


def _judge(parsed: Parsed) -> None:
    """Refuse what contradicts itself."""
    value, image = parsed.value, {"config", "layers"} & parsed.value.keys()
    if is_schema1(parsed.media_type) or value.get("schemaVersion") == 1:
        raise manifest_invalid("Docker schema 1 manifests are not accepted")
    if "manifests" in value and image:
        raise manifest_invalid("a manifest is an image or an index, not both", detail=sorted(image))
    if is_index(parsed.media_type) and image:
        raise manifest_invalid("an index has manifests, not config or layers")
    for name in ("layers", "manifests"):
        if not isinstance(value.get(name), list | None):
            raise manifest_invalid(f"{name} is no list")


@frozen
class Manifests:
    """The manifests, tags and referrers of one repository."""

    repository: Repository

    def _get(self, kind: str, name: str) -> bytes | None:
        return self.repository.store.get(self.repository.group(kind), name)

    def _put(self, kind: str, name: str, value: bytes) -> None:
        self.repository.store.put(self.repository.group(kind), name, value)

    def has(self, digest: Digest) -> bool:
        """Whether the repository has the manifest."""
        return self._get("manifests", digest) is not None

    def resolve(self, reference: str) -> Digest:
        """Return the digest that a tag or a digest stands for.

        Raises:
            ApiError: 404 MANIFEST_UNKNOWN or NAME_UNKNOWN, 400 DIGEST_INVALID.
        """
        if ":" in reference:
            return parse_digest(reference)
        found = self._get("tags", reference) if TAG.fullmatch(reference) else None
        if found is None:
            raise self.unknown(reference)
        return Digest(found.decode())

    def unknown(self, reference: str) -> ApiError:
        """Return the refusal of what is not here: of the repository, where that is not known either."""
        self.repository.require()
        return manifest_unknown(reference)

    def find(self, reference: str) -> tuple[Digest, StoredManifest]:
        """Return a manifest by tag or digest.

        Raises:
            ApiError: 404 MANIFEST_UNKNOWN or NAME_UNKNOWN, 400 DIGEST_INVALID.
        """
        digest = self.resolve(reference)
        record = self._get("manifests", digest)
        if record is None:
            raise self.unknown(reference)
        return digest, StoredManifest.from_record(record)

    def add(
        self, reference: str, data: bytes, content_type: str | None, tags: Sequence[str] = ()
    ) -> tuple[Digest, Parsed]:
        """Keep a manifest, and point tags at it: ``reference``, if it is one, and ``tags``.

        Raises:
            ApiError: 400 MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID.
        """
        tags = [*tags, *([] if ":" in reference else [reference])]
        digest = _digest_for(reference, data)
        parsed = parse(data, content_type)
        for tag in tags:
            if not TAG.fullmatch(tag):
                raise manifest_invalid(
                    "the reference is neither a tag nor a digest", detail={"reference": tag}
                )
        with self.repository.lock:
            self._check_references(parsed)
            self._keep(digest, data, parsed)
            for tag in tags:
                self._put("tags", tag, digest.encode())
        return digest, parsed

    def _keep(self, digest: Digest, data: bytes, parsed: Parsed) -> None:
        self.repository.create()
        self._put("manifests", digest, StoredManifest(parsed.media_type, data).to_record())
        if parsed.subject is not None:
            entry = json.dumps(parsed.descriptor(digest, len(data)), ensure_ascii=False)
            self._put(f"referrers/{parsed.subject}", digest, entry.encode())

    def _check_references(self, parsed: Parsed) -> None:
        missing = [digest for digest in parsed.blobs() if not self.repository.has_blob(digest)]
        missing += [digest for digest in parsed.manifests() if not self.has(digest)]
        if missing:
            raise ApiError(
                400,
                "MANIFEST_BLOB_UNKNOWN",
                "blob or manifest unknown to the repository",
                detail={"digests": missing},
            )

    def delete(self, reference: str) -> None:
        """Remove a tag; or a manifest with all tags that point at it and its entry among referrers.

        Raises:
            ApiError: 404 MANIFEST_UNKNOWN or NAME_UNKNOWN, 400 DIGEST_INVALID.
        """
        with self.repository.lock:
            digest, stored = self.find(reference)
            store, group = self.repository.store, self.repository.group
            if ":" not in reference:
                store.delete(group("tags"), reference)
                return
            for tag in self.tags():
                if self._get("tags", tag) == digest.encode():
                    store.delete(group("tags"), tag)
            subject = parse(stored.data, stored.media_type).subject
            if subject is not None:
                store.delete(group(f"referrers/{subject}"), digest)
            store.delete(group("manifests"), digest)

    def tags(self) -> list[str]:
        """Return all tags, in lexical order."""
        return sorted(self.repository.store.names(self.repository.group("tags")))

    def referrers(self, subject: Digest, artifact_type: str | None) -> dict[str, bytes]:
        """Return the descriptors (JSON) of what refers to ``subject``, by digest; of one type if named."""
        group = self.repository.group(f"referrers/{subject}")
        records = {
            name: self.repository.store.get(group, name) for name in self.repository.store.names(group)
        }
        found = {name: record for name, record in records.items() if record is not None}
        if artifact_type is None:
            return found
        return {name: entry for name, entry in found.items() if has_type(entry, artifact_type)}


def has_type(entry: bytes, artifact_type: str) -> bool:
    """Tell whether a descriptor (JSON) is of an artifact type."""
    return bool(json.loads(entry).get("artifactType") == artifact_type)


def _digest_for(reference: str, data: bytes) -> Digest:
    """Return the digest under which a manifest is kept: that of the reference, else its sha256."""
    if ":" not in reference:
        return Digest.of(data)
    digest = parse_digest(reference)
    found = Digest.of(data, digest.algorithm)
    if found != digest:
        raise digest_invalid(digest, f"the manifest sent has the digest {found}")
    return digest


def parse_digest(text: str) -> Digest:
    """Return the digest that ``text`` is.

    Raises:
        ApiError: 400 DIGEST_INVALID.
    """
    try:
        return Digest(text)
    except InvalidDigest as error:
        raise digest_invalid(text, str(error)) from error


def referrers_index(entries: Sequence[bytes]) -> bytes:
    """Return the image index that answers a referrers request, made of descriptors (JSON)."""
    start = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX}, separators=(",", ":")).encode()
    return start[:-1] + b',"manifests":[' + b",".join(entries) + b"]}"
