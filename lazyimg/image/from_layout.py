"""Images and indexes of an OCI layout: read when something is forced, and nothing before."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, field, frozen

from lazyimg.content.local import absolute
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.picking import find, image_of, is_digest, named, reading
from lazyimg.image.resting import index_state
from lazyimg.notebook.words import words
from lazyimg.oci.digest import Digest
from lazyimg.oci.platform import Platform
from lazyimg.state.homes import LayoutHome
from lazyimg.state.image_state import ImageState, stored_state
from lazyimg.state.index_state import IndexState
from lazyimg.thunk.run import Run

if TYPE_CHECKING:
    from lazyimg.runtime import Work


@frozen
class FromLayout(Image):
    """Read an image's manifest from an OCI layout; of an index, the one for a platform."""

    effectful: ClassVar[bool] = True

    path: Path = field(converter=absolute)
    ref: str | None = None
    platform: Platform | None = None

    def describe(self) -> str:
        """What it does, as a plan says it."""
        return reading(words(self.path), self.ref, self.platform)

    @property
    def moves(self) -> bool:
        """Whether no digest names it: it may come to mean another image (`lazyimg.image.pin`)."""
        return not is_digest(self.ref)

    def resolve(self, work: "Work") -> Digest:
        """The digest of what is named now."""
        return named(LayoutHome(self.path), self.ref, self.platform, work).digest

    def pinned(self, digest: Digest) -> "FromLayout":
        """The same by digest."""
        return evolve(self, ref=digest)

    def evaluate(self, run: Run) -> ImageState:
        """Read ``index.json`` and the manifest.

        Raises:
            LayoutError: the directory is no layout.
            ImageNotFound: it has no such image, or several while none was named.
            PlatformNotFound: it is an index that has no such platform, or no platform was named.
        """
        home = LayoutHome(self.path)
        found = find(home, self.ref, self.platform, run.runtime)
        return stored_state(image_of(home, found, self.platform, run.runtime), home, self.origin)


@frozen
class IndexFromLayout(Index):
    """Read an index from an OCI layout; its children are read when something needs them."""

    effectful: ClassVar[bool] = True

    path: Path = field(converter=absolute)
    ref: str | None = None

    def describe(self) -> str:
        """What it does, as a plan says it."""
        return reading(words(self.path), self.ref, None, "index")

    @property
    def moves(self) -> bool:
        """Whether no digest names it: it may come to mean another image (`lazyimg.image.pin`)."""
        return not is_digest(self.ref)

    def resolve(self, work: "Work") -> Digest:
        """The digest of what is named now."""
        return named(LayoutHome(self.path), self.ref, None, work).digest

    def pinned(self, digest: Digest) -> "IndexFromLayout":
        """The same by digest."""
        return evolve(self, ref=digest)

    def evaluate(self, run: Run) -> IndexState:
        """Read ``index.json`` and the index.

        Raises:
            LayoutError: the directory is no layout.
            ImageNotFound: it has no such index, or several while none was named.
            InvalidMutation: it is an image.
        """
        home = LayoutHome(self.path)
        return index_state(home, find(home, self.ref, None, run.runtime), self.origin)
