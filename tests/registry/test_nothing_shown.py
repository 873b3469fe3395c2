"""A credential is shown nowhere: a marked one goes every way there is, and is looked for in all that is."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import structlog
from support.http_server import Exchange, HttpServer
from support.leading import Leading
from support.shown import Listener, forms_of, shown

import lazyimg as li
from lazyimg.cli import main
from lazyimg.errors import LazyImgError, RegistryWarning
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_logins")

PASSWORD = 'm4rked/P4ss+w%rd"&<x>'
TOKEN = "m4rked.t0ken-" + "abcdefgh" * 20
KINDS = {
    "password": Credentials(username="me", password=PASSWORD),
    "identity token": Credentials(identity_token=TOKEN),
    "registry token": Credentials(registry_token=TOKEN),
}


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Look into what every library logs for whoever runs a program, too."""
    listener = Listener()
    logging.getLogger().addHandler(listener)
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield
    logging.getLogger().removeHandler(listener)
    logging.getLogger().setLevel(before)
    check_hidden(*listener.lines)


def check_hidden(*things: object, used: tuple[str, ...] = (PASSWORD, TOKEN)) -> None:
    """Look for the marked secrets, in all their forms, in all that can be shown of things."""
    text = shown(*things)
    for secret in used:
        for form in forms_of(secret):
            at = text.find(form)
            assert at < 0, text[max(0, at - 300) : at + len(form)]
        assert secret[:40] not in text


class Gossip:
    """A registry, its token service and whatever else is wanted, which repeats all that it is told.

    Args:
        scheme: what it wants: ``Basic`` or ``Bearer``.
        status: what it answers whoever shows a credential.
        service: what its token service answers: a status, and a body or None for one that repeats.
    """

    def __init__(
        self, scheme: str, status: int = 403, service: tuple[int, bytes | None] | None = None
    ) -> None:
        self.scheme, self.status, self.service = scheme, status, service
        self.heard: list[str] = []
        self.server = HttpServer(self._respond)

    def __enter__(self) -> str:
        self.server.__enter__()
        return self.server.host

    def __exit__(self, *details: object) -> None:
        self.server.__exit__(*details)

    def _respond(self, exchange: Exchange) -> None:
        self._hear(exchange)
        told = " ".join(self.heard)
        said = {"errors": [{"code": "DENIED", "message": told}], "error": told, "details": told}
        body, plain = json.dumps(said).encode(), quote(told, safe=" :/")
        headers = {"Content-Type": "application/json", "Warning": f'299 - "{plain[:2000]}"'}
        user = f"me:{quote(PASSWORD, safe='')}"
        if exchange.path == "/token":
            status, given = self.service or (200, json.dumps({"token": TOKEN}).encode())
            self.heard.append("" if self.service else TOKEN)
            exchange.answer(status, body if given is None else given, headers)
        elif "Authorization" not in exchange.headers:
            realm = f"http://{self.server.host}/token?key={quote(PASSWORD, safe='')}"
            parameters = f'realm="{realm}",service="x",error="{plain[:2000]}"'
            exchange.answer(401, body, {**headers, "WWW-Authenticate": f"{self.scheme} {parameters}"})
        else:
            headers["Location"] = f"ftp://{user}@x/{plain[:2000]}?token={TOKEN}"
            exchange.answer(self.status, body, headers)

    def _hear(self, exchange: Exchange) -> None:
        sent = exchange.headers.get("Authorization", "")
        target = exchange.target.replace(quote(PASSWORD, safe=""), "")  # that it said itself
        self.heard += [sent, target, exchange.read().decode(errors="replace")[:2000]]
        if sent.startswith("Basic "):
            self.heard.append(base64.b64decode(sent[6:]).decode())


def push(host: str, credentials: Credentials, **settings: Any) -> tuple[Any, ...]:
    """Push with all ears open; return everything that was to be seen of it."""
    events: list[Any] = []
    log = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[lambda *said: events.append(said) or structlog.processors.JSONRenderer()(*said)],
    )
    keychain = li.Keychains(li.StaticKeychain({host: credentials}), li.DefaultKeychain())
    engine = li.Engine(
        keychain=keychain, retries=0, on_event=events.append, on_request=events.append, log=log, **settings
    )
    image = li.Image.empty().append(li.Layer.from_files({"/a": b"a"}))
    target = f"{host}/team/app:1"
    caught: list[Any] = []
    with warnings.catch_warnings(record=True) as warned, engine:
        warnings.simplefilter("always", RegistryWarning)
        for call in (
            lambda: image.write(target),
            lambda: li.Image.from_registry(target).files(),
        ):
            try:
                caught.append(call())
            except LazyImgError as error:
                caught.append(error)
    said = [str(one.message) for one in warned]
    return (*caught, *events, *said, keychain, engine, image, image.plan(target), image.graph(), events)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
