"""What a target is: a site, where blobs go, and the names that move there when all is in place."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

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


class SiteSession(Protocol):
    """The opened, authorised right to write to one site. Used by several threads at once."""

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

    def stage(self, root: Sealed, names: Sequence[str]) -> None:
        """Take in a manifest without a tag; ``names`` are what `publish` will give it."""
        ...

    def publish(self, root: Sealed, names: Sequence[str]) -> None:
        """Take in a manifest under names, or under its digest alone: the last effect of a write."""
        ...

    def abort(self) -> None:
        """Take back what was begun and not finished. Never raises; bounded in time."""
        ...

    def close(self) -> None:
        """Let go of what the session holds after a write that went well."""
        ...


class Site(Protocol):
    """Where blobs go: a frozen value. Making one touches nothing."""

    @property
    def is_remote(self) -> bool:
        """Whether a refusal comes from elsewhere: such sessions are opened before those on this machine."""
        ...

    def __str__(self) -> str:
        """The site as a person names it."""
        ...

    def holds(self, home: Home) -> bool:
        """Whether what rests there is in this very site. Touches nothing."""
        ...

    def opening(self, pulls: Sequence[str]) -> str:
        """What `open` does, in a sentence for a plan. Touches nothing."""
        ...

    def open(self, work: Work, pulls: Sequence[str]) -> SiteSession:
        """Open the session: the first effect of a write.

        Args:
            work: gives the registry client.
            pulls: repositories of the same registry that blobs could be mounted from.
        """
        ...


class Target(Protocol):
    """Where an image is written and what it is called there: a frozen value."""

    @property
    def site(self) -> Site:
        """Where the blobs go. Targets of one site share a session."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The tags that are moved, or the digest that is expected."""
        ...

    def __str__(self) -> str:
        """The target as a person names it."""
        ...


@frozen
class OpenSession(Thunk[SiteSession]):
    """Open the session with a site: the first effect of a write."""

    effectful: ClassVar[bool] = True

    site: Site
    pulls: tuple[str, ...] = ()
    others: tuple[Thunk[SiteSession], ...] = field(default=(), metadata=ORDER)

    def describe(self) -> str:
        """What it asks of the site, as a plan says it."""
        return self.site.opening(self.pulls)

    def evaluate(self, run: Run) -> SiteSession:
        """Open it, and take it back at once if the write ended meanwhile."""
        work: Work = run.runtime
        session = self.site.open(work, self.pulls)
        work.sessions[self.site] = session
        if run.is_cancelled:
            session.abort()
        run.check()
        return session
