"""The opened, authorised right to push to one repository: the first side effect of a write.

Opening it begins an upload at once. A registry that refuses does so here, before anything else was touched;
one that agrees has begun the upload that the first blob will use.
"""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Self

from lazyimg.errors import Cancelled, Denied, NotFound, RegistryError
from lazyimg.registry.authorization.token import TokenRefused
from lazyimg.registry.client import Client
from lazyimg.registry.conversation import Patience
from lazyimg.registry.uploads.upload import Upload

_MAY_HAVE_EXPIRED = 300.0  # seconds an unused upload is trusted to be still there


class PushSession:
    """A session with one repository. Thread safe; uploads that it gives out are each for one thread.

    Use `open`.

    Attributes:
        client: the registry.
        repository: where is pushed to.
        mountable: repositories of the registry that blobs may be mounted from.
    """

    def __init__(self, client: Client, repository: str, mountable: Iterable[str]) -> None:
        self.client = client
        self.repository = repository
        self.mountable = frozenset(mountable)
        self._stop = threading.Event()
        self._patience = Patience(stop=self._stop)
        self._lock = threading.Lock()
        self._spare: Upload | None = None
        self._given: list[Upload] = []
        self._beginning = 0
        self._begun = threading.Condition()

    def __repr__(self) -> str:
        return f"PushSession({self.client.registry!r}, {self.repository!r})"

    @classmethod
    def open(cls, client: Client, repository: str, pulls: Iterable[str] = ()) -> Self:
        """Begin an upload, and with it the session.

        A token is asked for with all scopes the push can use; if the token service refuses that one, once
        more for the push alone, and nothing is mountable then.

        Args:
            client: the registry.
            repository: where to push to, such as ``me/app``.
            pulls: repositories of the same registry that blobs may be mounted from, or read.

        Raises:
            Unauthorized: the registry wants other credentials.
            Denied: it refuses, or has no such repository and makes none.
            RegistryUnreachable: no answer.
        """
        others = tuple(dict.fromkeys(name for name in pulls if name != repository))
        session = cls(client, repository, others)
        try:
            session._spare = session._begin(others)
        except TokenRefused:
            if not others:
                raise
            session.mountable = frozenset()
            session._spare = session._begin(())
        return session

    def begin(self) -> Upload:
        """Return an upload to use: the one that the session began with, or another.

        Raises:
            Cancelled: the session was aborted.
            RegistryError: the registry refused.
        """
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None and time.monotonic() - spare.began_at > _MAY_HAVE_EXPIRED:
            spare.cancel()  # it may be there, and nobody else would
            spare = None
        if spare is not None:
            return self._give(spare)
        with self._awaited():
            return self._give(self._begin(self.mountable))

    def mount(self, digest: str, from_repository: str) -> Upload | None:
        """Take a blob over from another repository; where that cannot be, begin an upload.

        Returns:
            None if the blob is there now, else an upload to send it with.

        Raises:
            Cancelled: the session was aborted.
            RegistryError: the registry refused the upload.
        """
        self._check_stop()
        if from_repository not in self.mountable:
            return self.begin()
        with contextlib.suppress(RegistryError), self._awaited():
            upload = self.client.mount(self.repository, digest, from_repository, patience=self._patience)
            return None if upload is None else self._give(upload)
        return self.begin()

    def close(self) -> None:
        """Cancel the upload that the session began with, if nobody used it; failures are ignored."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.cancel()

    def abort(self, grace: float = 2.0) -> None:
        """End everything: cancel each upload that is begun and not finished, and cut what is being sent.

        Callable from any thread, while others are sending; those end with `Cancelled`, or with what their
        body raises. Failures are ignored.

        Args:
            grace: seconds this may take in all, even if the registry hangs.
        """
        end = time.monotonic() + grace
        self._stop.set()
        with self._lock:
            uploads = [upload for upload in (self._spare, *self._given) if upload and not upload.is_over]
            self._spare, self._given = None, []
        for index, upload in enumerate(uploads):
            now = time.monotonic()
            is_last = index == len(uploads) - 1
            upload.cancel(until=end if is_last else now + (end - now) / 2)
        for upload in uploads:
            upload.interrupt()
        with self._begun:
            self._begun.wait_for(lambda: not self._beginning, max(0.0, end - time.monotonic()))

    @contextlib.contextmanager
    def _awaited(self) -> Iterator[None]:
        """Have `abort` wait for an upload that is being begun here: once it is, it cancels itself."""
        with self._begun:
            self._beginning += 1
        try:
            self._check_stop()
            yield
        finally:
            with self._begun:
                self._beginning -= 1
                self._begun.notify_all()

    def _begin(self, pulls: Iterable[str]) -> Upload:
        try:
            return self.client.begin_upload(self.repository, pulls=pulls, patience=self._patience)
        except NotFound as error:
            raise Denied(str(error), status=error.status, codes=error.codes) from None

    def _give(self, upload: Upload) -> Upload:
        with self._lock:
            self._given = [*(other for other in self._given if not other.is_over), upload]
        if self._stop.is_set():
            upload.cancel()
        self._check_stop()
        return upload

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise Cancelled(f"the session with {self.client.registry}/{self.repository} was aborted")
