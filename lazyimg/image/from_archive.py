"""Images and indexes of archives: a tar of an OCI layout, or what ``docker save`` writes.

Which of the two is told by what is in it. Both have the same file for different readers where docker 25 and
newer wrote it: it is then read as the layout, whose manifests keep their bytes.
"""

from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.picking import find, image_of, is_digest, named, reading
from lazyimg.image.resting import index_state
from lazyimg.image.saved_image import saved_digest, saved_state
from lazyimg.oci.digest import Digest
from lazyimg.oci.platform import Platform
from lazyimg.state.archive_home import ArchiveHome, has_layout
from lazyimg.state.image_state import ImageState, stored_state
from lazyimg.state.index_state import IndexState
from lazyimg.stores.archive import OpensArchive
from lazyimg.thunk.run import Run

if TYPE_CHECKING:
    from lazyimg.runtime import Work


@frozen
class FromArchive(Image):
    """Read an image's documents from an archive; of an index, those of the image for a platform."""

    effectful: ClassVar[bool] = True

    archive: OpensArchive
    tag: str | None = None
    platform: Platform | None = None

    def describe(self) -> str:
        """What it does, as a plan says it."""
        return reading(str(self.archive), self.tag, self.platform)

    @property
    def moves(self) -> bool:
        """Whether no digest names it: it may come to mean another image (`lazyimg.image.pin`)."""
        return not is_digest(self.tag)

    def resolve(self, work: "Work") -> Digest:
        """The digest of what is named now; of what ``docker save`` wrote, that of the config."""
        archive = work.archive(self.archive)
        if not has_layout(archive):
            return saved_digest(archive, self.tag)
        return named(ArchiveHome(self.archive), self.tag, self.platform, work, "tag").digest

    def pinned(self, digest: Digest) -> "FromArchive":
        """The same by digest."""
        return evolve(self, tag=digest)

    def evaluate(self, run: Run) -> ImageState:
        """Open the archive, once for the run, and read the documents.

        Raises:
            ArchiveError: it is no archive of images, or not whole.
            ImageNotFound: it has no such image, or several while none was named.
            PlatformNotFound: it is an index that has no such platform, or no platform was named.
        """
        work: Work = run.runtime
        archive = work.archive(self.archive, run.check)
        if not has_layout(archive):
            return saved_state(archive, self.archive, self.tag, self.origin)
        home = ArchiveHome(self.archive)
        found = find(home, self.tag, self.platform, work, "tag")
        return stored_state(image_of(home, found, self.platform, work), home, self.origin)


@frozen
class IndexFromArchive(Index):
    """Read an index from an archive of an OCI layout; its children are read when something needs them."""

    effectful: ClassVar[bool] = True

    archive: OpensArchive
    tag: str | None = None

    def describe(self) -> str:
        """What it does, as a plan says it."""
        return reading(str(self.archive), self.tag, None, "index")

    @property
    def moves(self) -> bool:
        """Whether no digest names it: it may come to mean another index (`lazyimg.image.pin`)."""
        return not is_digest(self.tag)

    def resolve(self, work: "Work") -> Digest:
        """The digest of what is named now."""
        return named(ArchiveHome(self.archive), self.tag, None, work, "tag").digest

    def pinned(self, digest: Digest) -> "IndexFromArchive":
        """The same by digest."""
        return evolve(self, tag=digest)

    def evaluate(self, run: Run) -> IndexState:
        """Open the archive and read the index.

        Raises:
            ArchiveError: it is no archive of images, or not whole.
            ImageNotFound: it has no such index, or several while none was named.
            InvalidMutation: it is an image.
        """
        work: Work = run.runtime
        if not has_layout(work.archive(self.archive, run.check)):
            raise InvalidMutation(f"{self.archive} is no archive of an OCI layout: use Image.from_archive")
        home = ArchiveHome(self.archive)
        return index_state(home, find(home, self.tag, None, work, "tag"), self.origin)
