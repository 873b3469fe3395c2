"""Amazon's registries, by whatever AWS knows its users by: ``GetAuthorizationToken`` through boto3."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from lazyimg.registry.keychains.clouds.leases import Lease, Leases
from lazyimg.registry.keychains.clouds.words import code_of, failure, missing, refuse_pickle
from lazyimg.registry.keychains.credentials import Credentials

_PRIVATE = re.compile(
    r"\d{12}\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn))"
)
_PUBLIC = "public.ecr.aws"
_PUBLIC_REGION = "us-east-1"  # the only one that gives tokens for it
_SERVICE = "Amazon ECR"
_REASONS = {
    "NoCredentialsError": "no AWS credentials were found",
    "PartialCredentialsError": "the AWS credentials are not whole",
    "ProfileNotFound": "there is no such AWS profile",
    "EndpointConnectionError": "its address cannot be reached",
    "ConnectTimeoutError": "its address cannot be reached",
    "ReadTimeoutError": "it did not answer in time",
}
_LOG_IN = "Log in to AWS (aws sso login), set AWS_PROFILE or the AWS_* variables, or give the machine a role."
_ALLOW = (
    "Check the AWS credentials, and that they allow ecr:GetAuthorizationToken; for public.ecr.aws it is "
    "ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken."
)


@frozen
class Place:
    """Which of Amazon's services gives the token for a registry; it is good for all of a region."""

    service: str
    region: str
    is_fips: bool = False

    @classmethod
    def of(cls, registry: str) -> "Place | None":
        """Return who gives tokens for a registry, None if it is not Amazon's.

        >>> Place.of("123456789012.dkr.ecr.eu-west-1.amazonaws.com")
        Place(service='ecr', region='eu-west-1', is_fips=False)
        """
        if registry == _PUBLIC:
            return cls("ecr-public", _PUBLIC_REGION)
        found = _PRIVATE.fullmatch(registry)
        return found and cls("ecr", found["region"], is_fips=found["fips"] is not None)


@frozen
class ECRKeychain:
    """Amazon's registries: ``ACCOUNT.dkr.ecr.REGION.amazonaws.com``, also ``.cn``, and ``public.ecr.aws``.

    Asks AWS in the registry's own region, with what boto3 finds: the environment, profiles, roles. Needs the
    extra ``aws``.

    Attributes:
        profile: the AWS profile; None is boto3's choice.
        session: a ``boto3.session.Session`` to use instead.

    >>> ECRKeychain().credentials("ghcr.io", None) is None
    True
    """

    profile: str | None = None
    session: Any = field(default=None, repr=False)
    _leases: Leases[Credentials] = field(factory=Leases, init=False, repr=False, eq=False)

    def __reduce__(self) -> tuple[type, tuple[str | None]]:
        return (type(self), (self.profile,)) if self.session is None else refuse_pickle()

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:  # noqa: ARG002
        """Return AWS's token for the region of one of Amazon's registries.

        Raises:
            CredentialError: AWS did not give one.
            MissingExtra: boto3 is not installed.
        """
        place = Place.of(registry)
        if place is None:
            return None
        return self._leases.get(place, lambda: self._fetch(registry, place))

    def _fetch(self, registry: str, place: Place) -> Lease[Credentials]:
        try:
            import boto3.session  # noqa: PLC0415 - an extra, loaded on use
        except ImportError as error:
            raise missing("Amazon's registry", "boto3", "aws") from error
        try:
            session = self.session or boto3.session.Session(profile_name=self.profile)
            found = _read(_ask(session, place))
        except Exception as error:  # noqa: BLE001 - of what libraries raise nothing may come out
            reason, advice = _reason(error)
        else:
            if found is not None:
                return Lease(found, found.expires)
            reason, advice = "it answered without a token that can be read", _ALLOW
        raise failure(registry, _SERVICE, reason, advice)  # with no context: it would lead to what was sent


def _ask(session: Any, place: Place) -> Mapping[str, Any]:
    from botocore.config import Config  # noqa: PLC0415 - an extra, loaded on use

    config = Config(
        connect_timeout=5,
        read_timeout=15,
        retries={"mode": "standard", "total_max_attempts": 3},
        use_fips_endpoint=place.is_fips or None,
    )
    client = session.client(place.service, region_name=place.region, config=config)
    answer: Mapping[str, Any] = client.get_authorization_token()
    return answer


def _read(answer: Mapping[str, Any]) -> Credentials | None:
    """Read the token, which is base64 of a user and a password, and when it ends."""
    data = answer.get("authorizationData")
    entry = data[0] if isinstance(data, list) and data else data
    if not isinstance(entry, dict):
        return None
    try:
        pair = base64.b64decode(entry.get("authorizationToken", ""), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, _, password = pair.partition(":")
    ends = entry.get("expiresAt")
    if not password:
        return None
    return Credentials(username=username, password=password, expires=ends.timestamp() if ends else None)


def _reason(error: Exception) -> tuple[str, str]:
    """Word what boto3 raised, and what to do: by AWS's code, if it was AWS that refused."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        refusal = response.get("Error")
        code = code_of(refusal.get("Code") if isinstance(refusal, Mapping) else None)
        return f"AWS answered {code or 'an error'}", _ALLOW
    name = type(error).__name__
    return _REASONS.get(name, f"boto3 says {name}"), _LOG_IN
