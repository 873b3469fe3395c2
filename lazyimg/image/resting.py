"""Images and indexes that rest in a layout or an archive, and are known by their descriptors."""

from typing import ClassVar

from attrs import frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.picking import Found, image_of, read
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import is_index
from lazyimg.state.contents import Home
from lazyimg.state.image_state import ImageState, stored_state
from lazyimg.state.index_state import Entry, IndexState, State
from lazyimg.thunk.origin import Origin
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk, traced


@frozen
class RestingImage(Image):
    """Read the manifest that an index lists."""

    effectful: ClassVar[bool] = True

    home: Home
    manifest_at: Descriptor

    def evaluate(self, run: Run) -> ImageState:
        """Read it."""
        found = read(self.home, self.manifest_at, run.runtime)
        return stored_state(image_of(self.home, found, None, run.runtime), self.home, self.origin)


@frozen
class RestingIndex(Index):
    """Read the index that an index lists."""

    effectful: ClassVar[bool] = True

    home: Home
    index_at: Descriptor

    def evaluate(self, run: Run) -> IndexState:
        """Read it."""
        return index_state(self.home, read(self.home, self.index_at, run.runtime), self.origin)


def index_state(home: Home, found: Found, origin: Origin | None) -> IndexState:
    """The state of an index as it rests somewhere.

    Raises:
        InvalidMutation: it is an image.
    """
    if isinstance(found.document, Manifest):
        raise InvalidMutation(
            f"{found.descriptor.digest} in {home} is an image, not an index: read it as an Image"
        )
    entries = tuple(Entry(_child(home, entry, origin), entry, home) for entry in found.document.manifests)
    return IndexState(found.document, entries)


def _child(home: Home, entry: Descriptor, origin: Origin | None) -> Thunk[State]:
    child = RestingIndex(home, entry) if is_index(entry.media_type) else RestingImage(home, entry)
    return traced(child, origin)
