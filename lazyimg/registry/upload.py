"""Uploads: sending a blob of any size so that no fault on the way loses it.

A body can be asked for again from any offset, so the only question after a fault is how much the registry
holds. It is asked, and believed over our own count; where it cannot tell, or dropped the upload, another is
begun and everything sent again. Its ``Location`` changes with every answer, and the last one counts
(distribution-spec, "Pushing a blob in chunks", "Resuming an upload").

What the body's own iteration raises is not ours: it comes out as it is, and nothing is tried again.
"""

import contextlib
import threading
import time
from collections.abc import Callable

from attrs import evolve

from lazyimg.content.body import Body
from lazyimg.errors import Cancelled, RegistryError, RegistryUnreachable
from lazyimg.oci.digest import Digest
from lazyimg.registry.auth import TokenServiceBusy
from lazyimg.registry.bytes_body import BytesBody
from lazyimg.registry.conversation import Conversation, Patience, Question
from lazyimg.registry.fault import OUT_OF_STEP, Fault, fault_of, tells_of_loss
from lazyimg.registry.location import held_bytes, resolve, with_digest
from lazyimg.registry.network import Call
from lazyimg.registry.outgoing import Outgoing
from lazyimg.registry.retry import TRANSIENT
from lazyimg.registry.scope import push
from lazyimg.registry.transport import Reply

_BYTES = "application/octet-stream"
_RATE = 64 << 20  # bytes a second at which a registry may still be storing what it was sent
_CANCEL_TIME = 5.0  # seconds
_NO_STREAMS = frozenset({405, 501})


