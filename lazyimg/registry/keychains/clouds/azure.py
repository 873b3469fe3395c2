"""Microsoft's registries: Entra's access token through azure-identity, exchanged for one of the registry.

The registry gives a refresh token for an access token of Entra ID ("Azure Container Registry integration with
Azure Active Directory", ``/oauth2/exchange``); its token service then takes that as an identity token.
"""

import base64
import binascii
import json
import re
import time
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from lazyimg.registry.keychains.clouds.leases import Lease, Leases
from lazyimg.registry.keychains.clouds.words import failure, missing, refuse_pickle
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.secret import Secret

if TYPE_CHECKING:
    import httpx

_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)?\.azurecr\.(?P<cloud>io|cn|us)")
_AUDIENCES = {
    "io": "https://containerregistry.azure.net",
    "cn": "https://management.chinacloudapi.cn",
    "us": "https://management.usgovcloudapi.net",
}
_LIFE = 3600.0  # seconds that a refresh token is used which does not say when it ends; they last three hours
_FAR = 1e12  # seconds since the epoch beyond which no end of a token lies
_LIMIT = 1 << 20
_SERVICE, _REGISTRY = "Microsoft Entra ID", "the registry's token exchange"
_AADSTS = re.compile(r"\bAADSTS\d{4,9}\b")
_LOG_IN = (
    "Run az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET or "
    "AZURE_FEDERATED_TOKEN_FILE, or give the machine a managed identity."
)
_ALLOW = "Give the identity the role AcrPull or AcrPush on this registry."


@frozen
class AzureKeychain:
    """Microsoft's registries: ``*.azurecr.io``, ``*.azurecr.cn`` and ``*.azurecr.us``.

    Uses what ``DefaultAzureCredential`` of azure-identity finds: the environment, a workload's or a managed
    identity, the Azure command. Needs the extra ``azure``.

    Attributes:
        source: a credential of azure-identity to use instead.
        transport: an ``httpx.BaseTransport`` to ask the registry's exchange through.

    >>> AzureKeychain().credentials("azurecr.io.example", None) is None
    True
    """

    source: Any = field(default=None, repr=False)
    transport: "httpx.BaseTransport | None" = field(default=None, repr=False)
    _leases: Leases[Credentials] = field(factory=Leases, init=False, repr=False, eq=False)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return (type(self), ()) if self.source is None else refuse_pickle()

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:  # noqa: ARG002
        """Return a refresh token of one of Microsoft's registries, as an identity token.

        Raises:
            CredentialError: Entra ID, or the registry, did not give one.
            MissingExtra: azure-identity is not installed.
        """
        found = _HOST.fullmatch(registry)
        if found is None:
            return None
        scope = f"{_AUDIENCES[found['cloud']]}/.default"
        return self._leases.get(registry, lambda: self._fetch(registry, scope))

    def _fetch(self, registry: str, scope: str) -> Lease[Credentials]:
        token = _entra_token(self.source, registry, scope)
        refresh = self._exchange(registry, token)
        found = Credentials(identity_token=refresh, expires=_expiry(refresh))
        return Lease(found, found.expires)

    def _exchange(self, registry: str, token: str) -> Secret:
        """Trade Entra's access token in for the registry's refresh token."""
        import httpx  # noqa: PLC0415 - loaded on use

        form = {"grant_type": "access_token", "service": registry, "access_token": token}
        timeout = httpx.Timeout(15.0, connect=5.0)
        try:
            with httpx.Client(transport=self.transport, timeout=timeout) as client:
                response = client.post(f"https://{registry}/oauth2/exchange", data=form)
        except httpx.HTTPError as error:
            reason = f"it cannot be reached ({type(error).__name__})"
        else:
            refresh = _refresh_token(response.content)
            if response.is_success and refresh:
                return refresh
            reason = f"it answered {response.status_code}" + ("" if refresh else " without a refresh token")
        raise failure(registry, _REGISTRY, reason, _ALLOW)  # with no context: it would lead to what was sent


def _entra_token(source: Any, registry: str, scope: str) -> Secret:
    try:
        from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - an extra, loaded on use
    except ImportError as error:
        raise missing("Microsoft's registry", "azure-identity", "azure") from error
    try:
        return Secret((source or DefaultAzureCredential()).get_token(scope).token)
    except Exception as error:  # noqa: BLE001 - of what libraries raise nothing may come out
        reason = _reason(error)
    raise failure(registry, _SERVICE, reason, _LOG_IN)


def _reason(error: Exception) -> str:
    """Word what azure-identity raised: by the numbers that Entra ID has for refusals, if it was asked."""
    codes = sorted(set(_AADSTS.findall(str(error))))
    if codes:
        return f"it answered {', '.join(codes[:3])}"
    name = type(error).__name__
    if name == "ValueError":
        return "its settings cannot be used"
    return (
        "no Azure identity was found" if name.endswith("UnavailableError") else f"azure-identity says {name}"
    )


def _refresh_token(data: bytes) -> Secret:
    try:
        answer = json.loads(data[:_LIMIT])
    except (ValueError, RecursionError):
        answer = None
    token = answer.get("refresh_token") if isinstance(answer, dict) else None
    return Secret(token if isinstance(token, str) else "")


def _expiry(token: str) -> float:
    """Return when a token ends, as it says itself (RFC 7519); nobody else is told to believe it."""
    claims = token.split(".")[1] if token.count(".") == 2 else ""  # noqa: PLR2004 - a JSON Web Token's parts
    try:
        ends = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        ends = None
    is_time = isinstance(ends, int | float) and abs(ends) < _FAR
    return float(ends) if is_time else time.time() + _LIFE