@pytest.mark.parametrize("status", [307, 401, 403])
def test_a_registry_that_repeats_everything(kind: str, scheme: str, status: int) -> None:
    """In bodies, headers, warnings, challenges and redirects: whatever it was told, and may do with it."""
    with Gossip(scheme, status) as host:
        check_hidden(*push(host, KINDS[kind]))


@pytest.mark.parametrize("kind", ["password", "identity token"])
@pytest.mark.parametrize(
    "service",
    [
        (400, None),
        (401, None),
        (403, None),
        (404, None),
        (405, None),
        (503, None),
        (200, None),
        (200, b"not JSON " + PASSWORD.encode()),
        (200, json.dumps({"token": f"{TOKEN} {PASSWORD}", "refresh_token": TOKEN}).encode()),
        (200, (PASSWORD.encode() * 80_000)),
    ],
    ids=lambda service: f"{service[0]}-{len(service[1] or b'')}",
)
def test_a_token_service_that_repeats_everything(kind: str, service: tuple[int, bytes | None]) -> None:
    """In refusals, and in successes that hold no token or never end; a login is refused by it likewise."""
    with Gossip("Bearer", service=service) as host:
        check_hidden(*push(host, KINDS[kind]))
        user, secret = ("me", PASSWORD) if kind == "password" else ("<token>", TOKEN)
        warnings.simplefilter("ignore", RegistryWarning)
        with pytest.raises(LazyImgError) as raised:
            li.login(host, user, secret, auth_file="never.json", engine=li.Engine(retries=0))
        check_hidden(raised.value)


@pytest.mark.parametrize("status", [401, 403])
def test_an_identity_token_that_a_registry_repeats(status: int) -> None:
    """What the token service gives for later is known to be a secret before the login has ended."""
    given = json.dumps({"token": "t0ken", "refresh_token": TOKEN}).encode()
    gossip = Gossip("Bearer", status, service=(200, given))
    gossip.heard.append(TOKEN)
    with gossip as host, warnings.catch_warnings():
        warnings.simplefilter("ignore", RegistryWarning)
        with pytest.raises(LazyImgError, match=r"DENIED: \*\*\*") as raised:
            li.login(host, "me", PASSWORD, auth_file="never.json", engine=li.Engine(retries=0))
    check_hidden(raised.value)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/blobs/uploads/"),
        ("PUT", "/blobs/uploads/"),
        ("PUT", "/manifests/"),
        ("HEAD", "/blobs/"),
        ("GET", "/manifests/"),
        ("GET", "/blobs/"),
    ],
)
def test_a_step_that_is_refused_with_it(method: str, path: str) -> None:
    """A registry that says it at a later step of a push, or of a pull."""

    def refuse(request: Any) -> tuple[int, str, str] | None:
        is_meant = request.method == method and path in request.path
        return (403, "DENIED", f"not with {PASSWORD}") if is_meant else None

    with li.Registry(users={"me": PASSWORD}) as registry:
        if method in {"GET", "HEAD"}:
            push(registry.host, KINDS["password"])
        registry.hook = refuse
        seen = push(registry.host, KINDS["password"])
        check_hidden(*seen)
        assert method == "HEAD" or any("not with ***" in str(one) for one in seen)


def test_a_token_that_no_header_can_hold() -> None:
    """It is refused before it is sent."""
    with Gossip("Bearer") as host:
        check_hidden(*push(host, Credentials(registry_token=f"{TOKEN}\n{PASSWORD}")))


def test_pushes_that_succeed() -> None:
    """Results, records, events and views of a push that went well."""
    for token in (False, True):
        with li.Registry(users={"me": PASSWORD}, token=token) as registry:
            check_hidden(*push(registry.host, KINDS["password"]), registry, registry.requests)


def test_a_proxy_with_a_password() -> None:
    """The engine's, and the environment's; one that repeats it, and one that is none."""
    user = f"me:{quote(PASSWORD, safe='')}"
    with Gossip("Basic", 407) as proxy:
        for address in (f"http://{user}@{proxy}", f"http://{user}@127.0.0.1:1"):
            host = "registry.example:5000"
            check_hidden(*push(host, KINDS["password"], insecure=[host], proxy=address))


def test_a_host_that_is_a_secret() -> None:
    """A registry sends on to one that it names by what it was told, and nobody is there."""
    plain = "m4rkedpasswordofletters"

    def respond(exchange: Exchange) -> None:
        if "Authorization" not in exchange.headers:
            exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
        else:
            exchange.answer(307, headers={"Location": f"http://{plain}.localhost:1/"})

    with HttpServer(respond) as server:
        seen = push(server.host, Credentials(username="me", password=plain))
    check_hidden(*seen, used=(plain,))
    assert "***.localhost:1 cannot be reached" in shown(*seen)


