"""The same recipe on another base: an image's mutations, evaluated anew from something else."""

from lazyimg.errors import InvalidMutation
from lazyimg.image.image import Image
from lazyimg.image.mutation import Mutation
from lazyimg.thunk.substitute import substitute


def bottom(image: Image) -> Image:
    """What an image's mutations begin with: the source at the end of the chain of their bases."""
    while isinstance(image, Mutation) and image.base is not None:
        image = image.base
    return image


def rebuilt(image: Image, new_base: Image) -> Image:
    """The image's recipe with ``new_base`` wherever its own base stands in it. Composes only.

    Raises:
        InvalidMutation: ``new_base`` is no image.
    """
    if not isinstance(new_base, Image):
        raise InvalidMutation(
            f"with_base() takes an image, and was given a {type(new_base).__qualname__}: make one with "
            "Image.from_registry, or another source"
        )
    old = bottom(image)
    return substitute(image, lambda thunk: new_base if thunk == old else None)
