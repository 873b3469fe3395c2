"""The docker daemon, or podman's service, which speaks the same API, over its Unix socket."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import frozen

from lazyimg.content.scratch import Scratch
from lazyimg.errors import DaemonError, ImageNotFound, InvalidDigest, InvalidDocument, LazyImgError
from lazyimg.oci import fields
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import loads
from lazyimg.stores.archive import Archive

if TYPE_CHECKING:
    from lazyimg.stores.unix_http import Answer

_SYSTEM: Final = ("/var/run/docker.sock", "/run/podman/podman.sock")
_OF_USER: Final = ("docker.sock", "podman/podman.sock")
_MOST_WORDS = 64 << 10  # bytes of an error's body that are read
_SHOWN = 500
_BAD_REQUEST = 400
_NOT_FOUND = 404

_ADVICE: Final = {
    errno.EACCES: "let this user use the socket (for docker: be in the group docker)",
    errno.ENOENT: "start the daemon, or say where it listens: DOCKER_HOST=unix:///path/to/socket",
    errno.ECONNREFUSED: "the socket is there, but nobody listens: start the daemon",
}


def address_of(host: str | None) -> str:
    """The path of the daemon's socket; looks at the environment and the disk.

    Args:
        host: what the user named, ``unix:///path`` or a path; None reads DOCKER_HOST, and else takes the
            first of the usual sockets that is there: docker's, the user's own of docker and podman, podman's.

    Raises:
        DaemonError: what was named is no Unix socket.
    """
    named = host or os.environ.get("DOCKER_HOST")
    if not named:
        return next(filter(os.path.exists, _usual()), _SYSTEM[0])
    path = named.removeprefix("unix://")
    if not path.startswith("/"):
        raise DaemonError(
            "the docker daemon is spoken to over a Unix socket, and DOCKER_HOST or host= names none: forward "
            "its socket (ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST), and name that: "
            "DOCKER_HOST=unix:///tmp/docker.sock"
        )
    return path


def _usual() -> Iterator[str]:
    yield _SYSTEM[0]
    if directory := os.environ.get("XDG_RUNTIME_DIR"):
        yield from (os.path.join(directory, name) for name in _OF_USER)  # noqa: PTH118 - a text like the others
    yield _SYSTEM[1]


@frozen
class Daemon:
    """A docker daemon. Making the value touches nothing; each call is a connection of its own.

    Attributes:
        host: as `address_of` takes it.
    """

    host: str | None = None

    @contextmanager
    def ask(
        self,
        method: str,
        target: str,
        doing: str,
        check: Callable[[], None],
        body: Iterable[bytes | memoryview] | None = None,
    ) -> Iterator["Answer"]:
        """Send a request, and give an answer that is no error.

        Args:
            method: of HTTP.
            target: path and query.
            doing: what it is for, for messages.
            check: called while waiting; what it raises ends the wait.
            body: a tar to send.

        Raises:
            DaemonError: no daemon, or it refused, or the connection broke, in the block too.
            ImageNotFound: it answered 404.
        """
        from lazyimg.stores.unix_http import answered  # noqa: PLC0415 - http.client, and ssl with it, on use

        path = address_of(self.host)
        who = f"cannot {doing}: the docker daemon at {path}"
        try:
            with answered(path, method, target, check, body) as answer:
                if answer.status >= _BAD_REQUEST:
                    raise _refusal(answer, who)
                yield answer
        except LazyImgError:
            raise
        except OSError as error:
            raise _broken(error, who) from error


def _refusal(answer: "Answer", who: str) -> DaemonError | ImageNotFound:
    text = f"{who} answered {answer.status}: {_words(answer.beginning(_MOST_WORDS))}"
    return ImageNotFound(text) if answer.status == _NOT_FOUND else DaemonError(text)


def _words(body: bytes) -> str:
    """What the daemon says, in a line."""
    try:
        found = loads(body)
        said = found.get("message") if isinstance(found, dict) else None
    except InvalidDocument:
        said = None
    text = str(said) if said else body.decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_SHOWN]


def _broken(error: OSError, who: str) -> DaemonError:
    what = "broke off its answer" if error.errno == errno.EPROTO else "cannot be reached"
    advice = _ADVICE.get(error.errno or 0, "look at the daemon's log")
    broken = DaemonError(f"{who} {what}: {error.strerror or error}; {advice}")
    broken.errno = error.errno
    return broken


@frozen
class DaemonImage:
    """An image of the daemon, exported as ``docker save`` does. Making the value touches nothing.

    >>> print(DaemonImage("app:latest"))
    app:latest of the docker daemon
    """

    image: str
    daemon: Daemon = Daemon()

    def __str__(self) -> str:
        return f"{self.image} of the docker daemon"

    def digest(self, check: Callable[[], None]) -> Digest:
        """The image's id, which is the digest of its config, or of its manifest.

        Raises:
            DaemonError: no daemon, or it refused, or says no id.
            ImageNotFound: it has no such image.
        """
        with self.daemon.ask("GET", self._target("json"), f"inspect {self.image}", check) as answer:
            said = b"".join(answer.chunks())
        try:
            found = fields.members(loads(said, what="the answer"), "the answer")
            digest = fields.text(found.get("Id"), "Id")
            return Digest(digest if ":" in digest else f"sha256:{digest}")
        except (InvalidDocument, InvalidDigest) as error:
            raise DaemonError(
                f"cannot inspect {self.image}: the docker daemon says no id: {error}"
            ) from error

    def _target(self, what: str) -> str:
        return f"/images/{quote(self.image, safe='/:@')}/{what}"

    def open(self, scratch: Path | None, check: Callable[[], None]) -> Archive:
        """Export the image into unnamed scratch space.

        Raises:
            DaemonError: no daemon, or it refused, or the connection broke.
            ImageNotFound: it has no such image.
            SourceError: scratch space is full.
        """
        kept = Scratch(scratch, str(self))
        try:
            self._export(kept, check)
            return Archive(kept, str(self))
        except BaseException:
            kept.close()
            raise

    def _export(self, kept: Scratch, check: Callable[[], None]) -> None:
        with self.daemon.ask("GET", self._target("get"), f"export {self.image}", check) as answer:
            for piece in answer.chunks():
                check()
                kept.append(piece)
