"""A password that comes through a pipe."""

from __future__ import annotations

import sys

import click

_MOST = 1 << 20  # characters of a password that are read: no more than an endless pipe is meant to be one


def password_from_stdin() -> str:
    """Return all of standard input, of which one line end is no part, as a text that is not shown.

    Raises:
        click.UsageError: it is no UTF-8, has several lines, or has no end; nothing of it is repeated.
    """
    from lazyimg.registry.secret import Secret  # noqa: PLC0415 - attrs is loaded on use

    given = Secret(_read())
    password = Secret(given.removesuffix("\n").removesuffix("\r"))
    if len(given) > _MOST:
        raise click.UsageError("standard input holds more than a password: pipe the password alone")
    if "\n" in password or "\r" in password:
        raise click.UsageError(
            "standard input holds several lines: pipe the password alone, with one line end at most; a key "
            "in JSON is piped in one line, as jq -c writes it"
        )
    return Secret(as_utf8(password, "the password on standard input"))


def as_utf8(text: str, what: str) -> str:
    r"""Return what was typed as it was, where Python took its bytes for another encoding than UTF-8.

    >>> as_utf8("j\udcc3\udcbcrgen", "the user name")
    'jürgen'

    Raises:
        click.UsageError: it is no UTF-8; nothing of it is repeated.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:
        pass
    raise click.UsageError(f"{what} is no UTF-8: is it written in another encoding?")


def _read() -> str:
    """Read standard input as UTF-8, whatever the locale says; what is none stays told from what is."""
    pipe = getattr(sys.stdin, "buffer", None)
    if pipe is None:
        return sys.stdin.read(_MOST + 1)
    data: bytes = pipe.read(_MOST + 1)
    return data.decode("utf-8", "surrogateescape")
