"""What all endpoints share: the repositories, the uploads under way and the threads to work in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import field, frozen

from lazyimg.server.repository import Repositories, Repository
from lazyimg.server.store import Store
from lazyimg.server.uploads import Uploads
from lazyimg.server.workers import Workers

if TYPE_CHECKING:
    from starlette.requests import Request


@frozen
class Context:
    """What all endpoints share."""

    store: Store
    workers: Workers
    repositories: Repositories
    uploads: Uploads = field(factory=Uploads)

    @classmethod
    def of(cls, store: Store, workers: Workers) -> Context:
        """Return the context of a registry over a store."""
        return cls(store, workers, Repositories(store))

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

    def repository(self, request: Request) -> Repository:
        """Return the repository that a request's path names.

        Raises:
            ApiError: 400 NAME_INVALID.
        """
        return self.repositories.named(request.path_params["name"])
