"""Homes: where blobs rest whole."""

from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from lazyimg.errors import ContentMismatch
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.reference import Reference
from lazyimg.runtime import Work
from lazyimg.stores.layout_source import LayoutSource


@frozen
class RegistryHome:
    """A repository of a registry.

    Attributes:
        repository: its tag and digest mean nothing.
    """

    repository: Reference

    def __str__(self) -> str:
        return self.repository.name

    def chunks(self, descriptor: Descriptor, offset: int, work: Work) -> Iterator[bytes | memoryview]:
        """GET the blob, verified on its way."""
        client = work.client(self.repository)
        return client.blob(self.repository.repository, descriptor.digest, descriptor.size, offset)

    def fetch(self, descriptor: Descriptor, limit: int, work: Work) -> bytes:
        """GET a small blob."""
        client = work.client(self.repository)
        return client.get_blob_bytes(self.repository.repository, descriptor.digest, descriptor.size, limit)

    def size_of(self, digest: Digest, work: Work) -> int | None:
        """Ask how large the blob is: one HEAD."""
        return work.client(self.repository).head_blob(self.repository.repository, digest)


@frozen
class LayoutHome:
    """An OCI layout directory."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def chunks(self, descriptor: Descriptor, offset: int, work: Work) -> Iterator[bytes | memoryview]:
        """Read the blob's file, verified on its way."""
        return LayoutSource(self.path).blob(descriptor, offset, work.counters)

    def fetch(self, descriptor: Descriptor, limit: int, work: Work) -> bytes:
        """Read a small blob's file."""
        refuse_larger(descriptor, limit, str(self))
        return b"".join(self.chunks(descriptor, 0, work))

    def index(self, work: Work) -> Index:  # noqa: ARG002 - needs no client
        """Read ``index.json``."""
        return LayoutSource(self.path).index()

    def size_of(self, digest: Digest, work: Work) -> int | None:  # noqa: ARG002 - needs no client
        """Look how large the blob's file is."""
        return LayoutSource(self.path).size_of(digest)


def refuse_larger(descriptor: Descriptor, limit: int, where: str) -> None:
    """Refuse to read a document that is too large to be one.

    Raises:
        ContentMismatch: it has more than ``limit`` bytes.
    """
    if descriptor.size > limit:
        raise ContentMismatch(
            f"{descriptor.digest} in {where} has {descriptor.size} bytes, over the limit of {limit} "
            "for what it is"
        )
