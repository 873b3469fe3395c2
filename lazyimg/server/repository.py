"""Repositories: which contents, manifests and tags belong to which name, written once over any store.

The records of repository ``library/python`` lie in the groups ``library+python/blobs`` (a name for each
linked digest), ``.../manifests`` (media type, line feed, the exact bytes), ``.../tags`` (the digest) and
``.../referrers/<subject>`` (the descriptor of each manifest that names the subject). ``+`` occurs in no
repository name, so names of different repositories never meet.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from attrs import field, frozen

from lazyimg.server.errors import blob_unknown, name_unknown
from lazyimg.server.names import check_name, is_name
from lazyimg.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazyimg.oci.digest import Digest
    from lazyimg.server.store import Blocks, Staged

KNOWN = "_known"
"""The group of the names of the repositories that something was pushed to."""


@frozen
class Repository:
    """One repository of a registry; it exists once something was pushed to it."""

    name: str
    store: Store
    lock: threading.RLock = field(repr=False)

    def group(self, kind: str) -> str:
        """Return the name of the group that holds the records of a kind."""
        return f"{self.key}/{kind}"

    @property
    def key(self) -> str:
        """The name as a single component of a path."""
        return self.name.replace("/", "+")

    @property
    def is_known(self) -> bool:
        """Whether anything was ever pushed here."""
        return self.store.get(KNOWN, self.key) is not None

    def require(self) -> None:
        """Check that the repository is known.

        Raises:
            ApiError: 404 NAME_UNKNOWN.
        """
        if not self.is_known:
            raise name_unknown(self.name)

    def create(self) -> None:
        """Make the repository known; harmless when it is."""
        if not self.is_known:
            self.store.put(KNOWN, self.key, b"")

    def has_blob(self, digest: Digest) -> bool:
        """Whether the blob is linked here and its content is in the store."""
        return self.store.get(self.group("blobs"), digest) is not None and self.store.size(digest) is not None

    def blob_size(self, digest: Digest) -> int:
        """Return the size of a blob in bytes.

        Raises:
            ApiError: 404 BLOB_UNKNOWN, or NAME_UNKNOWN.
        """
        linked = self.store.get(self.group("blobs"), digest) is not None
        size = self.store.size(digest) if linked else None
        if size is None:
            self.require()
            raise blob_unknown(digest)
        return size

    def read_blob(self, digest: Digest, start: int, stop: int) -> Blocks:
        """Return the bytes of a blob from ``start`` up to ``stop``.

        Raises:
            ApiError: 404 BLOB_UNKNOWN.
        """
        try:
            return self.store.read(digest, start, stop)
        except LookupError:
            raise blob_unknown(digest) from None

    def add_blob(self, staged: Staged, digest: Digest) -> None:
        """Keep staged bytes, whose digest was verified, as a blob of this repository."""
        staged.settle()
        with self.lock:
            self.create()
            self.store.keep(staged, digest)
            self.store.put(self.group("blobs"), digest, b"")

    def link_blob(self, digest: Digest) -> bool:
        """Link a content that the registry has, and say whether it has it."""
        with self.lock:
            if self.store.size(digest) is None:
                return False
            self.create()
            self.store.put(self.group("blobs"), digest, b"")
            return True

    def remove_blob(self, digest: Digest) -> bool:
        """Unlink a blob and say whether it was linked."""
        return self.store.delete(self.group("blobs"), digest)


@frozen
class Repositories:
    """All repositories of a registry."""

    store: Store
    lock: threading.RLock = field(factory=threading.RLock, repr=False)

    def named(self, name: str) -> Repository:
        """Return the repository of that name, known or not.

        Raises:
            ApiError: 400 NAME_INVALID.
        """
        return Repository(check_name(name), self.store, self.lock)

    def names(self) -> list[str]:
        """Return the names of all known repositories, sorted."""
        found = (name.replace("+", "/") for name in self.store.names(KNOWN))
        return sorted(filter(is_name, found))  # file systems have files of their own in a directory

    def mount(
        self, digest: Digest, source: str | None, target: Repository, is_readable: Callable[[str], bool]
    ) -> bool:
        """Link a blob of another repository, and say whether it was found.

        Args:
            digest: which blob.
            source: the name of the repository; None looks in all of them.
            target: where to link it.
            is_readable: tells whether a repository may be looked into.
        """
        sources = self.names() if source is None else [self.named(source).name]
        if not any(is_readable(name) and self.named(name).has_blob(digest) for name in sources):
            return False
        return target.link_blob(digest)

    def delete_blob(self, digest: Digest, repository: Repository) -> None:
        """Unlink a blob; its content goes with the last repository that has it.

        Raises:
            ApiError: 404 BLOB_UNKNOWN, or NAME_UNKNOWN.
        """
        with self.lock:
            if not repository.remove_blob(digest):
                repository.require()
                raise blob_unknown(digest)
            if not any(self.named(name).has_blob(digest) for name in self.names()):
                self.store.remove(digest)
