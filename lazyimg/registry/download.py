"""Reading a blob: every byte verified, and a cut connection gone on with where it broke."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from lazyimg.errors import ContentMismatch, InvalidSetting, RegistryUnreachable
from lazyimg.oci.digest import Digest, new_hash
from lazyimg.registry.answers import length_of
from lazyimg.registry.conversation import ANY, Conversation, Patience, Question
from lazyimg.registry.settings import is_count, may, must
from lazyimg.registry.transport.wire import Reply, host_of

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

_PARTIAL = 206
_PROGRESS = 16 << 10  # bytes; a registry that cuts after each of fewer would never be done
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(?:\d{1,18}|\*)")


@frozen(kw_only=True)
class Blob:
    """Which bytes to read: all, all from an offset on, or a part.

    Raises:
        InvalidSetting: there is no such part.

    Attributes:
        digest: what they must hash to.
        size: how many there must be; None if nobody said.
        offset: how many to leave out from the beginning.
        hasher: fed with those that are left out, to verify the whole; None verifies the size alone.
        length: how many to read, of which no digest is known; None is all to the end.
    """

    digest: Digest
    size: int | None
    offset: int = field(default=0, validator=must(is_count, "a whole number of bytes from 0 on"))
    hasher: "Hash | None" = None
    length: int | None = field(default=None, validator=may(is_count, "a whole number of bytes from 0 on"))

    def __attrs_post_init__(self) -> None:
        beyond = self.offset if self.length is None else self.offset + self.length
        if self.size is not None and beyond > self.size:
            what = "offset ends" if self.length is None else "offset and length end"
            raise InvalidSetting(f"{what} at byte {beyond} of a blob of {self.size} bytes")

    @property
    def end(self) -> int | None:
        """Where to stop; None if nobody said."""
        return self.size if self.length is None else self.offset + self.length


class Download:
    """One blob on its way in.

    Args:
        conversation: the registry it comes from.
        question: the GET of the whole blob.
        blob: which bytes to read.
    """

    def __init__(self, conversation: Conversation, question: Question, blob: Blob) -> None:
        self._conversation = conversation
        self._question = question
        self._blob = blob
        self._at = blob.offset
        self._held = b""
        whole = blob.offset == 0 and blob.hasher is None
        hasher = new_hash(blob.digest.algorithm) if whole else blob.hasher
        self._hasher = hasher if blob.length is None else None

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes as they arrive; the last of them once all are verified.

        Raises:
            ContentMismatch: they are not those that were asked for.
            RegistryUnreachable: the connection broke again and again without a byte between.
            RegistryError: the registry refused.
        """
        faults, waited = 0, 0.0
        while not self._is_complete:
            reply = self._open(waited)
            before = self._at
            try:
                yield from self._received(reply, waited)
            except RegistryUnreachable as error:
                if self._is_complete:
                    break
                is_faring = self._at - before >= _PROGRESS
                faults = 1 if is_faring else faults + 1
                if faults > self._conversation.retries.count:
                    raise
                if not is_faring and not self._conversation.may_spend(error, faults - 1, None):
                    raise
                waited = reply.waited
            else:
                break
            self._conversation.wait(faults - 1, None, ANY)
        self._verify()
        if self._held:
            yield self._held

    @property
    def _is_complete(self) -> bool:
        """Whether nothing is left to ask for; of an empty blob there is: that it is empty."""
        return self._at == self._blob.end and (self._at > 0 or self._blob.length == 0)

    def _open(self, waited: float) -> Reply:
        last = "" if self._blob.length is None else self._blob.offset + self._blob.length - 1
        headers = {"Range": f"bytes={self._at}-{last}"} if self._at or self._blob.length else {}
        return self._conversation.open(evolve(self._question, headers=headers), Patience(waited=waited))

    def _skip(self, reply: Reply) -> int:
        """Return how many bytes of the answer are before those we want."""
        if reply.status != _PARTIAL:
            return self._at
        match = _CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", ""))
        if match is None or int(match[1]) > self._at:
            raise self._mismatch("answered with another range than was asked for")
        return self._at - int(match[1])

    def _check_length(self, reply: Reply, skip: int) -> None:
        """Refuse an answer that announces another length than the blob has, before any of it is read."""
        length = length_of(reply.headers.get("Content-Length"))
        expected = self._blob.end if reply.status == _PARTIAL else self._blob.size
        if expected is None or length is None:
            return
        announced = length - skip + self._at
        if announced != expected:
            raise self._mismatch(f"has {announced} bytes of it, {expected} were expected")

    def _received(self, reply: Reply, waited: float) -> Iterator[bytes]:
        """Yield what arrives, but keep the last part back: the next attempt, or the end, gives it out.

        Args:
            reply: the answer.
            waited: seconds that were waited in vain for it, and for those before: its head makes up for none.
        """
        with closing(reply), closing(reply.chunks(waited)) as parts:
            skip = self._skip(reply)
            self._check_length(reply, skip)
            for part in parts:
                fresh = part[skip:] if skip else part
                skip -= len(part) - len(fresh)
                if self._blob.length is not None:
                    if self._is_complete:
                        return  # the server sends more than it was asked for
                    fresh = fresh[: self._blob.offset + self._blob.length - self._at]
                if fresh:
                    self._take(fresh)
                    ready, self._held = self._held, fresh
                    if ready:
                        yield ready

    def _take(self, part: bytes) -> None:
        size = self._blob.end
        if size is not None and self._at + len(part) > size:
            raise self._mismatch(f"sent more than the {size} bytes it has")
        self._at += len(part)
        if self._hasher is not None:
            self._hasher.update(part)

    def _verify(self) -> None:
        end = self._blob.end
        if end is not None and self._at != end:
            raise self._mismatch(f"sent {self._at} of {'its ' * (self._blob.length is None)}{end} bytes")
        if self._hasher is not None:
            found = Digest.from_hash(self._hasher)
            if found != self._blob.digest:
                raise self._mismatch(f"sent bytes with the digest {found}")

    def _mismatch(self, what: str) -> ContentMismatch:
        server = host_of(self._question.url)
        return ContentMismatch(f"cannot {self._question.doing}: {server} {what}")
