"""Events and requests as log lines, for who asks for them: the library is silent otherwise.

Lines go through ``structlog``, under the logger's name ``lazyimg``, with plain values as their fields and
never a credential. How they look, and where they go, is structlog's configuration and the user's.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lazyimg.thunk.events import Ended, Event, Expanded, Failed, Started, Told

if TYPE_CHECKING:
    from lazyimg.registry.transport.wire import RequestRecord

KEY_SHOWN = 12
"""Letters of a thunk's key in a log line."""


def default_logger() -> Any:
    """The structlog logger of this library."""
    import structlog  # noqa: PLC0415 - loaded when somebody wants logs

    return structlog.get_logger("lazyimg")


def event_logger(log: Any) -> Callable[[Event], None]:
    """An observer that writes each event: failures as warnings, what was told as info, the rest as debug.

    Args:
        log: a structlog logger, or anything with its methods.
    """

    def write(event: Event) -> None:
        known = {"thunk": event.name, "key": event.key[:KEY_SHOWN]}
        if isinstance(event, Failed):
            log.warning("failed", **known, error=type(event.error).__name__, reason=str(event.error))
        elif isinstance(event, Told):
            log.info(event.what, **known, **event.detail)
        elif isinstance(event, Ended):
            log.debug("ended", **known, seconds=round(event.seconds, 6))
        elif isinstance(event, Started):
            log.debug("started", **known)
        elif isinstance(event, Expanded):
            log.debug("expanded", **known, by=event.by[:KEY_SHOWN])

    return write


def request_logger(log: Any) -> Callable[["RequestRecord"], None]:
    """An observer of registry clients that writes each finished exchange as debug.

    What the registry warned of, and how many requests it says remain, stand in the line if it says so.

    Args:
        log: a structlog logger, or anything with its methods.
    """

    def write(record: "RequestRecord") -> None:
        limit = record.rate_limit
        said = {"warnings": record.warnings, "remaining": limit.remaining if limit else None}
        log.debug(
            "request",
            method=record.method,
            url=record.url,
            status=record.status,
            bytes_sent=record.bytes_sent,
            bytes_received=record.bytes_received,
            seconds=round(record.seconds, 6),
            **{name: value for name, value in said.items() if value not in {None, ()}},
        )

    return write
