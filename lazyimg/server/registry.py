"""The embedded registry: what a user starts, looks at and stops."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lazyimg.server.access import Access
from lazyimg.server.disk import DiskStore
from lazyimg.server.endpoints.context import Context
from lazyimg.server.gate import Gate
from lazyimg.server.limits import UploadLimits
from lazyimg.server.memory import MemoryStore
from lazyimg.server.request import Ledger
from lazyimg.server.routes import routes
from lazyimg.server.serving import Serving, named
from lazyimg.server.settings import check
from lazyimg.server.tls import Tls, made_on_the_way
from lazyimg.server.tokens import Tokens
from lazyimg.server.traffic import Traffic

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType

    from lazyimg.engine import Engine
    from lazyimg.registry.keychains.keychain import StaticKeychain
    from lazyimg.server.gate import Hook
    from lazyimg.server.htpasswd import Hashed
    from lazyimg.server.request import Request


class Registry:
    """An OCI registry (distribution-spec 1.1) in this process, on a loopback port, in memory or on disk.

    It starts with ``start()`` or the ``with`` block and stops with ``stop()`` or its end. What was pushed
    to a registry in memory stays as long as the object; in a directory it stays for the next one.

    Args:
        directory: where to keep what is pushed; None is in memory.
        host: the address to listen on.
        port: the port; 0 takes a free one.
        users: passwords by name: only they may do anything (basic authentication). None is everybody;
            `lazyimg.server.htpasswd.read_htpasswd` reads a file of theirs.
        read_only: refuse whatever changes something. The directory may then be one that cannot be written.
        hook: called for each request, in a thread of its own, before it is handled; may block, which
            holds back that request alone; a ``(status, code, message)`` it returns refuses the request.
        token: have clients fetch tokens from ``/token`` and show these, instead of passwords; ``Tokens``
            says how long they are good for, and for what.
        tls: speak TLS: the files of a certificate and its key, or `Tls`; True makes a certificate that is
            its own authority, with the ``openssl`` command, for as long as the registry runs.
        limits: what one request of an upload may be: `UploadLimits`.
        remember: how many `requests` to remember, the latest; None is all, which is for tests: a registry
            that runs for long would grow with each.
        durable: force what is pushed to the medium before it is answered, so that it survives a power cut.
            Without, it survives all but that.

    Attributes:
        faults: what goes wrong on demand.

    Raises:
        InvalidSetting: a setting that no registry could work with.
    """

    def __init__(  # noqa: PLR0913 - the settings of a registry, all but one by keyword
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        users: Mapping[str, str | Hashed] | None = None,
        read_only: bool = False,
        hook: Hook | None = None,
        token: bool | Tokens = False,
        tls: Tls | tuple[str | os.PathLike[str], str | os.PathLike[str]] | bool | None = None,
        limits: UploadLimits | None = None,
        remember: int | None = None,
        durable: bool = False,
    ) -> None:
        check(users, durable=durable, directory=directory, host=host, port=port, hook=hook, token=token)
        check(tls=tls, limits=limits, remember=remember, read_only=read_only)
        self._address = (host, port)
        self._tls = Tls(*tls) if isinstance(tls, tuple) else tls or None
        self._running_tls: Tls | None = None
        self._stack = ExitStack()
        store = (
            MemoryStore() if directory is None else DiskStore(Path(directory).absolute(), durable, read_only)
        )
        tokens = token if isinstance(token, Tokens) else Tokens() if token else None
        self._context = Context(store, Access(users, read_only, tokens=tokens), limits or UploadLimits())
        self._gate = Gate(routes(self._context), self._context, hook=hook, ledger=Ledger(remember))
        self._serving: Serving | None = None
        self.faults = self._gate.faults

    def start(self) -> Self:
        """Listen, and serve in a daemon thread; from here on requests are answered.

        Raises:
            OSError: the address cannot be listened on, or the directory cannot be used.
            DirectoryInUse: another registry uses the directory.
            InvalidSetting: the certificate or its key cannot be used, or none can be made.
        """
        if self._serving is None:
            with ExitStack() as stack:
                self._context.open()
                stack.callback(self._context.close)
                self._running_tls = stack.enter_context(made_on_the_way()) if self._tls is True else self._tls
                self._serving = Serving.start(self._gate, *self._address, self._running_tls)
                self._stack = stack.pop_all()
        return self

    def stop(self) -> None:
        """Stop serving; requests that do not end within a moment are cut, and begun uploads dropped."""
        if self._serving is not None:
            self._serving.stop()
            self._serving = None
            self._stack.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """The address as it stands in an image reference: ``127.0.0.1:PORT``.

        Raises:
            RuntimeError: the registry is not running.
        """
        if self._serving is None:
            raise RuntimeError("the registry is not running: call start() or use it in a with block")
        host = self._address[0]
        return named(host, self._serving.port)

    @property
    def url(self) -> str:
        """The address as a URL: ``http://127.0.0.1:PORT``, or https with TLS."""
        return f"http://{self.host}" if self._tls is None else f"https://{self.host}"

    @property
    def settings(self) -> dict[str, Any]:
        """What our own client has to know of it: ``Engine(hosts={registry.host: registry.settings})``.

        Nothing without TLS; with it that https is spoken, and whom to trust: the authority where it is known,
        else the certificate itself, which is enough where it is its own authority, and harmless where one
        signed it that is known anyway. A certificate that clients have to show is theirs to name.

        Raises:
            RuntimeError: the registry is not running.
        """
        tls = self._running_tls if self.host else None
        return {} if tls is None else {"scheme": "https", "ca": tls.authority or tls.certificate}

    def keychain(self, user: str) -> StaticKeychain:
        """Return a keychain that logs one of its ``users`` in.

        Raises:
            InvalidSetting: there is no such user, or of the password the hash alone is known.
            RuntimeError: the registry is not running.
        """
        from lazyimg.server.acquaintance import keychain  # noqa: PLC0415 - our client, for who asks for it

        return keychain(self.host, self._context.access.users, user)

    def engine(self, user: str | None = None, **settings: Any) -> Engine:
        """Return an engine that knows this registry: its certificate, and a user's password.

        Args:
            user: the one of its ``users`` to log in as; None is a stranger.
            settings: the engine's own: ``retries=0``.

        Raises:
            InvalidSetting: there is no such user, or both a user and a keychain were given.
            RuntimeError: the registry is not running.
        """
        from lazyimg.server.acquaintance import engine  # noqa: PLC0415 - as above

        return engine(self.host, self.settings, self._context.access.users, {"user": user, **settings})

    @property
    def requests(self) -> list[Request]:
        """The requests so far, in order of arrival."""
        return self._gate.ledger.snapshot()

    def traffic(self) -> Traffic:
        """Return the sum of the requests so far: how many of which kind, and their bytes."""
        return Traffic.of(self.requests)

    def clear(self) -> None:
        """Forget the requests so far."""
        self._gate.ledger.clear()

    def deny(self, repository: str, *, reads: bool = False) -> None:
        """Refuse pushes to a repository from now on, with 403 ``DENIED``.

        Args:
            repository: its name, or a shell pattern: ``team/*``.
            reads: refuse reading it as well.
        """
        self._context.access.denied[repository] = reads

    def allow(self, repository: str) -> None:
        """Take back what ``deny`` was told of the same name or pattern."""
        self._context.access.denied.pop(repository, None)

    @property
    def tokens(self) -> Tokens | None:
        """The token service, where the registry wants tokens: it issues them to tests, and ends them."""
        return self._context.access.tokens

    @property
    def hook(self) -> Hook | None:
        """What is called before each request is handled; may be set while the registry runs."""
        return self._gate.hook

    @hook.setter
    def hook(self, hook: Hook | None) -> None:
        self._gate.hook = hook

    @property
    def read_only(self) -> bool:
        """Whether whatever changes something is refused; may be set while the registry runs."""
        return self._context.access.read_only

    @read_only.setter
    def read_only(self, read_only: bool) -> None:
        self._context.access.read_only = read_only

    def __repr__(self) -> str:
        return f"<Registry at {self.url}>" if self._serving else "<Registry, not running>"
