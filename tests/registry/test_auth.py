"""Token services differ; the client gets its token from each, asks once, and sends nothing unasked."""

from __future__ import annotations

import base64
import itertools
import json
import math
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import pytest
from support.http_server import Exchange, HttpServer

from lazyimg.errors import (
    ContentMismatch,
    CredentialError,
    Denied,
    RegistryError,
    RegistryUnreachable,
    Unauthorized,
)
from lazyimg.registry.authorization.token import TokenRefused
from lazyimg.registry.keychains.keychain import Credentials, StaticKeychain
from lazyimg.registry.session import PushSession
from lazyimg.registry.uploads.bytes_body import BytesBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.docker_registry import DockerRegistry
    from support.front import Front
    from support.token_server import TokenServer

    from lazyimg.registry.client import Client

SECRET = "s3cret-passw0rd"


class Guarded:
    """A registry that wants a bearer token, and the service that gives it; use it as a context manager.

    Attributes:
        answer: what the service answers: status, JSON or bytes, headers.
        methods: what the service takes.
        refusal: the status that it answers to the others.
        scope: the scope the registry asks for.
        others: what the registry says it takes besides, each in a header of its own.
        accepts: tells whether the registry takes a token.
    """

    def __init__(self, **answer: Any) -> None:
        self.registry = HttpServer(self._registry)
        self.service = HttpServer(self._service)
        self.answer: tuple[int, Any, dict[str, str]] = (200, {"token": "t0ken", **answer}, {})
        self.methods = {"GET", "POST"}
        self.refusal = 405
        self.scope = ""
        self.scheme = "Bearer"
        self.others: list[str] = []
        self.accepts: Callable[[str], bool] = lambda token: token == "t0ken"
        self.bodies: list[bytes] = []

    def __enter__(self) -> Self:
        self.registry.__enter__()
        self.service.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self.registry.__exit__(*details)
        self.service.__exit__(*details)

    def keychain(self, credentials: Credentials) -> StaticKeychain:
        """Return a keychain with credentials for the registry."""
        return StaticKeychain({self.registry.host: credentials})

    @property
    def asked(self) -> list[Exchange]:
        """What the service was asked."""
        return self.service.exchanges

    def _registry(self, exchange: Exchange) -> None:
        exchange.read()
        if self.accepts(exchange.headers.get("Authorization", "").removeprefix("Bearer ")):
            exchange.answer(200, b"{}")
            return
        realm = f"http://{self.service.host}/token"
        challenge = f'{self.scheme} realm="{realm}",service="reg",scope="{self.scope}"'
        exchange.answer(401, headers=[("WWW-Authenticate", one) for one in (*self.others, challenge)])

    def _service(self, exchange: Exchange) -> None:
        self.bodies.append(exchange.read())
        if exchange.method not in self.methods:
            exchange.answer(self.refusal)
            return
        status, body, headers = self.answer
        exchange.answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)


@pytest.mark.parametrize("answer", [{}, {"token": "", "access_token": "t0ken"}, {"access_token": "other"}])
def test_token_in_either_field(client: Callable[..., Client], answer: dict[str, str]) -> None:
    """A token comes as ``token`` or as ``access_token``."""
    with Guarded(**answer) as guarded:
        client(guarded.registry.host).get_manifest("me/app", "v1")
        assert len(guarded.asked) == 1


def test_anybody_asks_for_a_token_too(client: Callable[..., Client]) -> None:
    """Without credentials the service is asked without authorization."""
    with Guarded() as guarded:
        client(guarded.registry.host).get_manifest("me/app", "v1")
        [exchange] = guarded.asked
        assert exchange.method == "GET"
        assert exchange.query == [("service", "reg"), ("scope", "repository:me/app:pull")]
        assert exchange.headers["Authorization"] is None


def test_password_goes_to_the_service_alone(client: Callable[..., Client]) -> None:
    """The service gets user and password, the registry only ever the token."""
    with Guarded() as guarded:
        keychain = guarded.keychain(Credentials(username="me", password=SECRET))
        client(guarded.registry.host, keychain=keychain).get_manifest("me/app", "v1")
        [exchange] = guarded.asked
        pair = base64.b64encode(f"me:{SECRET}".encode()).decode()
        assert exchange.headers["Authorization"] == f"Basic {pair}"
        assert ("account", "me") in exchange.query
        sent = [seen.headers["Authorization"] for seen in guarded.registry.exchanges]
        assert sent == [None, "Bearer t0ken"]


