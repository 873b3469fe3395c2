"""The two registries of the matrix: ours with its own faults, and another behind a proxy that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import frozen
from support.docker_registry import DockerRegistry
from support.fault_proxy import FaultProxy

import lazyimg as li

if TYPE_CHECKING:
    from lazyimg.server.faults import Fault


class Faulty(Protocol):
    """A registry that faults befall."""

    @property
    def host(self) -> str:
        """Where faults befall."""
        ...

    @property
    def straight(self) -> str:
        """Where none do; ours has one address for both, and is to be disarmed first."""
        ...

    def arm(self, faults: list[Fault]) -> None:
        """Have faults befall requests, and count these from now on."""
        ...

    def disarm(self) -> int:
        """Forget the faults; return how many befell."""
        ...

    @property
    def requests(self) -> list[str]:
        """What was asked since it was armed."""
        ...

    def begun(self, repository: str) -> int:
        """Return how many uploads are begun and neither finished nor cancelled."""
        ...


@frozen
class Embedded:
    """The embedded registry, which wants tokens."""

    registry: li.Registry

    @property
    def host(self) -> str:
        """Its address."""
        return self.registry.host

    straight = host

    def arm(self, faults: list[Fault]) -> None:
        """Have faults befall requests, and count these from now on."""
        self.registry.clear()
        self.registry.faults.clear()
        self.registry.faults.add(*faults)

    def disarm(self) -> int:
        """Forget the faults; return how many befell."""
        count = len(self.registry.faults.befallen)
        self.registry.faults.clear()
        return count

    @property
    def requests(self) -> list[str]:
        """What was asked since it was armed."""
        return [f"{each.method} {each.path}?{each.query} {each.status}" for each in self.registry.requests]

    def begun(self, repository: str) -> int:
        """Return how many uploads are begun and neither finished nor cancelled."""
        return sum(not each.is_ended for each in self.registry._context.uploads.of(repository))


@frozen
class Proxied:
    """Debian's ``docker-registry``, which wants tokens, behind the proxy."""

    registry: DockerRegistry
    proxy: FaultProxy

    @property
    def host(self) -> str:
        """The proxy's address."""
        return self.proxy.host

    @property
    def straight(self) -> str:
        """The registry's."""
        return self.registry.host

    def arm(self, faults: list[Fault]) -> None:
        """Have faults befall requests, and count these from now on."""
        self.proxy.clear()
        self.proxy.add(*faults)

    def disarm(self) -> int:
        """Forget the faults; return how many befell."""
        count = len(self.proxy.befallen)
        self.proxy.clear_faults()
        return count

    @property
    def requests(self) -> list[str]:
        """What was asked since it was armed."""
        return self.proxy.log

    def begun(self, repository: str) -> int:
        """Return how many uploads are begun and neither finished nor cancelled."""
        return len(set(self.registry.begun_uploads(repository)) - self._ended())

    def _ended(self) -> set[str]:
        """Name the uploads that the client cancelled, or that it was told are gone.

        The registry keeps the files of an upload whose PATCH was cut, though it knows it no more: it answers
        404 to whatever is asked of it, the DELETE too.
        """
        with self.proxy.lock:
            seen = [(each.method, each.path, each.status) for each in self.proxy.exchanges]
        over = [path for method, path, status in seen if method == "DELETE" or status == 404]
        return {path.rpartition("/")[2] for path in over}
