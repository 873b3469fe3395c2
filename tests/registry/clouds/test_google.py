"""Google's registries: google-auth asks what plays Google on loopback, by its documented exchanges."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from support.programs import need

import lazyimg as li
from lazyimg.errors import CredentialError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.http_server import Exchange, HttpServer

HOSTS = ["gcr.io", "eu.gcr.io", "europe-west1-docker.pkg.dev"]
TOKEN = "ya29.s3cret-access-token"


class Google:
    """What plays Google's token service, and a machine's metadata service.

    Attributes:
        life: seconds that tokens live.
        refusal: what it refuses with, if it does.
    """

    def __init__(self) -> None:
        self.life = 3600
        self.refusal: tuple[int, Any] | None = None
        self.forms: list[dict[str, list[str]]] = []
        self.paths: list[str] = []

    def __call__(self, exchange: Exchange, body: bytes) -> tuple[int, Any]:
        self.paths.append(exchange.path)
        self.forms.append(parse_qs(body.decode()))
        if self.refusal:
            return self.refusal
        if exchange.path.endswith(("/token", "/")) and "universe" not in exchange.path:
            answer = {"access_token": TOKEN, "expires_in": self.life, "token_type": "Bearer"}
            return 200, {**answer, "email": "vm@example", "scopes": []}
        return 404, {}


@pytest.fixture
def google() -> Google:
    """Give what plays Google."""
    return Google()


@pytest.fixture(scope="module")
def key() -> str:
    """Give a private key, as a service account's file has it."""
    made = subprocess.run(
        [need("openssl", "openssl"), "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        capture_output=True,
        check=True,
    )
    return made.stdout.decode()


@pytest.fixture
def server(google: Google, serve: Callable[..., HttpServer]) -> HttpServer:
    """Give its server."""
    return serve(google)


@pytest.fixture
def _account(server: HttpServer, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment name the file of a service account whose tokens come from there."""
    path = tmp_path / "account.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": "p",
                "private_key_id": "1",
                "private_key": key,
                "client_email": "ci@p.iam.gserviceaccount.com",
                "token_uri": f"http://{server.host}/token",
            }
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


def asked_outside(**environment: str) -> str:
    """Ask in a process of its own, as google-auth looks at its environment once; say what came of it."""
    code = (
        "from support import guard; guard.install()\n"
        "import lazyimg as li\n"
        "try: found = li.GoogleKeychain().credentials('gcr.io', None); print(found, found.password)\n"
        "except li.LazyImgError as error: print(type(error).__name__, error)\n"
    )
    roots = [str(Path(__file__).parents[2]), str(Path(li.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(roots), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.usefixtures("_account")
def test_a_service_account(google: Google) -> None:
    """Its file is traded in for one access token, good for all of Google's registries until it ends."""
    keychain = li.GoogleKeychain()
    assert google.forms == []
    for host in HOSTS:
        found = keychain.credentials(host, "project/app")
        assert found is not None
        assert (found.username, found.password) == ("oauth2accesstoken", TOKEN)
        assert found.expires == pytest.approx(time.time() + 3600, abs=60)
    [form] = google.forms
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert TOKEN not in repr(keychain)
    assert pickle.loads(pickle.dumps(keychain)) == keychain  # noqa: S301 - its token does not travel with it


@pytest.mark.usefixtures("_account")
def test_a_token_that_ends_is_asked_for_again(google: Google) -> None:
    """One that is good for less than a minute is not used a second time."""
    google.life = 30
    keychain = li.GoogleKeychain()
    keychain.credentials("gcr.io", None)
    keychain.credentials("gcr.io", None)
    assert len(google.forms) == 2


@pytest.mark.usefixtures("_account")
@pytest.mark.parametrize(
    "host",
    [
        "docker.io",
        "gcr.io.evil.example",
        "evilgcr.io",
        "evil-pkg.dev",
        "pkg.dev.evil",
        "pkg.dev",
        "gcr.io:444",
    ],
)
def test_other_hosts_get_nothing(google: Google, host: str) -> None:
    """However much their names look like it; nobody is asked."""
    assert li.GoogleKeychain().credentials(host, None) is None
    assert google.paths == []


def test_a_machine_s_service_account(google: Google, server: HttpServer) -> None:
    """On Google's machines the metadata service gives the token."""
    environment = {"GCE_METADATA_HOST": server.host, "GCE_METADATA_IP": server.host, "NO_GCE_CHECK": ""}
    assert TOKEN in asked_outside(**environment)
    assert [path for path in google.paths if path.endswith("/service-accounts/default/token")]


def test_nobody_is_logged_in() -> None:
    """It says how to log in."""
    said = asked_outside(NO_GCE_CHECK="true")
    assert said.startswith(
        "CredentialError cannot get credentials for gcr.io from Google: no application default"
    )
    assert "gcloud auth application-default login" in said


@pytest.mark.usefixtures("_account")
@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            (400, {"error": "invalid_grant", "error_description": f"the key {TOKEN} is wrong"}),
            "invalid_grant",
        ),
        ((400, {"error": f"{TOKEN} is wrong"}), "google-auth says RefreshError"),
        ((403, TOKEN.encode()), "google-auth says RefreshError"),
        ((200, {"expires_in": 1}), "google-auth says RefreshError"),
    ],
)
def test_google_refuses(google: Google, refusal: tuple[int, Any], said: str) -> None:
    """Its code is repeated and its words are not; nothing leads to the library's error."""
    google.refusal = refusal
    with pytest.raises(CredentialError, match=said) as raised:
        li.GoogleKeychain().credentials("gcr.io", None)
    assert TOKEN not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_credentials_of_one_s_own() -> None:
    """Credentials of google-auth can be given; an account's own are refreshed like others."""
    import google.auth.credentials as library  # noqa: PLC0415 - an extra, which this test is about

    class Own(library.Credentials):
        def refresh(self, request: Any) -> None:  # noqa: ARG002 - google-auth's own signature
            self.token = TOKEN

    found = li.GoogleKeychain(Own()).credentials("gcr.io", None)
    assert found is not None
    assert (found.password, found.expires) == (TOKEN, None)

    class Empty(Own):
        def refresh(self, request: Any) -> None:
            """Get nothing."""

    with pytest.raises(CredentialError, match="it gave no access token"):
        li.GoogleKeychain(Empty()).credentials("gcr.io", None)


@pytest.mark.usefixtures("_account")
def test_google_is_not_there(server: HttpServer, tmp_path: Path) -> None:
    """An address where nobody is."""
    path = tmp_path / "account.json"
    path.write_text(path.read_text().replace(server.host, "127.0.0.1:1"))
    with pytest.raises(CredentialError, match="its token service cannot be reached"):
        li.GoogleKeychain().credentials("gcr.io", None)
    path.write_text("{")
    with pytest.raises(
        CredentialError, match="no application default credentials were found that can be used"
    ):
        li.GoogleKeychain().credentials("gcr.io", None)


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install, and only where a registry is Google's."""
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", None)
    assert li.GoogleKeychain().credentials("ghcr.io", None) is None
    with pytest.raises(MissingExtra, match=r"pip install 'lazyimg\[google\]'"):
        li.GoogleKeychain().credentials("gcr.io", None)
