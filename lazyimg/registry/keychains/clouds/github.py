"""GitHub's registry, by the token that workflows and GitHub's own command use."""

import os
from collections.abc import Iterable

from attrs import field, frozen
from attrs.converters import optional

from lazyimg.registry.keychains.auth_file import canonical_host
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.secret import Secret

_VARIABLES = ("GH_TOKEN", "GITHUB_TOKEN")  # in the order of GitHub's command
_ANY_USER = "x-access-token"  # the registry looks at the token alone


def _hosts(hosts: str | Iterable[str]) -> frozenset[str]:
    return frozenset(map(canonical_host, [hosts] if isinstance(hosts, str) else hosts))


@frozen
class GitHubKeychain:
    """A GitHub token, for ``ghcr.io`` alone: the one given, or ``$GH_TOKEN``, or ``$GITHUB_TOKEN``.

    Without a token it knows nothing, and the next keychain is asked.

    Attributes:
        token: the token; None reads the environment, whenever a registry asks.
        hosts: other hosts than GitHub's own that may be given the token, such as those of an enterprise.

    >>> GitHubKeychain("ghp_s3cret")
    GitHubKeychain(token=***, hosts=frozenset({'ghcr.io'}))
    >>> GitHubKeychain("ghp_s3cret").credentials("docker.io", None) is None
    True
    """

    token: str | None = field(default=None, converter=optional(Secret))
    hosts: Iterable[str] = field(default=("ghcr.io",), converter=_hosts)

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:  # noqa: ARG002
        """Return the token with the name of the workflow's actor, if the registry is GitHub's."""
        if canonical_host(registry) not in self.hosts:
            return None
        found = (self.token, *map(os.environ.get, _VARIABLES))
        token = Secret(next((one.strip() for one in found if one and one.strip()), ""))
        if not token:
            return None
        return Credentials(username=os.environ.get("GITHUB_ACTOR") or _ANY_USER, password=token)
