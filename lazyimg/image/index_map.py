"""Apply one recipe to every image of an index."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.choosing import runs_nowhere
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.index_mutation import IndexMutation
from lazyimg.oci.media_type import is_index
from lazyimg.oci.platform import Platform, matches
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import Entry, IndexState
from lazyimg.thunk.run import Run
from lazyimg.thunk.substitute import substitute
from lazyimg.thunk.thunk import HELD, Thunk


@frozen
class EachImage(Image):
    """Stands for whichever image of an index the recipe is applied to."""

    def evaluate(self, run: Run) -> ImageState:
        """Never called: it is replaced."""
        raise AssertionError(f"{self!r} stands for the images of an index ({run})")


@frozen
class MapImages(IndexMutation):
    """Apply a recipe to the images of an index.

    Attributes:
        recipe: what was composed around `EachImage`.
        platforms: the images it is applied to; None for all.
        keep_attestations: whether entries that describe the images are kept.
    """

    recipe: Image = field(metadata=HELD)
    platforms: tuple[Platform, ...] | None = None
    keep_attestations: bool = False

    def mutate(self, state: IndexState) -> IndexState:
        """Rebuild the recipe around each image; none is read."""
        kept = (entry for entry in state.entries if self.keep_attestations or not _describes(entry))
        return evolve(state, entries=tuple(map(self._mapped, kept)))

    def _mapped(self, entry: Entry) -> Entry:
        if _describes(entry) or not self._is_meant(entry):
            return entry
        if entry.declared is not None and is_index(entry.declared.media_type):
            return entry.changed_to(evolve(self, base=cast("Index", entry.child)))
        return entry.changed_to(applied(self.recipe, entry.child))

    def _is_meant(self, entry: Entry) -> bool:
        if self.platforms is None:
            return True
        have = entry.declared.platform if entry.declared is not None else entry.platform
        return have is not None and any(matches(have, wanted) for wanted in self.platforms)


def _describes(entry: Entry) -> bool:
    return entry.declared is not None and runs_nowhere(entry.declared)


def applied(recipe: Image, image: Thunk[Any]) -> Image:
    """The recipe around one image."""
    return substitute(recipe, lambda thunk: image if isinstance(thunk, EachImage) else None)


def mapped(
    index: Index,
    function: Callable[[Image], Image],
    platforms: Sequence[str | Platform] | None,
    attestations: Literal["drop", "keep"],
) -> Index:
    """The index with the function's recipe applied; the function is called here, once.

    Raises:
        InvalidMutation: the function returned no image.
    """
    recipe = function(EachImage())
    if not isinstance(recipe, Image):
        raise InvalidMutation(
            f"map() takes a function from image to image; it returned a {type(recipe).__qualname__}"
        )
    named = (
        None
        if platforms is None
        else tuple(Platform.parse(p) if isinstance(p, str) else p for p in platforms)
    )
    return MapImages(recipe, named, attestations == "keep", base=index)
