"""An image of a registry: its manifest is read when something is forced, and nothing before."""

from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from lazyimg.image.choosing import choose
from lazyimg.image.image import Image
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import parse_manifest
from lazyimg.oci.platform import Platform
from lazyimg.oci.reference import Reference
from lazyimg.state.homes import RegistryHome
from lazyimg.state.image_state import ImageState, stored_state
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk, traced

if TYPE_CHECKING:
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

    def describe(self) -> str:
        """What it does, as a plan says it."""
        wanted = f" for {self.platform}" if self.platform else ""
        return f"GET the manifest of {self.reference}{wanted}"

    def evaluate(self, run: Run) -> ImageState | Thunk[ImageState]:
        """GET the manifest; of an index, go on with the platform's own.

        Raises:
            NotFound: the registry has no such manifest.
            PlatformNotFound: it is an index that has no such platform, or no platform was named.
        """
        work: Work = run.runtime
        raw = work.client(self.reference).get_manifest(self.reference.repository, self.reference.identifier)
        document = parse_manifest(raw.data, raw.media_type)
        if isinstance(document, Index):
            named = [entry.platform for entry in document.manifests]
            chosen = document.manifests[choose(named, self.platform, str(self.reference))]
            own = FromRegistry(self.reference.with_digest(chosen.digest), self.platform)
            return traced(own, self.origin)
        return stored_state(document, RegistryHome(self.reference.without_identifier()), self.origin)
