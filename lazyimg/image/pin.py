"""Pin a recipe: every tag that may move replaced by the digest that it names now."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

from attrs import field, frozen

from lazyimg.engine import Engine, current_engine
from lazyimg.oci.digest import Digest
from lazyimg.thunk.run import Run
from lazyimg.thunk.substitute import substitute
from lazyimg.thunk.thunk import HELD, Thunk, traced
from lazyimg.write.streams import everything_below

if TYPE_CHECKING:
    from lazyimg.runtime import Work

T = TypeVar("T", bound=Thunk[Any])


@runtime_checkable
class Moving(Protocol):
    """A source that is known by a name, which may come to mean something else."""

    @property
    def moves(self) -> bool:
        """Whether it is named by no digest."""
        ...

    def resolve(self, work: "Work") -> Digest:
        """The digest that its name stands for now."""
        ...

    def pinned(self, digest: Digest) -> Thunk[Any]:
        """The same by that digest."""
        ...


@frozen
class Resolve(Thunk[Digest]):
    """Ask what a name stands for now; the manifest is not read."""

    effectful: ClassVar[bool] = True

    source: Thunk[Any] = field(metadata=HELD)

    def evaluate(self, run: Run) -> Digest:
        """Ask."""
        assert isinstance(self.source, Moving)  # noqa: S101 - `moving_in` found it
        return self.source.resolve(run.runtime)


@frozen
class ResolveAll(Thunk[Mapping[str, Digest]]):
    """What some names stand for now, by the keys of their sources."""

    names: tuple[Resolve, ...]

    def evaluate(self, run: Run) -> Mapping[str, Digest]:
        """Gather it."""
        return {name.source.key: run.value(name) for name in self.names}


def pinned(recipe: T, engine: Engine | None = None) -> T:
    """The recipe by digests; asks each registry for each of its tags once, and reads no manifest."""
    moving = [thunk for thunk in everything_below([recipe]) if isinstance(thunk, Moving) and thunk.moves]
    names = tuple(traced(Resolve(source), source.origin) for source in moving)
    digests = (engine or current_engine()).force(ResolveAll(names))

    def swap(thunk: Thunk[Any]) -> Thunk[Any] | None:
        digest = digests.get(thunk.key)
        if digest is None or not isinstance(thunk, Moving):
            return None
        return traced(thunk.pinned(digest), thunk.origin)

    return substitute(recipe, swap)
