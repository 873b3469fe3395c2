"""Credentials put into a file of Docker's and podman's tools, or into the helper it names, and out of it."""

import base64
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from lazyimg.errors import CredentialError, InvalidReference
from lazyimg.oci.reference import checked_repository
from lazyimg.oci.registry_name import canonical_registry
from lazyimg.registry.keychains.auth_file import HUB_SERVER, AuthFile, canonical_host, namespace_of, server_of
from lazyimg.registry.keychains.credential_helper import TIME_LIMIT, erase_from_helper, store_in_helper
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.keychains.json_edit import remove_member, set_member
from lazyimg.registry.keychains.locked_file import LockedFile
from lazyimg.registry.secret import Secret, SecretBytes

_OURS = frozenset({"auth", "username", "password", "identitytoken", "registrytoken"})
_NEW = "{}\n"


@frozen
class LoginName:
    """What is logged in to: a registry, or a namespace or a repository of it.

    Attributes:
        registry: the registry as references name it.
        namespace: ``team`` or ``team/app``; empty for all of the registry.
        scheme: ``http`` or ``https`` where that was said, for who speaks with it; no part of what is kept.

    >>> LoginName.parse("https://index.docker.io/v1/").key, LoginName.parse("quay.io/team").key
    ('https://index.docker.io/v1/', 'quay.io/team')
    """

    registry: str
    namespace: str = ""
    scheme: str = field(default="", eq=False)

    @classmethod
    def parse(cls, text: str) -> "LoginName":
        """Read what a user calls it.

        Raises:
            InvalidReference: it is no registry, nor a namespace or a repository of one.
        """
        if "@" in text:  # not repeated: what stands before it could be a password
            raise InvalidReference("a registry is named without a user: write host[:port], such as ghcr.io")
        registry, namespace = canonical_registry(canonical_host(text)), namespace_of(text)
        if namespace:
            _check_namespace(registry, namespace)
        scheme, mark, _ = text.partition("://")
        return cls(registry, namespace, scheme if mark else "")

    @property
    def key(self) -> str:
        """Its key in files."""
        if self.namespace:
            return f"{self.registry}/{self.namespace}"
        return HUB_SERVER if self.registry == "docker.io" else self.registry

    def __str__(self) -> str:
        return f"{self.registry}/{self.namespace}" if self.namespace else self.registry


def _check_namespace(registry: str, namespace: str) -> None:
    try:
        checked_repository(namespace)
    except InvalidReference:
        pass
    else:
        return
    raise InvalidReference(
        f"{registry}/{namespace[:100]} is no registry, namespace or repository: credentials are kept for "
        "these, without a tag, such as quay.io/team/app"
    )


@frozen
class AuthStore:
    """A file of credentials that is written to; constructing it touches nothing.

    Attributes:
        path: where it is; it need not exist.
        helper_time_limit: how many seconds a credential helper may take.
    """

    path: Path
    helper_time_limit: float = TIME_LIMIT

    def save(self, name: LoginName, credentials: Credentials) -> str:
        """Keep credentials, in place of those there were; everything else in the file stays as it is.

        Returns:
            Where they are now: the file, or the helper.

        Raises:
            CredentialError: the file is broken or cannot be written, or the helper failed.
        """
        helper = self._helper(name)
        if helper:
            server, limit = server_of(name.registry), self.helper_time_limit
            store_in_helper(helper, server, credentials, time_limit=limit)
        entry = {} if helper else _entry(credentials)
        self._change(lambda text, file: _with(text, file, name, entry))
        return f"docker-credential-{helper}" if helper else str(self.path)

    def remove(self, name: LoginName) -> bool:
        """Forget credentials; tell whether there were any.

        Raises:
            CredentialError: the file is broken or cannot be written, or the helper failed.
        """
        file = AuthFile.read(self.path)
        if file is None:
            return False
        helper = self._helper(name)
        server, limit = server_of(name.registry), self.helper_time_limit
        erased = bool(helper) and erase_from_helper(helper, server, time_limit=limit)
        keys = file.keys(name.registry, name.namespace)
        if keys:
            self._change(lambda text, file: _without(text, file.keys(name.registry, name.namespace)))
        return erased or any(map(file.entry, keys))

    def _helper(self, name: LoginName) -> str:
        """Return the helper that keeps what is named; helpers know no namespaces."""
        file = AuthFile.read(self.path) if not name.namespace else None
        return file.helper(name.registry) if file else ""

    def _change(self, change: Callable[[str, AuthFile], str]) -> None:
        def changed(before: bytes | None) -> bytes:
            text, file = _read(before, str(self.path))
            return SecretBytes(change(text, file).encode())

        try:
            LockedFile(self.path).change(changed)
        except CredentialError:
            raise
        except OSError as error:
            raise CredentialError(
                f"the credentials in {self.path} cannot be written: {error.strerror}; nothing was changed"
            ) from None


def _read(data: bytes | None, origin: str) -> tuple[Secret, AuthFile]:
    """Read the file before it is changed; one that is missing or empty is a new one."""
    content = SecretBytes(data if data and data.strip() else _NEW.encode())
    file = AuthFile.parse(content, origin=origin)
    if not isinstance(file.content.get("auths", {}), dict):
        raise CredentialError(f'the credentials in {origin} are not as they should be: mend its "auths"')
    with contextlib.suppress(UnicodeDecodeError):  # which holds all of the file
        return Secret(content.decode()), file
    raise CredentialError(f"the credentials in {origin} are not UTF-8: mend the file")


def _entry(credentials: Credentials) -> Mapping[str, Any]:
    """Return an entry as Docker's tools write it: an identity token takes the password's place."""
    password = "" if credentials.identity_token else credentials.password
    pair = Secret(f"{credentials.username}:{password}")
    entry = {"auth": Secret(base64.b64encode(pair.encode()).decode())}
    if credentials.identity_token:
        entry["identitytoken"] = Secret(credentials.identity_token)
    return entry


def _with(text: str, file: AuthFile, name: LoginName, entry: Mapping[str, Any]) -> str:
    """Set an entry, under the one key that all tools find it by."""
    keys = file.keys(name.registry, name.namespace)
    kept = {
        field: value
        for key in keys
        for field, value in file.entry(key).items()
        if key == name.key and field not in _OURS
    }
    text = _without(text, [key for key in keys if key != name.key])
    return set_member(text, ["auths", name.key], {**entry, **kept})


def _without(text: str, keys: list[str]) -> str:
    for key in keys:
        text = remove_member(text, ["auths", key])
    return text