def test_identity_token_goes_by_post(client: Callable[..., Client]) -> None:
    """A refresh token is traded in by POST, in the form."""
    with Guarded() as guarded:
        keychain = guarded.keychain(Credentials(identity_token=SECRET))
        client(guarded.registry.host, keychain=keychain).get_manifest("me/app", "v1")
        assert [exchange.method for exchange in guarded.asked] == ["POST"]
        form = b"client_id=lazyimg&service=reg&scope=repository%3Ame%2Fapp%3Apull&grant_type=refresh_token"
        assert guarded.bodies == [form + b"&refresh_token=" + SECRET.encode()]


@pytest.mark.parametrize(
    ("method", "credentials"),
    [
        ("POST", Credentials(username="me", password=SECRET)),
        ("GET", Credentials(username="me", password=SECRET)),
        ("GET", Credentials(identity_token=SECRET)),
        ("POST", Credentials(identity_token=SECRET)),
    ],
)
@pytest.mark.parametrize("refusal", [404, 405])
def test_service_that_takes_one_method(
    client: Callable[..., Client], method: str, credentials: Credentials, refusal: int
) -> None:
    """The other method is tried where one is not offered."""
    with Guarded() as guarded:
        guarded.methods, guarded.refusal = {method}, refusal
        registry = client(guarded.registry.host, keychain=guarded.keychain(credentials))
        registry.get_manifest("me/app", "v1")
        assert guarded.asked[-1].method == method
        assert len(guarded.asked) <= 2


def test_registry_token_is_sent_as_it_is(client: Callable[..., Client]) -> None:
    """A registry token needs no service; one that is refused is not sent twice."""
    with Guarded() as guarded:
        keychain = guarded.keychain(Credentials(registry_token="t0ken"))
        client(guarded.registry.host, keychain=keychain).get_manifest("me/app", "v1")
        assert guarded.asked == []
        wrong = guarded.keychain(Credentials(registry_token="wrong"))
        guarded.registry.exchanges.clear()
        with pytest.raises(Unauthorized):
            client(guarded.registry.host, keychain=wrong).get_manifest("me/app", "v1")
        assert len(guarded.registry.log) == 2


def test_registry_token_that_no_header_can_hold(client: Callable[..., Client]) -> None:
    """A token with a line break never gets near a header, nor into a message."""
    with Guarded() as guarded:
        keychain = guarded.keychain(Credentials(registry_token=f"{SECRET}\nX-Evil: 1"))
        with pytest.raises(CredentialError, match="no header can") as raised:
            client(guarded.registry.host, keychain=keychain).get_manifest("me/app", "v1")
        assert SECRET not in str(raised.value)


def test_challenge_is_remembered(client: Callable[..., Client]) -> None:
    """Of many requests only the first goes without authorization; one token serves all it covers."""
    with Guarded() as guarded:
        registry = client(guarded.registry.host)
        for tag in ("v1", "v2", "v3"):
            registry.get_manifest("me/app", tag)
        assert len(guarded.asked) == 1
        assert len(guarded.registry.log) == 4
        registry.get_manifest("me/other", "v1")
        assert len(guarded.asked) == 2
        assert len(guarded.registry.log) == 5


