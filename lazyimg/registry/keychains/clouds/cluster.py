"""The Kubernetes API as a pod sees it: the pull secrets of a service account.

A pod has a token of its service account mounted, beside the authority that the API's certificate is of.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from lazyimg.errors import CredentialError
from lazyimg.oci.registry_name import is_loopback
from lazyimg.registry.failure import read_words
from lazyimg.registry.keychains.clouds.pull_secret import PullSecret
from lazyimg.registry.secret import Secret

if TYPE_CHECKING:
    import ssl

    import httpx

_LIMIT = 4 << 20  # bytes of an answer
_SILENCE, _CONNECT = 15.0, 5.0  # seconds
_NOT_FOUND = 404
_ADVICE = "allow the pod's service account to get serviceaccounts and secrets in this namespace"


@frozen
class Cluster:
    """Who is asked for the pull secrets of a service account. Constructing it reads nothing.

    Attributes:
        service_account: its name.
        namespace: where it is; None is the pod's own.
        pull_secrets: names of further secrets, which come first.
        mount: the directory with the pod's ``token``, ``ca.crt`` and ``namespace``.
        server: the address of the API; None takes it from the environment.
    """

    service_account: str
    namespace: str | None
    pull_secrets: tuple[str, ...]
    mount: Path
    server: str | None = field(repr=False)

    def secrets(self) -> tuple[PullSecret, ...]:
        """Ask for them. Those that do not exist are left out, as the cluster itself does.

        Raises:
            CredentialError: this is no pod, or the API did not answer as it should.
        """
        namespace = self.namespace or self._read("namespace")
        with self._client() as client:
            names = [*self.pull_secrets]
            account = self._get(client, namespace, "serviceaccounts", self.service_account)
            if account is None:
                raise CredentialError(
                    f"the cluster has no service account {namespace}/{self.service_account}: name another"
                )
            for one in account.get("imagePullSecrets") or ():
                name = one.get("name") if isinstance(one, dict) else None
                if isinstance(name, str) and name not in names:
                    names.append(name)
            found = {name: self._get(client, namespace, "secrets", name) for name in names}
        return tuple(
            PullSecret.of(secret, origin=f"the secret {namespace}/{name}")
            for name, secret in found.items()
            if secret is not None
        )

    def _client(self) -> "httpx.Client":
        import httpx  # noqa: PLC0415 - loaded on use

        server = self._server()
        return httpx.Client(
            base_url=server,
            headers={"Authorization": Secret(f"Bearer {self._read('token')}"), "Accept": "application/json"},
            verify=self._trust() if server.startswith("https:") else False,
            timeout=httpx.Timeout(_SILENCE, connect=_CONNECT),
            trust_env=False,
        )

    def _server(self) -> str:
        host, port = (
            os.environ.get("KUBERNETES_SERVICE_HOST"),
            os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
        )
        if self.server is None and not host:
            raise CredentialError(
                "the pull secrets of a cluster are read in a pod of it: $KUBERNETES_SERVICE_HOST is not set; "
                "elsewhere, use KubernetesKeychain.from_secret or from_path"
            )
        shown = f"[{host}]" if host and ":" in host else host
        server = self.server or f"https://{shown}:{port}"
        if not server.startswith("https:") and not is_loopback(urlsplit(server).netloc):
            raise CredentialError("the Kubernetes API is spoken to over https alone: a token is sent to it")
        return server

    def _trust(self) -> "ssl.SSLContext":
        import ssl  # noqa: PLC0415 - loaded on use

        path = self.mount / "ca.crt"
        try:
            return ssl.create_default_context(cafile=str(path))
        except OSError as error:  # ssl's own errors are such
            reason = error.strerror or error
        raise CredentialError(f"the authority of the Kubernetes API cannot be read from {path}: {reason}")

    def _read(self, name: str) -> Secret:
        path = self.mount / name
        try:
            return Secret(path.read_text(encoding="ascii").strip())
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise CredentialError(
            f"the pod's {name} cannot be read from {path}: {reason}; is a service account mounted "
            "(automountServiceAccountToken)?"
        )

    def _get(self, client: "httpx.Client", namespace: str, kind: str, name: str) -> Mapping[str, Any] | None:
        """Ask for one object; None if there is none."""
        path = "/".join(map(quote, ("/api/v1/namespaces", namespace, kind, name)))
        status, data, media_type = self._ask(client, path)
        what = f"the pull secrets of {namespace}/{self.service_account} from the Kubernetes API"
        if status == _NOT_FOUND:
            return None
        if status != 200:  # noqa: PLR2004 - success, in HTTP's own words
            words = read_words(data, media_type, [client.headers["Authorization"].partition(" ")[2]])
            data = b""
            raise CredentialError(f"cannot read {what}: it answered {status}: {words.text}; {_ADVICE}")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            data, answer = b"", None
            raise CredentialError(f"cannot read {what}: it sent no JSON object for {kind}/{name}")
        return answer

    def _ask(self, client: "httpx.Client", path: str) -> tuple[int, bytes, str]:
        import httpx  # noqa: PLC0415 - loaded on use

        try:
            with client.stream("GET", path) as response:
                parts, size = [], 0
                for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > _LIMIT:
                        break
                else:
                    return response.status_code, b"".join(parts), response.headers.get("Content-Type", "")
            reason = f"it sent more than {_LIMIT} bytes"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = f"{type(error).__name__}: is it there, and are its address and authority right?"
        parts = []
        raise CredentialError(f"cannot ask the Kubernetes API at {client.base_url.netloc.decode()}: {reason}")
