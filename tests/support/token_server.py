"""A token service of the tests' own: signs what ``docker-registry`` believes, and refuses what it is told to.

Keys, certificate and signatures come from the ``openssl`` command (Debian package openssl).
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

from support.http_server import Exchange, HttpServer
from support.programs import need

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = "lazyimg tests"
ISSUER = "lazyimg test issuer"


class TokenServer:
    """A token service; use it as a context manager.

    Attributes:
        users: passwords by name; whoever is not among them is refused. Empty: everybody is welcome.
        refused: scopes that are refused with 403, as ``repository:me/base:pull``.
        refuses_combined: whether a request for more than one repository is refused.
        granted: if set, what is granted silently instead of what was asked.
        methods: which HTTP methods are offered.
        identity_tokens: refresh tokens that are accepted by POST.
        life: seconds a token lives; None leaves ``expires_in`` out.
        field: the name the token comes under.
        status: if set, every request is answered with this status.
        asked: the scopes of each request so far.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._server = HttpServer(self._respond)
        self.reset()

    def reset(self) -> None:
        """Switch everything back, and forget what was asked."""
        self.users: dict[str, str] = {}
        self.refused: set[str] = set()
        self.refuses_combined = False
        self.granted: list[dict[str, Any]] | None = None
        self.methods = {"GET", "POST"}
        self.identity_tokens: set[str] = set()
        self.life: int | None = 300
        self.field = "token"
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.asked: list[list[str]] = []
        self.seen: list[Exchange] = []

    @property
    def realm(self) -> str:
        """Its address."""
        return f"http://{self._server.host}/token?kept=yes"

    @property
    def auth(self) -> dict[str, Any]:
        """The ``auth`` section of a registry that believes it."""
        return {
            "token": {
                "realm": self.realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self.directory / "cert.pem"),
            }
        }

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tests"),
            *("-keyout", str(self.directory / "key.pem"), "-out", str(self.directory / "cert.pem")),
        )
        pem = (self.directory / "cert.pem").read_text()
        self._certificate = "".join(pem.splitlines()[1:-1])
        self._server.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.__exit__(*details)

    @staticmethod
    def _openssl(*arguments: str, data: bytes = b"") -> bytes:
        program = need("openssl", "openssl")
        return subprocess.run([program, *arguments], input=data, check=True, capture_output=True).stdout

    def _respond(self, exchange: Exchange) -> None:
        self.seen.append(exchange)
        pairs = [*exchange.query, *parse_qsl(exchange.read().decode())]
        scopes = [word for name, value in pairs if name == "scope" for word in value.split()]
        if exchange.method not in self.methods:
            exchange.answer(405)
            return
        self.asked.append(scopes)
        error = self._refusal(exchange, dict(pairs), scopes)
        if error is not None:
            body = json.dumps({"errors": [{"code": error[1], "message": error[2]}]}).encode()
            headers = {"Content-Type": "application/json", **self.headers}
            exchange.answer(error[0], body, headers)
            return
        answer = {self.field: self.sign(scopes)}
        if self.life is not None:
            answer["expires_in"] = self.life
        exchange.answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _refusal(
        self, exchange: Exchange, form: dict[str, str], scopes: list[str]
    ) -> tuple[int, str, str] | None:
        if self.status is not None:
            return self.status, "UNAVAILABLE", "not now"
        if not self._is_known(exchange, form):
            return 401, "UNAUTHORIZED", f"who is {exchange.headers.get('Authorization', 'nobody')}?"
        repositories = {scope.rpartition(":")[0] for scope in scopes}
        if (self.refuses_combined and len(repositories) > 1) or self.refused.intersection(scopes):
            return 403, "DENIED", "not these scopes"
        return None

    def _is_known(self, exchange: Exchange, form: dict[str, str]) -> bool:
        if form.get("grant_type") == "refresh_token":
            return form["refresh_token"] in self.identity_tokens
        if not self.users:
            return True
        if form.get("grant_type") == "password":
            return self.users.get(form["username"]) == form["password"]
        pairs = [f"{user}:{password}" for user, password in self.users.items()]
        headers = [f"Basic {base64.b64encode(pair.encode()).decode()}" for pair in pairs]
        return exchange.headers.get("Authorization") in headers

    def sign(self, scopes: list[str]) -> str:
        """Return a signed token for scopes."""
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self._certificate]}
        claims = {
            "iss": ISSUER,
            "sub": "tests",
            "aud": SERVICE,
            "exp": now + 300,
            "nbf": now - 60,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "access": self._access(scopes) if self.granted is None else self.granted,
        }
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        key = str(self.directory / "key.pem")
        signature = self._openssl("dgst", "-sha256", "-sign", key, data=signed)
        return b".".join((signed, _base64url(signature))).decode()

    @staticmethod
    def _access(scopes: list[str]) -> list[dict[str, Any]]:
        found = []
        for scope in scopes:
            resource, _, actions = scope.rpartition(":")
            kind, _, name = resource.partition(":")
            found.append({"type": kind, "name": name, "actions": actions.split(",")})
        return found


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
