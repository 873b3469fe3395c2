"""What all endpoints share: repositories, uploads under way, rules of access, and threads to work in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from attrs import field, frozen

from lazyimg.server.access import Access
from lazyimg.server.limits import UploadLimits
from lazyimg.server.repository import Repositories, Repository
from lazyimg.server.store import Store
from lazyimg.server.tokens import BEARER
from lazyimg.server.uploads import Uploads
from lazyimg.server.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

P = ParamSpec("P")
T = TypeVar("T")


@frozen
class Context:
    """What all endpoints share."""

    store: Store
    access: Access = field(factory=Access)
    limits: UploadLimits = field(factory=UploadLimits)
    workers: Workers = field(factory=Workers)
    uploads: Uploads = field(factory=Uploads)
    repositories: Repositories = field(init=False)

    @repositories.default
    def _repositories(self) -> Repositories:
        return Repositories(self.store)

    def open(self) -> None:
        """Make ready to answer requests.

        Raises:
            OSError: the store cannot be used.
        """
        self.store.open()
        self.workers.open()

    def close(self) -> None:
        """End the uploads under way and let go of threads and files."""
        self.workers.close()
        self.uploads.expire(math.inf)
        self.store.close()

    async def judged(
        self, pair: tuple[str, str] | None, judge: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run what tells whether a name and a password, or none, are right: if that takes long, in a thread.

        Else whoever guesses would hold up everybody, uploads under way included.
        """
        if pair is not None and self.access.takes_long(*pair):
            return await self.workers.hash(judge, *args, **kwargs)
        return judge(*args, **kwargs)

    def repository(self, request: Request) -> Repository:
        """Return the repository that a request's path names, if it may do there what it wants.

        Raises:
            ApiError: 400 NAME_INVALID, or 403 DENIED.
        """
        repository = self.repositories.named(request.path_params["name"])
        self.access.check(request.method, repository.name)
        return repository

    def readable(self, request: Request) -> Callable[[str], bool]:
        """Return what tells whether whoever sent a request may read a repository."""
        bearer = request.scope.get(BEARER)
        return lambda repository: self.access.may_read(repository, bearer)
