"""Uploads: sending a blob of any size so that no fault on the way loses it.

A body can be asked for again from any offset, so the only question after a fault is how much the registry
holds (`lazyimg.registry.uploads.progress`). A blob goes out in one stream, unless its bytes cannot be had
again, or it is known that the registry takes less at once, or wants the end of it in the closing PUT
(`lazyimg.registry.habits`): then in chunks, of which one is held in memory.

What the body's own iteration raises is not ours: it comes out as it is, and nothing is tried again.
"""

import contextlib
import threading
import time
from collections.abc import Callable

from attrs import evolve

from lazyimg.content.body import Body
from lazyimg.errors import RegistryError, RegistryUnreachable
from lazyimg.oci.digest import Digest
from lazyimg.registry.answers import Begun
from lazyimg.registry.conversation import Conversation
from lazyimg.registry.location import with_digest
from lazyimg.registry.retry import TRANSIENT
from lazyimg.registry.transport.outgoing import Outgoing
from lazyimg.registry.uploads.bytes_body import body_of
from lazyimg.registry.uploads.chunks import Chunks
from lazyimg.registry.uploads.fault import TOO_LARGE, Fault, is_gone, tells_of_loss, wants_the_last_chunk
from lazyimg.registry.uploads.progress import Progress, heard

_BYTES = "application/octet-stream"
_NO_STREAMS = frozenset({405, 501})


