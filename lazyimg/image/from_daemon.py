"""An image of the docker daemon: exported when something is forced, and nothing before."""

from typing import TYPE_CHECKING, cast

from attrs import evolve, frozen

from lazyimg.content.pipeline import proceed
from lazyimg.image.from_archive import FromArchive
from lazyimg.image.picking import is_digest
from lazyimg.oci.digest import Digest

if TYPE_CHECKING:
    from lazyimg.runtime import Work
    from lazyimg.stores.daemon import DaemonImage


@frozen
class FromDaemon(FromArchive):
    """Export an image from the docker daemon, and read it as what ``docker save`` writes."""

    @property
    def _named(self) -> "DaemonImage":
        return cast("DaemonImage", self.archive)

    def describe(self) -> str:
        """What it does, as a plan says it."""
        wanted = f" for {self.platform}" if self.platform else ""
        return f"Export {self._named.image}{wanted} from the docker daemon"

    @property
    def moves(self) -> bool:
        """Whether a name names it, and no id."""
        return not is_digest(self._named.image)

    def resolve(self, work: "Work") -> Digest:  # noqa: ARG002 - the daemon is asked, not the archive
        """Its id now: one request, and no export."""
        return self._named.digest(proceed)

    def pinned(self, digest: Digest) -> "FromDaemon":
        """The same by its id."""
        return evolve(self, archive=evolve(self._named, image=digest))
