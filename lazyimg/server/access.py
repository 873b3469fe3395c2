"""Who may do what: passwords, tokens, repositories that are denied, a registry that is read only."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import define, field, frozen

from lazyimg.server.errors import ApiError, denied
from lazyimg.server.htpasswd import Hashed
from lazyimg.server.place import Place
from lazyimg.server.scopes import PULL, READS, Scope, scope_for
from lazyimg.server.tokens import Bearer, InvalidToken, Tokens

SERVICE = "lazyimg-registry"
"""The name by which the registry and its token service speak of the registry."""

BASIC = 'Basic realm="lazyimg registry", charset="UTF-8"'


@frozen
class Caller:
    """Who asks, for what.

    Attributes:
        method: the HTTP method.
        place: what the path names.
        origin: the registry as the client addressed it: ``http://127.0.0.1:5000``.
        authorization: the ``Authorization`` header, or None.
    """

    method: str
    place: Place
    origin: str = ""
    authorization: str | None = field(default=None, repr=False)

    @property
    def token(self) -> str | None:
        """The bearer token that is shown, if one is (RFC 6750)."""
        scheme, _, token = (self.authorization or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@define
class Access:
    """The rules, which may change while the registry runs.

    Attributes:
        users: passwords, or their hashes, by name; None where anybody may do anything.
        read_only: whether whatever changes something is refused.
        denied: repositories (shell patterns) by whether reading them is denied as well.
        tokens: the token service, or None where passwords are sent with every request.
    """

    users: Mapping[str, str | Hashed] | None = field(default=None, repr=False)
    read_only: bool = False
    denied: dict[str, bool] = field(factory=dict)
    tokens: Tokens | None = None

    def takes_long(self, name: str, password: str) -> bool:
        """Whether it takes a hash to tell if this is a user's password."""
        known = None if self.users is None else self.users.get(name)
        return isinstance(known, Hashed) and not known.remembers(password)

    def admit(self, caller: Caller) -> Bearer | None:
        """Let a request in, or refuse it.

        Returns:
            Who showed which token, where the registry wants tokens.

        Raises:
            ApiError: 401 UNAUTHORIZED with a challenge, or 403 DENIED.
        """
        if self.tokens is not None and caller.place.kind == "token":
            return None
        bearer = None
        if self.tokens is not None:
            bearer = self._bearer(self.tokens, caller)
        elif self.users is not None and self.user_of(caller.authorization) is None:
            raise unauthorized(BASIC)
        if self.read_only and caller.method not in READS:
            raise denied("the registry is read only")
        return bearer

    def is_user(self, name: str, password: str) -> bool:
        """Tell whether this is a user's password; anybody is a user where there are none."""
        if self.users is None:
            return True
        known = self.users.get(name)
        if isinstance(known, str):
            return hmac.compare_digest(known.encode(), password.encode())
        return known is not None and known.matches(password)

    def user_of(self, authorization: str | None) -> str | None:
        """Return the user that basic authentication shows, or None."""
        pair = name_and_password(authorization)
        return pair[0] if pair is not None and self.is_user(*pair) else None

    def _bearer(self, tokens: Tokens, caller: Caller) -> Bearer:
        if caller.token is None:
            raise self._challenge(caller)
        try:
            bearer = tokens.read(caller.token)
        except InvalidToken as error:
            raise self._challenge(caller, "invalid_token", str(error)) from None
        wanted = scope_for(caller.method, caller.place)
        if wanted is not None and not wanted.is_within(bearer.scopes):
            raise self._challenge(caller, "insufficient_scope", f"the token is not for {wanted}")
        return bearer

    def _challenge(
        self, caller: Caller, error: str = "", message: str = "authentication required"
    ) -> ApiError:
        """Return the refusal that says where tokens are to be had (Docker's token authentication)."""
        wanted = scope_for(caller.method, caller.place)
        parameters = {"realm": f"{caller.origin}/token", "service": SERVICE, "scope": wanted, "error": error}
        said = ",".join(f'{name}="{value}"' for name, value in parameters.items() if value)
        return unauthorized(f"Bearer {said}", message)

    def expire(self, caller: Caller) -> ApiError:
        """End all tokens that were given out, and return the refusal of one who shows such a token."""
        if self.tokens is None:
            return unauthorized(BASIC)
        self.tokens.expire()
        return self._challenge(caller, "invalid_token", "the token has expired")

    def check(self, method: str, repository: str) -> None:
        """Let a request do what it wants to a repository, or refuse it.

        Raises:
            ApiError: 403 DENIED.
        """
        for pattern, reads in list(self.denied.items()):
            if (reads or method not in READS) and fnmatchcase(repository, pattern):
                raise denied(f"requested access to {repository} is denied")

    def may_read(self, repository: str, bearer: Bearer | None) -> bool:
        """Tell whether a repository may be read as well, by one who was admitted to another."""
        try:
            self.check("GET", repository)
        except ApiError:
            return False
        return bearer is None or Scope("repository", repository, PULL).is_within(bearer.scopes)


def unauthorized(challenge: str, message: str = "authentication required") -> ApiError:
    """Return the refusal of a client that did not say who it is, or not rightly."""
    return ApiError(401, "UNAUTHORIZED", message, headers={"WWW-Authenticate": challenge})


def name_and_password(authorization: str | None) -> tuple[str, str] | None:
    """Return what basic authentication says (RFC 7617), None where it is something else.

    >>> name_and_password("Basic YW5uYTpwYXNzOndvcmQ=")
    ('anna', 'pass:word')
    """
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:  # of base64, of its letters, or of UTF-8
        return None
    name, _, password = pair.partition(":")
    return name, password