class Upload:
    """A begun upload of one blob. For one thread; `cancel` and `interrupt` are there for others too.

    Args:
        conversation: the registry.
        repository: where to.
        begun: where the registry wants it sent, and how.
        begin: begins another upload.
        exists: tells whether the repository has a blob.
        stop: set to end all waiting with `Cancelled`.
    """

    def __init__(  # noqa: PLR0913 - a registry, a place in it, and the three things to do there
        self,
        conversation: Conversation,
        repository: str,
        begun: Begun,
        *,
        begin: Callable[[], Begun],
        exists: Callable[[str], bool],
        stop: threading.Event | None = None,
    ) -> None:
        self.is_over = False
        self.began_at = time.monotonic()
        self.repository = repository
        self._conversation = conversation
        self._habits = conversation.habits
        self._exists = exists
        self._progress = Progress(conversation, repository, begun, begin, stop)
        self._body: Body | None = None
        self._total: int | None = None
        self._is_whole = False
        self._chunks: Chunks | None = None
        self._kept = 0
        self._keeps_last = self._habits.closes_with_last
        self._is_fleeting = False

    def __repr__(self) -> str:
        return f"Upload({self.repository!r}, bytes_sent={self.bytes_sent}, attempts={self.attempts})"

    @property
    def bytes_sent(self) -> int:
        """Bytes of bodies that left, those sent again included."""
        return self._progress.bytes_sent

    @property
    def attempts(self) -> int:
        """How many times a body was begun to be sent; more than one means that a fault came between."""
        return self._progress.attempts

    def send(self, body: Body | bytes) -> None:
        """Send a blob, streamed in one PATCH, and further ones after faults, or in chunks; then `commit` it.

        Args:
            body: the bytes, or a `lazyimg.content.body.Body`, which is asked for them again from where the
                registry stands after a fault. One that says ``is_fleeting`` goes in chunks, as it cannot.

        Raises:
            RegistryError: the registry refused.
            RegistryUnreachable: no connection, or it broke too often without anything arriving between.
            Cancelled: the session was aborted.
        """
        self._body = body = body_of(body)
        self._is_fleeting = getattr(body, "is_fleeting", False)
        self._progress.call.alive()
        if self._habits.takes_streams:
            self._transfer(body)
        else:
            self._wait_for_digest(body)

    def commit(self, digest: str) -> None:
        """Close the upload: the registry checks the digest, and the blob is there.

        Raises:
            RegistryError: the registry refused, and has no such blob.
            RegistryUnreachable: no connection.
        """
        while not (self._is_whole and self._body is not None):
            error = self._close(digest)
            if error is None:
                self._habits.closes_with_last |= self._keeps_last
                self.is_over = True
                return
            self._progress.begin_again(Fault(error, is_lost=is_gone(error)))
            if self._body is not None:
                self._transfer(self._body)
        self.put(self._body, digest, self._total)

    def _send_and_close(self, body: Body, digest: str) -> None:
        self.send(body)
        self.commit(digest)

    def put(self, body: Body | bytes, digest: str, size: int | None = None) -> None:
        """Send a blob and close the upload, in one PUT; after a fault, or if it is too large, as by `send`.

        Args:
            body: the bytes, or a `lazyimg.content.body.Body` of them.
            digest: their digest.
            size: how many there are, where the body itself does not know.

        Raises:
            RegistryError: the registry refused, and has no such blob.
            RegistryUnreachable: no connection.
            Cancelled: the session was aborted.
        """
        sent = body_of(body)
        size = size if sent.size is None else sent.size
        self._progress.call.alive()
        if self._is_too_large(size) or not self._put_whole(sent, digest, size):
            self._send_and_close(sent, digest)
        self.is_over = True

    def cancel(self, *, until: float | None = None) -> None:
        """Tell the registry that nothing more will come; failures are ignored, a finished upload is left.

        Args:
            until: when to give it up, by the monotonic clock; by default 5 s from now.
        """
        if not self.is_over:
            self.is_over = True
            self._progress.cancel(until=until)

    def interrupt(self) -> None:
        """Cut the connection that a body is being sent on, so that its thread is free at once."""
        self._progress.call.interrupt()

    # --- sending -------------------------------------------------------------------------------------

    def _transfer(self, body: Body) -> None:
        """Send until the registry holds everything, but what is kept for the closing PUT."""
        self._chunks, self._kept, self._total = Chunks(body), 0, None
        with contextlib.closing(self._chunks):
            while self._total is None or self._progress.held + self._kept < self._total:
                fault = self._patch(body, self._chunks)
                if self._is_whole:
                    self._wait_for_digest(body)
                    return
                if fault is not None:
                    self._progress.recover(fault)

    def _patch(self, body: Body, chunks: Chunks) -> Fault | None:
        """Send what the registry does not hold yet, or a chunk of it; return what went wrong."""
        always = self._keeps_last or self._is_fleeting
        limit = self._habits.chunk_for(self._progress.least, always=always)
        outgoing = self._rest(body) if limit is None else self._chunk(chunks, limit)
        if outgoing is None:
            return None
        url, headers = self._progress.location, self._headers(outgoing.size)
        question = self._progress.question("upload a blob", "PATCH", url, headers, outgoing)
        reply, fault = self._progress.stream(question, outgoing)
        if limit is None and outgoing.is_exhausted:
            self._total = self._progress.held + outgoing.sent
        if reply is None or fault is not None:
            return fault
        if reply.status in _NO_STREAMS:
            reply.close()
            self._is_whole = True
            self._habits.takes_streams = False
            return None
        if reply.status >= 300:  # noqa: PLR2004 - no success, in HTTP's own words
            return self._smaller(self._conversation.refused(question, reply), outgoing.size)
        return self._progress.accept(reply, outgoing)

    def _rest(self, body: Body) -> Outgoing:
        """All that the registry does not hold yet."""
        size, held = body.size, self._progress.held
        return Outgoing(body.chunks(held), None if size is None else size - held, self._progress.note)

    def _chunk(self, chunks: Chunks, limit: int) -> Outgoing | None:
        """The next chunk; None if there is none, or it is kept for the closing PUT."""
        held = self._progress.held
        size = chunks.fill(held, limit)
        if chunks.total == held + size:
            self._total = chunks.total
            self._kept = size if self._keeps_last else 0
        return Outgoing(chunks.pieces(size), size, self._progress.note) if size and not self._kept else None

    def _headers(self, size: int | None) -> dict[str, str]:
        """The headers of a part of the blob, from where the registry stands."""
        held = self._progress.held
        is_part = held > 0 or self._habits.chunk_size is not None or self._keeps_last or self._is_fleeting
        span = {"Content-Range": f"{held}-{held + size - 1}"} if size and is_part else {}
        return {"Content-Type": _BYTES, **span}

    def _smaller(self, error: RegistryError, refused: int | None) -> Fault:
        """Take in a refusal: go on in smaller chunks, if that is what it is about.

        Raises:
            RegistryError: it is not, or they cannot be smaller.
        """
        is_final = error.status != TOO_LARGE or not self._habits.takes_streams
        if is_final or not self._habits.shrink(refused, least=self._progress.least):
            raise error
        return Fault(error, is_unread=True, is_too_large=True)

    def _wait_for_digest(self, body: Body) -> None:
        """Read the body to its end, so that its digest is known, for a registry that wants that first.

        A body that can is told to keep its bytes, so that the source need not be read again for the PUT.
        """
        self._is_whole = True
        if callable(keep := getattr(body, "keep", None)):
            keep()
        self._total = sum(len(memoryview(chunk).cast("B")) for chunk in body.chunks(0))

    # --- closing -------------------------------------------------------------------------------------

    def _close(self, digest: str) -> RegistryError | RegistryUnreachable | None:
        """Send the closing PUT, with the chunk that was kept for it.

        Returns:
            The error after which everything may be sent again.
        """
        last = b"" if self._chunks is None else b"".join(self._chunks.pieces(self._kept))
        url = with_digest(self._progress.location, digest)
        headers = self._headers(len(last)) if last else {}
        question = self._progress.question("finish an upload", "PUT", url, headers, last)
        try:  # a chunk that was half taken is not sent again by itself
            self._conversation.ask(question, evolve(self._progress.patience, retries=not last))
        except (RegistryError, RegistryUnreachable) as error:
            if isinstance(error, RegistryUnreachable) and not last:
                raise
            if self._is_there(digest):
                return None
            if not self._may_send_again(error):
                raise
            return error
        self._progress.bytes_sent += len(last)
        return None

    def _may_send_again(self, error: RegistryError | RegistryUnreachable) -> bool:
        """Tell whether the upload was lost, put together wrongly after a fault, or has to end otherwise."""
        if isinstance(error, RegistryUnreachable) or (self._kept and error.status in TRANSIENT):
            self._progress.pause(Fault(error))
            return True
        if self._kept and error.status == TOO_LARGE:
            return self._smaller(error, self._kept).is_too_large
        if not self._kept and wants_the_last_chunk(error, is_repeated=self._progress.restarts > 0):
            self._keeps_last = self._body is not None
            return self._keeps_last
        return tells_of_loss(error.status, error.codes) or self._is_mixed_up(error)

    def _is_mixed_up(self, error: RegistryError) -> bool:
        """Tell whether what a first attempt left may be what makes the digest of another one wrong."""
        return self.attempts > 1 and "DIGEST_INVALID" in error.codes and self._progress.restarts == 0

    def _is_too_large(self, size: int | None) -> bool:
        """Whether one request is known not to carry a blob."""
        limit = self._habits.chunk_for(self._progress.least) if self._habits.takes_streams else None
        return limit is not None and (size is None or size > limit)

    def _put_whole(self, body: Body, digest: str, size: int | None) -> bool:
        """Send a blob in the closing PUT; tell whether it is there now, or has to be sent otherwise."""
        while (fault := self._put(body, digest, size)) is not None:
            if fault.is_too_large:
                self._progress.recover(fault)
                return False
            self._progress.pause(fault)
            if not fault.is_unread:
                if self._is_there(digest):
                    break
                self._progress.begin_again(fault)
                return False
        return True

    def _put(self, body: Body, digest: str, size: int | None) -> Fault | None:
        outgoing = Outgoing(body.chunks(0), size, self._progress.note)
        url = with_digest(self._progress.location, digest)
        question = self._progress.question("upload a blob", "PUT", url, {"Content-Type": _BYTES}, outgoing)
        reply, fault = self._progress.stream(question, outgoing)
        if reply is None or fault is not None:
            return fault
        if reply.status < 300:  # noqa: PLR2004 - success, in HTTP's own words
            heard(reply)
            return None
        error = self._conversation.refused(question, reply)
        if error.status == TOO_LARGE:
            return self._smaller(error, size)
        if self._is_there(digest):
            return None
        if self._is_mixed_up(error):
            return Fault(error)
        raise error

    def _is_there(self, digest: str) -> bool:
        """Tell whether the blob is there after all: another push of it may have won."""
        with contextlib.suppress(RegistryError):
            return self._exists(Digest(digest))
        return False
