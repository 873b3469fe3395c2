"""The manifests of a repository, and how tags and referrers follow them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen

from lazyimg.oci.digest import Digest
from lazyimg.oci.document import dumps
from lazyimg.oci.media_type import OCI_INDEX
from lazyimg.server.errors import ApiError, digest_invalid, manifest_invalid, manifest_unknown
from lazyimg.server.manifest import Parsed, parse
from lazyimg.server.names import is_digest, is_tag, parse_digest
from lazyimg.server.paging import lexical
from lazyimg.server.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        if is_digest(reference):
            return parse_digest(reference)
        found = self._get("tags", reference) if is_tag(reference) else None
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
        tags = [*tags, *([] if is_digest(reference) else [reference])]
        digest = _digest_for(reference, data)
        parsed = parse(data, content_type)
        for tag in tags:
            if not is_tag(tag):
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
            self._put(f"referrers/{parsed.subject}", digest, dumps(parsed.descriptor(digest, len(data))))

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
            if not is_digest(reference):
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
        found = self.repository.store.names(self.repository.group("tags"))
        return sorted(filter(is_tag, found), key=lexical)  # as of names of repositories

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
    if not is_digest(reference):
        return Digest.of(data)
    digest = parse_digest(reference)
    found = Digest.of(data, digest.algorithm)
    if found != digest:
        raise digest_invalid(digest, f"the manifest sent has the digest {found}")
    return digest


def referrers_index(entries: Sequence[bytes]) -> bytes:
    """Return the image index that answers a referrers request, made of descriptors (JSON)."""
    start = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX}, separators=(",", ":")).encode()
    return start[:-1] + b',"manifests":[' + b",".join(entries) + b"]}"
