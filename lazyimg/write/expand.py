"""The first stage of a write: images are evaluated to states, and the second stage is worked out from them.

Expanding reads manifests, and configs that were edited. It is the only stage in which an evaluation returns
another thunk to take its place.
"""

from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen

from lazyimg.oci.config import ConfigFile
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import State
from lazyimg.state.seal import Sealed
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk, brief
from lazyimg.write.assembly import Assembly, Ways, assemble
from lazyimg.write.documents import needed


@frozen
class Expand(Thunk[Sequence[Sealed]]):
    """Write images: here their documents become known, and what is to be done for them."""

    images: tuple[Thunk[State], ...]
    ways: tuple[Ways, ...]

    def __repr__(self) -> str:
        return f"{self.name}({brief(self.images)})"

    def evaluate(self, run: Run) -> Thunk[Sequence[Sealed]]:  # noqa: ARG002 - its inputs are known
        """Go on with the states."""
        return Settle(self.images, self.ways)


@frozen
class Settle(Thunk[Sequence[Sealed]]):
    """Read the documents that the images turn out to need; when all are known, everything is static."""

    images: tuple[Thunk[State], ...]
    ways: tuple[Ways, ...]
    documents: tuple[Thunk[Any], ...] = ()

    def evaluate(self, run: Run) -> Thunk[Sequence[Sealed]]:
        """Go on with more documents, or with bytes."""
        known = {document.key: run.value(document) for document in self.documents}
        states = [run.value(image) for image in self.images]
        routes = list(zip(states, self.ways, strict=True))
        wanted = [
            document
            for state, ways in routes
            for document in needed(state, tuple(session for session, _ in ways), known)
        ]
        more = tuple({d.key: d for d in wanted if d.key not in known}.values())
        if more:
            return evolve(self, documents=self.documents + more)
        return assemble(routes, known, run.runtime.copies)


@frozen
class SealImage(Thunk[Sealed]):
    """The manifest of an image or index that is not written."""

    image: Thunk[State]

    documents: tuple[Thunk[Any], ...] = ()

    def evaluate(self, run: Run) -> Thunk[Sealed]:
        """Read the documents that it turns out to need, and seal it; local layers are read and dropped."""
        state = run.value(self.image)
        known = {document.key: run.value(document) for document in self.documents}
        wanted = needed(state, (), known)
        more = tuple({d.key: d for d in wanted if d.key not in known}.values())
        if more:
            return evolve(self, documents=self.documents + more)
        assembly = Assembly(known)
        assembly.add(state, ())
        run.runtime.copies.expect(assembly.read_often())
        return assembly.seal(state)


@frozen
class ConfigOf(Thunk[ConfigFile]):
    """The config of an image, the layers' diff_ids in it."""

    image: Thunk[ImageState]

    def evaluate(self, run: Run) -> Thunk[ConfigFile]:
        """Go on with the state."""
        state = run.value(self.image)
        if state.config_blob is not None:
            return state.config
        assembly = Assembly({})
        assembly.add(state, ())
        run.runtime.copies.expect(assembly.read_often())
        return _Parsed(assembly.seal_config(state))


@frozen
class _Parsed(Thunk[ConfigFile]):
    sealed: Thunk[Sealed]

    def evaluate(self, run: Run) -> ConfigFile:
        return ConfigFile.parse(run.value(self.sealed).data)
