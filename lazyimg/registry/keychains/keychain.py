"""Keychains: where credentials come from. This module loads no HTTP library.

Constructing a keychain reads nothing; files are read, and helpers run, when a registry asks who is there.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen
from attrs.converters import optional

from lazyimg.errors import InvalidSetting
from lazyimg.registry.keychains.auth_file import AuthFile, canonical_host
from lazyimg.registry.keychains.auth_paths import docker_path, podman_paths
from lazyimg.registry.keychains.credential_helper import TIME_LIMIT
from lazyimg.registry.keychains.credentials import Credentials, Keychain
from lazyimg.registry.secret import Secret
from lazyimg.registry.settings import A_KEYCHAIN, by_name, is_keychain, wrong

__all__ = [
    "Anonymous",
    "Credentials",
    "DefaultKeychain",
    "DockerKeychain",
    "Keychain",
    "Keychains",
    "PodmanKeychain",
    "StaticKeychain",
]


@frozen
class Anonymous:
    """Knows no credentials.

    >>> Anonymous().credentials("ghcr.io", None) is None
    True
    """

    def credentials(self, registry: str, repository: str | None) -> None:  # noqa: ARG002 - a Keychain's
        """Return None: go on as anybody."""
        return


_PAIR = "a pair of texts, user and secret, or Credentials"


def _as_credentials(host: str, value: Any) -> Credentials:
    if isinstance(value, Credentials):
        return value
    if not (isinstance(value, tuple | list) and len(value) == 2):  # noqa: PLR2004 - a pair
        raise wrong(f"what StaticKeychain is given for {host}", value, _PAIR, is_secret=True)
    try:
        return Credentials.of(*value)
    except InvalidSetting as error:
        raise InvalidSetting(f"what StaticKeychain is given for {host}: {error}") from None


def _by_host(hosts: Mapping[str, Credentials | tuple[str, str] | list[str]]) -> Mapping[str, Credentials]:
    if not isinstance(hosts, Mapping):
        raise wrong("hosts", hosts, f"a mapping from registry to {_PAIR}", is_secret=True)
    pairs = ((host, _as_credentials(host, value)) for host, value in hosts.items())
    return by_name(pairs, canonical_host, "StaticKeychain")


@frozen
class StaticKeychain:
    """Credentials given by hand, by registry.

    Attributes:
        hosts: from registry (``ghcr.io``, ``docker.io``, ``localhost:5000``) to ``(user, secret)`` or
            `Credentials`.

    Raises:
        InvalidSetting: something else was given, or two for one registry; nothing of it is repeated.

    >>> StaticKeychain({"ghcr.io": ("me", "s3cret")}).credentials("ghcr.io", "me/app").username
    'me'
    """

    hosts: Mapping[str, Credentials] = field(converter=_by_host)

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:  # noqa: ARG002
        """Return what was given for the registry, or None."""
        return self.hosts.get(canonical_host(registry))


@frozen
class DockerKeychain:
    """Docker's config file: ``$DOCKER_AUTH_CONFIG`` (its content), then ``$DOCKER_CONFIG`` or ``~/.docker``.

    Attributes:
        path: another file than the default one.
        helper_time_limit: how many seconds a credential helper may take.
    """

    path: Path | None = field(default=None, converter=optional(Path))
    helper_time_limit: float = TIME_LIMIT

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:
        """Read the file, or run the helper that it names.

        Raises:
            CredentialError: the file is broken, or the helper failed.
        """
        for file in (self._environment(), AuthFile.read(self.path or docker_path())):
            found = file and file.credentials(registry, repository, time_limit=self.helper_time_limit)
            if found:
                return found
        return None

    def _environment(self) -> AuthFile | None:
        text = Secret("" if self.path else os.environ.get("DOCKER_AUTH_CONFIG", ""))
        return AuthFile.parse(text, origin="$DOCKER_AUTH_CONFIG") if text else None


@frozen
class PodmanKeychain:
    """Podman's files: ``$REGISTRY_AUTH_FILE`` alone if set, else the runtime's and then the user's own.

    Attributes:
        helper_time_limit: how many seconds a credential helper may take.
    """

    helper_time_limit: float = TIME_LIMIT

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:
        """Read the files in turn, until one has the registry.

        Raises:
            CredentialError: a file is broken, or a helper failed.
        """
        for path in podman_paths():
            file = AuthFile.read(path)
            found = file and file.credentials(registry, repository, time_limit=self.helper_time_limit)
            if found:
                return found
        return None


class Keychains:
    """Several keychains, asked in turn; the first that knows the registry answers.

    Raises:
        InvalidSetting: one of them is none.

    >>> chain = Keychains(Anonymous(), StaticKeychain({"ghcr.io": ("me", "s3cret")}))
    >>> chain.credentials("ghcr.io", None).username
    'me'
    """

    __slots__ = ("keychains",)

    def __init__(self, *keychains: Keychain) -> None:
        for keychain in keychains:
            if not is_keychain(keychain):
                raise wrong("one of Keychains", keychain, A_KEYCHAIN, is_secret=True)
        self.keychains = keychains

    def __repr__(self) -> str:
        return f"Keychains({', '.join(map(repr, self.keychains))})"

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:
        """Ask each keychain in turn; None if none knows.

        Raises:
            CredentialError: a keychain that was asked could not read its credentials.
        """
        for keychain in self.keychains:
            found = keychain.credentials(registry, repository)
            if found is not None:
                return found
        return None


class DefaultKeychain(Keychains):
    """Docker's file, then podman's, then anybody."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(DockerKeychain(), PodmanKeychain())

    def __repr__(self) -> str:
        return "DefaultKeychain()"
