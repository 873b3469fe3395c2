"""Logging in to a registry, and out: credentials are checked, and kept where all tools find them."""

import json
import os
import re
from pathlib import Path

from attrs import evolve, frozen

from lazyimg.errors import CredentialError, InvalidSetting, RegistryError
from lazyimg.oci.registry_name import is_loopback
from lazyimg.registry.authorization.advice import VERSION
from lazyimg.registry.client import Client
from lazyimg.registry.conversation import Answer
from lazyimg.registry.keychains.auth_file import AuthFile
from lazyimg.registry.keychains.auth_paths import docker_path
from lazyimg.registry.keychains.auth_store import AuthStore, LoginName
from lazyimg.registry.keychains.credentials import Credentials, Given, is_text, text_of
from lazyimg.registry.secret import Secret
from lazyimg.registry.transport.wire import host_of

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

__all__ = [
    "AuthStore",
    "Given",
    "Identifying",
    "Login",
    "LoginName",
    "credentials_of",
    "refuse_hidden",
    "spoken",
    "text_of",
]


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
            RegistryError: another refusal, or an answer that is no registry's.
            RegistryUnreachable: no answer.
        """
        question = evolve(self._endpoints.ping(), doing=doing)
        identity, answer = self._conversation.identify(question)
        if not _is_of_registry(answer):
            raise RegistryError(
                f"cannot {doing}: {host_of(answer.url)} answered {answer.status}, and not as a registry "
                "does: is this the registry's name, and its port?",
                status=answer.status,
            )
        return Credentials(username=given.username, identity_token=identity) if identity else given


def _is_of_registry(answer: Answer) -> bool:
    """Tell whether a registry gave it: by its name for itself, or as nothing, or JSON, is in it."""
    if VERSION in answer.headers or not answer.data.strip():
        return True
    try:
        json.loads(answer.data)
    except (ValueError, RecursionError):
        return False
    return True


def spoken(name: LoginName, scheme: str | None) -> str | None:
    """Return the scheme to log in by: the one that was written before the name, or the engine's.

    Args:
        name: what is logged in to.
        scheme: what the engine speaks with it; None is https, and http with this machine alone.

    Raises:
        InvalidSetting: the two contradict each other, or the password would go out in plain text.
    """
    if name.scheme == "https" and scheme == "http":
        raise InvalidSetting(
            f"{name} was named with https://, and is to be spoken to over plain http: which is it?"
        )
    usual = scheme or ("http" if is_loopback(name.registry) else "https")
    if name.scheme == "http" and usual == "https":
        raise InvalidSetting(
            f"cannot log in to {name} over http://: whoever listens would know the password; name it without "
            "http://, or say insecure="
        )
    return name.scheme or scheme


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
    text, docker = Secret(os.environ.get("DOCKER_AUTH_CONFIG", "")), docker_path()
    if text and AuthFile.parse(text, origin="$DOCKER_AUTH_CONFIG").credentials(name.registry, repository):
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
