"""Who may do what: names and passwords, repositories that are denied, a registry that is read only."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from fnmatch import fnmatchcase

from attrs import define, field

from lazyimg.server.errors import ApiError, denied

READS = frozenset({"GET", "HEAD"})


@define
class Access:
    """The rules, which may change while the registry runs.

    Attributes:
        users: passwords by name, or None where anybody may do anything.
        read_only: whether whatever changes something is refused.
        denied: repositories (shell patterns) by whether reading them is denied as well.
    """

    users: Mapping[str, str] | None = field(default=None, repr=False)
    read_only: bool = False
    denied: dict[str, bool] = field(factory=dict)

    def admit(self, method: str, authorization: str | None) -> None:
        """Let a request in, or refuse it.

        Raises:
            ApiError: 401 UNAUTHORIZED with a challenge, or 403 DENIED.
        """
        if self.users is not None and not _is_user(self.users, authorization):
            raise unauthorized()
        if self.read_only and method not in READS:
            raise denied("the registry is read only")

    def check(self, method: str, repository: str) -> None:
        """Let a request do what it wants to a repository, or refuse it.

        Raises:
            ApiError: 403 DENIED.
        """
        for pattern, reads in list(self.denied.items()):
            if (reads or method not in READS) and fnmatchcase(repository, pattern):
                raise denied(f"requested access to {repository} is denied")


def unauthorized() -> ApiError:
    """Return the refusal of a client that did not say who it is, or not rightly."""
    challenge = {"WWW-Authenticate": 'Basic realm="lazyimg registry", charset="UTF-8"'}
    return ApiError(401, "UNAUTHORIZED", "authentication required", headers=challenge)


def _is_user(users: Mapping[str, str], authorization: str | None) -> bool:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    known = users.get(name)
    return known is not None and hmac.compare_digest(known.encode(), password.encode())
