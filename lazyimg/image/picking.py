"""Finding an image where several rest: in an OCI layout, or in an archive of one.

Both have an ``index.json`` whose entries are named by annotations (image-spec image-layout.md,
"index.json file").
"""

from typing import Protocol

from attrs import frozen

from lazyimg.errors import InvalidDigest
from lazyimg.image.choosing import choose, runs_nowhere
from lazyimg.image.naming import Offer, meant, not_found
from lazyimg.oci.annotated import MAX_MANIFEST
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest, parse_manifest
from lazyimg.oci.media_type import OCI_MANIFEST
from lazyimg.oci.platform import Platform
from lazyimg.runtime import Work
from lazyimg.state.contents import Home
from lazyimg.state.index_state import refuse_deeper
from lazyimg.stores.naming import REF_NAME

NAMING = (REF_NAME, "io.containerd.image.name")
"""The annotations that name an entry: the specification's, and the one that docker and containerd add."""


class ImageHome(Home, Protocol):
    """A home that lists its images."""

    def index(self, work: Work) -> Index:
        """What ``index.json`` says."""
        ...

    def size_of(self, digest: Digest, work: Work) -> int | None:
        """The bytes of the blob with this digest, if it is there."""
        ...


@frozen
class Found:
    """A manifest or index that was read.

    Attributes:
        descriptor: what names it.
        document: it.
    """

    descriptor: Descriptor
    document: Manifest | Index


def find(home: ImageHome, ref: str | None, platform: Platform | None, work: Work, how: str = "ref") -> Found:
    """Read what ``ref`` names.

    Args:
        home: where it rests.
        ref: a tag, a digest, or None for the only one that is there.
        platform: which of several entries of one name.
        work: what reading is done with.
        how: the user's name for ``ref``, for messages.

    Raises:
        ImageNotFound: nothing has the name, or several have it.
    """
    return read(home, named(home, ref, platform, work, how), work)


def is_digest(ref: str | None) -> bool:
    """Whether ``ref`` is a digest, which means the same image for ever; a tag may come to mean another."""
    try:
        return ref is not None and bool(Digest(ref))
    except InvalidDigest:
        return False


def named(
    home: ImageHome, ref: str | None, platform: Platform | None, work: Work, how: str = "ref"
) -> Descriptor:
    """The entry that ``ref`` names; raises as `find` does."""
    entries = [entry for entry in home.index(work).manifests if ref is not None or not runs_nowhere(entry)]
    offers = [Offer(entry.digest, _names(entry)) for entry in entries]
    found = list({entries[at].digest: entries[at] for at in meant(offers, ref)}.values())
    if len(found) > 1 and platform is not None:
        return found[choose([entry.platform for entry in found], platform, str(home))]
    if len(found) == 1:
        return found[0]
    unlisted = None if found or ref is None else _unlisted(home, ref, work)
    if unlisted is None:
        raise not_found(offers, ref, str(home), how)
    return unlisted


def _names(entry: Descriptor) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.annotations[name] for name in NAMING if name in entry.annotations))


def _unlisted(home: ImageHome, ref: str, work: Work) -> Descriptor | None:
    """What a digest names that ``index.json`` does not: a child of an index."""
    if not is_digest(ref):
        return None
    digest = Digest(ref)
    size = home.size_of(digest, work)
    if size is None:
        return None
    data = home.fetch(Descriptor(media_type=OCI_MANIFEST, digest=digest, size=size), MAX_MANIFEST, work)
    return Descriptor(media_type=parse_manifest(data).media_type, digest=digest, size=size)


def read(home: Home, descriptor: Descriptor, work: Work) -> Found:
    """Read the manifest or index that a descriptor names, verified."""
    data = home.fetch(descriptor, MAX_MANIFEST, work)
    return Found(descriptor, parse_manifest(data, descriptor.media_type))


def image_of(home: Home, found: Found, platform: Platform | None, work: Work) -> Manifest:
    """The image that was found; of an index, read the platform's own.

    Raises:
        PlatformNotFound: it is an index that has no such platform, or no platform was named.
        InvalidImage: indexes lie in one another without end.
    """
    depth = 0
    while isinstance(found.document, Index):
        depth += 1
        refuse_deeper(depth)
        entries = found.document.manifests
        chosen = choose(
            [entry.platform for entry in entries], platform, f"{found.descriptor.digest} in {home}"
        )
        found = read(home, entries[chosen], work)
    return found.document


def reading(where: str, ref: str | None, platform: Platform | None, kind: str = "manifest") -> str:
    """What reading an image does, for a plan.

    >>> reading("out", "v1", Platform.parse("linux/arm64"))
    'Read the manifest of v1 for linux/arm64 in out'
    """
    named = f" of {ref}" if ref else ""
    wanted = f" for {platform}" if platform else ""
    return f"Read the {kind}{named}{wanted} in {where}"
