"""Writing to the docker daemon, or to podman's service: images are loaded as ``docker load`` loads them."""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import field, frozen

from lazyimg.errors import DaemonError, InvalidDocument, InvalidTarget
from lazyimg.oci.document import loads
from lazyimg.runtime import Work
from lazyimg.state.seal import Sealed
from lazyimg.stores.archive_writer import archive_chunks
from lazyimg.stores.blob_spool import BlobSpool
from lazyimg.stores.daemon import Daemon as Service
from lazyimg.write.layout_target import texts
from lazyimg.write.spooled import Spooled, docker_documents, docker_references
from lazyimg.write.target import Site, SiteSession, Target

if TYPE_CHECKING:
    from lazyimg.oci.document import Json

_PATIENCE = 20.0
"""Seconds that a daemon may take to say that it is there."""

_MOST_WORDS = 1 << 20  # bytes of its answer that are read


@frozen
class DaemonSite(Site):
    """A docker daemon."""

    service: Service
    images_only = True

    def __str__(self) -> str:
        where = f" at {self.service.host}" if self.service.host else ""
        return f"the docker daemon{where}"

    def opening(self, pulls: Sequence[str]) -> str:  # noqa: ARG002 - mounts nothing
        """What opening a session does."""
        return f"Ask {self} whether it is there"

    def open(self, work: Work, pulls: Sequence[str]) -> "SiteSession[Daemon]":  # noqa: ARG002 - mounts nothing
        """Ask whether it is there.

        Raises:
            DaemonError: it is not, or refused.
        """
        deadline = time.monotonic() + _PATIENCE

        def check() -> None:
            if time.monotonic() > deadline:
                raise DaemonError(f"{self} does not answer: it said nothing for {_PATIENCE:g} s")

        with self.service.ask("GET", "/_ping", "load images", check) as answer:
            answer.beginning(_MOST_WORDS)
        return DaemonSession(self.service, BlobSpool(work.scratch, f"what {self} is to load"))


@frozen
class Daemon(Target):
    """An image of the docker daemon, or of podman's service, under one name or more.

    It is loaded when everything of every target is in place; until then it rests in scratch space. The daemon
    keeps layers and config and makes a manifest of its own, so its digest there may be another.

    Args:
        name: a reference such as ``app:1``, or several.
        host: ``unix:///path``; by default, when written, DOCKER_HOST or the usual sockets.

    Raises:
        InvalidTarget: there is no name, or one is no reference with a tag.

    >>> print(Daemon("app:1"))
    app:1 of the docker daemon
    """

    name: tuple[str, ...] = field(converter=texts)
    host: str | None = None

    def __attrs_post_init__(self) -> None:
        if not docker_references(self.name):
            raise InvalidTarget("the daemon has to call the image something: name a reference such as app:1")

    @property
    def site(self) -> DaemonSite:
        """The daemon."""
        return DaemonSite(Service(self.host))

    @property
    def names(self) -> tuple[str, ...]:
        """The references."""
        return self.name

    def __str__(self) -> str:
        return f"{self.name[0]} of {self.site}"


class DaemonSession(Spooled[Daemon]):
    """Images that a daemon is going to load."""

    is_atomic = False

    def __init__(self, service: Service, spool: BlobSpool) -> None:
        super().__init__(spool, docker=True)
        self._service = service

    def move(self, goals: Sequence[tuple[Sealed, Daemon]]) -> None:
        """Let the daemon load them.

        Raises:
            DaemonError: it refused, or the connection broke: what it has loaded is not known.
        """
        body = archive_chunks(docker_documents((root, target.name) for root, target in goals), self.spool)
        with self._service.ask(
            "POST", "/images/load?quiet=1", "load images", self.refuse_if_aborted, body
        ) as answer:
            _refuse_failure(answer.beginning(_MOST_WORDS))


def _refuse_failure(body: bytes) -> None:
    """Check what the daemon said while it loaded: an error comes after the answer's status.

    Raises:
        DaemonError: it could not load something.
    """
    for said in _objects(body.splitlines()):
        if "error" in said:
            raise DaemonError(f"the docker daemon could not load the images: {str(said['error'])[:500]}")


def _objects(lines: Iterable[bytes]) -> "Iterable[dict[str, Json]]":
    for line in lines:
        with suppress(InvalidDocument):  # progress, in whatever form
            found = loads(line)
            if isinstance(found, dict):
                yield found
