"""Moments as documents write them: RFC 3339, in UTC when written here."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from lazyimg.errors import InvalidDocument
from lazyimg.oci import fields

if TYPE_CHECKING:
    from lazyimg.oci.json_value import Json

_MOMENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([-+])([0-9]{2}):([0-9]{2}))"
).fullmatch
_MICROSECOND_DIGITS: Final = 6


def read_time(value: Json, where: str) -> datetime:
    """Read an RFC 3339 time and return it in UTC; digits beyond microseconds are cut.

    Raises:
        InvalidDocument: it is no such text, or no moment of the calendar.
    """
    text = fields.text(value, where)
    found = _MOMENT(text)
    if found is None:
        raise InvalidDocument(f"{where} is no RFC 3339 time: {text[:80]!r}")
    day, clock, fraction, sign, hours, minutes = found.groups()
    microseconds = (fraction or "").ljust(_MICROSECOND_DIGITS, "0")[:_MICROSECOND_DIGITS]
    try:
        local = datetime.fromisoformat(f"{day}T{clock}.{microseconds}+00:00")
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        return local + offset if sign == "-" else local - offset
    except (ValueError, OverflowError):
        raise InvalidDocument(f"{where} is no moment of the calendar: {text[:80]!r}") from None


def in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC.

    Raises:
        InvalidDocument: it is no datetime, has no time zone, so that it names no moment, or is outside of
            years 1 to 9999.
    """
    if not isinstance(moment, datetime):
        raise InvalidDocument(f"a time is a datetime with a time zone, not a {type(moment).__name__}")
    if moment.utcoffset() is None:
        raise InvalidDocument(f"{moment.isoformat()} has no time zone: give it one, such as datetime.UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidDocument(f"{moment.isoformat()} is outside of years 1 to 9999 in UTC") from None


def format_time(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC, without zeros at the end of its fraction, as Go does.

    Raises:
        InvalidDocument: the moment has no time zone.

    Example:
        >>> format_time(datetime(2024, 1, 1, 12, 30, 0, 500000, tzinfo=UTC))
        '2024-01-01T12:30:00.5Z'
    """
    text = in_utc(moment).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
