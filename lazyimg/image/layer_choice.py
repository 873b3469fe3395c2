"""Which layers of an image are meant: by position, or by what their descriptors say."""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from lazyimg.errors import InvalidMutation
from lazyimg.oci.descriptor import Descriptor
from lazyimg.state.image_state import StateLayer
from lazyimg.thunk.key import Opaque

Which = int | slice | Callable[[Descriptor], bool]
"""What a user names layers by: a position (negative from the top), a slice of them, or a function."""


@frozen
class Span:
    """A slice, as a value that stands in a key."""

    start: int | None
    stop: int | None
    step: int | None


Choice = int | Span | Opaque[Callable[[Descriptor], bool]]


def choices(which: Any, key: str | None = None) -> tuple[Choice, ...]:
    """What a user named, as values that stand in a key.

    Args:
        which: positions, slices, functions; or one of them.
        key: what tells functions from others in keys; random unless given.

    Raises:
        InvalidMutation: layers cannot be named by one of them, or there is none.
    """
    several = which if isinstance(which, tuple | list) else (which,)
    found = tuple(_choice(one, None if key is None else f"{key} {at}") for at, one in enumerate(several))
    if not found:
        raise InvalidMutation(
            "no layer was named: name them by position, slice, or a function of descriptors"
        )
    return found


def _choice(which: Any, token: str | None) -> Choice:
    if type(which) is int:
        return which
    if isinstance(which, slice):
        return Span(which.start, which.stop, which.step)
    if callable(which):
        return Opaque(which) if token is None else Opaque(which, token=token)
    raise InvalidMutation(
        f"a layer cannot be named by a {type(which).__qualname__}: give its position (0 is the base, -1 the "
        "topmost), a slice, or a function from its descriptor to a bool"
    )


def chosen(layers: tuple[StateLayer, ...], which: tuple[Choice, ...]) -> frozenset[int]:
    """The positions of the layers that are meant. Reads nothing.

    Raises:
        InvalidMutation: there is no such position, or a function was given and a layer has no descriptor yet.
    """
    return frozenset(position for one in which for position in _positions(layers, one))


def _positions(layers: tuple[StateLayer, ...], which: Choice) -> Iterator[int]:
    count = len(layers)
    if isinstance(which, Span):
        yield from range(*slice(which.start, which.stop, which.step).indices(count))
    elif isinstance(which, Opaque):
        yield from (at for at, layer in enumerate(layers) if which.value(_descriptor(layer, at)))
    elif -count <= which < count:
        yield which % count
    else:
        raise InvalidMutation(
            f"there is no layer {which}: the image has {count}, from 0 or from -1 downwards"
        )


def _descriptor(layer: StateLayer, position: int) -> Descriptor:
    if layer.descriptor is None:
        raise InvalidMutation(
            f"layer {position} has no descriptor before it is read: {layer.layer!r}; name layers by "
            "position, or choose among those of the base before you append to it"
        )
    return layer.descriptor
