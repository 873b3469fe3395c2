"""Owner, mode and time of a layer's entries: kept, set to a value, or worked out by a function."""

import math
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen

from lazyimg.content.entry import NANOSECONDS, Entry
from lazyimg.thunk.key import Opaque

_RIGHTS = 0o7777
_ALL = 0o777
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def setting(value: Any) -> Any:
    """Return a setting as a field holds it: a function wrapped, so that it has a token in keys."""
    return Opaque(value) if callable(value) and not isinstance(value, Opaque) else value


def owner_setting(value: Any) -> Any:
    """Check an owner that is a value."""
    wrapped = setting(value)
    return wrapped if wrapped is None or isinstance(wrapped, Opaque) else _owner(wrapped)


def mode_setting(value: Any) -> Any:
    """Check a mode that is a value."""
    wrapped = setting(value)
    return wrapped if wrapped is None or isinstance(wrapped, Opaque) else _mode(wrapped)


def mtime_setting(value: Any) -> Any:
    """Check a time that is a value."""
    wrapped = setting(value)
    if wrapped is not None and not isinstance(wrapped, Opaque):
        nanoseconds(wrapped)
    return wrapped


def _owner(value: Any) -> tuple[int, int]:
    if not (isinstance(value, tuple) and len(value) == 2 and all(_is_number(part) for part in value)):  # noqa: PLR2004 - user and group
        raise ValueError(f"an owner is two numbers, (uid, gid), each 0 or more; this is {value!r}")
    return value


def _mode(value: Any) -> int:
    if not (_is_number(value) and value <= _RIGHTS):
        raise ValueError(f"a mode is a number from 0 to 0o7777; this is {value!r}")
    return int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def nanoseconds(time: Any) -> int:
    """Return a time in nanoseconds since 1970, UTC.

    >>> nanoseconds(1.5), nanoseconds(datetime(1970, 1, 2, tzinfo=UTC))
    (1500000000, 86400000000000)

    Raises:
        ValueError: a datetime without a time zone, or what is no time at all.
    """
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise ValueError(f"{time!r} has no time zone: say which, such as tzinfo=datetime.UTC")
        since = time - _EPOCH
        return ((since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
    if not (isinstance(time, int | float) and math.isfinite(time)):
        raise ValueError(f"a time is seconds since 1970 or a datetime; this is {time!r}")
    seconds = math.floor(time)
    return seconds * NANOSECONDS + round((time - seconds) * NANOSECONDS)


@frozen
class Attributes:
    """What to make of owner, mode and time.

    Attributes:
        owner: ``(uid, gid)``, a function of the entry, or None to keep.
        mode: permission bits, a function of the entry, or None to keep. A value is for files; a directory
            can also be entered by whoever may read it, and a symbolic link's mode means nothing.
        mtime: seconds since 1970 or a datetime, a function of the entry, or None to keep.
    """

    owner: Any = field(default=(0, 0), converter=owner_setting)
    mode: Any = field(default=None, converter=mode_setting)
    mtime: Any = field(default=0, converter=mtime_setting)

    def apply(self, entry: Entry) -> Entry:
        """Return ``entry`` with its attributes set; functions are given the entry as it was."""
        uid, gid = self._owner(entry)
        return Entry(
            path=entry.path,
            kind=entry.kind,
            mode=self._mode(entry),
            uid=uid,
            gid=gid,
            mtime_ns=self._mtime(entry),
            size=entry.size,
            link=entry.link,
            device=entry.device,
            xattrs=entry.xattrs,
        )

    def fixed_mtime_ns(self) -> int:
        """The time of what is made, not found: the value that was set, else 1970."""
        return 0 if self.mtime is None or isinstance(self.mtime, Opaque) else nanoseconds(self.mtime)

    def _owner(self, entry: Entry) -> tuple[int, int]:
        if self.owner is None:
            return entry.uid, entry.gid
        if isinstance(self.owner, Opaque):
            return _owner(self.owner.value(entry))
        owner: tuple[int, int] = self.owner
        return owner

    def _mode(self, entry: Entry) -> int:
        if entry.kind == "symlink":
            return _ALL
        if self.mode is None:
            return entry.mode
        if isinstance(self.mode, Opaque):
            return _mode(self.mode.value(entry))
        mode: int = self.mode
        return mode | (mode & 0o444) >> 2 if entry.kind == "directory" else mode

    def _mtime(self, entry: Entry) -> int:
        if self.mtime is None:
            return entry.mtime_ns
        return nanoseconds(self.mtime.value(entry) if isinstance(self.mtime, Opaque) else self.mtime)
