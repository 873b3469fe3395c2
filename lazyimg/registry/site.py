"""Where one registry is, and which addresses of its answers are its own."""

import re
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from lazyimg.errors import InvalidReference
from lazyimg.oci.registry_name import is_loopback
from lazyimg.registry.failure import is_odd
from lazyimg.registry.keychains.auth_file import canonical_host
from lazyimg.registry.secret import Secret
from lazyimg.registry.settings import wrong
from lazyimg.registry.transport.address import RefusedAddress, Zone, check_server

_HUB_HOST = "registry-1.docker.io"
_PLACE = re.compile(r"(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_PORTS = {"http": 80, "https": 443}


@frozen
class Site:
    """A registry's place.

    Attributes:
        name: the registry as references name it: ``docker.io``.
        url: scheme and host that is dialled, without a slash: ``https://registry-1.docker.io``.
        zone: asks for the zone its address is in; None while unknown.
    """

    name: str
    url: str
    zone: Callable[[], Zone | None]

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return self.url.partition(":")[0]

    @property
    def host(self) -> str:
        """The host alone, without port and brackets."""
        return urlsplit(self.url).hostname or ""

    def is_home(self, url: str) -> bool:
        """Tell whether an address is on the registry itself: the same scheme, host and port."""
        return _origin(url) == _origin(self.url)

    def check(self, url: str, what: str) -> None:
        """Refuse an address the registry named, if it may not name it.

        Raises:
            RefusedAddress: see `lazyimg.registry.transport.address`.
        """
        _check_form(url, what)
        if not self.is_home(url):
            scheme, host, _ = _origin(url)
            check_server(scheme, host, home_scheme=self.scheme, home=self.zone(), what=what)


def _check_form(url: str, what: str) -> None:
    """Refuse an address that two readers could read as two: we judge one, and the HTTP library dials one."""
    if is_odd(url):
        raise RefusedAddress(f"{what} is refused: there are letters in it that nobody could see")
    place = Secret(_split(url).netloc)  # with whatever stands before the host
    if _PLACE.fullmatch(place) is None:
        shown = str(place).rpartition("@")[2][:100]  # str: without a user it is no secret
        raise RefusedAddress(
            f"{what} is refused: {shown!r} is no host and port, or there is a user before it"
        )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        raise RefusedAddress("the registry gave an address that is none") from None


def _origin(url: str) -> tuple[str, str, int | None]:
    found = _parts(_split(url))
    if found is None:
        raise RefusedAddress("the registry gave an address that is none")
    return found


def _parts(parts: SplitResult) -> tuple[str, str, int | None] | None:
    try:
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:  # of its port
        return None


def locate(host: str, scheme: str | None = None) -> tuple[str, str]:
    """Return the name and the address of a registry from what the user calls it.

    Args:
        host: ``ghcr.io``, ``localhost:5000``, ``docker.io`` or one of its aliases.
        scheme: how it is spoken to; by default https, and plain http on this machine alone.

    Raises:
        InvalidReference: that is no host, or there is a user before it; nothing of that is repeated.

    >>> locate("index.docker.io")
    ('docker.io', 'https://registry-1.docker.io')
    >>> locate("localhost:5000"), locate("localhost:5000", "https")
    (('localhost:5000', 'http://localhost:5000'), ('localhost:5000', 'https://localhost:5000'))
    """
    if not isinstance(host, str):
        raise wrong("host", host, "a registry, such as 'ghcr.io',", is_secret=True)
    name = canonical_host(host)
    if not _is_place(name):
        shown = name.rpartition("@")[2][:100]
        raise InvalidReference(f"{shown!r} is no registry, or there is a user before it: write host[:port]")
    scheme = scheme or ("http" if is_loopback(name) else "https")
    return name, f"{scheme}://{_HUB_HOST if name == 'docker.io' else name}"


def _is_place(name: str) -> bool:
    if _PLACE.fullmatch(name) is None:
        return False
    try:
        parts = urlsplit(f"//{name}")
        host, port = parts.hostname, parts.port
    except ValueError:  # of its port, or of brackets around what is no address
        return False
    return host is not None and port != 0 and not name.endswith(":")
