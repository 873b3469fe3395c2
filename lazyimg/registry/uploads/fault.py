"""Faults: what may end an attempt to send a body, in a way that another attempt may do better."""

from attrs import frozen

from lazyimg.errors import LazyImgError, RegistryError
from lazyimg.registry.conversation import Conversation, Question
from lazyimg.registry.retry import TRANSIENT, retry_after
from lazyimg.registry.transport.wire import Reply

_UNAUTHORIZED = 401
_LENGTH_REQUIRED = 411
TOO_LARGE = 413
OUT_OF_STEP = 416
_LOST = frozenset({404, 410})
_LOST_CODES = frozenset({"BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"})


@frozen
class Fault:
    """Why an attempt ended.

    Attributes:
        error: raised if no further attempt is made.
        wait: seconds the registry asked to wait.
        is_lost: the registry dropped the upload.
        is_silent: there was no answer.
        is_unclear: the registry told how much it holds, and that cannot be built on.
        is_unread: the registry refused before it took anything.
        is_too_large: it takes less in one request; that is no failure, and what follows is smaller.
    """

    error: LazyImgError
    wait: float | None = None
    is_lost: bool = False
    is_silent: bool = False
    is_unclear: bool = False
    is_unread: bool = False
    is_too_large: bool = False


def fault_of(conversation: Conversation, reply: Reply, question: Question, since: float) -> Fault | None:
    """Return the fault an answer tells of; None of an answer that another attempt would only bring again.

    Args:
        conversation: learns from a 401 what the registry wants.
        reply: the answer; read to its end if it tells of a fault.
        question: what was asked.
        since: when, by the monotonic clock.

    Raises:
        Unauthorized: the registry refuses with all it may be given.
    """
    status = reply.status
    if status == _UNAUTHORIZED:
        may_help = conversation.learn(reply, question, since)
        error = conversation.refused(question, reply)
        if not may_help:
            raise error
        return Fault(error, is_unread=True)
    if status not in TRANSIENT | _LOST | {OUT_OF_STEP}:
        return None
    wait = retry_after(reply.headers.get("Retry-After"))
    return Fault(conversation.refused(question, reply), wait=wait, is_lost=status in _LOST)


def tells_of_loss(status: int, codes: tuple[str, ...]) -> bool:
    """Tell whether a refusal means that the registry has dropped the upload.

    >>> tells_of_loss(400, ("BLOB_UPLOAD_INVALID",)), tells_of_loss(400, ("DIGEST_INVALID",))
    (True, False)
    """
    return status in _LOST or status == OUT_OF_STEP or bool(_LOST_CODES.intersection(codes))


def is_gone(error: LazyImgError) -> bool:
    """Tell whether a refusal of what was asked of an upload means that nothing is left to be cancelled."""
    return (
        isinstance(error, RegistryError)
        and error.status != OUT_OF_STEP
        and tells_of_loss(error.status, error.codes)
    )


def wants_the_last_chunk(error: RegistryError, *, is_repeated: bool) -> bool:
    """Tell whether a closing PUT without a body was refused for having none.

    Args:
        error: the refusal.
        is_repeated: whether it is not the first one: what registries say of an upload that they lost they
            also say of one that ends as they do not like it.

    >>> wants_the_last_chunk(RegistryError("no", status=411), is_repeated=False)
    True
    """
    if error.status == _LENGTH_REQUIRED or "SIZE_INVALID" in error.codes:
        return True
    return is_repeated and "BLOB_UPLOAD_INVALID" in error.codes and error.status not in _LOST