class Upload:
    """A begun upload of one blob. For one thread; `cancel` and `interrupt` are there for others too.

    Args:
        conversation: the registry.
        repository: where to.
        location: where the registry wants it sent.
        begin: begins another upload, and returns its location.
        exists: tells whether the repository has a blob.
        stop: set to end all waiting with `Cancelled`.

    Attributes:
        bytes_sent: bytes of bodies that left, those sent again included.
        attempts: how many times a body was begun to be sent.
    """

    def __init__(  # noqa: PLR0913 - a registry, a place in it, and the three things to do there
        self,
        conversation: Conversation,
        repository: str,
        location: str,
        *,
        begin: Callable[[], str],
        exists: Callable[[str], bool],
        stop: threading.Event | None = None,
    ) -> None:
        self.bytes_sent = 0
        self.attempts = 0
        self.is_over = False
        self.began_at = time.monotonic()
        self.repository = repository
        self._conversation = conversation
        self._location = location
        self._begin, self._exists, self._stop = begin, exists, stop
        self._patience = Patience(stop=stop)
        self._call = Call(conversation.wire.timeouts.total)
        self._body: Body | None = None
        self._held = 0
        self._best = 0
        self._total: int | None = None
        self._faults = 0
        self._restarts = 0
        self._is_whole = False

    def __repr__(self) -> str:
        return f"Upload({self.repository!r}, bytes_sent={self.bytes_sent}, attempts={self.attempts})"

    def send(self, body: Body) -> None:
        """Send a blob, streamed in one PATCH, and in further ones after faults.

        Args:
            body: the bytes; asked for again from where the registry stands after a fault.

        Raises:
            RegistryError: the registry refused.
            RegistryUnreachable: no connection, or it broke too often without anything arriving between.
            Cancelled: the session was aborted.
        """
        self._body = body
        self._call.alive()
        if self._conversation.takes_streams:
            self._transfer(body)
        else:
            self._wait_for_digest(body)

    def commit(self, digest: str) -> None:
        """Close the upload: the registry checks the digest, and the blob is there.

        Raises:
            RegistryError: the registry refused, and has no such blob.
            RegistryUnreachable: no connection.
        """
        if self._is_whole and self._body is not None:
            self.put(self._body, digest, self._total)
            return
        while (error := self._close(digest)) is not None:
            is_lost = error.status != OUT_OF_STEP and tells_of_loss(error.status, error.codes)
            self._begin_again(Fault(error, is_lost=is_lost))
            if self._body is not None:
                self._transfer(self._body)
        self.is_over = True

    def _send_and_close(self, body: Body, digest: str) -> None:
        self.send(body)
        self.commit(digest)

    def put(self, body: Body | bytes, digest: str, size: int | None = None) -> None:
        """Send a blob and close the upload, in one PUT; after a fault, streamed as by `send`.

        Args:
            body: the bytes.
            digest: their digest.
            size: how many there are, where the body itself does not know.

        Raises:
            RegistryError: the registry refused, and has no such blob.
            RegistryUnreachable: no connection.
            Cancelled: the session was aborted.
        """
        sent = BytesBody(body) if isinstance(body, bytes) else body
        self._call.alive()
        while (fault := self._put(sent, digest, size if sent.size is None else sent.size)) is not None:
            self._pause(fault)
            if fault.is_unread:
                continue
            if not self._is_there(digest):
                self._begin_again(fault)
                self._send_and_close(sent, digest)
            break
        self.is_over = True

    def cancel(self, *, until: float | None = None) -> None:
        """Tell the registry that nothing more will come; failures are ignored, a finished upload is left.

        Args:
            until: when to give it up, by the monotonic clock; by default 5 s from now.
        """
        if self.is_over:
            return
        self.is_over = True
        end = time.monotonic() + _CANCEL_TIME if until is None else until
        question = self._question("cancel an upload", "DELETE", self._location)
        with contextlib.suppress(Exception):  # a user's own keychain or transport may raise anything
            self._conversation.ask(question, Patience(until=end, retries=False))

    def interrupt(self) -> None:
        """Cut the connection that a body is being sent on, so that its thread is free at once."""
        self._call.interrupt()

    # --- sending -------------------------------------------------------------------------------------

    def _transfer(self, body: Body) -> None:
        """Send until the registry holds everything."""
        while self._total is None or self._held < self._total:
            fault = self._patch(body)
            if self._is_whole:
                self._wait_for_digest(body)
                return
            if fault is not None:
                self._recover(fault)

    def _patch(self, body: Body) -> Fault | None:
        """Send what the registry does not hold yet; return what went wrong."""
        size = body.size
        outgoing = Outgoing(
            body.chunks(self._held), None if size is None else size - self._held, self._note_progress
        )
        headers = {"Content-Type": _BYTES}
        if self._held and size is not None:
            headers["Content-Range"] = f"{self._held}-{size - 1}"
        question = self._question("upload a blob", "PATCH", self._location, headers, outgoing)
        reply, fault = self._stream(question, outgoing)
        if outgoing.is_exhausted:
            self._total = self._held + outgoing.sent
        if reply is None or fault is not None:
            return fault
        if reply.status in _NO_STREAMS:
            reply.close()
            self._is_whole = True
            self._conversation.takes_streams = False
            return None
        if reply.status >= 300:  # noqa: PLR2004 - no success, in HTTP's own words
            raise self._conversation.refused(question, reply)
        return self._accepted(reply, outgoing)

    def _note_progress(self, sent: int) -> None:
        """Take a piece about to leave as a sign of life; what left takes time to be stored."""
        self._call.alive()
        self._call.allowance = sent / _RATE

    def _stream(self, question: Question, outgoing: Outgoing) -> tuple[Reply | None, Fault | None]:
        """Send a body once, and sort what came of it: an answer to look at, or a fault to recover from."""
        since = time.monotonic()
        self.attempts += 1
        self._check_stop()
        try:
            reply = self._conversation.once(question, self._call)
        except RegistryUnreachable as error:
            if outgoing.failure is not None:
                raise
            return None, Fault(error, is_silent=True)
        except TokenServiceBusy as busy:
            return None, Fault(busy, wait=busy.wait)
        finally:
            self.bytes_sent += outgoing.sent
            self._call.allowance = 0.0
        self._call.alive()
        return reply, fault_of(self._conversation, reply, question, since)

    def _accepted(self, reply: Reply, outgoing: Outgoing) -> Fault | None:
        """Take in a success: where to send the rest, and how much is there."""
        reply.read(1 << 20)
        sent = self._held + outgoing.sent
        self._move(reply.url, reply.headers.get("Location"))
        stated = reply.headers.get("Range")
        held = sent if stated is None or sent <= 1 else held_bytes(stated)
        if held == sent and outgoing.is_exhausted:
            self._held = sent
            return None
        said = "does not tell how many" if held is None else f"took {held}"
        error = RegistryError(f"the registry {said} of the {sent} bytes of a blob of {self.repository}")
        return Fault(error, is_unclear=held is None or held > sent)

    def _wait_for_digest(self, body: Body) -> None:
        """Read the body to its end, so that its digest is known, for a registry that wants that first.

        A body that can is told to keep its bytes, so that the source need not be read again for the PUT.
        """
        self._is_whole = True
        if callable(keep := getattr(body, "keep", None)):
            keep()
        self._total = sum(len(memoryview(chunk).cast("B")) for chunk in body.chunks(0))

    # --- recovering ----------------------------------------------------------------------------------

    def _recover(self, fault: Fault) -> None:
        """Find out where the upload stands after a fault, or begin it again."""
        self._pause(fault)
        held = fault if fault.is_lost or fault.is_unclear else self._ask_status(fault)
        if isinstance(held, Fault):
            self._begin_again(held)
            return
        self._held = held
        if held > self._best:
            self._best, self._faults = held, 0

    def _pause(self, fault: Fault) -> None:
        """Wait before going on, or give up.

        Raises:
            Cancelled: the session was aborted.
        """
        self._check_stop()
        retries = self._conversation.retries
        left = self._call.left
        self._faults += 1
        is_hopeless = self._faults > retries.count or (fault.wait or 0.0) > retries.patience
        if is_hopeless or (left is not None and left <= retries.pause(self._faults, spread=1.0)):
            raise fault.error
        if not fault.is_unread:
            self._conversation.wait(self._faults - 1, fault.wait, self._patience)
        if fault.wait:
            self._call.alive()

    def _ask_status(self, fault: Fault) -> int | Fault:
        """Ask how many bytes the registry holds; a fault if it cannot tell, or has dropped them."""
        patience = Patience(waited=self._call.waited if fault.is_silent else 0.0, stop=self._stop)
        question = self._question("ask where an upload stands", "GET", self._location)
        try:
            answer = self._conversation.ask(question, patience)
        except RegistryError as error:
            if isinstance(error, PermissionError) or error.status in TRANSIENT:
                raise
            return evolve(fault, is_lost=tells_of_loss(error.status, error.codes))
        self._call.alive()
        self._move(answer.url, answer.headers.get("Location"))
        held = held_bytes(answer.headers.get("Range"))
        if held is None and fault.is_unread and self._held == 0:
            return 0
        return fault if held is None or (self._total is not None and held > self._total) else held

    def _begin_again(self, fault: Fault) -> None:
        """Begin another upload in place of one that is lost."""
        self._restarts += 1
        if self._restarts > self._conversation.retries.count:
            raise fault.error
        self._check_stop()
        if not fault.is_lost:
            self.cancel()
        self._location = self._begin()
        self._call.alive()
        self._held = self._best = 0
        self.is_over = False
        if self._stop is not None and self._stop.is_set():
            self.cancel()
            self._check_stop()

    def _check_stop(self) -> None:
        if self._stop is not None and self._stop.is_set():
            raise Cancelled("the write was ended while a blob was being uploaded")

    # --- closing -------------------------------------------------------------------------------------

    def _close(self, digest: str) -> RegistryError | None:
        """Send the closing PUT; return the error after which everything may be sent again."""
        question = self._question("finish an upload", "PUT", with_digest(self._location, digest))
        try:
            self._conversation.ask(question, self._patience)
        except RegistryError as error:
            if self._is_there(digest):
                return None
            if self._may_send_again(error):
                return error
            raise
        return None

    def _may_send_again(self, error: RegistryError) -> bool:
        """Tell whether the upload was lost, or, after a fault, put together wrongly."""
        if tells_of_loss(error.status, error.codes):
            return True
        return self.attempts > 1 and "DIGEST_INVALID" in error.codes and self._restarts == 0

    def _put(self, body: Body, digest: str, size: int | None) -> Fault | None:
        outgoing = Outgoing(body.chunks(0), size, self._note_progress)
        headers = {"Content-Type": _BYTES}
        url = with_digest(self._location, digest)
        question = self._question("upload a blob", "PUT", url, headers, outgoing)
        reply, fault = self._stream(question, outgoing)
        if reply is None or fault is not None:
            return fault
        if reply.status >= 300:  # noqa: PLR2004
            error = self._conversation.refused(question, reply)
            if self._is_there(digest):
                return None
            raise error
        reply.read(1 << 20)
        return None

    def _is_there(self, digest: str) -> bool:
        """Tell whether the blob is there after all: another push of it may have won."""
        with contextlib.suppress(RegistryError):
            return self._exists(Digest(digest))
        return False

    # --- questions -----------------------------------------------------------------------------------

    def _question(
        self,
        doing: str,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        content: bytes | Outgoing = b"",
    ) -> Question:
        return Question(
            doing=f"{doing} to {self.repository}" if method != "GET" else f"{doing} in {self.repository}",
            method=method,
            url=url,
            repository=self.repository,
            scopes=(push(self.repository),),
            headers=headers or {},
            content=content,
            allowance=self._held / _RATE,
        )

    def _move(self, url: str, location: str | None) -> None:
        if location:
            self._location = resolve(url, location)
