"""Talking to registries: the OCI distribution-spec, one method an endpoint.

From the wire upwards:

- `transport` carries one HTTP exchange, `host` is what is different for one host;
- `keychains` give credentials, `authorization` decides what an exchange is sent with;
- `conversation` asks one question until it has its final answer: authorise, retry, follow redirects; `retry`
  and `budget` bound how often, of one request and of a whole write; `failure` words what it was refused;
- `client` names the questions, one an endpoint; `download` and `uploads` are the two that carry bytes of any
  size, with the `habits` that one registry was found to have; `mirrors` are other places to read from;
- `session` is the opened right to push to one repository, and the first side effect of a write.

Rules: httpx, httpcore and h2 are known here and nowhere else; no credential is ever in a message, a ``repr``
or an attribute of an error; nothing is read without a limit, and nothing waits without one.

What users need of it is named by the package, which imports nothing until it is asked for a name:

>>> import lazyimg.registry
>>> lazyimg.registry.Client.__name__
'Client'
"""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazyimg.registry.answers import RawManifest as RawManifest
    from lazyimg.registry.client import Client as Client
    from lazyimg.registry.keychains.credentials import Credentials as Credentials
    from lazyimg.registry.keychains.credentials import Keychain as Keychain
    from lazyimg.registry.keychains.keychain import Anonymous as Anonymous
    from lazyimg.registry.keychains.keychain import PodmanKeychain as PodmanKeychain
    from lazyimg.registry.retry import Retries as Retries
    from lazyimg.registry.session import PushSession as PushSession
    from lazyimg.registry.transport.notices import RateLimit as RateLimit
    from lazyimg.registry.transport.timeouts import Timeouts as Timeouts
    from lazyimg.registry.transport.wire import RequestRecord as RequestRecord
    from lazyimg.registry.uploads.upload import Upload as Upload

_HOMES = {
    "Anonymous": "keychains.keychain",
    "Client": "client",
    "Credentials": "keychains.credentials",
    "Keychain": "keychains.credentials",
    "PodmanKeychain": "keychains.keychain",
    "PushSession": "session",
    "RateLimit": "transport.notices",
    "RawManifest": "answers",
    "RequestRecord": "transport.wire",
    "Retries": "retry",
    "Timeouts": "transport.timeouts",
    "Upload": "uploads.upload",
}


def __getattr__(name: str) -> object:
    """Load the module that holds ``name`` on first use, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__]
        )
    from importlib import import_module  # noqa: PLC0415 - loaded on use, like what it loads

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Name what `__getattr__` would load, for completion."""
    return sorted([*globals(), *_HOMES])
