"""Files of users as ``htpasswd -B`` writes them: a name and a bcrypt hash a line, as registries take them."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING

from attrs import define, field

from lazyimg.errors import InvalidSetting, MissingExtra

if TYPE_CHECKING:
    from pathlib import Path

_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
"""The last of the 22 letters of a salt has two bits of it: with any but four, nothing can be matched."""
_LONGEST = 72
"""Bytes of a password that bcrypt looks at."""


@define(eq=False)
class Hashed:
    """A password of which only its bcrypt hash is known.

    A hash takes milliseconds on purpose, and every request shows a password: one that was right is
    remembered, under a key of this process.
    """

    value: bytes = field(repr=False)
    _key: bytes = field(factory=lambda: secrets.token_bytes(32), init=False, repr=False)
    _known: bytes = field(default=b"", init=False, repr=False)

    def remembers(self, password: str) -> bool:
        """Tell whether this is the password, and was so before: without a hash."""
        return hmac.compare_digest(self._seen(password), self._known)

    def matches(self, password: str) -> bool:
        """Tell whether this is the password."""
        import bcrypt  # noqa: PLC0415 - an extra, which was there when the file was read

        if self.remembers(password):
            return True
        if not bcrypt.checkpw(password.encode()[:_LONGEST], self.value):
            return False
        self._known = self._seen(password)
        return True

    def _seen(self, password: str) -> bytes:
        return hmac.digest(self._key, password.encode(), "sha256")


def read_htpasswd(path: Path) -> dict[str, Hashed]:
    """Read the users of a file.

    Raises:
        OSError: it cannot be read.
        InvalidSetting: a line is something else, or a hash is not bcrypt's; nothing of it is repeated.
        MissingExtra: bcrypt is not installed.
    """
    try:
        import bcrypt  # noqa: F401, PLC0415 - an extra, loaded on use
    except ImportError as error:
        raise MissingExtra("files of htpasswd need bcrypt: pip install 'lazyimg[server]'") from error
    lines = enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1)
    return dict(
        _user(line, f"{path}, line {number}")
        for number, line in lines
        if line.strip() and not line.startswith("#")
    )


def _user(line: str, where: str) -> tuple[str, Hashed]:
    name, colon, value = line.strip().partition(":")
    if not (name and colon):
        raise InvalidSetting(f"{where} is no user: a line is NAME:HASH, as `htpasswd -B FILE NAME` writes it")
    if _BCRYPT.fullmatch(value) is None:
        raise InvalidSetting(
            f"{where}: the hash of {name} is not bcrypt's, which alone is taken: `htpasswd -B FILE {name}`"
        )
    return name, Hashed(value.encode())
