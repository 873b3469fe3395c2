"""What one registry's host is spoken to with. This module loads no HTTP library."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import urlsplit

from attrs import evolve, field, fields_dict, frozen

from lazyimg.errors import InvalidSetting
from lazyimg.oci.registry_name import canonical_registry
from lazyimg.registry.mirror_name import MirrorName
from lazyimg.registry.secret import Secret
from lazyimg.registry.settings import (
    Certificate,
    File,
    Proxy,
    by_name,
    has_method,
    is_count,
    is_file,
    is_header,
    is_seconds,
    may,
    wrong,
)
from lazyimg.registry.transport.timeouts import Timeouts

if TYPE_CHECKING:
    import httpx

    from lazyimg.registry.retry import Retries

SCHEMES: Final = ("http", "https")
_PROXIES = frozenset({*SCHEMES, "socks5", "socks5h"})
MirrorNames = str | MirrorName | Iterable[str | MirrorName]


def mirror_names(value: MirrorNames) -> tuple[MirrorName, ...]:
    """Read the names of mirrors, one text or several.

    Raises:
        InvalidSetting: one of them is no name.
    """
    names: Any = (value,) if isinstance(value, str | MirrorName) else value
    if not isinstance(names, Iterable) or isinstance(names, bytes):
        raise wrong("mirrors", value, _MIRRORS, is_secret=True)
    return tuple(map(_mirror_name, names))


_MIRRORS = "host[:port][/prefix], or several such texts,"


def _mirror_name(value: Any) -> MirrorName:
    if isinstance(value, MirrorName):
        return value
    if not isinstance(value, str):
        raise wrong("mirrors", value, _MIRRORS, is_secret=True)
    return MirrorName.parse(value)


def check_proxy(address: object) -> None:
    """Refuse what is no address of a proxy; nothing of it is repeated, as it may hold a password.

    Raises:
        InvalidSetting: it is none.
    """
    if address is None or address is False:
        return
    if not (isinstance(address, str) and _is_address(address)):
        raise InvalidSetting(
            "the proxy's address cannot be used: write http://host:port or https://host:port; user and "
            "password stand before the host as user:password@, with anything but letters and digits "
            "percent-encoded; False is no proxy"
        )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_bare = parts.path in {"", "/"} and not parts.query and not parts.fragment
        return parts.scheme in _PROXIES and bool(parts.hostname) and parts.port != 0 and is_bare
    except ValueError:
        return False


def _hidden_proxy(address: Proxy | None) -> Proxy | None:
    return Secret(address) if isinstance(address, str) else address


def _shown_proxy(address: Proxy | None) -> str:
    if not isinstance(address, str):
        return repr(address)
    parts = urlsplit(address)
    return repr(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")


def _is_pair_or_file(value: object) -> bool:
    if isinstance(value, tuple):
        return len(value) in {1, 2} and all(map(is_file, value))
    return is_file(value)


def _is_timeout(value: object) -> bool:
    return is_seconds(value) or isinstance(value, Timeouts)


def _is_retries(value: object) -> bool:
    if is_count(value):
        return True
    from lazyimg.registry.retry import Retries  # noqa: PLC0415 - on use

    return isinstance(value, Retries)


@frozen(kw_only=True)
class Host:
    """How one registry's host is spoken to: ``Engine(hosts={"reg.lan:5000": Host(...)})``.

    What is left out is as the engine has it. Nothing is read or opened until the host is spoken to.

    Args:
        scheme: ``"https"``, or ``"http"`` for plain text, which is never spoken otherwise but to loopback
            addresses. Left out, a host whose certificate or authority is named is spoken to over https, a
            loopback address too.
        ca: a file of certificate authorities to trust besides the usual ones, or of the server's own
            certificate if that is its own authority.
        client_cert: a certificate to show, as a file, or as files of certificate and key. It is shown to this
            host, and not to those that it redirects to.
        proxy: the address of a proxy; False goes without one, whatever the environment says. What the
            environment says is not for loopback addresses.
        mirrors: others to read from first what is named by a digest, as ``host[:port][/prefix]``.
        timeout: seconds until it is given up if it gives no sign of life, or
            `lazyimg.registry.Timeouts`.
        retries: times that a request is sent again, or `lazyimg.registry.Retries`.
        user_agent: what to be called by it.
        http2: speak HTTP/2 where the host does, too; needs the extra ``http2``.
        chunk_size: bytes that one request of an upload to it may carry; left out, a blob goes out in one
            stream, and in chunks where that is refused as too large.
        transport: an ``httpx.BaseTransport`` to send its requests with, instead of the network.

    Raises:
        InvalidSetting: a setting that nothing could be done with, or two that contradict each other.

    >>> Host(proxy="http://me:s3cret@proxy.lan:3128").proxy is None
    False
    """

    scheme: str | None = None
    ca: File | None = field(default=None, validator=may(is_file, "a path"))
    client_cert: Certificate | None = field(
        default=None,
        repr=False,
        validator=may(_is_pair_or_file, "a path, or a pair of paths (certificate, key),", is_secret=True),
    )
    proxy: Proxy | None = field(default=None, repr=_shown_proxy, converter=_hidden_proxy)
    mirrors: tuple[MirrorName, ...] = field(default=(), converter=mirror_names)
    timeout: "float | Timeouts | None" = field(
        default=None,
        validator=may(_is_timeout, "a number of seconds above 0, a million at most, or Timeouts,"),
    )
    retries: "int | Retries | None" = field(
        default=None, validator=may(_is_retries, "a whole number from 0 on, or Retries,")
    )
    user_agent: str | None = field(
        default=None, validator=may(is_header, "a text of ASCII letters in one line")
    )
    http2: bool | None = field(
        default=None, validator=may(lambda value: isinstance(value, bool), "True or False")
    )
    chunk_size: int | None = field(
        default=None, validator=may(lambda value: is_count(value, 1), "a whole number of bytes from 1 on")
    )
    transport: "httpx.BaseTransport | None" = field(
        default=None, repr=False, validator=may(has_method("handle_request"), "an httpx.BaseTransport")
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot work, before anything runs."""
        check_proxy(self.proxy)
        if self.scheme not in (None, *SCHEMES):  # a list, which is no key of a set, is refused too
            raise InvalidSetting(f"scheme={self.scheme!r}: a registry speaks 'http' or 'https'")
        if self.scheme == "http" and (self.wants_tls or self.http2):
            raise InvalidSetting(
                "plain http knows no ca=, client_cert= and http2=: say scheme='https', or leave them out"
            )

    def __reduce__(self) -> NoReturn:
        raise TypeError("settings of hosts may hold a proxy's password: make them where they are used")

    @property
    def wants_tls(self) -> bool:
        """Whether what is said of it makes sense over https alone."""
        return self.ca is not None or self.client_cert is not None

    def client_settings(self, usual: "Host") -> dict[str, Any]:
        """What a `lazyimg.registry.Client` of this host is made with.

        Args:
            usual: where to look for what is not said here.
        """
        from lazyimg.registry.transport.pools import Tls  # noqa: PLC0415 - httpx is loaded on use

        names = ("proxy", "timeout", "retries", "user_agent", "http2", "chunk_size", "transport")
        said = {name: _first(getattr(self, name), getattr(usual, name)) for name in names}
        said["scheme"] = self.scheme or ("https" if self.wants_tls else None)
        said["tls"] = Tls(
            ca=_first(self.ca, usual.ca),
            client_cert=_first(self.client_cert, usual.client_cert),
            is_shown_at_home_only=self.client_cert is not None,
        )
        return {name: value for name, value in said.items() if value is not None}


