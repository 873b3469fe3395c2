"""How long a registry is waited for. This module loads no HTTP library."""

from attrs import field, frozen

from lazyimg.registry.settings import is_seconds, must

_SECONDS = "a number of seconds above 0, a million at most,"


@frozen(kw_only=True)
class Timeouts:
    """Time limits, in seconds.

    Attributes:
        connect: to open a connection, all addresses of a host together.
        silence: for any single read or write.
        total: until a host that gives no sign of life is given up, retries included. Where it is to be tried
            again within that, ``silence`` has to be well below it.

    Raises:
        InvalidSetting: one of them is no number of seconds above 0, or over a million.
    """

    connect: float = field(default=5.0, validator=must(is_seconds, _SECONDS))
    silence: float = field(default=15.0, validator=must(is_seconds, _SECONDS))
    total: float = field(default=20.0, validator=must(is_seconds, _SECONDS))

    @classmethod
    def of(cls, value: "float | Timeouts | None") -> "Timeouts":
        """Take limits as they are, or scale them to a total of so many seconds; None is the default.

        >>> Timeouts.of(4)
        Timeouts(connect=1.0, silence=3.0, total=4)
        """
        if isinstance(value, Timeouts):
            return value
        return cls() if value is None else cls(connect=value / 4, silence=value * 3 / 4, total=value)
