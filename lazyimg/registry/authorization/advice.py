"""What to do about a refusal, by more than its status: who answered, how it was asked, and as whom."""

from collections.abc import Mapping

from lazyimg.registry.keychains.auth_paths import login_path
from lazyimg.registry.keychains.credentials import Credentials, Given, Keychain
from lazyimg.registry.keychains.keychain import DefaultKeychain, DockerKeychain, Keychains

_BAD_REQUEST = 400
_PROXY_WANTS = 407
_OF_WEB_SERVERS = frozenset({_BAD_REQUEST, 404, 405, 501})
_LOOKED_AT = 4096  # bytes of a body
VERSION = "Docker-Distribution-Api-Version"  # what registries say of themselves (Docker's registry API)


def of_answer(url: str, status: int, headers: Mapping[str, str], data: bytes, via: str) -> str:
    """Return advice where the answer tells that something else is wrong than its status says; or nothing.

    Args:
        url: what was asked.
        status: of the answer.
        headers: of the answer.
        data: its body, of which nothing is repeated.
        via: the proxy that it came by; empty for none.
    """
    if url.startswith("http:") and status == _BAD_REQUEST and b"HTTPS" in data[:_LOOKED_AT]:
        return (
            "It speaks TLS: say so, by Host(scheme='https'), or Host(ca=...) if its certificate is its own."
        )
    if via and status == _PROXY_WANTS:
        return f"It is the proxy {via} that answered: name a user and a password of it in its address."
    is_page = headers.get("Content-Type", "").lower().startswith("text/html")
    if status in _OF_WEB_SERVERS and is_page and VERSION not in headers:
        by = f", and the proxy {via} a proxy" if via else ""
        return (
            f"It answers with a page for browsers, as no registry does: is it one{by}? Check host and port."
        )
    return ""


def of_credentials(registry: str, sent: Credentials | None, keychain: Keychain) -> str:
    """Say of a 401 whether credentials were sent, whose, and where they are looked for; no secret is in it.

    Args:
        registry: as references name it.
        sent: the credentials, None if there were none.
        keychain: what was asked for them.
    """
    place = _place(keychain)
    if sent is None:
        none = f"{place or 'nobody'} has none for {registry} that could be sent"
        login = f"Log in with `lazyimg login {registry}`, or name a keychain that has some."
        return f"No credentials were sent: {none}. {login}"
    whose = f"the credentials of {sent.username!r}" if sent.username else "a token"
    source = f", from {place}" if place else ""
    return f"It was sent {whose}{source}: check them, or use an account that may do this."


def _place(keychain: Keychain) -> str:
    if isinstance(keychain, DefaultKeychain):
        return f"DefaultKeychain (Docker's and podman's files; a login is kept in {login_path()})"
    if isinstance(keychain, DockerKeychain) and keychain.path:
        return f"DockerKeychain ({keychain.path}{'' if keychain.path.exists() else ', which is not there'})"
    if type(keychain) is Keychains:
        return f"Keychains ({', '.join(filter(None, map(_place, keychain.keychains)))})"
    return "" if isinstance(keychain, Given) else type(keychain).__name__
