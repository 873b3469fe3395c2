"""What the headers of answers point to: upload locations, offsets, next pages."""

import re
from urllib.parse import quote, urljoin, urlsplit

from lazyimg.errors import RegistryError

_RANGE = re.compile(r"\s*(?:bytes[= ]\s*)?(\d{1,18})-(\d{1,18})\s*", re.IGNORECASE)
_LINK = re.compile(r"<([^<>]*)>([^,<]*)")
_LINK_LIMIT = 16 << 10  # letters of a Link header that are read
_REL = re.compile(r';\s*rel\s*=\s*"?([^";]*)"?', re.IGNORECASE)


def resolve(url: str, location: str | None) -> str:
    """Resolve a ``Location``, relative or absolute, against the address that answered.

    Raises:
        RegistryError: there is none.

    >>> resolve("http://a/v2/r/blobs/uploads/", "/v2/r/blobs/uploads/1?_state=x")
    'http://a/v2/r/blobs/uploads/1?_state=x'
    """
    if not location:
        raise RegistryError(
            f"cannot upload: {urlsplit(url).netloc} answered without the Location that a registry gives: "
            "is it one? Check host and port"
        )
    return join(url, location)


def join(url: str, location: str) -> str:
    """Resolve an address a registry gave against the one it answered at.

    Raises:
        RegistryError: it is no address.
    """
    try:
        return urljoin(url, location)
    except ValueError:
        raise RegistryError(f"{urlsplit(url).hostname} gave an address that is none") from None


def with_digest(location: str, digest: str) -> str:
    """Add ``digest`` to the query of an upload location, and leave the rest of it as it is.

    >>> with_digest("http://a/1?_state=x%3D", "sha256:00")
    'http://a/1?_state=x%3D&digest=sha256%3A00'
    """
    plain, mark, fragment = location.partition("#")
    joint = "&" if "?" in plain else "?"
    return f"{plain}{joint}digest={quote(digest, safe='')}{mark}{fragment}"


def held_bytes(value: str | None) -> int | None:
    """Read an upload's ``Range``: how many bytes the registry holds, None if it does not say.

    ``0-0`` is what registries answer of an upload of one byte and of an empty one, so it tells nothing.

    >>> held_bytes("0-99"), held_bytes("bytes=0-99"), held_bytes("0-0"), held_bytes("junk")
    (100, 100, None, None)
    """
    match = _RANGE.fullmatch(value or "")
    if match is None or int(match[1]) != 0 or int(match[2]) == 0:
        return None
    return int(match[2]) + 1


def next_page(url: str, link: str | None) -> str | None:
    """Return the address of the next page from a ``Link`` header, on the same host only.

    >>> next_page("https://a/v2/r/tags/list", '</v2/r/tags/list?n=2&last=b>; rel="next"')
    'https://a/v2/r/tags/list?n=2&last=b'
    >>> next_page("https://a/v2/r/tags/list", '<https://evil/x>; rel="next"') is None
    True
    """
    for target, parameters in _LINK.findall((link or "")[:_LINK_LIMIT]):
        rel = _REL.search(parameters)
        if rel is None or "next" in rel[1].lower().split():
            following = join(url, target)
            return following if urlsplit(following)[:2] == urlsplit(url)[:2] else None
    return None
