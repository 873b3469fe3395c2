"""What effectful thunks do their work with."""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field, frozen

from lazyimg.content.copies import Copies
from lazyimg.content.counters import Counters
from lazyimg.content.limits import Limits
from lazyimg.content.pipeline import proceed
from lazyimg.oci.reference import Reference
from lazyimg.registry.host import Host
from lazyimg.stores.open_archives import OpenArchives

if TYPE_CHECKING:
    from lazyimg.registry.budget import Budget
    from lazyimg.registry.client import Client
    from lazyimg.registry.keychains.keychain import Keychain
    from lazyimg.registry.login import Identifying, LoginName
    from lazyimg.registry.transport.wire import Observer
    from lazyimg.stores.archive import Archive, OpensArchive


class Ends(Protocol):
    """What has to be ended with a write: a session."""

    def abort(self) -> None:
        """Take back what was begun."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


@frozen(eq=False)
class Settings:
    """How registries are spoken to, and where bytes may rest; see `lazyimg.Engine` for each."""

    keychain: "Keychain | None" = field(default=None, repr=False)
    scratch: Path | None = None
    usual: Host = field(factory=Host)
    hosts: Mapping[str, Host] = field(factory=dict)
    observer: "Observer | None" = field(default=None, repr=False)
    limits: Limits = field(factory=Limits)


@define(eq=False)
class _Clients:
    """The clients of one process, by registry host."""

    lock: threading.Lock = field(factory=threading.Lock)
    made: "dict[str, Client]" = field(factory=dict)


class Runtime:
    """The clients of an engine: one a registry host, made when first asked for, shared by threads.

    A process that was forked makes its own: connections cannot be shared with the parent, and a lock may
    have been held there.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._of_process: dict[int, _Clients] = {}

    @property
    def _clients(self) -> _Clients:
        return self._of_process.setdefault(os.getpid(), _Clients())

    def client(self, registry: Reference) -> "Client":
        """The client of a reference's registry. Connects nothing yet."""
        return self.client_of(registry.registry)

    def client_of(self, host: str) -> "Client":
        """The client of a registry, by its name. Connects nothing yet."""
        clients = self._clients
        with clients.lock:
            if host not in clients.made:
                clients.made[host] = self._make(host)
            return clients.made[host]

    def _make(self, host: str) -> "Client":
        from lazyimg.registry.client import Client  # noqa: PLC0415 - httpx is loaded on use
        from lazyimg.registry.mirrors import Mirror, MirroredClient  # noqa: PLC0415 - with it

        names = self._host(host).mirrors
        if not names:
            return Client(host, **self._options(host))
        once = {"retries": 0}  # after a failure, the next one is asked instead
        clients = [Client(name.host, **self._options(name.host) | once) for name in names]
        mirrors = [Mirror(client, name.prefix) for client, name in zip(clients, names, strict=True)]
        return MirroredClient(host, mirrors=mirrors, **self._options(host))

    def _host(self, name: str) -> Host:
        return self.settings.hosts.get(name, Host())

    def identifying(self, name: "LoginName", keychain: "Keychain") -> "Identifying":
        """A client of its own for a registry, with other credentials. Connects nothing yet.

        Raises:
            InvalidSetting: the scheme that it was named with is not what is said of it.
        """
        from lazyimg.registry.login import Identifying, spoken  # noqa: PLC0415 - httpx is loaded on use

        options = self._options(name.registry)
        options["scheme"] = spoken(name, options.get("scheme"))
        return Identifying(name.registry, **(options | {"keychain": keychain}))

    def _options(self, host: str) -> dict[str, Any]:
        """What a client of a host is made with."""
        from lazyimg.registry.keychains.keychain import DefaultKeychain  # noqa: PLC0415 - on use, with httpx

        return {
            "keychain": DefaultKeychain() if self.settings.keychain is None else self.settings.keychain,
            "observer": self.settings.observer,
            **self._host(host).client_settings(self.settings.usual),
        }

    def close(self) -> None:
        """Close every connection. The runtime may be used again afterwards."""
        clients = self._clients
        with clients.lock:
            made, clients.made = list(clients.made.values()), {}
        for client in made:
            client.close()


@define(eq=False)
class Work:
    """What the evaluations of one run share: the engine's runtime, the sessions opened, what was read.

    Attributes:
        sessions: every session that was opened, by its site, so that none outlives the run.
        counters: what was read of local sources.
        copies: of layers that several readers need.
        patience: seconds to wait at most for streams that another run consumes; None waits without end.
    """

    runtime: Runtime
    sessions: dict[Any, Ends] = field(factory=dict)
    counters: Counters = field(factory=Counters)
    copies: Copies = field(init=False, repr=False)
    patience: float | None = None
    _archives: OpenArchives = field(factory=OpenArchives, init=False, repr=False)
    _budget: "Budget | None" = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    @copies.default
    def _copies(self) -> Copies:
        return Copies(self.scratch)

    def client(self, registry: Reference) -> "Client":
        """The client of a reference's registry, with the retries that all of this run share."""
        return self.runtime.client(registry).within(self.budget)

    @property
    def budget(self) -> "Budget":
        """The retries that all requests of the run have together: the most that is said of any host."""
        from lazyimg.registry.retry import Retries  # noqa: PLC0415 - on use, with the first client

        with self._lock:
            if self._budget is None:
                settings = self.runtime.settings
                said = [settings.usual.retries, *(host.retries for host in settings.hosts.values())]
                self._budget = max((Retries.of(each).budget for each in said), key=lambda one: one.most)
            return self._budget

    def archive(self, source: "OpensArchive", check: Callable[[], None] = proceed) -> "Archive":
        """An archive of images, opened when it is first asked for.

        Args:
            source: where it comes from.
            check: called in waits; what it raises ends them.
        """
        return self._archives.get(source, self.scratch, check)

    def close(self) -> None:
        """Close what was opened to be read. What is asked for again is opened again."""
        self._archives.close()
        self.copies.close()

    @property
    def scratch(self) -> Path | None:
        """The directory for spooled bytes; None for the system's own."""
        return self.runtime.settings.scratch

    @property
    def limits(self) -> Limits:
        """How far a blob may blow up when it is looked into."""
        return self.runtime.settings.limits
