"""The last steps of a write: edited configs, and, when all is in place, manifests under their names."""

from collections.abc import Sequence
from typing import Any, ClassVar

from attrs import field, frozen

from lazyimg.state.seal import Sealed
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import ORDER, Thunk
from lazyimg.write.target import SiteSession, Target


@frozen
class PutConfig(Thunk[None]):
    """Send an edited config to every site it belongs to."""

    effectful: ClassVar[bool] = True
    light: ClassVar[bool] = True  # layers that wait for their uploads' last answers must not hold it back

    config: Thunk[Sealed]
    sessions: tuple[Thunk[SiteSession[Any]], ...]

    def evaluate(self, run: Run) -> None:
        """Send it."""
        for session in self.sessions:
            run.value(session).put(run.value(self.config))


@frozen
class AllInPlace(Thunk[None]):
    """Everything that any manifest of the write refers to is in place, at every site."""

    parts: tuple[Thunk[Any], ...]

    def evaluate(self, run: Run) -> None:
        """Nothing is left to do."""


@frozen
class Stage(Thunk[None]):
    """Put a manifest in place without a tag: a child of an index, or one of several that a write is of.

    No tag moves before all are there.
    """

    effectful: ClassVar[bool] = True

    manifest: Thunk[Sealed]
    session: Thunk[SiteSession[Any]]
    target: Target | None = None
    in_place: tuple[Thunk[Any], ...] = field(default=(), metadata=ORDER)

    def evaluate(self, run: Run) -> None:
        """Send it."""
        run.check()
        run.value(self.session).stage(run.value(self.manifest), self.target)


@frozen
class Prepare(Thunk[None]):
    """Make sure that a target's names can move: the last step before any name of any target does."""

    effectful: ClassVar[bool] = True

    manifest: Thunk[Sealed]
    session: Thunk[SiteSession[Any]]
    target: Target
    in_place: tuple[Thunk[Any], ...] = field(default=(), metadata=ORDER)

    def evaluate(self, run: Run) -> None:
        """Check its condition."""
        run.check()
        run.value(self.session).prepare(run.value(self.manifest), self.target)


@frozen
class Publish(Thunk[None]):
    """Put a manifest under its names: tags move here, after everything of every target is in place."""

    effectful: ClassVar[bool] = True

    manifest: Thunk[Sealed]
    session: Thunk[SiteSession[Any]]
    target: Target
    in_place: tuple[Thunk[None], ...] = field(default=(), metadata=ORDER)

    def evaluate(self, run: Run) -> None:
        """Send it."""
        run.check()
        run.value(self.session).publish(run.value(self.manifest), self.target)


@frozen
class Finish(Thunk[Sequence[Sealed]]):
    """The manifests that were written, in the order of the images."""

    manifests: tuple[Thunk[Sealed], ...]
    published: tuple[Thunk[None], ...] = field(default=(), metadata=ORDER)

    def evaluate(self, run: Run) -> Sequence[Sealed]:
        """Gather them."""
        return [run.value(manifest) for manifest in self.manifests]
