"""Authorisation: what each request to one registry is sent with.

Nothing is sent before the registry has asked. Its challenge is remembered, so that of many requests only the
first costs a round trip for nothing, and so are its tokens, until they expire.
"""

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator

from attrs import frozen

from lazyimg.errors import CredentialError, RegistryError, RegistryTimeout
from lazyimg.registry.authorization.advice import of_credentials
from lazyimg.registry.authorization.challenge import Challenge
from lazyimg.registry.authorization.scope import Scope, merge, parse_scopes
from lazyimg.registry.authorization.token import (
    Token,
    TokenRequest,
    basic,
    fetch_token,
    is_token,
    token_refusal,
)
from lazyimg.registry.keychains.credentials import Credentials, Keychain
from lazyimg.registry.retry import TRANSIENT, retry_after
from lazyimg.registry.secret import Secret
from lazyimg.registry.settings import wrong
from lazyimg.registry.site import Site
from lazyimg.registry.transport.network import Call
from lazyimg.registry.transport.wire import Wire

_UNAUTHORIZED = 401
_SPENT = 64  # secrets that are used no more, and still not shown: who was told one can repeat it any time


class TokenServiceBusy(RegistryError):
    """The token service asks to be tried again.

    Attributes:
        wait: seconds it asked to wait, None if it did not say.
    """

    wait: float | None = None


@frozen(kw_only=True)
class Need:
    """What a request wants to be allowed.

    Attributes:
        repository: the repository it is about; credentials can differ by it.
        scopes: what a token for it must be good for.
    """

    repository: str | None = None
    scopes: tuple[Scope, ...] = ()


