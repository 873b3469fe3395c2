"""How often to try again, and how long to wait between."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import field, frozen

from lazyimg.registry.budget import Budget
from lazyimg.registry.settings import is_count, is_seconds, may, must

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})


_COUNT = "a whole number from 0 on"
_WAIT = "a number of seconds from 0 to a million"


def _is_wait(value: object) -> bool:
    return value == 0 or is_seconds(value)


@frozen(kw_only=True)
class Retries:
    """Bounded retries with exponential backoff and jitter.

    Attributes:
        count: how many times a request is sent again after its first try.
        first: seconds before the first retry; each further wait is twice as long.
        longest: seconds that no wait of ours exceeds.
        patience: the longest ``Retry-After`` that is waited for, in seconds; asked for more, we give up.
        together: how many retries the requests of one write have in all (`lazyimg.registry.budget`); None is
            five times ``count``.

    Raises:
        InvalidSetting: one of them is no such number.

    >>> [Retries(first=1).pause(attempt, spread=1.0) for attempt in range(5)]
    [1.0, 2.0, 4.0, 8.0, 8.0]
    """

    count: int = field(default=4, validator=must(is_count, _COUNT))
    first: float = field(default=0.25, validator=must(_is_wait, _WAIT))
    longest: float = field(default=8.0, validator=must(_is_wait, _WAIT))
    patience: float = field(default=30.0, validator=must(_is_wait, _WAIT))
    together: int | None = field(default=None, validator=may(is_count, _COUNT))

    @property
    def budget(self) -> Budget:
        """The retries of a new write.

        >>> Retries(count=2).budget.most, Retries(together=1).budget.most
        (10, 1)
        """
        return Budget(5 * self.count if self.together is None else self.together)

    @classmethod
    def of(cls, value: "int | Retries | None") -> "Retries":
        """Take settings as they are, or a number of retries; None is the default.

        >>> Retries.of(2).count
        2
        """
        if isinstance(value, Retries):
            return value
        return cls() if value is None else cls(count=value)

    def pause(self, attempt: int, *, spread: float | None = None) -> float:
        """Return the seconds to wait before retry number ``attempt`` (the first is 0).

        Args:
            attempt: how many retries there were.
            spread: the jitter's share of the whole wait; by default drawn between 0.5 and 1.
        """
        share = random.uniform(0.5, 1.0) if spread is None else spread  # noqa: S311 - jitter is no secret
        return share * min(self.longest, self.first * 2.0 ** min(attempt, 30))


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header, seconds or a date, as seconds from now (RFC 9110, 10.2.3).

    >>> retry_after("7"), retry_after("soon"), retry_after(None)
    (7.0, None, None)
    """
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdecimal():
        return float(value.strip()[:12])
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter of a year that no calendar has
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
