"""What a target is: a site, where blobs go, and the names that move there when all is in place."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, TypeVar

from attrs import field, frozen

from lazyimg.content.body import Body
from lazyimg.oci.descriptor import Descriptor
from lazyimg.runtime import Work
from lazyimg.state.contents import Home, Stored
from lazyimg.state.seal import Sealed
from lazyimg.thunk.once import Once
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import ORDER, Thunk
from lazyimg.write.record import Placed, Record


class Target(Protocol):
    """Where an image is written and what it is called there: a frozen value. Making one touches nothing.

    Derive from it, or have what it has. What it holds besides reaches the session, with the target itself.
    """

    @property
    def site(self) -> "Site":
        """Where the blobs go. Targets of one site, as ``==`` tells it, share a session."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The tags that are moved, and the digest that is expected, if any."""
        ...

    def __str__(self) -> str:
        """The target as a person names it."""
        ...


T_contra = TypeVar("T_contra", bound=Target, contravariant=True)


class SiteSession(Protocol[T_contra]):
    """The opened, authorised right to write to one site. Used by several threads at once.

    Blobs come first, in any order; then each manifest is staged, unless it is the only one; when all are,
    each is prepared; and when all are, at all sites, each is published. `lazyimg.Session` has most of it.
    """

    @property
    def record(self) -> Record:
        """What the session did so far."""
        ...

    def find(self, descriptor: Descriptor) -> Placed | None:
        """The blob, if it is in place already; asks the site."""
        ...

    def offer(self, blobs: Sequence[Stored]) -> Placed | None:
        """Bring in a blob that rests in any of these homes without its bytes, if that can be.

        Found in place, mounted, or none of the site's matter; None if the bytes have to be sent.
        """
        ...

    def receive(self, body: Body, name: Once[Descriptor], run: Run) -> Placed:
        """Take in a blob from ``body``; ``name`` is known when that has ended, or before."""
        ...

    def put(self, blob: Sealed) -> Placed:
        """Take in a small blob whose bytes are at hand."""
        ...

    def stage(self, root: Sealed, target: T_contra | None) -> None:
        """Take in a manifest that nothing names yet; ``target`` will, unless it is the child of an index."""
        ...

    def prepare(self, root: Sealed, target: T_contra) -> None:
        """Do what can be done before a name of any site moves: refuse if a condition does not hold."""
        ...

    def publish(self, root: Sealed, target: T_contra) -> None:
        """Let the names of ``target``, or the digest alone, say this manifest: the last effect of a write."""
        ...

    def abort(self) -> None:
        """Take back what was begun and not finished. Never raises; bounded in time."""
        ...

    def close(self) -> None:
        """Let go of what the session holds after a write that went well."""
        ...


class Site(Protocol):
    """Where blobs go: a frozen value. Making one touches nothing.

    Derive from it for what is usual, and say `open` and ``__str__``.
    """

    is_remote: ClassVar[bool] = False
    """Whether a refusal comes from elsewhere: such sessions are opened before those on this machine."""

    images_only: ClassVar[bool] = False
    """Whether it takes nothing but images: no index, and no artifact."""

    def __str__(self) -> str:
        """The site as a person names it."""
        ...

    def holds(self, home: Home) -> bool:  # noqa: ARG002 - nothing rests there
        """Whether what rests there is in this very site. Touches nothing."""
        return False

    def opening(self, pulls: Sequence[str]) -> str:  # noqa: ARG002 - nothing is mounted
        """What `open` does, in a sentence for a plan. Touches nothing."""
        return f"Open {self}"

    def open(self, work: Work, pulls: Sequence[str]) -> SiteSession[Any]:
        """Open the session: the first effect of a write.

        Args:
            work: gives the registry client.
            pulls: repositories of the same registry that blobs could be mounted from.
        """
        ...


@frozen
class OpenSession(Thunk[SiteSession[Any]]):
    """Open the session with a site: the first effect of a write."""

    effectful: ClassVar[bool] = True

    site: Site
    pulls: tuple[str, ...] = ()
    others: tuple[Thunk[SiteSession[Any]], ...] = field(default=(), metadata=ORDER)

    def describe(self) -> str:
        """What it asks of the site, as a plan says it."""
        return self.site.opening(self.pulls)

    def evaluate(self, run: Run) -> SiteSession[Any]:
        """Open it, and take it back at once if the write ended meanwhile."""
        work: Work = run.runtime
        session = self.site.open(work, self.pulls)
        work.sessions[self.site] = session
        if run.is_cancelled:
            session.abort()
        run.check()
        return session