def test_many_threads_ask_for_one_token(client: Callable[..., Client]) -> None:
    """Of threads that need the same token, one asks."""
    with Guarded() as guarded:
        registry = client(guarded.registry.host)
        registry.get_manifest("me/first", "v1")
        threads = [threading.Thread(target=registry.get_manifest, args=("me/app", "v1")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(guarded.asked) == 2


def test_scope_of_the_challenge_is_asked_for_too(client: Callable[..., Client]) -> None:
    """A registry may want more than the specification says."""
    with Guarded() as guarded:
        guarded.scope = "repository:me/app:pull,special registry:catalog:*"
        client(guarded.registry.host).get_manifest("me/app", "v1")
        [exchange] = guarded.asked
        assert exchange.values("scope") == ["repository:me/app:pull,special", "registry:catalog:*"]


def test_ever_other_scopes_end(client: Callable[..., Client]) -> None:
    """A registry that asks for another scope each time is answered a few times only."""
    with Guarded() as guarded:
        guarded.accepts = lambda token: False  # noqa: ARG005
        numbers = iter(range(100))
        original = guarded._registry

        def moody(exchange: Exchange) -> None:
            guarded.scope = f"repository:other-{next(numbers)}:pull"
            original(exchange)

        guarded.registry.respond = moody
        with pytest.raises(Unauthorized):
            client(guarded.registry.host).get_manifest("me/app", "v1")
        assert len(guarded.registry.log) == 4


def test_refused_old_token_is_renewed_once(client: Callable[..., Client]) -> None:
    """A token revoked before its time costs one more request for a new one."""
    with Guarded() as guarded:
        registry = client(guarded.registry.host)
        registry.get_manifest("me/app", "v1")
        guarded.answer = (200, {"token": "new"}, {})
        guarded.accepts = lambda token: token == "new"
        registry.get_manifest("me/app", "v1")
        assert len(guarded.asked) == 2
        guarded.accepts = lambda token: False  # noqa: ARG005
        with pytest.raises(Unauthorized):
            registry.get_manifest("me/app", "v1")
        assert len(guarded.asked) == 3


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (None, 60),
        (0, 60),
        (-5, 60),
        (math.nan, 60),
        ("soon", 60),
        ("3600", 60),
        (True, 1),
        (3600, 3600),
        (86_400, 86_400),
        (86_401, 86_400),
        (1e300, 86_400),
        (10**400, 86_400),
    ],
    ids=lambda value: str(value)[:8],
)
def test_life_of_a_token(client: Callable[..., Client], life: Any, expected: float) -> None:
    """Whatever is said of a token's life, it is used at once: a minute, if that is strange, at most a day."""
    with Guarded(**({} if life is None else {"expires_in": life})) as guarded:
        registry = client(guarded.registry.host)
        registry.get_manifest("me/app", "v1")
        registry.get_manifest("me/app", "v1")
        assert 1 <= len(guarded.asked) <= 2
        assert registry._conversation._authorizer._tokens[0].life == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        b"[]",
        b"{}",
        b'{"token":7}',
        b'{"token":"a b"}',
        b'{"token":"a\\r\\nX: y"}',
        b"[" * 99_999,
    ],
)
def test_answer_without_a_token(client: Callable[..., Client], body: bytes) -> None:
    """A success that holds no usable token is an error, and says whose."""
    with Guarded() as guarded:
        guarded.answer = (200, body, {})
        with pytest.raises(ContentMismatch, match=f"{guarded.service.host} answered without a usable token"):
            client(guarded.registry.host).get_manifest("me/app", "v1")


def test_token_answer_over_the_limit(client: Callable[..., Client]) -> None:
    """A token service may not fill the memory."""
    with Guarded() as guarded:
        guarded.answer = (200, bytes(2 << 20), {})
        with pytest.raises(ContentMismatch, match="more than 1048576 bytes"):
            client(guarded.registry.host).get_manifest("me/app", "v1")


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_token_refused(client: Callable[..., Client], status: int) -> None:
    """A refusal by the token service is told as its own, with its words."""
    with Guarded() as guarded:
        guarded.answer = (status, {"error": "invalid_grant", "error_description": "no such account"}, {})
        with pytest.raises(TokenRefused, match="invalid_grant: no such account") as raised:
            client(guarded.registry.host).get_manifest("me/app", "v1")
        assert raised.value.status == status
        assert len(guarded.asked) == 1


def test_busy_token_service(client: Callable[..., Client]) -> None:
    """A token service that is busy for a moment is asked again; one that stays so is given up."""
    with Guarded() as guarded:
        answers = [(503, {}, {}), (429, {}, {"Retry-After": "0"}), guarded.answer]
        original = guarded._service

        def recovering(exchange: Exchange) -> None:
            guarded.answer = answers.pop(0)
            original(exchange)

        guarded.service.respond = recovering
        client(guarded.registry.host).get_manifest("me/app", "v1")
        assert answers == []
        guarded.service.respond = original
        guarded.answer = (503, {"message": "later"}, {})
        with pytest.raises(RegistryError, match="503: later"):
            client(guarded.registry.host, retries=1).get_manifest("me/app", "v1")
        guarded.answer = (429, {}, {"Retry-After": "9999"})
        asked = len(guarded.asked)
        with pytest.raises(RegistryError, match="429") as raised:
            client(guarded.registry.host).get_manifest("me/app", "v1")
        assert len(guarded.asked) == asked + 1
        assert "asks to wait 9999 s" in raised.value.__notes__[0]


def test_token_service_that_fails_otherwise(client: Callable[..., Client]) -> None:
    """A failure that is no refusal is no reason to ask for less."""
    with Guarded() as guarded:
        guarded.answer = (418, {}, {})
        with pytest.raises(RegistryError, match="418") as raised:
            PushSession.open(client(guarded.registry.host), "me/app", pulls=["me/base"])
        assert not isinstance(raised.value, TokenRefused)
        assert len(guarded.asked) == 1


