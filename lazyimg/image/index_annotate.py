"""Annotate an index, or entries of it."""

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from lazyimg.image.annotate import changed, frozen_changes
from lazyimg.image.entry_choice import Meant
from lazyimg.image.index_mutation import IndexMutation, PlatformMutation
from lazyimg.oci.platform import Platform
from lazyimg.state.index_state import IndexState


@frozen
class AnnotateIndex(IndexMutation):
    """Set annotations of the index; a value of None removes one, the others are kept."""

    annotations: Mapping[str, str | None] = field(converter=frozen_changes)

    def mutate(self, state: IndexState) -> IndexState:
        """Change the document."""
        wanted = changed(state.index.annotations, self.annotations)
        return evolve(state, index=state.index.with_annotations(wanted))


@frozen
class AnnotateEntries(PlatformMutation):
    """Set annotations of entries; a value of None removes one, the others are kept."""

    annotations: Mapping[str, str | None] = field(converter=frozen_changes)
    meant: Meant

    @property
    def goes_by_platform(self) -> bool:
        """Only if it was told a platform."""
        return self.meant.platform is not None

    def change(self, state: IndexState, platforms: Sequence[Platform | None]) -> IndexState:
        """Change the descriptors.

        Raises:
            InvalidMutation: there is no such entry.
        """
        meant = self.meant.positions(state.entries, tuple(platforms))
        entries = (
            entry.described(annotations=changed(entry.said_annotations, self.annotations))
            if at in meant
            else entry
            for at, entry in enumerate(state.entries)
        )
        return evolve(state, entries=tuple(entries))
