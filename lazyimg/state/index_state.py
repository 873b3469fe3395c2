"""`IndexState`: what the evaluation of an index gives."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidImage
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.platform import Platform
from lazyimg.state.contents import Home
from lazyimg.state.image_state import ImageState
from lazyimg.state.seal import Sealed
from lazyimg.thunk.thunk import Thunk


@frozen
class Entry:
    """A manifest in its place in an index.

    Attributes:
        child: gives the state of the image or index; asked only if it has to be written, or sealed anew.
        declared: the descriptor as an index declares it; None for what was added.
        home: where the child rests as declared; None where it is sealed anew.
        platform: of what was added; None takes it from the image's config.
        annotations: of the entry of what was added.
    """

    child: Thunk[Any]
    declared: Descriptor | None = None
    home: Home | None = None
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(factory=dict)

    @property
    def needs_platform(self) -> bool:
        """Whether the platform is to be taken from the child's config."""
        return self.declared is None and self.platform is None

    @property
    def said_platform(self) -> Platform | None:
        """What its image runs on, as far as the entry itself says it."""
        return self.platform if self.declared is None else self.declared.platform

    @property
    def said_annotations(self) -> Mapping[str, str]:
        """The annotations of the entry, not of its image."""
        return self.annotations if self.declared is None else self.declared.annotations

    @property
    def digest(self) -> Digest | None:
        """Of the child, as far as it is known before it is sealed."""
        return None if self.declared is None or self.home is None else self.declared.digest

    def described(self, **said: Any) -> "Entry":
        """The entry with other ``platform`` or ``annotations``."""
        if self.declared is None:
            return evolve(self, **said)
        return evolve(self, declared=self.declared.replace(**said))

    def changed_to(self, child: Thunk[Any]) -> "Entry":
        """The entry with another child, sealed anew; what the descriptor says besides stays."""
        return evolve(self, child=child, home=None)

    def descriptor(self, sealed: Sealed | None, config: ConfigFile | None) -> Descriptor:
        """The descriptor in the index.

        Args:
            sealed: the child, where it was sealed anew.
            config: the child's, where the platform is to be taken from it.
        """
        if self.declared is not None:
            return self.declared if sealed is None else _renamed(self.declared, sealed.descriptor)
        assert sealed is not None  # noqa: S101 - what was added has no other name
        platform = config.platform if self.platform is None and config is not None else self.platform
        return sealed.descriptor.replace(platform=platform, annotations=self.annotations)


def _renamed(declared: Descriptor, by: Descriptor) -> Descriptor:
    """The declared descriptor naming another manifest; embedded ``data`` would be of the old one."""
    return declared.replace(
        media_type=by.media_type,
        digest=by.digest,
        size=by.size,
        data=None,
        artifact_type=by.artifact_type or declared.artifact_type,
    )


@frozen
class IndexState:
    """An index before it is sealed.

    Attributes:
        index: the document that sealing starts from; its ``manifests`` and ``subject`` are replaced by what
            stands here.
        entries: in their order.
        subject: the image, index or descriptor that this one refers to; None keeps what the index says.
    """

    index: Index
    entries: tuple[Entry, ...] = ()
    subject: "State | Descriptor | None" = None


State = ImageState | IndexState
"""What can be written."""

DEEPEST = 32
"""How many indexes may lie one within the other; whoever writes more wants a reader that never ends."""


def refuse_deeper(depth: int) -> None:
    """Refuse an index that lies within too many others.

    Args:
        depth: within how many.

    Raises:
        InvalidImage: they are more than 32.
    """
    if depth > DEEPEST:
        raise InvalidImage(f"indexes lie in one another, over {DEEPEST} deep: that is no image's index")
