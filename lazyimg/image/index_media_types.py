"""Turn an index and its images into OCI's media types, or Docker's."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.choosing import UNKNOWN
from lazyimg.image.index_mutation import PlatformMutation
from lazyimg.image.index_select import index_in
from lazyimg.image.media_types import WithMediaTypes, cannot_say, family_alone, unsayable_in
from lazyimg.oci.media_type import in_family, is_docker
from lazyimg.oci.platform import Platform
from lazyimg.state.index_state import Entry, IndexState
from lazyimg.thunk.thunk import traced

if TYPE_CHECKING:
    from lazyimg.image.image import Image


@frozen
class IndexWithMediaTypes(PlatformMutation):
    """Give the index and every image in it the media types of one family."""

    family: str = field(converter=family_alone)
    lossy: bool = False

    @property
    def goes_by_platform(self) -> bool:
        """Only to find attestations, which Docker's lists cannot say."""
        return self.family == "docker"

    def change(self, state: IndexState, platforms: Sequence[Platform | None]) -> IndexState:
        """Rename the list and convert each image; what Docker cannot say is refused, or dropped if allowed.

        Raises:
            InvalidMutation: Docker's lists cannot say what this index says. What an image cannot say is
                raised when that image is read.
        """
        docker = self.family == "docker"
        if docker and not is_docker(state.index.media_type):
            state = self._without_loss(state, platforms)
        entries = tuple(self._converted(entry) for entry in state.entries)
        index = state.index.with_media_type(in_family(state.index.media_type, docker=docker))
        return evolve(state, index=index, entries=entries)

    def _converted(self, entry: Entry) -> Entry:
        inner = index_in(entry)
        if inner is not None:
            if self.family == "docker":
                raise InvalidMutation(
                    "an index within an index has no form in Docker's media types: remove it"
                )
            return entry.changed_to(traced(evolve(self, base=inner), self.origin))
        image = cast("Image", entry.child)  # what is no index
        converted = WithMediaTypes(self.family, lossy=self.lossy, base=image)
        return entry.changed_to(traced(converted, self.origin))

    def _without_loss(self, state: IndexState, platforms: Sequence[Platform | None]) -> IndexState:
        lost = tuple(_unsayable(state, platforms))
        if lost and not self.lossy:
            raise InvalidMutation(cannot_say("Docker's manifest lists", lost))
        rows = zip(state.entries, platforms, strict=True)
        kept = tuple(_stripped(entry) for entry, platform in rows if not _describes(platform))
        index = state.index.with_annotations({}).with_artifact_type(None).with_subject(None)
        return evolve(state, index=index, subject=None, entries=kept)


def _describes(platform: Platform | None) -> bool:
    return platform is not None and platform.os == UNKNOWN


def _unsayable(state: IndexState, platforms: Sequence[Platform | None]) -> Iterator[str]:
    yield from unsayable_in(state.index)
    if state.subject or state.index.subject:
        yield "subject"
    for position, (entry, platform) in enumerate(zip(state.entries, platforms, strict=True)):
        if entry.said_annotations:
            yield f"annotations of entry {position}"
        if entry.declared is not None and entry.declared.artifact_type:
            yield f"artifactType of entry {position}"
        if _describes(platform):
            yield f"the attestation that is entry {position}"


def _stripped(entry: Entry) -> Entry:
    bare = entry.described(annotations={})
    if bare.declared is None:
        return bare
    return evolve(bare, declared=bare.declared.replace(artifact_type=None, data=None))