@pytest.mark.parametrize("is_named", [True, False])
def test_a_proxy_that_answers_itself(monkeypatch: pytest.MonkeyPatch, *, is_named: bool) -> None:
    """It has a password of its own, which its answers to plain http repeat."""
    pair = f"me:{PASSWORD}"
    told = f"{pair} {base64.b64encode(pair.encode()).decode()} {quote(PASSWORD, safe='')}"
    said = {"Content-Type": "text/plain", "Warning": f'299 - "{quote(PASSWORD, safe="")}"'}
    with HttpServer(lambda exchange: exchange.answer(407, told.encode(), said)) as proxy:
        address = f"http://me:{quote(PASSWORD, safe='')}@{proxy.host}"
        monkeypatch.setenv("http_proxy", "" if is_named else address)
        host, settings = "registry.example:5000", {"proxy": address} if is_named else {}
        seen = push(host, Credentials(username="me", password="another"), insecure=[host], **settings)
    check_hidden(*seen)
    assert f"It is the proxy http://{proxy.host} that answered" in shown(*seen)


def test_a_proxy_that_is_none() -> None:
    """Its address is refused when the engine is made."""
    with pytest.raises(LazyImgError) as raised:
        li.Engine(proxy=f"nonsense://me:{quote(PASSWORD, safe='')}@x")
    check_hidden(raised.value)


# --- files and helpers -----------------------------------------------------------------------------------


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a function that installs the credential helper ``marked``, and a file that names it."""
    (tmp_path / "config.json").write_text('{"credsStore": "marked"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MARKED", PASSWORD)

    def install(script: str) -> None:
        program = tmp_path / "docker-credential-marked"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return install


@pytest.mark.parametrize(
    "script",
    [
        'echo "$MARKED"; echo "$MARKED" >&2; cat; exit 1',
        'echo "$MARKED"',
        'echo "{\\"Username\\": \\"me\\", \\"Password\\": \\"$MARKED\\"}"',
        "cat > /dev/null; exec 1>&-; sleep 0.1; exit 2",
        'echo "[\\"$MARKED\\"]"',
        '[ "$1" = get ] && echo "credentials not found" || { cat; echo "$MARKED"; }; exit 1',
    ],
)
def test_a_helper_that_fails(helper: Callable[[str], None], script: str) -> None:
    """What it prints, and what it is told, while it gives, stores and erases."""
    helper(script)
    with Gossip("Basic") as host:
        check_hidden(*push(host, Credentials()))
    for call in (
        lambda: li.DockerKeychain().credentials("ghcr.io", None),
        lambda: li.logout("ghcr.io"),
    ):
        with contextlib.suppress(LazyImgError):
            call()
    with li.Registry(users={"me": PASSWORD}) as registry:
        try:
            check_hidden(li.login(registry.host, "me", PASSWORD))
        except LazyImgError as error:
            check_hidden(error)


def test_a_helper_that_gives_it(helper: Callable[[str], None]) -> None:
    """What it gives goes where passwords go."""
    told = json.dumps({"Username": "me", "Secret": PASSWORD})
    helper(f"cat <<'END'\n{told}\nEND")
    with Gossip("Basic") as host:
        found = li.DockerKeychain().credentials(host, None)
        assert found == KINDS["password"]
        check_hidden(*push(host, found), found)


@pytest.mark.parametrize(
    "content",
    [
        PASSWORD,
        json.dumps([PASSWORD]),
        json.dumps({"auths": {"ghcr.io": {"auth": PASSWORD}}}),
        json.dumps({"auths": {"ghcr.io": {"auth": base64.b64encode(PASSWORD.encode()).decode()}}}),
        json.dumps({"auths": [PASSWORD], "credsStore": f"../{TOKEN[:30]}"}),
    ],
)
def test_a_file_that_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    """A file, and the environment's; for reading, logging in and logging out."""
    path = tmp_path / "config.json"
    path.write_text(content)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with li.Registry(users={"me": PASSWORD}) as registry:
        for call in (
            lambda: li.DockerKeychain(path).credentials("ghcr.io", None),
            lambda: li.login(registry.host, "me", PASSWORD),
            lambda: li.login(f"{registry.host}/team", "me", PASSWORD),
            lambda: li.logout("ghcr.io"),
        ):
            try:
                call()
            except LazyImgError as error:
                check_hidden(error, used=(PASSWORD,))
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", content)
    with contextlib.suppress(LazyImgError):
        found = li.DefaultKeychain().credentials("ghcr.io", None)
        check_hidden(found)


