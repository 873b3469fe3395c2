"""The first stage of a write: images are evaluated to states, and the second stage is worked out from them.

Expanding reads manifests, and configs that were edited. It is the only stage in which an evaluation returns
another thunk to take its place.
"""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from lazyimg.oci.config import ConfigFile
from lazyimg.state.image_state import ImageState
from lazyimg.state.seal import Sealed
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.assembly import assemble, needed_documents, unwritten
from lazyimg.write.target import SiteSession

Ways = tuple[tuple[Thunk[SiteSession], tuple[str, ...]], ...]


@frozen
class Expand(Thunk[Sequence[Sealed]]):
    """Write images: here their documents are known, and what is to be done for them."""

    images: tuple[Thunk[ImageState], ...]
    ways: tuple[Ways, ...]

    def evaluate(self, run: Run) -> Thunk[Sequence[Sealed]]:
        """Go on with the states."""
        states = tuple(run.value(image) for image in self.images)
        return Settle(states, self.ways, needed_documents(states))


@frozen
class Settle(Thunk[Sequence[Sealed]]):
    """All documents are read: from here on everything is static."""

    states: tuple[ImageState, ...]
    ways: tuple[Ways, ...]
    documents: tuple[Thunk[Any], ...]

    def evaluate(self, run: Run) -> Thunk[Sequence[Sealed]]:  # noqa: ARG002 - its inputs were the point
        """Go on with bytes."""
        return assemble(zip(self.states, self.ways, strict=True))


@frozen
class SealImage(Thunk[Sealed]):
    """The manifest of an image that is not written."""

    image: Thunk[ImageState]

    def evaluate(self, run: Run) -> Thunk[Sealed]:
        """Go on with the state."""
        return unwritten(state := run.value(self.image)).seal(state)


@frozen
class ConfigOf(Thunk[ConfigFile]):
    """The config of an image, the layers' diff_ids in it."""

    image: Thunk[ImageState]

    def evaluate(self, run: Run) -> Thunk[ConfigFile]:
        """Go on with the state."""
        state = run.value(self.image)
        return state.config if state.config_blob is not None else _Parsed(unwritten(state).seal_config(state))


@frozen
class _Parsed(Thunk[ConfigFile]):
    sealed: Thunk[Sealed]

    def evaluate(self, run: Run) -> ConfigFile:
        return ConfigFile.parse(run.value(self.sealed).data)
