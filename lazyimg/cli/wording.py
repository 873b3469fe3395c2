"""How the command words what the library says."""

from __future__ import annotations

import re

_WORDS = (
    (re.compile(r"; timeout= allows [^;\n]+ in all"), ""),  # of which the command has no option
    (re.compile(r"; retries= tries more often"), ""),
    (re.compile(r"; Retries\(patience=\) waits longer"), ""),
    (re.compile(r"Host\(scheme='https', ca=\.\.\.\)"), "https:// before its name, or --ca FILE"),
    (re.compile(r"Host\(scheme='https'\)"), "https:// before its name"),
    (re.compile(r"Host\(ca=\.\.\.\)"), "--ca FILE"),
    (re.compile(r"Host\(scheme='http'\)"), "--insecure"),
    (re.compile(r"\bwith client_cert="), "with client_cert= of lazyimg.Host, in Python"),
    (re.compile(r"(?<![\w/.=-])(ca|insecure)=(?=\S)(?![;,)])"), r"--\1 "),
    (re.compile(r"(?<![\w/.=-])(ca|insecure)="), r"--\1"),
)


def worded(error: BaseException) -> list[str]:
    """An error as a person reads it: its message, and below it its notes.

    >>> worded(ValueError("cannot push"))
    ['cannot push']
    """
    notes: list[str] = getattr(error, "__notes__", [])
    return [str(error), *(f"  {note}" for note in notes)]


def in_options(text: str) -> str:
    """Name the options of `lazyimg login` where the library names its settings.

    >>> in_options("name its authority with ca=; cannot use ca=ca.pem")
    'name its authority with --ca; cannot use --ca ca.pem'
    >>> in_options("reg.lan did not answer in time; timeout= allows more than 20 s in all")
    'reg.lan did not answer in time'
    >>> in_options("It may be over soon: try again later; retries= tries more often.")
    'It may be over soon: try again later.'
    >>> in_options("if plain http is meant, say so: Host(scheme='http')")
    'if plain http is meant, say so: --insecure'
    >>> in_options("say so, by Host(scheme='https'), or Host(ca=...) if its certificate is its own")
    'say so, by https:// before its name, or --ca FILE if its certificate is its own'
    """
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return text
