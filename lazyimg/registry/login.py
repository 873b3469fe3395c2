"""Logging in to a registry, and out: credentials are checked, and kept where all tools find them."""

import os
import re
from pathlib import Path

from attrs import evolve, frozen

from lazyimg.errors import CredentialError
from lazyimg.registry.auth_file import AuthFile
from lazyimg.registry.auth_paths import docker_path
from lazyimg.registry.auth_store import AuthStore, LoginName
from lazyimg.registry.client import Client
from lazyimg.registry.credentials import Credentials, Keychain, is_text, text_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

__all__ = ["AuthStore", "Identifying", "Login", "LoginName", "credentials_of", "refuse_hidden", "text_of"]


@frozen
class Login:
    """A login that was kept.

    Attributes:
        registry: what was logged in to.
        username: as whom.
        kept: where the credentials are: a file, or the program of a credential helper.
    """

    registry: str
    username: str
    kept: str


@frozen
class Given(Keychain):
    """The credentials to be checked, for whatever the registry is asked."""

    given: Credentials

    def credentials(self, registry: str, repository: str | None) -> Credentials:  # noqa: ARG002 - a Keychain's
        """Return them."""
        return self.given


class Identifying(Client):
    """A client that says who it is, to see whether that is believed."""

    def identify(self, doing: str, given: Credentials) -> Credentials:
        """Check credentials with the registry, and with its token service if it has one.

        Args:
            doing: what is being done, for messages: ``"log in to ghcr.io as me"``.
            given: the credentials, which its keychain gives too.

        Returns:
            What to keep: the identity token that the service gave for them, or they themselves.

        Raises:
            Unauthorized: they are not believed.
            RegistryError: another refusal.
            RegistryUnreachable: no answer.
        """
        question = evolve(self._endpoints.ping(), doing=doing)
        identity = self._conversation.identify(question)
        return Credentials(username=given.username, identity_token=identity) if identity else given


def credentials_of(name: LoginName, username: str, password: str) -> Credentials:
    """Return what a user gave, if it can be kept.

    Raises:
        CredentialError: there is no user or no password, or files cannot hold them.
        InvalidSetting: one of them is no text.
    """
    text_of("username", username)
    text_of("password", password)
    if not (username and password):
        raise CredentialError(f"cannot log in to {name}: a username and a password are needed")
    if ":" in username or _CONTROL.search(username) or _CONTROL.search(password):
        raise CredentialError(
            f"cannot log in to {name}: a username has no colon, and neither it nor a password has line ends "
            "or other control characters; was there a line end behind what was read?"
        )
    if not (is_text(username) and is_text(password)):
        raise CredentialError(
            f"cannot log in to {name}: the username or the password was read by another encoding than UTF-8, "
            "and cannot be sent so"
        )
    return Credentials.of(username, password)


def refuse_hidden(name: LoginName, store: AuthStore) -> None:
    """Refuse a login that would have no effect, because other credentials are found before it.

    Raises:
        CredentialError: it would; nothing was changed.
    """
    repository = name.namespace or None
    text, docker = os.environ.get("DOCKER_AUTH_CONFIG", ""), docker_path()
    if text and AuthFile.parse(text.encode(), origin="$DOCKER_AUTH_CONFIG").credentials(
        name.registry, repository
    ):
        raise CredentialError(
            f"cannot log in to {name}: $DOCKER_AUTH_CONFIG has credentials for it, and comes first; unset it"
        )
    if _is_same(docker, store.path):
        return
    file = AuthFile.read(docker)
    if file and file.credentials(name.registry, repository, time_limit=store.helper_time_limit):
        raise CredentialError(
            f"cannot log in to {name} in {store.path}: {docker} has credentials for it, and comes first; log "
            "out there, or log in there, by naming it"
        )


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