def test_token_service_that_is_not_there(client: Callable[..., Client]) -> None:
    """A token service that cannot be reached is named, not the registry."""
    with Guarded() as guarded:
        host = guarded.service.host
        guarded.service.__exit__(None, None, None)
        with pytest.raises(RegistryUnreachable, match=f"cannot get a token for .*: {host} cannot be reached"):
            client(guarded.registry.host, retries=1).get_manifest("me/app", "v1")
        guarded.service = HttpServer(guarded._service).__enter__()


@pytest.mark.parametrize(
    ("challenge", "requests"),
    [
        ("", 1),
        ("Digest realm=x", 1),
        ("Bearer", 1),
        ("Bearer service=x", 1),
        ('Basic realm="x"', 2),
        ('Negotiate, BASIC realm="x", Bearer service="no realm"', 2),
    ],
)
def test_challenges_that_are_no_bearer(client: Callable[..., Client], challenge: str, requests: int) -> None:
    """What cannot be answered is final; basic authentication is answered once."""
    respond = lambda exchange: exchange.answer(401, headers={"WWW-Authenticate": challenge})  # noqa: E731
    with HttpServer(respond) as server:
        keychain = StaticKeychain({server.host: ("me", SECRET)})
        with pytest.raises(Unauthorized) as raised:
            client(server.host, keychain=keychain).get_manifest("me/app", "v1")
        assert len(server.log) == requests
        assert SECRET not in str(raised.value)


def test_nobody_to_basic_authentication(client: Callable[..., Client]) -> None:
    """No credentials, nothing to send; also once the challenge is known."""
    with HttpServer(lambda exchange: exchange.answer(401, headers={"WWW-Authenticate": "Basic"})) as server:
        registry = client(server.host, keychain=StaticKeychain({server.host: Credentials()}))
        for _ in range(2):
            with pytest.raises(Unauthorized):
                registry.get_manifest("me/app", "v1")
        assert len(server.log) == 2


def test_bearer_is_preferred_to_basic(client: Callable[..., Client]) -> None:
    """Of several challenges the token is taken, whatever their order and case, in one header or in many."""
    for scheme, others in (("Basic realm=x, BEARER", []), ("Bearer", ["Negotiate", "Basic realm=x"])):
        with Guarded() as guarded:
            guarded.scheme, guarded.others = scheme, others
            keychain = guarded.keychain(Credentials(username="me", password=SECRET))
            client(guarded.registry.host, keychain=keychain).get_manifest("me/app", "v1")
            assert len(guarded.asked) == 1


def test_keychain_is_asked_once_for_each_repository(client: Callable[..., Client]) -> None:
    """A keychain, which may run a program, is asked when a registry first wants to know, and then no more."""
    asked: list[tuple[str, str | None]] = []

    class Counting:
        def credentials(self, registry: str, repository: str | None) -> Credentials | None:
            asked.append((registry, repository))
            return None

    with Guarded() as guarded:
        registry = client(guarded.registry.host, keychain=Counting())
        assert asked == []
        for repository in ("me/app", "me/app", "me/other"):
            registry.get_manifest(repository, "v1")
        assert asked == [(guarded.registry.host, "me/app"), (guarded.registry.host, "me/other")]


def test_keychain_that_fails(client: Callable[..., Client]) -> None:
    """What a keychain raises comes out as it is."""

    class Broken:
        def credentials(self, registry: str, repository: str | None) -> Credentials | None:
            raise CredentialError(f"the helper hangs: {registry} {repository}")

    with Guarded() as guarded, pytest.raises(CredentialError, match="the helper hangs"):
        client(guarded.registry.host, keychain=Broken()).get_manifest("me/app", "v1")


def test_words_that_repeat_a_credential_are_masked(client: Callable[..., Client]) -> None:
    """Neither the service's words nor the registry's repeat what they were given."""
    with Guarded() as guarded:
        credentials = Credentials(username="me", password=SECRET)
        pair = base64.b64encode(f"me:{SECRET}".encode()).decode()
        guarded.answer = (403, {"message": f"bad password {SECRET} in {pair}"}, {})
        registry = client(guarded.registry.host, keychain=guarded.keychain(credentials))
        with pytest.raises(TokenRefused, match=r"bad password \*\*\* in \*\*\*"):
            registry.get_manifest("me/app", "v1")
        guarded.answer = (200, {"token": "t0ken"}, {})
        words = b'{"errors":[{"code":"t0ken","message":"what is t0ken?"}]}'
        original = guarded._registry

        def telling(exchange: Exchange) -> None:
            if exchange.headers.get("Authorization"):
                exchange.answer(403, words)
            else:
                original(exchange)

        guarded.registry.respond = telling
        with pytest.raises(RegistryError, match=r"\*\*\*: what is \*\*\*\?") as raised:
            registry.get_manifest("me/app", "v1")
        assert raised.value.codes == ("***",)


