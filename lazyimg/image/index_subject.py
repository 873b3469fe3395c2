"""Let an index refer to an image, or to another index."""

from attrs import evolve, frozen

from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.index_mutation import IndexMutation
from lazyimg.oci.descriptor import Descriptor
from lazyimg.state.index_state import IndexState, State
from lazyimg.thunk.run import Run


@frozen
class IndexWithSubject(IndexMutation):
    """Set ``subject`` of the index (image-spec image-index.md); None removes it."""

    subject: Image | Index | Descriptor | None

    def evaluate(self, run: Run) -> IndexState:
        """Refer to it; its digest is known when both are sealed."""
        state = self.state_below(run)
        if self.subject is None:
            return evolve(state, subject=None, index=state.index.with_subject(None))
        if isinstance(self.subject, Descriptor):
            return evolve(state, subject=self.subject)
        subject: State = run.value(self.subject)  # type: ignore[assignment]  # joined to object by mypy
        return evolve(state, subject=subject)
