"""Uploads: bytes that arrive in order, from one writer at a time, until a digest makes them a blob.

A client whose connection broke asks how much arrived and goes on from there, maybe before the registry
has seen the break. So each writer *claims* the upload, and a claim ends the one before it: what the older
writer still had in its hands is dropped, and the offset cannot move behind the newer one's back.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING

from attrs import define, field

from lazyimg.oci.digest import Digest, new_hash
from lazyimg.server.errors import ApiError, digest_invalid, upload_unknown

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Sequence

    from lazyimg.server.store import Chunk, Staged

LIFETIME = 3600.0
"""How long an upload that nobody touches is kept, in seconds."""


def superseded(upload: str) -> ApiError:
    """Return the refusal of bytes from a writer whose upload another one took over, or cancelled."""
    return ApiError(
        404, "BLOB_UPLOAD_INVALID", "another request took this upload over", detail={"upload": upload}
    )


@define(eq=False)
class Upload:
    """One upload of a repository."""

    repository: str
    staged: Staged
    algorithm: str = "sha256"
    id: str = field(factory=lambda: uuid.uuid4().hex)
    touched: float = field(factory=time.monotonic)
    _hash: hashlib._Hash = field(init=False, repr=False)
    _writer: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._hash = new_hash(self.algorithm)

    @property
    def offset(self) -> int:
        """The bytes that have arrived."""
        return self.staged.size

    def claim(self) -> int:
        """Become the writer, ending the claim of any other, and return the claim."""
        with self._lock:
            self._writer += 1
            return self._writer

    def append(self, claim: int, chunks: Sequence[Chunk]) -> None:
        """Append bytes as the writer of ``claim``.

        Raises:
            ApiError: another writer has claimed the upload.
        """
        with self._lock:
            if claim != self._writer:
                raise superseded(self.id)
            for chunk in chunks:
                self._hash.update(chunk)
            self.staged.write(chunks)
            self.touched = time.monotonic()

    def verify(self, digest: Digest) -> None:
        """Check that the bytes have this digest; those of another algorithm are read once more.

        Raises:
            ApiError: 400 DIGEST_INVALID.
        """
        found = Digest.from_hash(self._hash if digest.algorithm == self.algorithm else self._rehash(digest))
        if found != digest:
            raise digest_invalid(digest, f"the {self.offset} bytes sent have the digest {found}")

    def _rehash(self, digest: Digest) -> hashlib._Hash:
        hashed = new_hash(digest.algorithm)
        for chunk in self.staged.read():
            hashed.update(chunk)
        return hashed


@define
class Uploads:
    """The uploads that are under way."""

    _uploads: dict[str, Upload] = field(factory=dict)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def begin(self, repository: str, staged: Staged, algorithm: str = "sha256") -> Upload:
        """Begin an upload to ``repository``; those that nobody touched for an hour are dropped."""
        upload = Upload(repository, staged, algorithm)
        self.expire(time.monotonic() - LIFETIME)
        with self._lock:
            self._uploads[upload.id] = upload
        return upload

    def find(self, repository: str, upload: str) -> Upload:
        """Return an upload of ``repository``.

        Raises:
            ApiError: 404 BLOB_UPLOAD_UNKNOWN.
        """
        found = self._uploads.get(upload)
        if found is None or found.repository != repository:
            raise upload_unknown(upload)
        return found

    def end(self, upload: Upload) -> None:
        """Forget an upload and what was staged for it and not kept; its writer, if any, is ended."""
        with self._lock:
            self._uploads.pop(upload.id, None)
        upload.claim()
        upload.staged.discard()

    def expire(self, before: float) -> None:
        """End the uploads that were last touched before a time of the monotonic clock, in seconds."""
        for upload in [each for each in list(self._uploads.values()) if each.touched < before]:
            self.end(upload)

    def __len__(self) -> int:
        return len(self._uploads)
