"""Credentials for one registry, and what gives them.

A `Keychain` is asked once per registry and repository, when that registry asks who is there, and again when
what it gave has expired. It answers with `Credentials`, or with ``None``: go on as anybody.
"""

import re
import time
from typing import Any, NoReturn, Protocol

from attrs import field, frozen

from lazyimg.errors import CredentialError
from lazyimg.registry.secret import Secret
from lazyimg.registry.settings import is_str, must, wrong

TOKEN_USER = "<token>"  # noqa: S105 - the credential helpers' mark that the secret is an identity token
_TEXT = "a text (was what it comes from never set?)"
_HALF = re.compile("[\ud800-\udfff]")
MARGIN = 60.0  # seconds before their end from which credentials are not used: what they open takes a while


def is_text(value: str) -> bool:
    r"""Tell whether a text can be sent, as UTF-8: bytes that were read by another encoding cannot.

    >>> is_text("jürgen"), is_text("j\udcfcrgen")
    (True, False)
    """
    return _HALF.search(value) is None


def text_of(name: str, value: Any) -> Secret:
    """A secret, or what goes with one, as a text that is not shown.

    Raises:
        InvalidSetting: it is no text, such as a variable that was never set.
    """
    if not isinstance(value, str):
        raise wrong(name, value, _TEXT, is_secret=True)
    return Secret(value)


def _hidden_password(value: Any) -> Secret:
    return text_of("password", value)


def _hidden_identity_token(value: Any) -> Secret:
    return text_of("identity_token", value)


def _hidden_registry_token(value: Any) -> Secret:
    return text_of("registry_token", value)


@frozen(kw_only=True)
class Credentials:
    """What to authenticate with; its ``repr`` shows no secret.

    Attributes:
        username: the user, for basic authentication and for token services.
        password: the password, or a personal access token in its place.
        identity_token: a refresh token for the token service ("identitytoken" in Docker's config file).
        registry_token: a bearer token sent to the registry as it is ("registrytoken").
        expires: when they end, in seconds since the epoch (UTC); None if nobody says.

    Raises:
        CredentialError: one of them holds letters that nobody can send; nothing of it is repeated.
        InvalidSetting: one of them is no text, such as a variable that was never set.

    >>> Credentials(username="me", password="s3cret")
    Credentials(username='me', password=***, identity_token='', registry_token='', expires=None)
    """

    username: str = field(default="", validator=must(is_str, _TEXT, is_secret=True))
    password: str = field(default="", converter=_hidden_password)
    identity_token: str = field(default="", converter=_hidden_identity_token)
    registry_token: str = field(default="", converter=_hidden_registry_token)
    expires: float | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot be sent, before anybody tries, and quotes it."""
        for name in ("username", "password", "identity_token", "registry_token"):
            if not is_text(getattr(self, name)):
                raise CredentialError(
                    f"the {name} holds letters that cannot be sent: was it read by another encoding "
                    "than UTF-8?"
                )

    @classmethod
    def of(cls, username: str, secret: str) -> "Credentials":
        """Take a user and a secret as Docker's tools write them; user ``<token>`` marks an identity token."""
        if username == TOKEN_USER:
            return cls(identity_token=secret)
        return cls(username=username, password=secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are never pickled: name a keychain where they are needed")

    @property
    def is_fresh(self) -> bool:
        """Whether they are good for a minute at least, as far as is known."""
        return self.expires is None or time.time() < self.expires - MARGIN

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown, longest first."""
        found = {self.password, self.identity_token, self.registry_token} - {""}
        return tuple(sorted(found, key=lambda secret: (-len(secret), secret)))


class Keychain(Protocol):
    """Whatever knows credentials."""

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:
        """Return the credentials for a repository of a registry, or None to go on as anybody.

        Args:
            registry: the registry as references name it: ``docker.io``, ``ghcr.io``, ``localhost:5000``.
            repository: the repository, such as ``library/python``, where one is meant.

        Raises:
            CredentialError: credentials should be there and could not be read.
        """
        ...


@frozen
class Given(Keychain):
    """The credentials to be checked, for whatever the registry is asked."""

    given: Credentials

    def credentials(self, registry: str, repository: str | None) -> Credentials:  # noqa: ARG002 - a Keychain's
        """Return them."""
        return self.given
