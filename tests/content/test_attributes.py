"""Owner, mode and time."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from lazyimg.content.attributes import Attributes, nanoseconds
from lazyimg.content.entry import Entry
from lazyimg.thunk.key import digest_of


def test_times_are_exact() -> None:
    """Whole seconds, fractions, negative ones and datetimes of any zone."""
    assert nanoseconds(1_500_000_001.25) == 1_500_000_001_250_000_000
    assert nanoseconds(-0.5) == -500_000_000
    assert nanoseconds(10**12) == 10**21
    east = timezone(timedelta(hours=2))
    assert nanoseconds(datetime(2024, 1, 1, 2, tzinfo=east)) == nanoseconds(datetime(2024, 1, 1, tzinfo=UTC))
    assert nanoseconds(datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)) == -500_000_000


@pytest.mark.parametrize("time", [float("nan"), float("inf"), "2024", object()])
def test_what_is_no_time_is_refused(time: Any) -> None:
    """The error shows what it was given."""
    with pytest.raises(ValueError, match="this is"):
        nanoseconds(time)


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive datetime means another moment on another machine."""
    with pytest.raises(ValueError, match="no time zone"):
        Attributes(mtime=datetime(2024, 1, 1))  # noqa: DTZ001 - the point


def test_made_things_take_the_time_that_was_set() -> None:
    """A function or None cannot say the time of what is made: it is 1970."""
    assert Attributes(mtime=5).fixed_mtime_ns() == 5_000_000_000
    assert Attributes(mtime=None).fixed_mtime_ns() == 0
    assert Attributes(mtime=lambda entry: 7).fixed_mtime_ns() == 0  # noqa: ARG005 - the entry does not matter


def test_everything_can_be_kept() -> None:
    """None everywhere changes nothing."""
    entry = Entry(
        path="/a", kind="file", mode=0o4711, uid=3, gid=4, mtime_ns=5, size=6, xattrs={"user.a": b""}
    )
    assert Attributes(owner=None, mode=None, mtime=None).apply(entry) == entry


def test_functions_have_tokens_in_keys() -> None:
    """Two functions are two settings; one used twice is one."""
    first, second = (Attributes(mode=lambda entry: entry.mode) for _ in range(2))
    again = Attributes(mode=first.mode)
    key = {
        name: digest_of("x", [("a", value)]) for name, value in {"1": first, "2": second, "3": again}.items()
    }
    assert key["1"] == key["3"] != key["2"]
