"""What a mutation of an index is: a thunk around another index, and a pure function from state to state."""

import attrs
from attrs import frozen

from lazyimg.image.index import Index
from lazyimg.state.index_state import IndexState
from lazyimg.thunk.run import Run


@frozen
class IndexMutation(Index):
    """An index that is another one, changed.

    Attributes:
        base: the index that is changed.
    """

    base: Index | None = attrs.field(default=None, kw_only=True)

    def mutate(self, state: IndexState) -> IndexState:
        """The changed state. Pure."""
        raise NotImplementedError(f"{type(self).__qualname__} does not say how it mutates {state}")

    def evaluate(self, run: Run) -> IndexState:
        """Mutate the base's state."""
        if self.base is None:
            raise ValueError(f"{self!r} was applied to no index")
        return self.mutate(run.value(self.base))
