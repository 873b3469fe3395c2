"""What registries say besides their answer: warnings, and how many more requests they will take.

Warnings are headers ``Warning: 299 - "text"`` (distribution-spec, "Warnings"). Rate limits have no settled
form: ``RateLimit-Limit: 100;w=21600`` is Docker Hub's, ``X-RateLimit-Limit: 60`` that of others.
"""

import re
import sys
import threading
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx
from attrs import frozen

from lazyimg import version
from lazyimg.errors import RegistryWarning
from lazyimg.registry.failure import plain

_OURS = Path(version.__file__).parent  # all of lazyimg, wherever in it this module is
_NOT_THE_CALLER = (str(_OURS), threading.__file__)
_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_MOST_BYTES = 4096  # of all warnings of one answer, by the specification
_MOST_TEXTS = 100  # remembered of one client's registries: a registry could think of ever more
_AMOUNT = re.compile(r"\s*(\d{1,12})")
_WINDOW = re.compile(r";\s*w=(\d{1,12})")


@frozen(kw_only=True)
class RateLimit:
    """How many requests a registry takes.

    Attributes:
        limit: in each window; None if it was not said.
        remaining: in this window; None if it was not said.
        window: its length in seconds; None if it was not said.
    """

    limit: int | None = None
    remaining: int | None = None
    window: int | None = None


def read_warnings(headers: httpx.Headers, secrets: Iterable[str] = ()) -> tuple[str, ...]:
    r"""Return the warnings of an answer, each in one line, with secrets masked.

    >>> read_warnings(httpx.Headers({"Warning": '299 - "repository is \\"archived\\""'}))
    ('repository is "archived"',)
    """
    joined = ", ".join(headers.get_list("Warning"))[:_MOST_BYTES]
    texts = (_ESCAPED.sub(r"\1", found) for found in _WARNING.findall(joined))
    return tuple(filter(None, (plain(text, secrets) for text in texts)))


def read_rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Return what an answer says about its registry's rate limit, None if nothing.

    >>> read_rate_limit({"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"})
    RateLimit(limit=100, remaining=76, window=21600)
    """
    limit, remaining = _header(headers, "Limit"), _header(headers, "Remaining")
    found = RateLimit(
        limit=_number(_AMOUNT.match(limit)),
        remaining=_number(_AMOUNT.match(remaining)),
        window=_number(_WINDOW.search(remaining) or _WINDOW.search(limit)),
    )
    return None if found == RateLimit() else found


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(f"RateLimit-{name}") or headers.get(f"X-RateLimit-{name}") or ""


def _number(match: re.Match[str] | None) -> int | None:
    return int(match[1]) if match else None


def warn(text: str) -> None:
    """Warn, at the line that called lazyimg; in a thread of our own, where there is none, at ours."""
    warnings.warn(RegistryWarning(text), stacklevel=_level())


def _level() -> int:
    """How many frames above `warn` the first one is that is neither ours nor of the standard library."""
    frame, level = sys._getframe(2), 2  # noqa: SLF001 - as the warnings module itself does
    while frame.f_code.co_filename.startswith(_NOT_THE_CALLER):
        if frame.f_back is None:
            return 2
        frame, level = frame.f_back, level + 1
    return level


class Notices:
    """Shows what registries warn of, each text of each registry once. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: set[tuple[str, str]] = set()

    def show(self, registry: str, texts: Iterable[str]) -> None:
        """Show those texts that were not shown before, as a `RegistryWarning` each."""
        for text in texts:
            if self._is_new((registry, text)):
                warn(f"{registry} warns: {text}")

    def _is_new(self, entry: tuple[str, str]) -> bool:
        with self._lock:
            if entry in self._shown or len(self._shown) >= _MOST_TEXTS:
                return False
            self._shown.add(entry)
            return True
