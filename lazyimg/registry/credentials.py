"""Credentials for one registry, and what gives them.

A `Keychain` is asked once per registry and repository, when that registry asks who is there. It answers with
`Credentials`, or with ``None``: go on as anybody.
"""

from typing import NoReturn, Protocol

from attrs import field, frozen

TOKEN_USER = "<token>"  # noqa: S105 - the credential helpers' mark that the secret is an identity token
MASK = "***"


def _masked(value: str) -> str:
    return MASK if value else "''"


@frozen(kw_only=True)
class Credentials:
    """What to authenticate with; its ``repr`` shows no secret.

    Attributes:
        username: the user, for basic authentication and for token services.
        password: the password, or a personal access token in its place.
        identity_token: a refresh token for the token service ("identitytoken" in Docker's config file).
        registry_token: a bearer token sent to the registry as it is ("registrytoken").

    >>> Credentials(username="me", password="s3cret")
    Credentials(username='me', password=***, identity_token='', registry_token='')
    """

    username: str = ""
    password: str = field(default="", repr=_masked)
    identity_token: str = field(default="", repr=_masked)
    registry_token: str = field(default="", repr=_masked)

    @classmethod
    def of(cls, username: str, secret: str) -> "Credentials":
        """Take a user and a secret as Docker's tools write them; user ``<token>`` marks an identity token."""
        if username == TOKEN_USER:
            return cls(identity_token=secret)
        return cls(username=username, password=secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are never pickled: name a keychain where they are needed")

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
