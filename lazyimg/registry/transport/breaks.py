"""What ended a connection, or kept it from being made, in words; with what to do where that is known."""

import ssl

import httpcore
import httpx

from lazyimg.errors import RegistryUnreachable

VIA = "via"  # the attribute of an error, and the extension of a response, that names the proxy
_MOST = 200  # letters of an error's own words


class Disagreement(RegistryUnreachable):
    """The two sides do not come to speak with each other; trying again would not help."""


class Untrusted(Disagreement):
    """The two sides do not trust each other's certificate."""


_PLAIN_REASONS = ("Server disconnected", "peer closed connection")
_NO_ANSWER = "Server disconnected without sending a response."
_HINTS = {
    "http": "; if it speaks TLS, say so: Host(scheme='https', ca=...)",
    "https": "; if it wants a certificate of ours, name one that it knows with client_cert=",
}
"""What may be the cause where servers of TLS go away without a word."""
_UNREACHED = (
    ("does not resolve", "; check how its name is written"),
    ("refused", "; check host and port, and that it is running"),
)
"""What to look at where nobody is at an address."""
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "does not speak TLS; if plain http is meant, say so: Host(scheme='http')",
)
_TLS_WORDS = (
    ("CERTIFICATE_REQUIRED", "wants a certificate of ours; name one with client_cert="),
    ("HANDSHAKE_FAILURE", "refuses TLS with us; if it wants a certificate, name one with client_cert="),
    ("ALERT_UNKNOWN_CA", "does not accept our certificate; name another with client_cert="),
    ("BAD_CERTIFICATE", "does not accept our certificate; name another with client_cert="),
    ("CERTIFICATE_UNKNOWN", "does not accept our certificate; name another with client_cert="),
)
"""What OpenSSL says of a handshake that cannot succeed, and what to do about it."""
_NOT_YET, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64  # X509_V_ERR_... of OpenSSL
_OF_ANOTHER = "shows a certificate of another name; speak with it by a name that is in its certificate"
_CERTIFICATES = {
    _NOT_YET: "shows a certificate that is not valid yet; is the clock of this machine right?",
    _EXPIRED: "shows a certificate that has expired; it has to be renewed there, or the clock here is wrong",
    _OTHER_NAME: _OF_ANOTHER,
    _OTHER_ADDRESS: _OF_ANOTHER,
}
"""What is wrong with a certificate whoever signed it."""


def broken(error: Exception, scheme: str) -> tuple[type[RegistryUnreachable], str]:
    """Word why a server was not reached, or what broke the connection.

    Args:
        error: what the HTTP library raised.
        scheme: what was spoken.

    Returns:
        The class of the error to raise, and its words, without the server.
    """
    reason = str(error)[:_MOST]
    if found := _distrust(error):
        kind, words = found
        return kind, f"{words} ({reason})"
    if words := _of_proxy(error, reason):
        return RegistryUnreachable, f"cannot be reached: {_proxy(via(error))} {words}; {_CHECK}"
    if isinstance(error, httpcore.ConnectError | httpx.ConnectError):
        check = next((words for mark, words in _UNREACHED if mark in reason), "")
        return RegistryUnreachable, f"cannot be reached ({reason}){check}"
    hint = _HINTS.get(scheme, "") if str(error) == _NO_ANSWER else ""
    return RegistryUnreachable, f"broke the connection ({_reason(error)}){hint}{by_way_of(error)}"


_CHECK = "check proxy= and, in the environment, HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; proxy=False uses none"


def _of_proxy(error: Exception, reason: str) -> str:
    """Word what the proxy did; empty if there is none, or it is not to blame."""
    if not via(error):
        return ""
    if isinstance(error, httpcore.ConnectError):
        return f"cannot be reached ({reason})"
    if isinstance(error, httpcore.ProxyError):
        return f"does not let us through{f' ({reason[:3]})' if reason[:3].isdecimal() else ''}"
    return ""


def via(error: Exception) -> str:
    """The proxy that an exchange went by, without its user and password; empty if none."""
    return str(getattr(error, VIA, ""))


def by_way_of(error: Exception) -> str:
    """Name the proxy in a message, if there is one."""
    return f", by way of {_proxy(proxy)}" if (proxy := via(error)) else ""


def _proxy(address: str) -> str:
    return f"the proxy {address}"


def _reason(error: Exception) -> str:
    """Word why a connection broke; what the other side said is not repeated, it could hold a credential."""
    text = str(error)[:_MOST]
    is_ours = isinstance(error, httpcore.NetworkError | httpx.NetworkError) or text.startswith(_PLAIN_REASONS)
    return text if is_ours and text else "it does not speak HTTP as it should"


def _distrust(error: BaseException | None) -> tuple[type[Disagreement], str] | None:
    """Word why the two sides cannot agree on TLS, which no other try would change; None if they can."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            usual = "shows a certificate that is not trusted; name its authority with ca="
            return Untrusted, _CERTIFICATES.get(error.verify_code, usual)
        if isinstance(error, ssl.SSLError):
            mark, words = _NO_TLS
            if mark in str(error):
                return Disagreement, words
            found = next((words for mark, words in _TLS_WORDS if mark in str(error)), None)
            return (Untrusted, found) if found else None
        error = error.__cause__ or error.__context__
    return None
