"""What a mutation of an index is: a thunk around another index, and a pure function from state to state."""

from collections.abc import Sequence

import attrs
from attrs import frozen

from lazyimg.image.entry_choice import Platforms, PlatformsOf
from lazyimg.image.index import Index
from lazyimg.oci.platform import Platform
from lazyimg.state.index_state import IndexState
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import HELD, Thunk, traced


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

    def evaluate(self, run: Run) -> IndexState | Thunk[IndexState]:
        """Mutate the base's state."""
        return self.mutate(self.state_below(run))

    def state_below(self, run: Run) -> IndexState:
        """The base's state.

        Raises:
            ValueError: there is no base.
        """
        if self.base is None:
            raise ValueError(f"{self!r} was applied to no index")
        return run.value(self.base)


@frozen
class PlatformMutation(IndexMutation):
    """A mutation that goes by what entries run on; those that were added may leave that to their configs."""

    @property
    def goes_by_platform(self) -> bool:
        """Whether it needs to know what entries run on that do not say it."""
        return True

    def change(self, state: IndexState, platforms: Sequence[Platform | None]) -> IndexState:
        """The changed state. Pure.

        Args:
            state: the base's.
            platforms: what each of its entries runs on.
        """
        raise NotImplementedError(
            f"{type(self).__qualname__} does not say how it changes {state} {platforms}"
        )

    def evaluate(self, run: Run) -> IndexState | Thunk[IndexState]:
        """Change the base's state, once the configs are known that it needs."""
        state = self.state_below(run)
        if self.goes_by_platform and self.base and any(entry.needs_platform for entry in state.entries):
            return traced(_Informed(self, self.base, PlatformsOf(self.base)), self.origin)
        return self.change(state, [entry.said_platform for entry in state.entries])


@frozen
class _Informed(Thunk[IndexState]):
    """Apply a mutation, now that it is known what every entry runs on."""

    mutation: PlatformMutation = attrs.field(metadata=HELD)
    base: Index
    platforms: Thunk[Platforms]

    def evaluate(self, run: Run) -> IndexState:
        return self.mutation.change(run.value(self.base), run.value(self.platforms))
