"""Sessions whose blobs rest in scratch space until all are there: archives, and what a daemon loads."""

from abc import ABC
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lazyimg.errors import InvalidReference, InvalidTarget
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.reference import Reference
from lazyimg.state.contents import Stored
from lazyimg.state.seal import Sealed
from lazyimg.stores.blob_spool import BlobSpool
from lazyimg.stores.docker_save import Saved, documents
from lazyimg.write.record import Placed
from lazyimg.write.session import Session
from lazyimg.write.target import Target

T = TypeVar("T", bound=Target)


class Spooled(Session[T], ABC):
    """A session that keeps its blobs until all are there.

    Args:
        spool: where they rest; closed with the session.
        docker: whether they are for docker, which wants every layer, and no manifest.
    """

    def __init__(self, spool: BlobSpool, *, docker: bool) -> None:
        super().__init__()
        self.spool = spool
        self._docker = docker

    def has(self, blob: Descriptor) -> bool:
        """Whether it came already."""
        return self.spool.has(blob.digest, blob.size)

    def write(self, chunks: Iterable[bytes | memoryview], digest: Callable[[], Digest]) -> int:
        """Keep it."""
        return self.spool.write(chunks, digest)

    def offer(self, blobs: Sequence[Stored]) -> Placed | None:
        """Look whether it came already, or does not matter."""
        return self.find(blobs[0].descriptor) if self._docker else super().offer(blobs)

    def stage(self, root: Sealed, target: T | None) -> None:
        """Keep a manifest, and remember its names."""
        if self._docker:
            self._remember(root, target)
        else:
            super().stage(root, target)

    def abort(self) -> None:
        """Wait until nothing is being written any more, and give the space back."""
        super().abort()
        self.end()

    def close(self) -> None:
        """Give the space back."""
        self.end()

    def end(self) -> None:
        """Let go of what is held."""
        self.spool.close()


def docker_references(tags: Iterable[str]) -> tuple[Reference, ...]:
    """The references that docker is to call an image by.

    Raises:
        InvalidTarget: one is no reference, or has a digest.
    """
    try:
        found = tuple(Reference.parse(tag) for tag in tags)
    except InvalidReference as error:
        raise InvalidTarget(
            f"docker calls images by references such as app:1, and this is none: {error}"
        ) from error
    if any(reference.digest for reference in found):
        raise InvalidTarget("docker calls an image by its tag: leave out the digest")
    return found


def docker_documents(images: Iterable[tuple[Sealed, Sequence[str]]]) -> dict[str, bytes]:
    """What an archive says of images that docker is to load, each with its tags."""
    return documents([Saved(Manifest.parse(root.data), docker_references(tags)) for root, tags in images])
