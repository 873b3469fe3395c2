"""Token services: credentials for a bearer token (distribution, "Token Authentication Specification").

A token service is asked by GET, with basic authentication if there is a password, or by POST in the manner
of OAuth 2, which an identity token needs. Services that take one method only are asked by the other on 404 or
405.
"""

import base64
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from attrs import field, frozen

from lazyimg.errors import ContentMismatch, RegistryError, Unauthorized
from lazyimg.registry.authorization.scope import Scope, all_covered
from lazyimg.registry.failure import read_words, refusal
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.secret import Secret, SecretBytes
from lazyimg.registry.transport.network import Call
from lazyimg.registry.transport.wire import Reply, Request, Wire, host_of

CLIENT_ID = "lazyimg"
_LIMIT = 1 << 20
_DEFAULT_LIFE = 60.0  # seconds a token lives if nothing is said (the specification's default)
_LONGEST_LIFE = 24 * 3600.0
_OTHER_METHOD = frozenset({404, 405})
_REFUSED = frozenset({400, 401, 403, 404})


class TokenRefused(Unauthorized):
    """The token service itself gave no token; for fewer scopes it might."""


@frozen
class Token:
    """A bearer token.

    Attributes:
        value: what is sent; a secret.
        scopes: what it was asked for (it may have been given for less).
        born: when it came, by the monotonic clock, in seconds.
        life: how many seconds it lives.
        identity: the identity token that came with it, for later; a secret.
    """

    value: str = field(repr=False, converter=Secret)
    scopes: tuple[Scope, ...]
    born: float
    life: float
    identity: str = field(default="", repr=False, converter=Secret)

    def is_fresh(self, now: float) -> bool:
        """Tell whether it is still good, with a margin for the way to the registry."""
        return now < self.born + self.life - min(10.0, self.life / 5)

    def covers(self, scopes: Iterable[Scope]) -> bool:
        """Tell whether it was asked for all of these scopes."""
        return all_covered(self.scopes, scopes)


@frozen(kw_only=True)
class TokenRequest:
    """What a token service is asked.

    Attributes:
        realm: its address.
        service: the registry's name for itself, from the challenge; may be empty.
        scopes: what the token is for.
        credentials: who asks; None is anybody.
        is_offline: whether an identity token is asked for as well.
    """

    realm: str = field(repr=False)
    service: str = field(repr=False)
    scopes: tuple[Scope, ...]
    credentials: Credentials | None = None
    is_offline: bool = False

    @property
    def doing(self) -> str:
        """What is being done, for messages."""
        wanted = " ".join(map(str, self.scopes))
        return f"get a token for {wanted}" if wanted else "get a token"


def is_token(value: str) -> bool:
    """Tell whether a text can be a bearer token: not empty, and what a header can hold."""
    return re.fullmatch(r"[!-~]+", value) is not None


def basic(credentials: Credentials) -> str:
    """Return the ``Authorization`` header of basic authentication (RFC 7617)."""
    pair = f"{credentials.username}:{credentials.password}".encode()
    return Secret(f"Basic {base64.b64encode(pair).decode()}")


def fetch_token(wire: Wire, request: TokenRequest, call: Call) -> tuple[Token | None, Reply, bytes]:
    """Ask a token service once, by the one method and, where that is not offered, by the other.

    Returns:
        The token, or None with the answer that was no success; and that answer's body.

    Raises:
        RegistryUnreachable: no answer.
        RegistryError: a success without a token in it.
    """
    by_post = bool(request.credentials and request.credentials.identity_token)
    reply, data = _ask(wire, request, call, by_post=by_post)
    if reply.status in _OTHER_METHOD and (by_post or request.credentials):
        other, other_data = _ask(wire, request, call, by_post=not by_post)
        if other.status not in _OTHER_METHOD:
            reply, data = other, other_data
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - success, in HTTP's own words
        return None, reply, data
    return _read_token(request, data), reply, data


def _ask(wire: Wire, request: TokenRequest, call: Call, *, by_post: bool) -> tuple[Reply, bytes]:
    reply = wire.send(_post(request) if by_post else _get(request), call)
    return reply, SecretBytes(reply.read(_LIMIT))


def _get(request: TokenRequest) -> Request:
    query = [("scope", str(scope)) for scope in request.scopes]
    if request.service:
        query.insert(0, ("service", request.service))
    headers = {"Accept": "application/json"}
    credentials = request.credentials
    if credentials and credentials.password:
        query.append(("account", credentials.username))
        if request.is_offline:
            query += [("client_id", CLIENT_ID), ("offline_token", "true")]
        headers["Authorization"] = basic(credentials)
    return Request(doing=request.doing, method="GET", url=_with_query(request.realm, query), headers=headers)


def _with_query(realm: str, query: list[tuple[str, str]]) -> str:
    parts = urlsplit(realm)
    joined = "&".join(filter(None, (parts.query, urlencode(query))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


def _post(request: TokenRequest) -> Request:
    form = {
        "client_id": CLIENT_ID,
        "service": request.service,
        "scope": " ".join(map(str, request.scopes)),
        **_grant(request.credentials or Credentials()),
    }
    if request.is_offline:
        form["access_type"] = "offline"
    return Request(
        doing=request.doing,
        method="POST",
        url=request.realm,
        headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
        content=urlencode(form).encode(),
    )


def _grant(credentials: Credentials) -> Mapping[str, str]:
    if credentials.identity_token:
        return {"grant_type": "refresh_token", "refresh_token": credentials.identity_token}
    return {"grant_type": "password", "username": credentials.username, "password": credentials.password}


def _read_token(request: TokenRequest, data: bytes) -> Token:
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        answer = None
    fields: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
    value = _first(fields, "token", "access_token")
    if not value:
        data, answer, fields = b"", None, {}  # may hold another secret, which no traceback is to show
        raise ContentMismatch(
            f"cannot {request.doing}: {host_of(request.realm)} answered without a usable token"
        )
    identity = _first(fields, "refresh_token") if request.is_offline else ""
    return Token(value, request.scopes, time.monotonic(), _life(fields.get("expires_in")), identity)


def _first(fields: Mapping[str, Any], *names: str) -> str:
    """Return the first of some fields that is a token, empty if none is."""
    values = (fields.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and is_token(value)), "")


def _life(value: object) -> float:
    if not isinstance(value, int | float) or not value > 0:  # nor NaN
        return _DEFAULT_LIFE
    return float(min(value, _LONGEST_LIFE))  # the number may be beyond what a float holds


def token_refusal(
    request: TokenRequest, reply: Reply, data: bytes, secrets: Iterable[str], advice: str = ""
) -> RegistryError:
    """Make the error for a token service's answer that is no success; see `refusal` for the advice."""
    words = read_words(data, reply.headers.get("Content-Type", ""), secrets)
    error = refusal(request.doing, host_of(request.realm), reply.status, words, advice=advice)
    if reply.status in _REFUSED:
        return TokenRefused(str(error), status=error.status, codes=error.codes)
    return error