def _first(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def host_settings(value: Mapping[str, Host | Mapping[str, Any]]) -> dict[str, Host]:
    """Read settings by host; those of one may be a mapping, as a configuration file gives.

    Raises:
        InvalidSetting: a setting that there is not, or that cannot be used.
        InvalidReference: a host that is no registry's name.
    """
    if not isinstance(value, Mapping):
        raise wrong("hosts", value, "a mapping from host[:port] to Host", is_secret=True)
    return by_name(
        ((name, _settings(name, said)) for name, said in value.items()), canonical_registry, "hosts"
    )


def _settings(name: str, said: Any) -> Host:
    if isinstance(said, Host):
        return said
    known = fields_dict(Host)
    strange = sorted(str(one) for one in said if one not in known) if isinstance(said, Mapping) else None
    if strange is None or strange:
        there_is_no = f"there is no {', '.join(strange)[:100]}: " if strange else ""
        raise InvalidSetting(
            f"{there_is_no}the settings of {name} are a Host, or a mapping with some of {', '.join(known)}"
        )
    return Host(**said)


def gathered(
    hosts: Mapping[str, Host], insecure: Iterable[str], mirrors: Mapping[str, tuple[MirrorName, ...]]
) -> dict[str, Host]:
    """Bring together what is said of hosts in one place and another.

    Raises:
        InvalidSetting: they contradict each other.
    """
    found = dict(hosts)
    for name in map(canonical_registry, insecure):
        host = found.get(name, Host())
        if host.scheme == "https":
            raise InvalidSetting(f"insecure= says plain http of {name}, and hosts= says https: which is it?")
        found[name] = evolve(host, scheme="http")
    for name, names in mirrors.items():
        host = found.get(name, Host())
        if host.mirrors:
            raise InvalidSetting(
                f"mirrors of {name} are in mirrors= and in hosts=: name them in one of the two"
            )
        found[name] = evolve(host, mirrors=names)
    return found
