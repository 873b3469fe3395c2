"""One image out of an index."""

from attrs import frozen

from lazyimg.image.choosing import choose
from lazyimg.image.entry_choice import Platforms, PlatformsOf
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.oci.platform import Platform
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import Entry
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk, traced


@frozen
class Select(Image):
    """The image of an index for a platform."""

    index: Index
    platform: Platform

    def evaluate(self, run: Run) -> Thunk[ImageState]:  # noqa: ARG002 - its inputs' values are for what follows
        """Go on with the image, once it is known what every entry runs on.

        Raises:
            PlatformNotFound: the index has none for the platform.
        """
        return traced(_Chosen(self.index, self.platform, PlatformsOf(self.index)), self.origin)


@frozen
class _Chosen(Thunk[ImageState]):
    """Go on with the image for the platform."""

    index: Index
    platform: Platform
    platforms: Thunk[Platforms]

    def evaluate(self, run: Run) -> Thunk[ImageState]:
        entries = run.value(self.index).entries
        found = entries[choose(run.value(self.platforms), self.platform, repr(self.index))]
        inner = index_in(found)
        return found.child if inner is None else traced(Select(inner, self.platform), self.origin)


def index_in(entry: Entry) -> Index | None:
    """The index that an entry is of, if it is none of an image."""
    return entry.child if isinstance(entry.child, Index) else None
