"""An image of a registry: its manifest is read when something is forced, and nothing before."""

from typing import TYPE_CHECKING, ClassVar

from attrs import evolve, field, frozen

from lazyimg.errors import ContentMismatch
from lazyimg.image.choosing import choose
from lazyimg.image.image import Image
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import parse_manifest
from lazyimg.oci.platform import Platform
from lazyimg.oci.reference import Reference
from lazyimg.state.homes import RegistryHome
from lazyimg.state.image_state import ImageState, stored_state
from lazyimg.state.index_state import refuse_deeper
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk, traced

if TYPE_CHECKING:
    from lazyimg.registry.answers import RawManifest
    from lazyimg.runtime import Work


@frozen
class FromRegistry(Image):
    """Read an image's manifest from a registry; of an index, the one for a platform."""

    effectful: ClassVar[bool] = True

    reference: Reference
    platform: Platform | None = None

    @property
    def reads(self) -> Reference:
        """The repository it reads from: a session that can read there can mount from there."""
        return self.reference

    @property
    def moves(self) -> bool:
        """Whether a tag names it, which may come to mean another image (`lazyimg.image.pin`)."""
        return self.reference.digest is None

    def resolve(self, work: "Work") -> Digest:
        """The digest of what the tag names now: one HEAD."""
        client = work.client(self.reference)
        return client.head_manifest(self.reference.repository, self.reference.identifier).digest

    def pinned(self, digest: Digest) -> "FromRegistry":
        """The same by digest; the tag stays as a name."""
        return evolve(self, reference=self.reference.with_digest(digest))

    def describe(self) -> str:
        """What it does, as a plan says it."""
        wanted = f" for {self.platform}" if self.platform else ""
        return f"GET the manifest of {self.reference}{wanted}"

    def evaluate(self, run: Run) -> ImageState | Thunk[ImageState]:
        """GET the manifest; of an index, go on with the platform's own.

        Raises:
            NotFound: the registry has no such manifest.
            PlatformNotFound: it is an index that has no such platform, or no platform was named.
            InvalidImage: indexes lie in one another without end.
        """
        raw = self._read(run.runtime)
        document = parse_manifest(raw.data, raw.media_type)
        if isinstance(document, Index):
            named = [entry.platform for entry in document.manifests]
            chosen = document.manifests[choose(named, self.platform, str(self.reference))]
            reference = self.reference.with_digest(chosen.digest)
            depth = self._depth + 1
            refuse_deeper(depth)
            listed = Listed(reference, self.platform, bytes_listed=chosen.size, depth=depth)
            return traced(listed, self.origin)
        return stored_state(document, RegistryHome(self.reference.without_identifier()), self.origin)

    @property
    def _depth(self) -> int:
        """Within how many indexes it lies."""
        return 0

    def _read(self, work: "Work") -> "RawManifest":
        return work.client(self.reference).get_manifest(self.reference.repository, self.reference.identifier)


@frozen
class Listed(FromRegistry):
    """Read the manifest that an index lists, of the size that the index says."""

    bytes_listed: int = field(kw_only=True)
    depth: int = field(default=1, kw_only=True)

    @property
    def _depth(self) -> int:
        return self.depth

    def _read(self, work: "Work") -> "RawManifest":
        """GET it.

        Raises:
            ContentMismatch: it has another size.
        """
        return of_listed_size(super()._read(work), self.reference, self.bytes_listed)


def of_listed_size(raw: "RawManifest", reference: Reference, bytes_listed: int) -> "RawManifest":
    """Hold what was read against the size that the index that lists it says.

    Raises:
        ContentMismatch: it has another size.
    """
    if len(raw.data) != bytes_listed:
        raise ContentMismatch(
            f"the manifest {reference} has {len(raw.data)} bytes, "
            f"but the index that lists it says {bytes_listed}: one of the two was made wrongly"
        )
    return raw
