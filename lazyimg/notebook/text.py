"""Texts of strangers made fit to be shown: labels, annotations and file names as they are, but harmless."""

import html
import unicodedata
from collections.abc import Iterator
from itertools import accumulate

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

SCANNED = 4096
"""Characters of one text that are looked at; what comes behind them is not shown."""

MARKS = 4
"""Marks on one letter that are shown as such: enough for every script, too few to cover other lines."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
_WIDE = frozenset({"W", "F"})


def plain(text: str) -> str:
    r"""``text`` with everything a reader could not see written out.

    Controls, escape sequences, changes of the direction of writing, lone surrogates and the like become
    their escapes. One line comes out of any text; of a very long one, the beginning.

    >>> plain("red \x1b[31m")
    'red \\x1b[31m'
    """
    shown = text[:SCANNED] + (ELLIPSIS if len(text) > SCANNED else "")
    return shown if shown.isascii() and shown.isprintable() else "".join(_visible(shown))


def escaped(text: str) -> str:
    """``text`` for HTML and SVG, in an element or in a quoted attribute.

    >>> escaped('<b a="1">')
    '&lt;b a=&quot;1&quot;&gt;'
    """
    return html.escape(plain(text), quote=True)


def columns(text: str) -> int:
    """How many columns of a terminal, or of a fixed font, ``text`` takes.

    >>> columns("abc"), columns("画像")
    (3, 4)
    """
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def fit(text: str, limit: int) -> str:
    """``text`` made plain, in at most ``limit`` columns: the middle gives way, both ends tell more.

    >>> fit("docker.io/library/python:3.12-slim", 20)
    'docker.io/…3.12-slim'
    """
    shown = plain(text)
    if columns(shown) <= limit:
        return shown
    tail = (limit - 1) // 2
    head = limit - 1 - tail
    return _first(shown, head) + ELLIPSIS + _last(shown, tail)


def padded(text: str, width: int) -> str:
    """``text`` with spaces after it, up to ``width`` columns."""
    return text + " " * (width - columns(text))


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "thunk"), counted(12000, "thunk")
    ('1 thunk', '12,000 thunks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _visible(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        is_shown = category not in _HIDDEN and marks <= MARKS
        yield character if is_shown else character.encode("unicode_escape").decode()


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _first(text: str, limit: int) -> str:
    """As much of ``text`` as fits in ``limit`` columns."""
    return text[: sum(used <= limit for used in accumulate(map(_columns_of, text)))]


def _last(text: str, limit: int) -> str:
    """As much of the end of ``text`` as fits in ``limit`` columns, from a letter on."""
    end = _first(text[::-1], limit)[::-1]
    marks = next((i for i, c in enumerate(end) if _columns_of(c)), len(end))
    return end[marks:]
