"""States that were evaluated before, as thunks: so that what follows does not read their documents again."""

from attrs import evolve, frozen

from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import IndexState
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk


@frozen
class KnownImage(Thunk[ImageState]):
    """The state of an image."""

    state: ImageState

    def evaluate(self, run: Run) -> ImageState:  # noqa: ARG002 - known without a run
        """Give it."""
        return self.state


@frozen
class KnownIndex(Thunk[IndexState]):
    """The state of an index."""

    state: IndexState

    def evaluate(self, run: Run) -> IndexState:  # noqa: ARG002 - known without a run
        """Give it."""
        return self.state


def without_names(state: ImageState) -> KnownImage:
    """An image that names neither subject nor base: its config and layers are the same."""
    return KnownImage(evolve(state, subject=None, based_on=None))


def without_subject(state: IndexState) -> KnownIndex:
    """An index that names no subject: what it lists is the same."""
    return KnownIndex(evolve(state, subject=None))
