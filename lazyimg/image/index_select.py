"""One image out of an index."""

from attrs import frozen

from lazyimg.image.choosing import choose
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.oci.platform import Platform
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk


@frozen
class Select(Image):
    """The image of an index for a platform."""

    index: Index
    platform: Platform

    def evaluate(self, run: Run) -> Thunk[ImageState]:
        """Go on with the image.

        Raises:
            PlatformNotFound: the index has none for the platform.
        """
        entries = run.value(self.index).entries
        named = [entry.declared.platform if entry.declared else entry.platform for entry in entries]
        return entries[choose(named, self.platform, repr(self.index))].child
