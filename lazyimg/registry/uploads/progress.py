"""How far an upload has come, and what is done when that is not known.

The registry is asked, and believed over our own count; where it cannot tell, or dropped the upload, another
is begun. Its ``Location`` changes with every answer, and the last one counts (distribution-spec, "Pushing a
blob in chunks", "Resuming an upload").
"""

import contextlib
import threading
import time
from collections.abc import Callable

from attrs import evolve

from lazyimg.errors import Cancelled, RegistryError, RegistryUnreachable
from lazyimg.registry.answers import Begun
from lazyimg.registry.authorization.authorizer import TokenServiceBusy
from lazyimg.registry.authorization.scope import push
from lazyimg.registry.conversation import Answer, Conversation, Patience, Question
from lazyimg.registry.location import held_bytes, resolve
from lazyimg.registry.retry import TRANSIENT
from lazyimg.registry.transport.network import Call
from lazyimg.registry.transport.outgoing import Outgoing
from lazyimg.registry.transport.wire import Reply
from lazyimg.registry.uploads.fault import Fault, fault_of, is_gone

_RATE = 64 << 20  # bytes a second at which a registry may still be storing what it was sent
_CANCEL_TIME = 5.0  # seconds
_LEAST_PROGRESS = 16 << 10  # bytes; a registry that fails after each of fewer would never be done
_MOST_ASKED = 3  # times in a row that a registry may ask who is there, before that is a fault as any other
_PROGRESS = 1 << 20  # bytes that have to arrive between two faults, if the second one is to cost nothing


