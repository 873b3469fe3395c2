"""One question to a registry, asked until it has its final answer.

A question may be sent several times: without authorisation and then with it, again after a transient failure,
and on to where a redirect points. Above this module each is one call with one outcome.
"""

import copy
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self, TypeVar

import httpx
from attrs import evolve, field, frozen

from lazyimg.errors import Cancelled, RegistryError, RegistryUnreachable
from lazyimg.registry.authorization.advice import of_answer
from lazyimg.registry.authorization.authorizer import Authorizer, Need, TokenServiceBusy
from lazyimg.registry.authorization.challenge import parse_challenges
from lazyimg.registry.authorization.scope import Scope
from lazyimg.registry.budget import Budget
from lazyimg.registry.failure import read_words, refusal
from lazyimg.registry.habits import Habits
from lazyimg.registry.location import join
from lazyimg.registry.retry import TRANSIENT, Retries, retry_after
from lazyimg.registry.secret import Secret
from lazyimg.registry.site import Site
from lazyimg.registry.transport.breaks import Disagreement
from lazyimg.registry.transport.network import Call
from lazyimg.registry.transport.outgoing import Outgoing
from lazyimg.registry.transport.wire import Reply, Request, Wire, host_of

ERROR_LIMIT = 1 << 20  # bytes of an error body that are read
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_MOST_TRIES = 4  # of one question, with what was asked for: a registry could ask for ever more
_UNAUTHORIZED = 401
_TOO_MANY = 429

T = TypeVar("T")


@frozen(kw_only=True)
class Question:
    """What is asked of a registry.

    Attributes:
        doing: what is being done, for messages: ``"read the manifest of me/app:1"``.
        method: the HTTP method.
        url: the absolute address.
        repository: the repository it is about.
        scopes: what a token for it must be good for.
        headers: further headers.
        content: the body.
        limit: the most bytes its answer may have.
        allowance: seconds added to the wait for the answer.
        doubted: error codes of refusals that cannot be right, so that it is asked once more after one.
        advice: what to do about refusals, by status, where it is not the usual.
    """

    doing: str
    method: str
    url: str = field(repr=False)
    repository: str | None = None
    scopes: tuple[Scope, ...] = ()
    headers: Mapping[str, str] = field(factory=dict)
    content: bytes | Outgoing = field(default=b"", repr=False)
    limit: int = ERROR_LIMIT
    allowance: float = 0.0
    doubted: frozenset[str] = frozenset()
    advice: Mapping[int, str] = field(factory=dict, repr=False)

    @property
    def need(self) -> Need:
        """What the question wants to be allowed."""
        return Need(repository=self.repository, scopes=self.scopes)


@frozen(kw_only=True)
class Answer:
    """A final answer that was a success, read to its end.

    Attributes:
        status: the HTTP status.
        headers: the headers.
        url: the address that answered, after redirects.
        data: the body.
    """

    status: int
    headers: httpx.Headers
    url: str
    data: bytes = field(repr=False)


@frozen(kw_only=True)
class Patience:
    """How a question may be waited for.

    Attributes:
        until: when all is over, by the monotonic clock; None leaves it to the time limits.
        waited: how many seconds the registry has given no sign of life already.
        stop: set to end all waiting between tries with `Cancelled`.
        retries: False asks once.
    """

    until: float | None = None
    waited: float = 0.0
    stop: threading.Event | None = None
    retries: bool = True


ANY = Patience()


