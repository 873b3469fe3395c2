"""Which entry of an index serves a platform."""

from collections.abc import Sequence

from lazyimg.errors import PlatformNotFound
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.platform import Platform, best_match

UNKNOWN = "unknown"
"""The os of an entry that is no image to be run: an attestation."""
_UNNAMED = (
    "is an index, and no platform was named: say platform='os/architecture', or take all of it as an li.Index"
)


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
    asked = _UNNAMED if wanted is None else f"has no image for {wanted}"
    raise PlatformNotFound(f"{what} {asked}; it has {there}")
