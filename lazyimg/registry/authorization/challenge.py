"""Challenges: what a registry says it wants to be authorised with (RFC 9110, 11.3 and 11.6.1).

``WWW-Authenticate: Bearer realm="https://auth.example/token",service="registry"`` is the usual one, but the
header is a list of challenges that is itself made of lists, schemes come in any case, and
quoted strings hold commas and escapes. What cannot be parsed is skipped, never guessed.
"""

import re
from collections.abc import Iterable, Mapping

from attrs import field, frozen

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word for a word
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+|(?=,)|$)")
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)")
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^",\s=][^",\s]*))[ \t]*(?=,|$)')
_GAP = re.compile(r"[ \t,]*")
_UNESCAPE = re.compile(r"\\(.)")
_LIMIT = 64 << 10


@frozen
class Challenge:
    """One challenge.

    Attributes:
        scheme: in lower case: ``basic``, ``bearer``.
        parameters: by name, in lower case; of a name given twice, the first.
    """

    scheme: str
    parameters: Mapping[str, str] = field(factory=dict, repr=False)


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Read the values of all ``WWW-Authenticate`` headers of an answer.

    >>> [one, two] = parse_challenges(['BASIC realm="a, b", Bearer realm="https://x/t?a=1",error=invalid_token'])
    >>> one.scheme, one.parameters["realm"], two.parameters["error"]
    ('basic', 'a, b', 'invalid_token')
    """
    return tuple(challenge for value in headers for challenge in _parse(value[:_LIMIT]))


def _parse(value: str) -> list[Challenge]:
    found: list[Challenge] = []
    at = _skip(_GAP, value, 0)
    while at < len(value):
        parameter = _PARAMETER.match(value, at)
        if parameter and found:
            _add(found[-1], parameter)
            at = parameter.end()
        elif scheme := _SCHEME.match(value, at):
            found.append(Challenge(scheme[1].lower()))
            at = scheme.end()
            if not _PARAMETER.match(value, at):
                at = _skip(_TOKEN68, value, at)
        else:
            at = _next_comma(value, at)
        at = _skip(_GAP, value, at)
    return found


def _add(challenge: Challenge, parameter: re.Match[str]) -> None:
    name, quoted, bare = parameter.groups()
    text = _UNESCAPE.sub(r"\1", quoted) if quoted is not None else bare
    parameters = challenge.parameters
    if isinstance(parameters, dict):
        parameters.setdefault(name.lower(), text)


def _skip(pattern: re.Pattern[str], value: str, at: int) -> int:
    match = pattern.match(value, at)
    return match.end() if match else at


def _next_comma(value: str, at: int) -> int:
    comma = value.find(",", at)
    return len(value) if comma < 0 else comma
