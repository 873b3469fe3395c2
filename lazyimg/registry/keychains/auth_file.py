"""The file that Docker's and podman's tools keep credentials in: ``auths``, ``credsStore``, ``credHelpers``.

Its keys were never specified: a registry is named with or without a scheme, a path or, by podman, a
namespace; Docker Hub is ``https://index.docker.io/v1/``. The most specific key wins.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from lazyimg.errors import CredentialError
from lazyimg.registry.keychains.credential_helper import TIME_LIMIT, ask_helper
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.secret import SecretBytes, hidden

_SIZE_LIMIT = 4 << 20
HUB = "docker.io"
HUB_SERVER = "https://index.docker.io/v1/"
_VERSIONS = frozenset({"v1", "v2"})
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


def _with_hidden(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: hidden(value) if key == "auths" else value for key, value in content.items()}


@frozen
class AuthFile:
    """A parsed file; constructing it reads nothing more.

    Attributes:
        origin: where it was read from, for messages.
        content: the JSON object.
    """

    origin: str
    content: Mapping[str, Any] = field(repr=False, converter=_with_hidden)

    @classmethod
    def read(cls, path: Path) -> "AuthFile | None":
        """Read a file; None if there is none, or it holds nothing.

        Raises:
            CredentialError: the file cannot be read, or is no JSON object.
        """
        try:
            with path.open("rb") as file:
                data = SecretBytes(file.read(_SIZE_LIMIT + 1))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise CredentialError(f"the credentials in {path} cannot be read: {error.strerror}") from error
        return cls.parse(data, origin=str(path)) if data.strip() else None

    @classmethod
    def parse(cls, data: str | bytes, *, origin: str) -> "AuthFile":
        """Parse what is in such a file.

        Raises:
            CredentialError: they are no JSON object, or more than 4 MiB. Nothing of them is repeated.
        """
        data = SecretBytes(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
        content = _object(data) if len(data) <= _SIZE_LIMIT else None
        if content is None:
            raise CredentialError(
                f"the credentials in {origin} are no JSON object: mend it, or remove it and log in again"
            )
        return cls(origin, content)

    def credentials(
        self, registry: str, repository: str | None, *, time_limit: float = TIME_LIMIT
    ) -> Credentials | None:
        """Return what the file, or the helper it names, has for a repository of a registry.

        An entry for the repository or its namespace comes before the helper, which knows registries alone.

        Raises:
            CredentialError: a helper failed, or an entry cannot be understood.
        """
        keys = list(_keys(registry, repository, self._table("auths")))
        found = self._first([key for key in keys if namespace_of(key)], registry)
        helper = self.helper(registry)
        if found is None and helper:
            found = ask_helper(helper, server_of(registry), time_limit=time_limit)
        return found or self._first(keys, registry)

    def helper(self, registry: str) -> str:
        """Return the name of the helper that keeps the credentials of a registry, empty if none does."""
        for key, name in self._table("credHelpers").items():
            if _same_registry(key, registry) and isinstance(name, str):
                return name
        store = self.content.get("credsStore")
        return store if isinstance(store, str) else ""

    def entry(self, key: str) -> Mapping[str, Any]:
        """Return the entry of a key as it stands there, empty if there is none."""
        entry = self._table("auths").get(key)
        return entry if isinstance(entry, dict) else {}

    def keys(self, registry: str, namespace: str) -> list[str]:
        """Return the keys that speak of a registry, or of one namespace of it: it may have several names."""
        return [
            key
            for key in self._table("auths")
            if _same_registry(key, registry) and namespace_of(key) == namespace
        ]

    def _first(self, keys: Iterable[str], registry: str) -> Credentials | None:
        entries = self._table("auths")
        for key in keys:
            entry = entries[key]
            if isinstance(entry, dict):
                found = self._decode(entry, registry)
                if found is not None:
                    return found
        return None

    def _decode(self, entry: Mapping[str, Any], registry: str) -> Credentials | None:
        username, password = _text(entry, "username"), _text(entry, "password")
        if auth := _text(entry, "auth"):
            pair = _pair(auth)
            if pair is None:
                raise CredentialError(
                    f"the entry for {registry} in {self.origin} is not base64 of user:password: log in again"
                )
            username, password = pair
        identity, token = _text(entry, "identitytoken"), _text(entry, "registrytoken")
        if not (username or password or identity or token):
            return None
        if username == "<token>" and not identity:
            username, password, identity = "", "", password
        return Credentials(
            username=username, password=password, identity_token=identity, registry_token=token
        )

    def _table(self, name: str) -> Mapping[str, Any]:
        table = self.content.get(name)
        return table if isinstance(table, dict) else {}


def _object(data: bytes) -> dict[str, Any] | None:
    """Parse a JSON object; None of what is none."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _pair(auth: str) -> tuple[str, str] | None:
    """Read what is base64 of a user and a password, in one line or wrapped; None of what is not."""
    try:
        lines = SecretBytes(auth.encode().translate(None, b"\r\n"))  # which docker's own reader leaves out
        username, colon, password = base64.b64decode(lines, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (username, password.rstrip("\0")) if colon else None


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def server_of(registry: str) -> str:
    """Return the address a credential helper knows a registry by."""
    return HUB_SERVER if registry in _HUB_HOSTS else registry


def _plain(key: str) -> str:
    """Drop the scheme and the version path that login tools leave in a key.

    >>> _plain("https://index.docker.io/v1/"), _plain("quay.io/team/v1")
    ('index.docker.io', 'quay.io/team/v1')
    """
    plain = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    host, _, path = plain.partition("/")
    return host if path in _VERSIONS else plain


def canonical_host(key: str) -> str:
    """Return the registry that a key or an alias means.

    >>> canonical_host("https://index.docker.io/v1/"), canonical_host("quay.io/team")
    ('docker.io', 'quay.io')
    """
    host = _plain(key).partition("/")[0].lower()
    return HUB if host in _HUB_HOSTS else host


def _same_registry(key: str, registry: str) -> bool:
    return canonical_host(key) == canonical_host(registry)


def _keys(registry: str, repository: str | None, entries: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys that speak of the repository, the most specific first."""
    matching = [key for key in entries if _same_registry(key, registry) and _covers(key, repository)]
    yield from sorted(matching, key=lambda key: len(namespace_of(key)), reverse=True)


def namespace_of(key: str) -> str:
    """Return what a key names of a registry: a namespace, a repository, or nothing for all of it."""
    return _plain(key).partition("/")[2]


def _covers(key: str, repository: str | None) -> bool:
    namespace = namespace_of(key)
    return not namespace or f"{repository or ''}/".startswith(f"{namespace}/")
