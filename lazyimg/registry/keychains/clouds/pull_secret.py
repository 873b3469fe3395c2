"""Kubernetes pull secrets: files of credentials, wrapped in a Secret object (Kubernetes, "Images").

Of their two types the older one, ``dockercfg``, has no table ``auths`` around the entries. Keys may have
``*`` in the labels of a host. A pull secret never starts a program: helpers that it names are left out.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from attrs import frozen

from lazyimg.errors import CredentialError
from lazyimg.registry.keychains.auth_file import AuthFile, canonical_host, namespace_of
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.secret import Secret, hidden

CONFIG, OLD_CONFIG = ".dockerconfigjson", ".dockercfg"
KEYS = (CONFIG, OLD_CONFIG)


@frozen
class PullSecret:
    """The credentials of one pull secret.

    Attributes:
        file: its entries, as a file of credentials.
    """

    file: AuthFile

    @classmethod
    def parse(cls, data: str | bytes, *, origin: str, is_old: bool) -> "PullSecret":
        """Read the file in a pull secret.

        Args:
            data: its bytes.
            origin: where it was read from, for messages.
            is_old: whether it is a ``dockercfg``.

        Raises:
            CredentialError: it is no JSON object.
        """
        content = AuthFile.parse(data, origin=origin).content
        table = content if is_old else content.get("auths")
        return cls(AuthFile(origin, {"auths": table if isinstance(table, dict) else {}}))

    @classmethod
    def of(cls, secret: Mapping[str, Any], *, origin: str = "the pull secret") -> "PullSecret":
        """Read a Secret object as the API has it, its data in base64, or as it is written, in ``stringData``.

        Raises:
            CredentialError: it is no pull secret.
        """
        secret = hidden(secret)
        plain, encoded = secret.get("stringData"), secret.get("data")
        for key in KEYS:
            for table, is_encoded in ((plain, False), (encoded, True)):
                text = table.get(key) if isinstance(table, Mapping) else None
                if isinstance(text, str):
                    data = _decoded(text, origin) if is_encoded else text
                    return cls.parse(data, origin=origin, is_old=key == OLD_CONFIG)
        raise CredentialError(
            f"{origin} is no pull secret: it holds neither {CONFIG} nor {OLD_CONFIG}; make one with kubectl "
            "create secret docker-registry"
        )

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:
        """Return what it has for a repository of a registry.

        Raises:
            CredentialError: an entry cannot be understood.
        """
        entries = self.file.content["auths"]
        spelled = {_spelled(key, registry): entry for key, entry in reversed([*entries.items()])}
        return AuthFile(self.file.origin, {"auths": spelled}).credentials(registry, repository)


def as_secret(value: Mapping[str, Any] | str | bytes) -> Secret:
    """Take a Secret object, or its JSON, as what is not shown.

    >>> as_secret({"type": "kubernetes.io/dockerconfigjson"})
    ***
    """
    if isinstance(value, Mapping):
        return Secret(json.dumps(value))
    return Secret(value.decode(errors="replace") if isinstance(value, bytes) else value)


def read_secret(text: str, *, origin: str = "the pull secret") -> PullSecret:
    """Read the JSON of a Secret object.

    Raises:
        CredentialError: it is none.
    """
    return PullSecret.of(AuthFile.parse(text, origin=origin).content, origin=origin)


def _decoded(text: str, origin: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise CredentialError(f"the data of {origin} are not base64: read it with kubectl get secret -o json")


def _spelled(key: str, registry: str) -> str:
    """Return a key with ``*`` as the one registry that is asked for, if it means that, label by label."""
    host = canonical_host(key)
    if "*" not in host or host.count(".") != registry.count("."):
        return key
    pairs = zip(host.split("."), registry.split("."), strict=True)
    if not all(fnmatchcase(label, pattern) for pattern, label in pairs):
        return key
    return "/".join(filter(None, (registry, namespace_of(key))))
