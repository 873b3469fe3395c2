"""What our own client knows of a registry in this process: the one place of it that imports the client.

All else of the embedded registry knows the standard alone, so that an error of one is not the other's, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lazyimg.engine import Engine
from lazyimg.errors import InvalidSetting
from lazyimg.registry.keychains.keychain import Anonymous, StaticKeychain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lazyimg.server.htpasswd import Hashed


def keychain(host: str, users: Mapping[str, str | Hashed] | None, user: str) -> StaticKeychain:
    """Return a keychain that logs a user in.

    Args:
        host: where the registry is.
        users: its users.
        user: the name of one.

    Raises:
        InvalidSetting: there is no such user, or of the password the hash alone is known.
    """
    password = (users or {}).get(user)
    if password is None:
        known = ", ".join(users) if users else "none"
        raise InvalidSetting(f"{user!r} is no user of this registry; its users are: {known}")
    if not isinstance(password, str):
        raise InvalidSetting(
            f"of the password of {user} this registry knows a hash alone: log in by"
            " StaticKeychain({registry.host: (user, password)})"
        )
    return StaticKeychain({host: (user, password)})


def engine(
    host: str, known: Mapping[str, Any], users: Mapping[str, str | Hashed] | None, settings: dict[str, Any]
) -> Engine:
    """Return an engine that knows a registry.

    Args:
        host: where the registry is.
        known: what a client has to know of it.
        users: its users.
        settings: ``user``, and the engine's own.

    Raises:
        InvalidSetting: both a user and a keychain, or what an engine refuses.
    """
    user = settings.pop("user", None)
    if user is not None:
        if settings.get("keychain") is not None:
            raise InvalidSetting(
                "a user and a keychain: give one, or Keychains(registry.keychain(user), other)"
            )
        settings["keychain"] = keychain(host, users, user)
    settings.setdefault("keychain", Anonymous())
    settings["hosts"] = {host: known} | dict(settings.get("hosts", {}))
    return Engine(**settings)
