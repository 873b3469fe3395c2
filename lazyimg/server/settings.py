"""What the settings of a registry have to be: refused where they are made, and not by the first request."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lazyimg.errors import InvalidSetting
from lazyimg.server.htpasswd import Hashed
from lazyimg.server.limits import UploadLimits
from lazyimg.server.tls import Tls
from lazyimg.server.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

PORTS = range(65536)
FILES = 2
"""A certificate and its key."""

_SHOWN = (str, int, float)  # who knows what others show of themselves


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_file(value: object) -> bool:
    try:
        return isinstance(value, str | os.PathLike) and b"\0" not in os.fsencode(value)
    except (TypeError, ValueError):  # of what it says its path is, or of half a letter
        return False


def _is_tls(value: object) -> bool:
    is_pair = isinstance(value, tuple) and len(value) == FILES and all(map(_is_file, value))
    return value is None or is_pair or isinstance(value, bool | Tls)


WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "directory": (lambda value: value is None or _is_file(value), "a directory, or None for memory,"),
    "host": (
        lambda value: isinstance(value, str) and value != "" and value.isprintable(),
        "an address such as '127.0.0.1'",
    ),
    "port": (lambda value: _is_whole(value) and value in PORTS, "a port, or 0 for a free one,"),
    "hook": (lambda value: value is None or callable(value), "a function of a request"),
    "read_only": (lambda value: isinstance(value, bool), "True or False"),
    "token": (lambda value: isinstance(value, bool | Tokens), "True, or lazyimg.server.tokens.Tokens,"),
    "tls": (_is_tls, "True, a pair (certificate, key) of files, or lazyimg.server.tls.Tls"),
    "limits": (
        lambda value: value is None or isinstance(value, UploadLimits),
        "lazyimg.server.limits.UploadLimits",
    ),
    "remember": (
        lambda value: value is None or (_is_whole(value) and 0 <= value <= sys.maxsize),
        "how many requests, or None for all,",
    ),
}
"""What tells of a value whether a setting can be it, and the words for what it has to be."""


def check(users: object = None, *, durable: bool = False, **settings: object) -> None:
    """Refuse what a registry could not work with.

    Raises:
        InvalidSetting: such a setting; nothing of passwords is repeated.
    """
    for name, value in settings.items():
        fits, wanted = WANTED[name]
        if not fits(value):
            shown = f"={value!r}" if isinstance(value, _SHOWN) else f" is a {type(value).__qualname__}"
            raise InvalidSetting(f"{name}{shown}: {wanted} is wanted")
    if durable and settings.get("directory") is None:
        raise InvalidSetting("durable=True is for a directory: what is kept in memory ends with the process")
    if users is not None:
        _check_users(users)


def _check_users(users: object) -> None:
    if not isinstance(users, Mapping):
        raise InvalidSetting(
            f"users is a {type(users).__qualname__}: a mapping from names to passwords is wanted"
        )
    for number, (name, password) in enumerate(users.items(), 1):
        if not (_is_text(name) and name and ":" not in name):
            raise InvalidSetting(
                f"users: the name of number {number} cannot be: a text without a colon is wanted, as basic"
                " authentication carries no other"
            )
        if not (isinstance(password, Hashed) or _is_text(password)):
            raise InvalidSetting(
                f"users: the password of {name} is a {type(password).__qualname__} that nobody could send: a"
                " text is wanted, or a hash that lazyimg.server.htpasswd.read_htpasswd has read"
            )


def _is_text(value: object) -> bool:
    """Tell whether it is a text that can be sent: half of a surrogate pair cannot."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
