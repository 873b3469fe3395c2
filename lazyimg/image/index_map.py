"""Apply one recipe to every image of an index."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any, Literal

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.choosing import UNKNOWN
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.index_mutation import PlatformMutation
from lazyimg.image.index_select import index_in
from lazyimg.oci.platform import Platform, matches
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import Entry, IndexState
from lazyimg.thunk.run import Run
from lazyimg.thunk.substitute import substitute
from lazyimg.thunk.thunk import HELD, Thunk, traced
from lazyimg.write.streams import everything_below


@frozen
class EachImage(Image):
    """Stands for whichever image of an index the recipe is applied to.

    Attributes:
        name_in_recipe: tells it from those of other maps that stand in the same recipe.
    """

    name_in_recipe: int | str

    def evaluate(self, run: Run) -> ImageState:
        """Never called: it is replaced."""
        raise AssertionError(f"{self!r} stands for the images of an index ({run})")


@frozen
class MapImages(PlatformMutation):
    """Apply a recipe to the images of an index.

    Attributes:
        recipe: what was composed around ``each``.
        each: what stands in it for an image.
        platforms: the images it is applied to; None for all.
        keep_attestations: whether entries that describe the images are kept.
    """

    recipe: Image = field(metadata=HELD)
    each: EachImage = field(metadata=HELD)
    platforms: tuple[Platform, ...] | None = None
    keep_attestations: bool = False

    def change(self, state: IndexState, platforms: Sequence[Platform | None]) -> IndexState:
        """Rebuild the recipe around each image; none is read."""
        rows = zip(state.entries, platforms, strict=True)
        kept = [row for row in rows if self.keep_attestations or not _describes(row[1])]
        return evolve(state, entries=tuple(self._mapped(entry, platform) for entry, platform in kept))

    def _mapped(self, entry: Entry, platform: Platform | None) -> Entry:
        inner = index_in(entry)
        if inner is not None:
            return entry.changed_to(traced(evolve(self, base=inner), self.origin))
        if _describes(platform) or not self._is_meant(platform):
            return entry
        return entry.changed_to(_applied(self.recipe, self.each, entry.child))

    def _is_meant(self, platform: Platform | None) -> bool:
        if self.platforms is None:
            return True
        return platform is not None and any(matches(platform, wanted) for wanted in self.platforms)


def _describes(platform: Platform | None) -> bool:
    """Whether an entry of this platform is an attestation, which describes images and is none."""
    return platform is not None and platform.os == UNKNOWN


def _applied(recipe: Image, each: EachImage, image: Thunk[Any]) -> Image:
    """The recipe around one image."""
    return substitute(recipe, lambda thunk: image if thunk == each else None)


def _settled(recipe: Image, each: EachImage) -> tuple[Image, EachImage]:
    """The recipe with its stand-in under a name that follows from its structure alone.

    A map may stand in the recipe of another, and name the other's image in its own. So the names in a recipe
    are numbers, from the innermost maps up: none is that of a map within.
    """
    within = (thunk for thunk in everything_below([recipe]) if isinstance(thunk, MapImages))
    numbers = (thunk.each.name_in_recipe for thunk in within)
    named = EachImage(1 + max((number for number in numbers if isinstance(number, int)), default=0))
    return _applied(recipe, each, named), named


def mapped(
    index: Index,
    function: Callable[[Image], Image],
    platforms: Sequence[str | Platform] | None,
    attestations: Literal["drop", "keep"],
) -> Index:
    """The index with the function's recipe applied; the function is called here, once.

    Raises:
        InvalidMutation: the function returned no image, or ``attestations`` is neither word.
    """
    if attestations not in ("drop", "keep"):
        raise InvalidMutation(f"map(attestations=) is 'drop' or 'keep', not {attestations!r}")
    each = EachImage(secrets.token_hex(16))
    recipe = function(each)
    if not isinstance(recipe, Image):
        raise InvalidMutation(
            f"map() takes a function from image to image; it returned a {type(recipe).__qualname__}"
        )
    named = (
        None
        if platforms is None
        else tuple(Platform.parse(p) if isinstance(p, str) else p for p in platforms)
    )
    return MapImages(*_settled(recipe, each), named, attestations == "keep", base=index)