class Conversation:
    """Asks one registry. Thread safe.

    Args:
        site: the registry.
        wire: sends single requests.
        authorizer: knows what to send them with.
        retries: how often to try again.
        habits: what is known of how it wants uploads.

    Attributes:
        budget: the retries that all its requests have together; without end, unless they are of a write.
    """

    def __init__(
        self, site: Site, wire: Wire, authorizer: Authorizer, retries: Retries, *, habits: Habits
    ) -> None:
        self.site = site
        self.wire = wire
        self.retries = retries
        self.habits = habits
        self.budget = Budget()
        self._authorizer = authorizer

    def within(self, budget: Budget) -> Self:
        """Return the same conversation, whose retries are taken from a budget."""
        bound = copy.copy(self)
        bound.budget = budget
        return bound

    def ask(self, question: Question, patience: Patience = ANY) -> Answer:
        """Ask, and return the answer read to its end.

        Raises:
            RegistryError: the final answer was no success; its subclass tells which.
            RegistryUnreachable: there was none.
            ContentMismatch: it was longer than the question allows.
            Cancelled: the wait between two tries was ended.
        """

        def read(reply: Reply) -> Answer:
            data = reply.read(question.limit)
            return Answer(status=reply.status, headers=reply.headers, url=reply.url, data=data)

        return self._until_answered(question, patience, read)

    def identify(self, question: Question) -> tuple[str, Answer]:
        """Ask, and the token service for an identity token besides; return that, empty if it gave none.

        Raises:
            RegistryError: the final answer was no success; its subclass tells which.
            RegistryUnreachable: there was none.
        """
        self._authorizer.wants_identity = True
        answer = self.ask(question)
        return self._authorizer.identity_token, answer

    def open(self, question: Question, patience: Patience = ANY) -> Reply:
        """Ask, and return the answer with its body still to be read.

        Raises:
            RegistryError: the final answer was no success; its subclass tells which.
            RegistryUnreachable: there was none.
            Cancelled: the wait between two tries was ended.
        """
        return self._until_answered(question, patience, lambda reply: reply)

    def once(self, question: Question, call: Call) -> Reply:
        """Send a question that cannot be repeated, authorised as far as is known; any answer is returned.

        Raises:
            RegistryUnreachable: no answer.
            TokenRefused: the token it would have needed was refused.
        """
        return self._send(question, question.need, call)

    def learn(self, reply: Reply, question: Question, since: float) -> bool:
        """Take in a 401 to a question asked `once`; tell whether asking again may help."""
        return self._wanted(reply, question.need, since) is not None

    def refused(self, question: Question, reply: Reply) -> RegistryError:
        """Read an answer that is no success, and make the error for it."""
        try:
            data = reply.read(ERROR_LIMIT)
        except (RegistryUnreachable, ValueError):
            data = b""
        sent = (reply.authorization or "").partition(" ")[2]  # which may be forgotten by now
        secrets = (*self._authorizer.secrets, sent)
        words = read_words(data, reply.headers.get("Content-Type", ""), secrets)
        advice = of_answer(reply.url, reply.status, reply.headers, data, reply.via)
        advice = advice or question.advice.get(reply.status, "")
        if reply.status == _UNAUTHORIZED and self.site.is_home(reply.url):
            advice = self._authorizer.advice(question.repository)
        return refusal(question.doing, host_of(reply.url), reply.status, words, advice=advice)

    def wait(self, attempt: int, asked_for: float | None, patience: Patience) -> None:
        """Wait before another try.

        Raises:
            Cancelled: the wait was ended from outside.
        """
        seconds = max(self.retries.pause(attempt), asked_for or 0.0)
        if patience.stop is None:
            time.sleep(seconds)
        elif patience.stop.wait(seconds):
            raise Cancelled("the write was ended while it waited to try again")

    def _until_answered(self, question: Question, patience: Patience, finish: Callable[[Reply], T]) -> T:
        call = Call(self.wire.timeouts.total, patience.until)
        call.allowance = question.allowance
        call.alive(patience.waited)
        attempt, before = 0, ""
        while True:
            wait: float | None = None
            try:
                reply = self._follow(question, call)
                if reply.status < 300:  # noqa: PLR2004 - success, in HTTP's own words
                    answer = finish(reply)
                    self.budget.earn()
                    return answer
                refused = self.refused(question, reply)
                refused.is_repeated = attempt > 0
                error: RegistryError | RegistryUnreachable = refused
                is_doubted = attempt == 0 and not question.doubted.isdisjoint(refused.codes)
                if reply.status not in TRANSIENT and not is_doubted:
                    if before not in {"", str(error)}:  # it may be no more than what the first try left
                        error.add_note(f"the try before it: {before}")
                    raise error
                wait = retry_after(reply.headers.get("Retry-After"))
                call.alive()
            except TokenServiceBusy as busy:
                error, wait = busy, busy.wait
                call.alive()
            except RegistryUnreachable as broken:
                error = broken
            if not self._may_retry(error, attempt, wait, call, patience):
                raise error
            self.wait(attempt, wait, patience)
            if wait:
                call.alive()
            attempt, before = attempt + 1, str(error)

    def _may_retry(
        self, error: Exception, attempt: int, wait: float | None, call: Call, patience: Patience
    ) -> bool:
        if isinstance(error, Disagreement) or not patience.retries or attempt >= self.retries.count:
            return False
        if wait is not None and wait > self.retries.patience:
            longest = f"the {self.retries.patience:.0f} s we would; Retries(patience=) waits longer"
            error.add_note(f"it asks to wait {wait:.0f} s, longer than {longest}")
            return False
        left = call.left
        if left is not None and left <= self.retries.pause(attempt, spread=1.0):
            return False
        return self.may_spend(error, attempt, wait)

    def may_spend(self, error: Exception, attempt: int, wait: float | None) -> bool:
        """Take a retry from the budget of the write, and tell whether there was one.

        Args:
            error: what would be tried again; told in a note where nothing is left.
            attempt: how many retries of the same request there were.
            wait: what the registry asked to wait. A registry that is asked too often (429) and says until
                when is not dying, and that costs nothing.
        """
        is_told = wait is not None and getattr(error, "status", 0) == _TOO_MANY
        if is_told or self.budget.spend():
            return True
        error.add_note(
            f"given up after {attempt} of {self.retries.count} retries of this request and all "
            f"{self.budget.most} of the write: {self.site.name} fails more often than it answers"
        )
        return False

    def _follow(self, question: Question, call: Call) -> Reply:
        """Ask, and go on to where redirects point."""
        for _ in range(_MOST_REDIRECTS):
            reply = self._authorised(question, call)
            location = Secret(reply.headers.get("Location", ""))
            if reply.status not in _REDIRECTS or not location:
                return reply
            reply.read(ERROR_LIMIT)
            url = Secret(join(reply.url, location))
            self.site.check(url, "the redirect")
            question = evolve(question, url=url, method=_method_after(reply.status, question.method))
        raise RegistryError(f"cannot {question.doing}: more than {_MOST_REDIRECTS} redirects")

    def _authorised(self, question: Question, call: Call) -> Reply:
        """Ask, and once more with what the registry wants if it wants more."""
        since = time.monotonic()
        need, tries = question.need, 0
        while True:
            tries += 1
            reply = self._send(question, need, call)
            is_asked = reply.status == _UNAUTHORIZED and self.site.is_home(question.url)
            call.alive()
            wanted = self._wanted(reply, need, since) if is_asked and tries < _MOST_TRIES else None
            if wanted is None:
                return reply
            reply.read(ERROR_LIMIT)
            need = wanted

    def _wanted(self, reply: Reply, need: Need, since: float) -> Need | None:
        challenges = parse_challenges(reply.headers.get_list("WWW-Authenticate"))
        return self._authorizer.learn(challenges, need, reply.authorization, since)

    def _send(self, question: Question, need: Need, call: Call) -> Reply:
        self.site.check(question.url, "the address")
        headers = dict(question.headers)
        sent = self._authorizer.header(need, call) if self.site.is_home(question.url) else None
        if sent is not None:
            headers["Authorization"] = sent
        request = Request(
            doing=question.doing,
            method=question.method,
            url=question.url,
            headers=headers,
            content=question.content,
        )
        return self.wire.send(request, call)


def _method_after(status: int, method: str) -> str:
    """Return the method to follow a redirect with: 303 makes all but HEAD a GET (RFC 9110, 15.4.4)."""
    return "GET" if status == 303 and method != "HEAD" else method  # noqa: PLR2004
