"""Remove entries from an index."""

from collections.abc import Sequence

from attrs import evolve, frozen

from lazyimg.image.entry_choice import Meant
from lazyimg.image.index_mutation import PlatformMutation
from lazyimg.oci.platform import Platform
from lazyimg.state.index_state import IndexState


@frozen
class RemoveEntries(PlatformMutation):
    """Leave entries out; what they name stays where it rests."""

    meant: Meant

    @property
    def goes_by_platform(self) -> bool:
        """Only if it was told a platform."""
        return self.meant.platform is not None

    def change(self, state: IndexState, platforms: Sequence[Platform | None]) -> IndexState:
        """Leave them out.

        Raises:
            InvalidMutation: there is no such entry.
        """
        gone = self.meant.positions(state.entries, tuple(platforms))
        return evolve(state, entries=tuple(entry for at, entry in enumerate(state.entries) if at not in gone))
