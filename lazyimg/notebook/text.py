"""Texts of strangers made fit to be shown: labels, annotations and file names as they are, but harmless."""

import html
import unicodedata

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

SCANNED = 4096
"""Characters of one text that are looked at; what comes behind them is not shown."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WIDE = frozenset({"W", "F"})


def plain(text: str) -> str:
    r"""``text`` with everything a reader could not see written out.

    Controls, escape sequences, changes of the direction of writing, lone surrogates and the like become
    their escapes. One line comes out of any text; of a very long one, the beginning.

    >>> plain("red \x1b[31m")
    'red \\x1b[31m'
    """
    shown = text[:SCANNED] + (ELLIPSIS if len(text) > SCANNED else "")
    return shown if shown.isascii() and shown.isprintable() else "".join(map(_visible, shown))


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
    return _first(shown, head) + ELLIPSIS + _first(shown[::-1], tail)[::-1]


def padded(text: str, width: int) -> str:
    """``text`` with spaces after it, up to ``width`` columns."""
    return text + " " * (width - columns(text))


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "thunk"), counted(12000, "thunk")
    ('1 thunk', '12,000 thunks')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN or character == ELLIPSIS:
        return character
    return character.encode("unicode_escape").decode()


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _first(text: str, limit: int) -> str:
    """As much of ``text`` as fits in ``limit`` columns."""
    used = 0
    for index, character in enumerate(text):
        used += _columns_of(character)
        if used > limit:
            return text[:index]
    return text
