"""What a mutation is: a thunk around another image, and a pure function from state to state."""

from typing import Any

import attrs
from attrs import frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.hiding import refuse_hiding
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.oci.config import ConfigFile
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.run import Run


def image_alone(_: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    """Refuse what is no image; a validator for fields that are further inputs.

    Raises:
        InvalidMutation: it is something else, such as a reference.
    """
    if not isinstance(value, Image):
        raise InvalidMutation(
            f"{attribute.alias} must be an image, and was a {type(value).__qualname__}: make one with "
            "Image.from_registry, or another source"
        )


@frozen
class Mutation(Image):
    """An image that is another one, changed. The interface to implement for a mutation of one's own.

    Subclasses are ``attrs.frozen``; their fields are the parameters. Fields that are images or indexes are
    further inputs, whose states `mutate` is given in the order of the fields.

    >>> from lazyimg.oci.manifest import Manifest
    >>> @frozen
    ... class Retitle(Mutation):
    ...     '''Replace the title.'''
    ...     title: str
    ...     def mutate(self, state):
    ...         annotations = {**state.manifest.annotations, "org.opencontainers.image.title": self.title}
    ...         return state.with_manifest(state.manifest.with_annotations(annotations))

    Attributes:
        base: the image that is changed; `lazyimg.Image.apply` fills it in.
    """

    base: Image | None = attrs.field(default=None, kw_only=True)

    def __init_subclass__(cls) -> None:
        """Refuse a field that would hide what every image can do.

        Raises:
            TypeError: a field is called like a method of `lazyimg.Image`.
        """
        super().__init_subclass__()
        refuse_hiding(cls, Image)

    def mutate(self, state: ImageState, *others: Any) -> ImageState:
        """The changed state. Pure: no effect, and the same for the same state.

        Args:
            state: the base's.
            others: those of the further inputs, `ImageState` or `IndexState` each.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not say how it mutates {state} {others}")

    def evaluate(self, run: Run) -> ImageState:
        """Mutate the base's state."""
        if self.base is None:
            raise ValueError(f"{self!r} was applied to no image: write image.apply({self.name}(...))")
        others = (getattr(self, a.name) for a in attrs.fields(type(self)) if a.name != "base")
        states = [run.value(other) for other in others if isinstance(other, Image | Index)]
        return self.mutate(run.value(self.base), *states)


@frozen
class ConfigMutation(Mutation):
    """A mutation that changes the config and nothing else; the config is read only if something needs it."""

    def edit(self, config: ConfigFile) -> ConfigFile:
        """The changed config. Pure."""
        raise NotImplementedError(f"{type(self).__qualname__} does not say how it edits {config}")

    def mutate(self, state: ImageState, *others: ImageState) -> ImageState:  # noqa: ARG002 - has no others
        """Wrap the config.

        Raises:
            InvalidMutation: what is changed is no image, and its config no image's: it is kept as it is.
        """
        if not state.is_image:
            raise InvalidMutation(
                f"{self.name} changes the config of an image; this is an artifact, whose config is of the "
                f"type {state.manifest.config.media_type}: annotate it, or append to it"
            )
        return state.with_edit(self, self.origin)