def test_a_login_that_cannot_be_kept(tmp_path: Path) -> None:
    """The password was right, and there is no place for it."""
    (tmp_path / "file").write_text("x")
    with li.Registry(users={"me": PASSWORD}) as registry, pytest.raises(LazyImgError) as raised:
        li.login(registry.host, "me", PASSWORD, auth_file=tmp_path / "file/config.json")
    check_hidden(raised.value)


@pytest.mark.parametrize("secret", [PASSWORD, f"{PASSWORD}\0"])
def test_the_command(
    secret: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``lazyimg login`` says what went wrong, and prints no traceback."""
    import io  # noqa: PLC0415 - for a standard input

    with Gossip("Basic") as host, warnings.catch_warnings():
        warnings.simplefilter("ignore", RegistryWarning)
        for arguments in (["login", "-u", "me", "--password-stdin", host], ["logout", host]):
            monkeypatch.setattr(sys, "stdin", io.StringIO(secret))
            main(arguments)
    ended = capsys.readouterr()
    check_hidden(ended.out, ended.err)
    assert "Traceback" not in ended.err


# --- keychains -------------------------------------------------------------------------------------------


@pytest.fixture
def gossip() -> Iterator[str]:
    """Give the address of what repeats everything, and refuses all."""
    with Gossip("Bearer", 403, service=(403, None)) as host:
        yield host


def failing(keychain: li.Keychains, registry: str) -> None:
    """Ask a keychain, whose service refuses and repeats; look at what comes out of it."""
    with pytest.raises(LazyImgError) as raised:
        keychain.credentials(registry, "team/app")
    check_hidden(raised.value, keychain, keychain.keychains)


def test_github(gossip: str) -> None:
    """Its token, given and from the environment."""
    keychain = li.GitHubKeychain(TOKEN, hosts=[gossip])
    found = keychain.credentials(gossip, None)
    assert found is not None
    check_hidden(keychain, found, *push(gossip, found))


def test_kubernetes(gossip: str, tmp_path: Path) -> None:
    """The pod's token, and the secrets."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "namespace").write_text("team")
    cluster = li.KubernetesKeychain.from_cluster(mount=tmp_path, server=f"http://{gossip}")
    failing(li.Keychains(cluster), "ghcr.io")
    auths = {"ghcr.io": {"auth": base64.b64encode(f"me:{PASSWORD}".encode()).decode()}}
    secret = {"stringData": {".dockerconfigjson": json.dumps({"auths": auths})}}
    given = li.KubernetesKeychain.from_secret(secret)
    check_hidden(given, given.credentials("ghcr.io", None))
    failing(
        li.Keychains(li.KubernetesKeychain.from_secret(secret | {"stringData": {"x": PASSWORD}})), "ghcr.io"
    )


def test_amazon(gossip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret key and the session's token."""
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, TOKEN)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{gossip}")
    failing(li.Keychains(li.ECRKeychain()), "123456789012.dkr.ecr.eu-west-1.amazonaws.com")


def test_google(gossip: str) -> None:
    """The refresh token of a user."""
    from google.oauth2.credentials import Credentials as User  # noqa: PLC0415 - an extra

    uri = f"http://{gossip}/token"
    own = User(None, refresh_token=TOKEN, token_uri=uri, client_id="me", client_secret=PASSWORD)
    failing(li.Keychains(li.GoogleKeychain(own)), "gcr.io")


def test_microsoft(gossip: str) -> None:
    """Entra's access token, and the refresh token that it was traded in for."""
    from azure.core.credentials import AccessToken  # noqa: PLC0415 - an extra

    class Own:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            return AccessToken(TOKEN, int(time.time()) + 3600)

    failing(li.Keychains(li.AzureKeychain(Own(), transport=Leading(gossip))), "team.azurecr.io")


# --- the look itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", sorted(forms_of(PASSWORD)))
def test_a_leak_would_be_found(form: str) -> None:
    """In a message, an attribute, a cause, a note, a pickle, a view; in whatever form."""
    with pytest.raises(AssertionError, match=r".+"):
        check_hidden(ValueError(form))
    with pytest.raises(AssertionError, match=r".+"):
        check_hidden({"nested": [PASSWORD]}, form)


def test_a_secret_is_a_text_that_is_not_shown() -> None:
    """It is sent as it is; parts of it are as secret as the whole, and it is not copied or pickled."""
    secret = Secret(PASSWORD)
    assert secret == PASSWORD
    assert f"{secret}" == PASSWORD
    assert json.dumps({"x": secret}) == json.dumps({"x": PASSWORD})
    assert repr([secret, secret[:80], secret[3]]) == "[***, ***, ***]"
    assert repr(Secret("")) == "''"
