"""An image of the docker daemon: exported when something is forced, and nothing before."""

from typing import TYPE_CHECKING, cast

from attrs import frozen

from lazyimg.image.from_archive import FromArchive

if TYPE_CHECKING:
    from lazyimg.stores.daemon import DaemonImage


@frozen
class FromDaemon(FromArchive):
    """Export an image from the docker daemon, and read it as what ``docker save`` writes."""

    def describe(self) -> str:
        """What it does, as a plan says it."""
        wanted = f" for {self.platform}" if self.platform else ""
        return f"Export {cast('DaemonImage', self.archive).image}{wanted} from the docker daemon"