class Progress:
    """How far one upload has come. For one thread; `cancel` and `call` are there for others too.

    Args:
        conversation: the registry.
        repository: where to.
        begun: what it told of the upload.
        begin: begins another one.
        stop: set to end all waiting with `Cancelled`.

    Attributes:
        location: where the registry wants the next request.
        least: bytes that it wants each chunk but the last to have.
        held: bytes that it holds.
        bytes_sent: bytes of bodies that left, those sent again included.
        attempts: how many times a body was begun to be sent.
        restarts: how many times the upload was begun again.
        call: bounds what is under way, and can cut it.
    """

    def __init__(
        self,
        conversation: Conversation,
        repository: str,
        begun: Begun,
        begin: Callable[[], Begun],
        stop: threading.Event | None,
    ) -> None:
        self.location, self.least = begun.location, begun.least
        self.held = self.bytes_sent = self.attempts = self.restarts = 0
        self.call = Call(conversation.wire.timeouts.total)
        self.patience = Patience(stop=stop)
        self._conversation = conversation
        self._repository = repository
        self._begin, self._stop = begin, stop
        self._best = self._reached = self._faults = self._asked = 0
        self._is_going_on = False

    # --- sending -------------------------------------------------------------------------------------

    def question(
        self,
        doing: str,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        content: bytes | Outgoing = b"",
    ) -> Question:
        """Word a question about the upload."""
        return Question(
            doing=f"{doing} {'in' if method == 'GET' else 'to'} {self._repository}",
            method=method,
            url=url,
            repository=self._repository,
            scopes=(push(self._repository),),
            headers=headers or {},
            content=content,
            allowance=self.held / _RATE,
        )

    def note(self, sent: int) -> None:
        """Take a piece about to leave as a sign of life; what left takes time to be stored."""
        self.call.alive()
        self.call.allowance = sent / _RATE

    def stream(self, question: Question, outgoing: Outgoing) -> tuple[Reply | None, Fault | None]:
        """Send a body once, and sort what came of it: an answer to look at, or a fault to recover from."""
        since = time.monotonic()
        self.attempts += not self._is_going_on
        self._is_going_on = False
        self.check_stop()
        try:
            reply = self._conversation.once(question, self.call)
        except RegistryUnreachable as error:
            if outgoing.failure is not None:
                raise
            return None, Fault(error, is_silent=True)
        except TokenServiceBusy as busy:
            return None, Fault(busy, wait=busy.wait)
        finally:
            self.bytes_sent += outgoing.sent
            self._reached = max(self._reached, self.held + outgoing.handed)
            self.call.allowance = 0.0
        self.call.alive()
        if reply.status >= 400:  # noqa: PLR2004 - a refusal, in HTTP's own words
            self._move(reply.url, reply.headers.get("Location"))
        return reply, fault_of(self._conversation, reply, question, since)

    def accept(self, reply: Reply, outgoing: Outgoing) -> Fault | None:
        """Take in a success: where to send the rest, and how much is there."""
        heard(reply)
        self._asked = 0
        sent = self.held + outgoing.sent
        self._move(reply.url, reply.headers.get("Location"))
        stated = reply.headers.get("Range")
        held = sent if stated is None or sent <= 1 else held_bytes(stated)
        if held == sent and outgoing.is_exhausted:
            self.held = sent
            self._is_going_on = True
            self._conversation.budget.earn()
            return None
        said = "does not tell how many" if held is None else f"took {held}"
        error = RegistryError(f"the registry {said} of the {sent} bytes of a blob of {self._repository}")
        return Fault(error, is_unclear=held is None or held > sent)

    # --- recovering ----------------------------------------------------------------------------------

    def recover(self, fault: Fault) -> None:
        """Find out where the upload stands after a fault, or begin it again.

        Raises:
            LazyImgError: the fault's error, if there were too many.
            Cancelled: the session was aborted.
        """
        self.pause(fault)
        held = fault if fault.is_lost or fault.is_unclear else self._ask_status(fault)
        if isinstance(held, Fault):
            self.begin_again(held)
            return
        self.held = held
        if held - self._best >= _LEAST_PROGRESS:
            if held - self._best >= _PROGRESS:
                self._conversation.budget.earn(1.0)
            self._best, self._faults = held, 0

    def pause(self, fault: Fault) -> None:
        """Wait before going on, or give up.

        A body that was too large is no failure, and neither is a token that has expired.

        Raises:
            LazyImgError: the fault's error, if there were too many.
            Cancelled: the session was aborted.
        """
        self.check_stop()
        if fault.is_too_large:
            return
        self._asked += fault.is_unread
        if fault.is_unread and self._asked <= _MOST_ASKED:
            return
        self._faults += 1
        if self._is_hopeless(fault):
            raise fault.error
        if not fault.is_unread:
            self._conversation.wait(self._faults - 1, fault.wait, self.patience)
        if fault.wait:
            self.call.alive()

    def _is_hopeless(self, fault: Fault) -> bool:
        retries = self._conversation.retries
        left = self.call.left
        if self._faults > retries.count or (fault.wait or 0.0) > retries.patience:
            return True
        if left is not None and left <= retries.pause(self._faults, spread=1.0):
            return True
        return not self._conversation.may_spend(fault.error, self._faults - 1, fault.wait)

    def _ask_status(self, fault: Fault) -> int | Fault:
        """Ask how many bytes the registry holds; a fault if it cannot tell, or has dropped them."""
        patience = Patience(waited=self.call.waited if fault.is_silent else 0.0, stop=self._stop)
        question = self.question("ask where an upload stands", "GET", self.location)
        try:
            answer = self._conversation.ask(question, patience)
        except RegistryError as error:
            if isinstance(error, PermissionError) or error.status in TRANSIENT:
                raise
            return evolve(fault, is_lost=is_gone(error))
        self.call.alive()
        return self._stands_at(answer, fault)

    def _stands_at(self, answer: Answer, fault: Fault) -> int | Fault:
        self._move(answer.url, answer.headers.get("Location"))
        held = held_bytes(answer.headers.get("Range"))
        if held is None and fault.is_unread and self.held == 0:
            return 0
        return fault if held is None or held > self._reached else held

    def begin_again(self, fault: Fault) -> None:
        """Begin another upload in place of one that is lost.

        Raises:
            LazyImgError: the fault's error, if that was done too often.
            Cancelled: the session was aborted.
        """
        self.restarts += not fault.is_too_large
        if self.restarts > self._conversation.retries.count:
            raise fault.error
        self.check_stop()
        if not fault.is_lost:
            self.cancel()
        begun = self._begin()
        self.location, self.least = begun.location, begun.least
        self.call.alive()
        self.held = self._best = self._reached = 0
        self._is_going_on = False
        if self._stop is not None and self._stop.is_set():
            self.cancel()
            self.check_stop()

    def check_stop(self) -> None:
        """End here if all is to end.

        Raises:
            Cancelled: the session was aborted.
        """
        if self._stop is not None and self._stop.is_set():
            raise Cancelled("the write was ended while a blob was being uploaded")

    def cancel(self, *, until: float | None = None) -> None:
        """Tell the registry that nothing more will come; failures are ignored.

        Args:
            until: when to give it up, by the monotonic clock; by default 5 s from now.
        """
        end = time.monotonic() + _CANCEL_TIME if until is None else until
        question = self.question("cancel an upload", "DELETE", self.location)
        with contextlib.suppress(Exception):  # a user's own keychain or transport may raise anything
            self._conversation.ask(question, Patience(until=end, retries=False))

    def _move(self, url: str, location: str | None) -> None:
        if location:
            self.location = resolve(url, location)


def heard(reply: Reply) -> None:
    """Read a success to its end, of which the head has said all; that it breaks there changes nothing."""
    with contextlib.suppress(RegistryUnreachable):
        reply.read(1 << 20)
