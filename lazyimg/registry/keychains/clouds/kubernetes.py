"""Pull secrets of Kubernetes as a keychain: given, mounted, or of a service account."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from attrs import evolve, field, frozen

from lazyimg.errors import CredentialError
from lazyimg.registry.keychains.clouds.cluster import Cluster
from lazyimg.registry.keychains.clouds.leases import Lease, Leases
from lazyimg.registry.keychains.clouds.pull_secret import KEYS, OLD_CONFIG, PullSecret, as_secret, read_secret
from lazyimg.registry.keychains.credentials import MARGIN, Credentials

_LIFE = 300.0  # seconds that secrets are believed to stay as they are
_MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class SecretSource(Protocol):
    """Where pull secrets come from."""

    def secrets(self) -> tuple[PullSecret, ...]:
        """Return them, the first to be asked first."""
        ...


@frozen
class GivenSecrets:
    """Secret objects, given as JSON."""

    texts: tuple[str, ...]

    def secrets(self) -> tuple[PullSecret, ...]:
        """Read them."""
        return tuple(map(read_secret, self.texts))


@frozen
class MountedSecret:
    """A pull secret in a volume: its directory, or the file in it."""

    path: Path

    def secrets(self) -> tuple[PullSecret, ...]:
        """Read what is mounted now.

        Raises:
            CredentialError: there is no pull secret.
        """
        paths = [self.path / key for key in (*KEYS, "config.json")] if self.path.is_dir() else [self.path]
        for path in paths:
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise CredentialError(f"the pull secret {path} cannot be read: {error.strerror}") from None
            return (PullSecret.parse(data, origin=str(path), is_old=path.name == OLD_CONFIG),)
        raise CredentialError(f"there is no pull secret in {self.path}: mount one there, with its usual keys")


@frozen
class KubernetesKeychain:
    """The credentials of Kubernetes pull secrets, asked for when a registry asks who is there.

    They are read again after some minutes, as they are changed while pods run.

    >>> KubernetesKeychain.from_path("/etc/pull-secret")
    KubernetesKeychain(source=MountedSecret(path=PosixPath('/etc/pull-secret')))
    """

    source: SecretSource
    _leases: Leases[tuple[PullSecret, ...]] = field(factory=Leases, init=False, repr=False, eq=False)

    @classmethod
    def from_secret(cls, *secrets: Mapping[str, Any] | str | bytes) -> "KubernetesKeychain":
        """Take Secret objects of type ``kubernetes.io/dockerconfigjson`` or ``kubernetes.io/dockercfg``.

        Args:
            secrets: the objects, or their JSON, as ``kubectl get secret NAME -o json`` prints it.
        """
        return cls(GivenSecrets(tuple(map(as_secret, secrets))))

    @classmethod
    def from_path(cls, path: str | Path) -> "KubernetesKeychain":
        """Take a pull secret that is mounted as a volume: the directory, or the file. Reads nothing yet."""
        return cls(MountedSecret(Path(path)))

    @classmethod
    def from_cluster(
        cls,
        service_account: str = "default",
        *,
        namespace: str | None = None,
        pull_secrets: Iterable[str] = (),
        mount: str | Path = _MOUNT,
        server: str | None = None,
    ) -> "KubernetesKeychain":
        """Take the ``imagePullSecrets`` of a service account, by the API of the cluster that this pod is in.

        The pod's own service account must be allowed to get it, and the secrets. Asks nothing yet.

        Args:
            service_account: the account's name.
            namespace: where it is; None is the pod's own namespace.
            pull_secrets: names of further secrets there, which come first.
            mount: the directory with the pod's ``token``, ``ca.crt`` and ``namespace``.
            server: the address of the API; None takes it from the environment, as pods have it.
        """
        return cls(Cluster(service_account, namespace, tuple(pull_secrets), Path(mount), server))

    def credentials(self, registry: str, repository: str | None) -> Credentials | None:
        """Return what the first of the secrets has that knows the repository.

        Raises:
            CredentialError: the secrets cannot be read, or are none.
        """
        expires = time.time() + _LIFE + MARGIN
        for secret in self._leases.get("", lambda: Lease(self.source.secrets(), expires)):
            found = secret.credentials(registry, repository)
            if found is not None:
                return evolve(found, expires=expires)
        return None
