"""Tokens: what the registry's own token service gives out, and what it believes when it comes back.

A token is a JSON Web Token (RFC 7519) signed with a key that the registry keeps to itself: who asked, what
it may do, until when. Nothing is remembered of those given out but how many there were, so that all of
them can be ended at once.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import define, field, frozen

from lazyimg.server.scopes import Scope

ANYBODY = "anybody"
"""Who a token is for that was given to a client without a name."""

BEARER = "lazyimg.bearer"
"""Where the scope of a request holds the `Bearer` who was let in, or None where nobody needs a token."""

ALL = frozenset({"*"})

HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")

May = Callable[[str | None, Scope], Iterable[str]]
"""Says which actions a user, None for a stranger, may do of those in a scope."""


class InvalidToken(Exception):
    """A token that is not believed; the message is one sentence for a person, without the token."""


@frozen
class Bearer:
    """Who shows a token, and what it may do."""

    user: str | None
    scopes: tuple[Scope, ...] = ()


@define(eq=False)
class Tokens:
    """Token authentication, as Docker's registries do it: ``Registry(token=Tokens(life=60))``.

    Args:
        life: how long a token is good for, in seconds.
        strangers: what may be done without a name, where the registry has users: ``{"pull"}``. Where it
            has none everybody may do everything.
        may: called with a user's name (None for a stranger) and a scope that was asked for; returns the
            actions that are granted. None grants all to users.
    """

    life: float = 300.0
    strangers: frozenset[str] = field(default=frozenset(), converter=frozenset)
    may: May | None = None
    _key: bytes = field(factory=lambda: secrets.token_bytes(32), init=False, repr=False)
    _numbers: Iterator[int] = field(factory=lambda: itertools.count(1), init=False, repr=False)
    _ended: int = field(default=0, init=False, repr=False)

    def issue(self, *scopes: str | Scope, user: str | None = None, life: float | None = None) -> str:
        """Return a new token, whoever asks: for tests that need one at hand.

        Args:
            scopes: what it is good for: ``"repository:team/app:pull,push"``.
            user: who it is for.
            life: how long it is good for, in seconds, if not as long as others; 0 or less has ended.
        """
        parsed = [each if isinstance(each, Scope) else Scope.parse(each) for each in scopes]
        now = time.time()
        claims = {
            "iss": "lazyimg",
            "sub": user or ANYBODY,
            "iat": int(now),
            "exp": now + (self.life if life is None else life),
            "jti": next(self._numbers),
            "access": [{"type": s.kind, "name": s.name, "actions": sorted(s.actions)} for s in parsed],
        }
        return self._sign(claims | ({"user": user} if user is not None else {}))

    def issue_identity(self, user: str) -> str:
        """Return an identity token: what a client keeps in place of a password, and never sends to `/v2/`."""
        return self._sign({"iss": "lazyimg", "user": user, "identity": True})

    def expire(self) -> None:
        """End all tokens that were given out so far; identity tokens stay good."""
        self._ended = next(self._numbers)

    def read(self, token: str) -> Bearer:
        """Return who a token was given to, and for what.

        Raises:
            InvalidToken: it was not given out here, or has expired.
        """
        claims = self._verify(token)
        if "jti" not in claims:
            raise InvalidToken("an identity token is for the token service alone")
        if claims["exp"] <= time.time() or claims["jti"] <= self._ended:
            raise InvalidToken("the token has expired")
        scopes = (Scope(s["type"], s["name"], frozenset(s["actions"])) for s in claims["access"])
        return Bearer(claims.get("user"), tuple(scopes))

    def read_identity(self, token: str) -> str:
        """Return whose identity token this is.

        Raises:
            InvalidToken: it was not given out here.
        """
        claims = self._verify(token)
        if "identity" not in claims:
            raise InvalidToken("this is no identity token")
        return str(claims["user"])

    def grant(self, user: str | None, scopes: Iterable[Scope], *, is_open: bool) -> list[Scope]:
        """Return what is granted of the scopes that were asked for; the rest is left out silently.

        Args:
            user: who asks; None is a stranger.
            scopes: what was asked for.
            is_open: whether the registry has no users, so that strangers may do what users may.
        """
        granted = (scope.limited(self._allowed(user, scope, is_open=is_open)) for scope in scopes)
        return [scope for scope in granted if scope.actions]

    def _allowed(self, user: str | None, scope: Scope, *, is_open: bool) -> Iterable[str]:
        if self.may is not None:
            return self.may(user, scope)
        return ALL if is_open or user is not None else self.strangers

    def _sign(self, claims: dict[str, Any]) -> str:
        signed = HEADER + b"." + _encode(json.dumps(claims).encode())
        return (signed + b"." + _encode(self._mac(signed))).decode()

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")

    def _verify(self, token: str) -> dict[str, Any]:
        try:
            signed, _, signature = token.encode().rpartition(b".")
            header, _, claims = signed.partition(b".")
            is_ours = header == HEADER and hmac.compare_digest(_decode(signature), self._mac(signed))
        except (binascii.Error, ValueError):
            is_ours = False
        if not is_ours:
            raise InvalidToken("the token was not given out here")
        return dict(json.loads(_decode(claims)))


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
