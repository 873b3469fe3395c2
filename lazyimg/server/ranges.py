"""The byte ranges of HTTP: ``Range`` of a read (RFC 9110, section 14) and ``Content-Range`` of a chunk."""

from __future__ import annotations

import re

from lazyimg.server.errors import ApiError

READ = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)
CHUNK = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/(?:\d+|\*))?")
_DIGITS = 19  # of a number beyond 63 bits


def unsatisfiable(size: int) -> ApiError:
    """Return the refusal of a range that the content of ``size`` bytes does not have."""
    message = f"the content has {size} bytes"
    return ApiError(416, "SIZE_INVALID", message, headers={"Content-Range": f"bytes */{size}"})


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that a ``Range`` header asks for.

    None is the whole: there is no header, or it is one that a server may ignore (another unit, several
    ranges, no range at all).

    >>> parse_range("bytes=0-4", 10), parse_range("bytes=7-", 10), parse_range("bytes=-2", 10)
    ((0, 5), (7, 10), (8, 10))
    >>> parse_range("lines=0-4", 10)

    Raises:
        ApiError: 416; the range begins behind the end, or its end is before its beginning.
    """
    match = READ.fullmatch(header or "")
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    start = _number(first) if first else max(0, size - _number(last))
    stop = min(size, _number(last) + 1) if first and last else size
    if start >= stop:
        raise unsatisfiable(size)
    return start, stop


def _number(digits: str) -> int:
    """Read a place in a content, as one beyond all contents if it has more digits than any has."""
    return int(digits.lstrip("0")[:_DIGITS] or 0)


def parse_content_range(header: str | None) -> tuple[int, int] | None:
    """Return the first byte of a chunk and the one after its last, or None without a header.

    >>> parse_content_range("0-9"), parse_content_range("bytes 10-19/*")
    ((0, 10), (10, 20))

    Raises:
        ApiError: 400 BLOB_UPLOAD_INVALID; the header is malformed.
    """
    if header is None:
        return None
    match = CHUNK.fullmatch(header.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise ApiError(
            400, "BLOB_UPLOAD_INVALID", "malformed Content-Range", detail={"Content-Range": header}
        )
    return int(match[1]), int(match[2]) + 1
