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
from lazyimg.server.store import Staged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from hashlib import _Hash as Hash

    from lazyimg.server.store import Chunk

LIFETIME = 3600.0
"""How long an upload that nobody touches is kept, in seconds."""


def superseded(upload: str) -> ApiError:
    """Return the refusal of bytes from a writer whose upload another one took over."""
    return ApiError(
        404, "BLOB_UPLOAD_INVALID", "another request took this upload over", detail={"upload": upload}
    )


@define(eq=False, slots=False)
class Upload:
    """One upload to a repository.

    Attributes:
        repository: the name of the repository.
        staged: what has arrived.
        algorithm: the digest algorithm that is hashed on arrival.
        id: the name of the upload in its address.
        touched: when bytes last arrived, in seconds of the monotonic clock.
        receiving: the requests whose bodies are arriving; more than one, or one without a client, after
            a broken connection.
        is_short: whether its last chunk was too short to be followed by another (`UploadLimits`).
    """

    repository: str
    staged: Staged
    algorithm: str = "sha256"
    id: str = field(factory=lambda: uuid.uuid4().hex)
    touched: float = field(factory=time.monotonic)
    receiving: int = field(default=0, init=False)
    is_short: bool = field(default=False, init=False)
    _writer: int = field(default=0, init=False)
    _is_ended: bool = field(default=False, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._hash = new_hash(self.algorithm)

    @property
    def offset(self) -> int:
        """The bytes that have arrived."""
        return self.staged.size

    def claim(self) -> int:
        """Become the writer, ending the claim of any other, and return the claim.

        Raises:
            ApiError: 404 BLOB_UPLOAD_UNKNOWN; the upload has ended.
        """
        with self._lock:
            if self._is_ended:
                raise upload_unknown(self.id)
            self._writer += 1
            return self._writer

    def _require(self, claim: int) -> None:
        if self._is_ended or claim != self._writer:
            raise superseded(self.id)

    def append(self, claim: int, chunks: Sequence[Chunk]) -> None:
        """Append bytes as the writer of ``claim``.

        Raises:
            ApiError: another writer has claimed the upload.
            OSError: the bytes cannot be kept; the upload has ended.
        """
        with self._lock:
            self._require(claim)
            for chunk in chunks:
                self._hash.update(chunk)
            try:
                self.staged.write(chunks)
            except OSError:
                self._end()
                raise
            self.touched = time.monotonic()

    def finish(self, claim: int, digest: Digest, keep: Callable[[Staged, Digest], None]) -> None:
        """End the upload: check that its bytes have this digest, and have them kept.

        Bytes whose digest is of another algorithm than the one hashed on arrival are read once more.

        Raises:
            ApiError: 400 DIGEST_INVALID, or another writer has claimed the upload.
        """
        with self._lock:
            self._require(claim)
            try:
                found = Digest.from_hash(
                    self._hash if digest.algorithm == self.algorithm else self._rehash(digest)
                )
                if found != digest:
                    raise digest_invalid(digest, f"the {self.offset} bytes sent have the digest {found}")
                keep(self.staged, digest)
            finally:
                self._end()

    def _rehash(self, digest: Digest) -> Hash:
        hashed = new_hash(digest.algorithm)
        for chunk in self.staged.read():
            hashed.update(chunk)
        return hashed

    def end(self) -> None:
        """End the upload and forget what was staged for it and not kept."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._is_ended = True
        self.staged.discard()

    @property
    def is_ended(self) -> bool:
        """Whether the upload has ended, in whatever way."""
        return self._is_ended


@define
class Uploads:
    """The uploads that are under way."""

    _uploads: dict[str, Upload] = field(factory=dict)

    def begin(self, repository: str, staged: Staged, algorithm: str = "sha256") -> Upload:
        """Begin an upload to ``repository``; those that nobody touched for an hour are dropped."""
        upload = Upload(repository, staged, algorithm)
        self.expire(time.monotonic() - LIFETIME)
        self._uploads[upload.id] = upload
        return upload

    def find(self, repository: str, upload: str) -> Upload:
        """Return an upload of ``repository`` that is under way.

        Raises:
            ApiError: 404 BLOB_UPLOAD_UNKNOWN.
        """
        found = self._uploads.get(upload)
        if found is None or found.repository != repository or found.is_ended:
            raise upload_unknown(upload)
        return found

    def of(self, repository: str, upload: str | None = None) -> list[Upload]:
        """Return the uploads to a repository that are under way, or the one that is named."""
        return [
            each
            for each in tuple(self._uploads.values())
            if each.repository == repository and upload in (None, each.id)
        ]

    def forget(self, upload: Upload) -> None:
        """Forget an upload that has ended."""
        self._uploads.pop(upload.id, None)

    def end(self, upload: Upload) -> None:
        """End an upload, if it has not, and forget it."""
        self.forget(upload)
        upload.end()

    def expire(self, before: float) -> None:
        """End the uploads that were last touched before a time of the monotonic clock, in seconds."""
        for upload in [each for each in tuple(self._uploads.values()) if each.touched < before]:
            self.end(upload)

    def __len__(self) -> int:
        return len(self._uploads)
