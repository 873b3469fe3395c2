"""A registry's refusal, worded: what was being done, what it answered, and what to do about it."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote, quote_plus

from attrs import frozen

from lazyimg.errors import Denied, NotFound, RegistryError, Unauthorized
from lazyimg.registry.secret import MASK

_MOST_ENTRIES = 20  # errors of one answer that are read
_WORDS = 400  # characters of a registry's own words that are repeated
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+"
)
_SHORTEST_SECRET = 4  # masking shorter ones would only make holes into words

_KINDS: Mapping[int, type[RegistryError]] = {401: Unauthorized, 403: Denied, 404: NotFound}
_ADVICE = {
    401: "Log in with an account that may do this, or check the credentials.",
    403: "The account may not do this: ask for the right, or use another account.",
    404: "Check the name; some registries also answer so to whoever may not know that it exists.",
    405: "This registry does not offer it.",
    413: "It takes nothing this large in one request; Host(chunk_size=...) sends blobs in smaller ones.",
    415: "The registry does not take this media type; with_media_types() makes an image of others.",
    429: "Too many requests: try again later, or log in for a higher limit.",
    507: "The registry has no space left: whoever runs it has to make some.",
    **dict.fromkeys((500, 502, 503, 504), "It may be over soon: try again later; retries= tries more often."),
}


@frozen
class Words:
    """What a registry said: its error codes, and its messages in one line."""

    codes: tuple[str, ...] = ()
    text: str = ""


def mask(text: str, secrets: Iterable[str]) -> str:
    """Cover every secret in a text, also as it stands in forms, addresses, JSON, HTML and base64.

    >>> mask("bad password hunter22 in password=hunter%2022", ["hunter22", "hunter 22"])
    'bad password *** in password=***'
    """
    forms = {form for secret in secrets if len(secret) >= _SHORTEST_SECRET for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def _forms(secret: str) -> tuple[str, ...]:
    in_text = (json.dumps(secret)[1:-1], html.escape(secret), *_in_base64(secret.encode(errors="replace")))
    return secret, quote(secret), quote(secret, safe=""), quote_plus(secret), *in_text


def _in_base64(secret: bytes) -> Iterator[str]:
    return (one(secret).decode().rstrip("=") for one in (base64.b64encode, base64.urlsafe_b64encode))


def read_words(data: bytes, media_type: str, secrets: Iterable[str] = ()) -> Words:
    """Read an error body (distribution-spec, "Error Codes"; or what token services say in its place).

    Never fails; control characters are dropped, length is bounded and secrets are masked.

    >>> read_words(b'{"errors": [{"code": "DENIED", "message": "no push"}]}', "application/json")
    Words(codes=('DENIED',), text='DENIED: no push')
    """
    try:
        found = list(islice(_entries(json.loads(data)), _MOST_ENTRIES))
    except (ValueError, RecursionError):
        found = [("", data.decode(errors="replace"))] if _is_plain(data, media_type) else []
    codes = tuple(plain(code, secrets)[:80] for code, _ in found if code)
    text = "; ".join(": ".join(filter(None, pair)) for pair in found)
    return Words(codes, plain(text, secrets)[:_WORDS])


def _is_plain(data: bytes, media_type: str) -> bool:
    """Whether a body is a text for people: said to be, or of no said type and no page."""
    named = media_type.partition(";")[0].strip().lower()
    return named == "text/plain" or (not named and not data.lstrip().startswith(b"<") and data.isascii())


def _entries(body: Any) -> Iterator[tuple[str, str]]:
    """Yield codes and messages of a JSON body, whichever of the known forms it has."""
    if not isinstance(body, dict):
        return
    errors = body.get("errors")
    for entry in errors if isinstance(errors, list) else [body]:
        if isinstance(entry, dict):
            code = _text(entry, "code", "error")
            message = _text(entry, "message", "error_description", "details", "detail")
            if code or message:
                yield code, message


def _text(entry: Mapping[str, Any], *names: str) -> str:
    values = (entry.get(name) for name in names)
    return next((value for value in values if isinstance(value, str)), "")


def plain(text: str, secrets: Iterable[str]) -> str:
    """Make a text one line without control characters, its secrets masked."""
    return mask(_CONTROL.sub(" ", text).strip(), secrets)


def is_odd(text: str) -> bool:
    """Tell whether there is anything in a text that is no letter: a control, a change of direction."""
    return _CONTROL.search(text) is not None


def refusal(doing: str, server: str, status: int, words: Words, *, advice: str = "") -> RegistryError:
    """Make the error for a final answer that is no success.

    Args:
        doing: what was being done: ``"push to me/app"``.
        server: who answered.
        status: the HTTP status.
        words: what it said.
        advice: what to do about it, instead of the usual advice for the status.
    """
    said = f": {words.text}" if words.text else ""
    advice = advice or _ADVICE.get(status, "")
    message = f"cannot {doing}: {server} answered {status}{said}. {advice}".rstrip()
    return _KINDS.get(status, RegistryError)(message, status=status, codes=words.codes)
