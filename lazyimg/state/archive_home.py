"""The home of what rests in an archive of an OCI layout."""

from collections.abc import Iterator

from attrs import frozen

from lazyimg.content.verified import verified
from lazyimg.errors import BlobNotFound, InvalidDocument
from lazyimg.oci.annotated import MAX_MANIFEST
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.runtime import Work
from lazyimg.state.homes import refuse_larger
from lazyimg.stores.archive import Archive, OpensArchive
from lazyimg.stores.marker import refuse_other_version
from lazyimg.stores.tar_table import Member

MARKER = "oci-layout"
INDEX = "index.json"


@frozen
class ArchiveHome:
    """A tar of an OCI layout, opened once a run and read by offset.

    Attributes:
        archive: where the tar comes from.
    """

    archive: OpensArchive

    def __str__(self) -> str:
        return str(self.archive)

    def chunks(self, descriptor: Descriptor, offset: int, work: Work) -> Iterator[bytes]:
        """Read the blob, verified on its way.

        Raises:
            BlobNotFound: it is not there.
            ContentMismatch: it is not what the descriptor names.
        """
        archive = work.archive(self.archive)
        member = _blob(archive, descriptor.digest)
        if member is None:
            raise BlobNotFound(f"{self} has no blob {descriptor.digest}: the archive is not whole")
        work.counters.add(opened=1)
        yield from verified(_counted(archive, member, work), descriptor, offset, f"{member.name} in {self}")

    def fetch(self, descriptor: Descriptor, limit: int, work: Work) -> bytes:
        """Read a small blob."""
        refuse_larger(descriptor, limit, str(self))
        return b"".join(self.chunks(descriptor, 0, work))

    def index(self, work: Work) -> Index:
        """Read ``index.json``.

        Raises:
            ArchiveError: the archive is not whole.
            LayoutError: it is of another version.
            InvalidDocument: ``index.json`` is no index.
        """
        archive = work.archive(self.archive)
        refuse_other_version(archive.read(archive.member(MARKER), MAX_MANIFEST), f"{MARKER} in {self}")
        try:
            return Index.parse(archive.read(archive.member(INDEX), MAX_MANIFEST))
        except InvalidDocument as error:
            error.add_note(f"in {INDEX} of {self}")
            raise

    def size_of(self, digest: Digest, work: Work) -> int | None:
        """Look how large a blob is."""
        found = _blob(work.archive(self.archive), digest)
        return None if found is None else found.size


def has_layout(archive: Archive) -> bool:
    """Whether an archive is of an OCI layout, whatever else it is."""
    return archive.find(MARKER) is not None and archive.find(INDEX) is not None


def _blob(archive: Archive, digest: Digest) -> Member | None:
    return archive.find(f"blobs/{digest.algorithm}/{digest.encoded}")


def _counted(archive: Archive, member: Member, work: Work) -> Iterator[bytes]:
    for piece in archive.chunks(member):
        work.counters.add(bytes_read=len(piece))
        yield piece
