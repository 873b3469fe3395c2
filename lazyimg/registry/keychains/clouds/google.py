"""Google's registries, by whatever Google knows its users by: an access token through google-auth."""

import functools
import re
import warnings
from datetime import UTC
from typing import Any

from attrs import field, frozen

from lazyimg.registry.keychains.clouds.leases import Lease, Leases
from lazyimg.registry.keychains.clouds.words import code_of, failure, missing, refuse_pickle
from lazyimg.registry.keychains.credentials import Credentials

_HOST = re.compile(r"(?:[a-z0-9-]+\.)*gcr\.io|(?:[a-z0-9-]+\.)+pkg\.dev")
_USER = "oauth2accesstoken"  # says that the password is an access token
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT = 15.0  # seconds for one answer
_SERVICE = "Google"
_LOG_IN = (
    "Run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to a service account's "
    "or a federation's file."
)
_REASONS = {
    "DefaultCredentialsError": "no application default credentials were found that can be used",
    "TransportError": "its token service cannot be reached",
    "MalformedError": "the file of credentials is broken",
}


@frozen
class GoogleKeychain:
    """Google's registries: ``gcr.io``, ``*.gcr.io`` and ``*.pkg.dev``.

    Uses the application default credentials: the file that ``$GOOGLE_APPLICATION_CREDENTIALS`` names, what
    gcloud left, or the service account of the machine. Needs the extra ``google``.

    Attributes:
        source: credentials of google-auth to use instead.

    >>> GoogleKeychain().credentials("docker.io", "library/python") is None
    True
    """

    source: Any = field(default=None, repr=False)
    _leases: Leases[Credentials] = field(factory=Leases, init=False, repr=False, eq=False)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return (type(self), ()) if self.source is None else refuse_pickle()

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:  # noqa: ARG002
        """Return an access token, if the registry is Google's.

        Raises:
            CredentialError: Google did not give one.
            MissingExtra: google-auth is not installed.
        """
        if not _HOST.fullmatch(registry):
            return None
        return self._leases.get("", lambda: self._fetch(registry))

    def _fetch(self, registry: str) -> Lease[Credentials]:
        try:
            from google.auth.transport.requests import Request  # noqa: PLC0415 - an extra, loaded on use
        except ImportError as error:
            raise missing("Google's registry", "google-auth", "google") from error
        try:
            found = _ask(self.source, functools.partial(Request(), timeout=_TIMEOUT))
        except Exception as error:  # noqa: BLE001 - of what libraries raise nothing may come out
            name = type(error).__name__
            code = next((code for value in error.args if (code := code_of(_error_in(value)))), "")
            reason = f"it answered {code}" if code else _REASONS.get(name, f"google-auth says {name}")
        else:
            if found.password:
                return Lease(found, found.expires)
            reason = "it gave no access token"
        raise failure(registry, _SERVICE, reason, _LOG_IN)  # with no context: it would lead to what was sent


def _ask(source: Any, request: Any) -> Credentials:
    import google.auth  # noqa: PLC0415 - an extra, loaded on use

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that quotas count for somebody is nothing for who pulls an image
        credentials = source or google.auth.default(scopes=[_SCOPE])[0]
        credentials.refresh(request)
    ends = credentials.expiry
    expires = ends.replace(tzinfo=UTC).timestamp() if ends else None
    return Credentials(username=_USER, password=credentials.token or "", expires=expires)


def _error_in(value: object) -> object:
    """Return the code of OAuth 2 in what google-auth raises: the answer itself, or ``code: message``."""
    if isinstance(value, dict):
        return value.get("error")
    return value.partition(":")[0] if isinstance(value, str) and ":" in value else None