def test_words_that_repeat_a_forgotten_token_are_masked(client: Callable[..., Client]) -> None:
    """A token that is refused in the middle of an upload is dropped, and still a secret, as all before it."""
    tokens: list[str] = []
    with Guarded() as guarded:

        def another(exchange: Exchange) -> None:
            tokens.append(f"t0ken-{len(tokens)}")
            exchange.answer(200, json.dumps({"token": tokens[-1]}).encode())

        def telling(exchange: Exchange) -> None:
            sent = exchange.headers.get("Authorization")
            exchange.read()
            if sent and exchange.method == "POST":
                exchange.answer(202, headers={"Location": "/v2/me/app/blobs/uploads/1"})
                return
            challenge = f'Bearer realm="http://{guarded.service.host}/token",service="reg"'
            message = f"{' '.join(tokens)} are over"
            body = json.dumps({"errors": [{"code": "EXPIRED", "message": message}]}).encode()
            exchange.answer(401, body, {"WWW-Authenticate": challenge})

        guarded.registry.respond, guarded.service.respond = telling, another
        upload = client(guarded.registry.host, retries=0).begin_upload("me/app")
        with pytest.raises(Unauthorized, match=r"EXPIRED: \*\*\* \*\*\* are over"):
            upload.send(BytesBody(b"bytes"))


def test_tokens_that_ended_are_still_secrets(client: Callable[..., Client]) -> None:
    """A registry that repeats the token before the present one says nothing of either."""
    tokens: list[str] = []
    with Guarded() as guarded:

        def short(exchange: Exchange) -> None:
            tokens.append(f"t0ken-{len(tokens)}")
            exchange.answer(200, json.dumps({"token": tokens[-1], "expires_in": 1e-300}).encode())

        def telling(exchange: Exchange) -> None:
            challenge = f'Bearer realm="http://{guarded.service.host}/token",service="reg"'
            status = 401 if "Authorization" not in exchange.headers else 403 if len(tokens) > 1 else 200
            headers = {"Content-Type": "text/plain", "WWW-Authenticate": challenge}
            exchange.answer(status, " ".join(tokens).encode(), headers)

        guarded.registry.respond, guarded.service.respond = telling, short
        registry = client(guarded.registry.host)
        registry.ping()
        with pytest.raises(Denied, match=r"403: \*\*\* \*\*\*\."):
            registry.ping()


def test_credentials_that_ended_are_still_secrets(client: Callable[..., Client]) -> None:
    """A registry that repeats a password before the present one says nothing of either, however often."""
    given = [f"passw0rd-{number}" for number in range(2)]

    class Renewing:
        def credentials(self, registry: str, repository: str | None) -> Credentials:  # noqa: ARG002
            return Credentials(username="me", password=next(passwords), expires=time.time() + 1)

    def respond(exchange: Exchange) -> None:
        if "Authorization" not in exchange.headers:
            exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
        else:
            exchange.answer(403, " ".join(given).encode(), {"Content-Type": "text/plain"})

    passwords = itertools.chain(given, itertools.repeat(given[1]))
    with HttpServer(respond) as server:
        registry = client(server.host, keychain=Renewing())
        for _ in range(40):
            with pytest.raises(Denied, match=r"403: \*\*\* \*\*\*\."):
                registry.ping()


@pytest.mark.peer
def test_identity_token_with_docker_registry(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    repository: str,
) -> None:
    """An identity token opens a real registry."""
    token_server.users = {"nobody": "else"}
    token_server.identity_tokens = {SECRET}
    token_server.field = "access_token"
    keychain = StaticKeychain({token_registry.host: ("<token>", SECRET)})
    PushSession.open(client(token_registry.host, keychain=keychain), repository).close()
    assert token_server.seen[0].method == "POST"


@pytest.mark.peer
def test_wrong_password_with_a_token_service(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    front: Callable[[str], Front],
    users: dict[str, str],
    repository: str,
) -> None:
    """The service refuses a wrong password, and its words, which repeat it, are masked."""
    token_server.users = users
    proxy = front(token_registry.host)
    keychain = StaticKeychain({proxy.host: ("me", SECRET + "!")})
    with pytest.raises(TokenRefused, match=r"UNAUTHORIZED: who is Basic \*\*\*\?"):
        PushSession.open(client(proxy.host, keychain=keychain), repository)
    assert len(proxy.requests) == 1
    keychain = StaticKeychain({proxy.host: next(iter(users.items()))})
    PushSession.open(client(proxy.host, keychain=keychain), repository).close()
