"""What a client speaks with, put together from its settings; nothing is connected."""

import httpx

from lazyimg.registry.authorization.authorizer import Authorizer
from lazyimg.registry.conversation import Conversation
from lazyimg.registry.habits import Habits
from lazyimg.registry.host import Host
from lazyimg.registry.keychains.credentials import Keychain
from lazyimg.registry.keychains.keychain import DefaultKeychain
from lazyimg.registry.retry import Retries
from lazyimg.registry.settings import check_keychain
from lazyimg.registry.site import Site, locate
from lazyimg.registry.transport.network import Dialer
from lazyimg.registry.transport.pools import Pools, Tls
from lazyimg.registry.transport.wire import Observer, Timeouts, Wire
from lazyimg.version import __version__


def conversation(
    host: str, said: Host, keychain: Keychain | None, tls: Tls | None, observer: Observer | None
) -> Conversation:
    """Make the conversation of one client.

    Args:
        host: the registry, as the user calls it.
        said: what is said of how to speak with it.
        keychain: where credentials come from; None is Docker's file, then podman's.
        tls: instead of the certificates of ``said``.
        observer: told of every finished exchange.

    Raises:
        InvalidSetting: the keychain is none.
        MissingExtra: the library for HTTP/2 is not installed.
    """
    check_keychain(keychain)
    name, url = locate(host, said.scheme or ("https" if said.wants_tls else None))
    limits = Timeouts.of(said.timeout)
    dialer = Dialer(httpx.URL(url).raw_host.decode(), dead_after=limits.silence)
    trust = tls or Tls(ca=said.ca, client_cert=said.client_cert)
    pools = said.transport or Pools(dialer, tls=trust, proxy=said.proxy, home=url, http2=bool(said.http2))
    wire = Wire(pools, limits, said.user_agent or f"lazyimg/{__version__}", observer)
    site = Site(name, url, lambda: dialer.home_zone)
    authorizer = Authorizer(site, wire, DefaultKeychain() if keychain is None else keychain)
    return Conversation(
        site, wire, authorizer, Retries.of(said.retries), habits=Habits(chunk_size=said.chunk_size)
    )