class Authorizer:
    """Knows how one registry wants to be authorised. Thread safe: of many threads, one asks for a token.

    Args:
        site: the registry.
        wire: what token services are asked through.
        keychain: asked for credentials once per repository, when a registry first asks for them, and again
            when they have expired.

    Attributes:
        wants_identity: whether the token service is asked for an identity token too.
        identity_token: what it gave then; a secret.
    """

    def __init__(self, site: Site, wire: Wire, keychain: Keychain) -> None:
        self._site = site
        self._wire = wire
        self._keychain = keychain
        self._lock = threading.Lock()
        self._keychain_lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._credentials: dict[str | None, Credentials | None] = {}
        self._tokens: tuple[Token, ...] = ()
        self._spent: deque[str] = deque(maxlen=_SPENT)
        self.wants_identity = False
        self.identity_token = ""
        wire.secrets = lambda: self.secrets

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that must not be shown, of what was used so far."""
        held = _secrets_of(*self._tokens, *list(self._credentials.values()))
        return (*tuple(self._spent), *held, *self._wire.carried)

    def advice(self, repository: str | None) -> str:
        """What to do about a 401: whether it was told who asks, and where that was looked for."""
        known = self._credentials.get(repository)
        return "" if self._challenge is None else of_credentials(self._site.name, known, self._keychain)

    def header(self, need: Need, call: Call) -> str | None:
        """Return the ``Authorization`` to send, by what is known; may fetch a token.

        Raises:
            TokenRefused: the token service refused.
            TokenServiceBusy: it asks to be tried again.
            RegistryUnreachable: it did not answer.
            CredentialError: the credentials could not be read.
        """
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            return self._basic(need)
        credentials = self._known(need)
        if credentials and credentials.registry_token:
            return Secret(f"Bearer {_sendable(credentials.registry_token, self._site.name)}")
        return Secret(f"Bearer {self._token(need, challenge, call).value}")

    def learn(
        self, challenges: Iterable[Challenge], need: Need, sent: str | None, since: float
    ) -> Need | None:
        """Take in the challenges of a 401.

        Args:
            challenges: what the registry asked for.
            need: what the request wanted.
            sent: the ``Authorization`` it was refused with, if any.
            since: when this question was first asked, by the monotonic clock: a token that came since is not
                asked for again.

        Returns:
            What to ask for the next time, or None if another try would be refused as this one.
        """
        challenge = _usable(challenges)
        if challenge is None:
            return None
        self._challenge = challenge
        if challenge.scheme == "basic":
            return need if sent is None and self._basic(need) is not None else None
        wanted = Need(
            repository=need.repository,
            scopes=merge(need.scopes, parse_scopes(challenge.parameters.get("scope", ""))),
        )
        credentials = self._known(need)
        if credentials and credentials.registry_token:
            return wanted if sent is None else None
        return wanted if self._drop(sent, wanted, since) else None

    def _drop(self, sent: str | None, wanted: Need, since: float) -> bool:
        """Forget the token that was refused; tell whether another could do better."""
        refused = [token for token in self._tokens if sent == f"Bearer {token.value}"]
        useless = [token for token in refused if token.covers(wanted.scopes)]
        if any(token.born >= since for token in useless):
            return False
        self._forget(*useless)
        self._tokens = tuple(token for token in self._tokens if token not in useless)
        return True

    def _forget(self, *used: Token | Credentials | None) -> None:
        self._spent.extend(set(_secrets_of(*used)).difference(self._spent))

    def _basic(self, need: Need) -> str | None:
        credentials = self._known(need)
        return basic(credentials) if credentials and (credentials.username or credentials.password) else None

    def _known(self, need: Need) -> Credentials | None:
        key = need.repository
        with self._keychain_lock:
            known = self._credentials.get(key)
            if key not in self._credentials or (known and not known.is_fresh):
                self._forget(known)
                known = self._credentials[key] = self._asked(key)
            return known

    def _asked(self, repository: str | None) -> Credentials | None:
        """Ask the keychain, which may be a user's own.

        Raises:
            InvalidSetting: it gave something else; nothing of it is repeated.
        """
        given: object = self._keychain.credentials(self._site.name, repository)
        if given is None or isinstance(given, Credentials):
            return given
        what = f"what {type(self._keychain).__qualname__} gave for {self._site.name}"
        error = wrong(what, given, "lazyimg.registry.Credentials, or None,", is_secret=True)
        given = None  # which no traceback is to show
        raise error

    def _token(self, need: Need, challenge: Challenge, call: Call) -> Token:
        found = self._cached(need)
        if found is not None:
            return found
        left = call.left
        if not self._lock.acquire(timeout=-1 if left is None else max(0.0, left)):
            raise RegistryTimeout("the token service did not answer in time")
        try:
            return self._cached(need) or self._fetch(need, challenge, call)
        finally:
            self._lock.release()

    def _cached(self, need: Need) -> Token | None:
        now = time.monotonic()
        fresh = (token for token in self._tokens if token.is_fresh(now) and token.covers(need.scopes))
        return next(fresh, None)

    def _fetch(self, need: Need, challenge: Challenge, call: Call) -> Token:
        realm = Secret(challenge.parameters["realm"])
        self._site.check(realm, "the token realm")
        since = time.monotonic()
        request = TokenRequest(
            realm=realm,
            service=challenge.parameters.get("service", ""),
            scopes=need.scopes,
            credentials=self._known(need),
            is_offline=self.wants_identity,
        )
        call.excuse(since)  # what a keychain took of it
        token, reply, data = fetch_token(self._wire, request, call)
        call.alive()
        if token is None:
            is_unknown = reply.status == _UNAUTHORIZED
            advice = self.advice(need.repository) if is_unknown else ""
            error = token_refusal(request, reply, data, self.secrets, advice)
            data = b""  # may repeat a secret, which no traceback is to show
            if reply.status in TRANSIENT:
                busy = TokenServiceBusy(str(error), status=error.status, codes=error.codes)
                busy.wait = retry_after(reply.headers.get("Retry-After"))
                raise busy
            raise error
        self.identity_token = token.identity
        now = time.monotonic()
        self._forget(*(old for old in self._tokens if not old.is_fresh(now)))
        self._tokens = (token, *(old for old in self._tokens if old.is_fresh(now)))
        return token


def _secrets_of(*used: Token | Credentials | None) -> Iterator[str]:
    """Yield what must not be shown of tokens and credentials."""
    for one in used:
        if isinstance(one, Token):
            yield from filter(None, (one.value, one.identity))
        elif one is not None:
            yield from (*one.secrets, basic(one).removeprefix("Basic "))


def _sendable(token: str, registry: str) -> str:
    if not is_token(token):
        raise CredentialError(f"the registry token for {registry} holds letters that no header can")
    return token


def _usable(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the challenge to answer: a token before a password, as tokens say what they are good for."""
    found = {challenge.scheme: challenge for challenge in reversed(list(challenges))}
    bearer = found.get("bearer")
    if bearer is not None and bearer.parameters.get("realm"):
        return bearer
    return found.get("basic")
