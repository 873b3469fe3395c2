"""One image out of an index."""

from collections.abc import Sequence

from attrs import frozen

from lazyimg.errors import PlatformNotFound
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.platform import Platform, best_match
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

UNKNOWN = "unknown"
"""The os of an entry that is no image to be run: an attestation."""


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


def runs_nowhere(descriptor: Descriptor) -> bool:
    """Whether an entry is an attestation, which describes images and is none."""
    return descriptor.platform is not None and descriptor.platform.os == UNKNOWN


def choose(platforms: Sequence[Platform | None], wanted: Platform | None, what: str) -> int:
    """The position of the platform that serves ``wanted`` best, as containerd matches.

    Raises:
        PlatformNotFound: none does, or none was named; the message lists what there is.
    """
    named = [(at, one) for at, one in enumerate(platforms) if one is not None and one.os != UNKNOWN]
    found = None if wanted is None else best_match([one for _, one in named], wanted)
    if found is not None:
        return named[found][0]
    there = ", ".join(sorted({str(one) for _, one in named})) or "no platform at all"
    asked = (
        "is an index, and no platform was named: say platform='os/architecture'"
        if wanted is None
        else f"has no image for {wanted}"
    )
    raise PlatformNotFound(f"{what} {asked}; it has {there}")
