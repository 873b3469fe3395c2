"""A layer in an archive of ``docker save``: a tar whose diff_id the image's config declares."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen

from lazyimg.content.compression import Compression, Gzip
from lazyimg.content.source import ReadInto
from lazyimg.image.layer import Layer
from lazyimg.oci.digest import Digest
from lazyimg.state.contents import Contents, Local
from lazyimg.stores.archive import Archive, OpensArchive
from lazyimg.stores.tar_table import Member
from lazyimg.thunk.run import Run

if TYPE_CHECKING:
    from lazyimg.runtime import Work


@frozen
class SavedLayer(Layer):
    """A layer of a saved image, compressed on its way out; one that is compressed already is kept as it is.

    Attributes:
        archive: where the archive comes from.
        member: the layer's file in it.
        declared: the diff_id, which the bytes are held against.
        compression: part of the layer's digest.
    """

    effectful: ClassVar[bool] = True

    archive: OpensArchive
    member: str
    declared: Digest
    compression: Compression = field(factory=Gzip)

    def evaluate(self, run: Run) -> Contents:
        """Find it in the archive; its bytes are read when they are consumed.

        Raises:
            ArchiveError: it is not there.
        """
        work: Work = run.runtime
        archive = work.archive(self.archive, run.check)
        member = archive.member(self.member)
        is_plain = archive.compression(member) == "none"
        source = MemberSource(archive, member)
        return Local(source, self.compression if is_plain else None, diff_id=self.declared)


@frozen(eq=False)
class MemberSource:
    """A file of an open archive (`lazyimg.content.source.Source`)."""

    archive: Archive
    member: Member
    one_shot = False

    def describe(self) -> str:
        """Say which file of which archive."""
        return f"{self.member.name} in {self.archive.what}"

    @contextmanager
    def open(self) -> Iterator[ReadInto]:
        """Give a reader; the archive is open."""
        yield self.archive.reader(self.member)
