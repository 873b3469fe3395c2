"""Straight to a registry, by plain HTTP and without lazyimg: to prepare it, and to judge what it holds."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin

import httpx
from support.images import INDEX, MANIFEST, sha256

if TYPE_CHECKING:
    from matrix.subject import Subject

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class Straight:
    """One registry; use it as a context manager.

    Args:
        host: where it is.
    """

    def __init__(self, host: str) -> None:
        self._http = httpx.Client(base_url=f"http://{host}/v2/", trust_env=False, timeout=30)
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, repository: str, path: str, **more: Any) -> httpx.Response:
        """Send a request about a repository, with a token that is fetched when it is first wanted."""
        url = path if path.startswith("http") else f"{repository}/{path}"
        headers = dict(more.pop("headers", {}))
        if repository in self._tokens:
            headers["Authorization"] = f"Bearer {self._tokens[repository]}"
        answer = self._http.request(method, url, headers=headers, **more)
        if answer.status_code == 401 and repository not in self._tokens:
            self._tokens[repository] = self._token(answer.headers["WWW-Authenticate"], repository)
            return self.ask(method, repository, path, headers=headers, **more)
        return answer

    def _token(self, challenge: str, repository: str) -> str:
        asked = dict(_PARAMETER.findall(challenge))
        query = {"service": asked["service"], "scope": f"repository:{repository}:pull,push"}
        realm = httpx.URL(asked["realm"]).copy_merge_params(query)
        token: str = self._http.get(realm).raise_for_status().json()["token"]
        return token

    def put_blob(self, repository: str, data: bytes) -> None:
        """Put a blob there."""
        begun = self.ask("POST", repository, "blobs/uploads/").raise_for_status()
        location = httpx.URL(urljoin(str(begun.url), begun.headers["Location"]))
        url = location.copy_merge_params({"digest": sha256(data)})
        self.ask("PUT", repository, str(url), content=data).raise_for_status()

    def put_image(self, repository: str, tag: str, image: Subject) -> None:
        """Put an image there."""
        for blob in (image.layer, image.config):
            self.put_blob(repository, blob)
        headers = {"Content-Type": MANIFEST}
        self.ask(
            "PUT", repository, f"manifests/{tag}", content=image.manifest, headers=headers
        ).raise_for_status()

    def tag(self, repository: str, tag: str) -> str | None:
        """Return what a tag says, None if there is none."""
        answer = self.ask("GET", repository, f"manifests/{tag}", headers={"Accept": f"{MANIFEST}, {INDEX}"})
        return sha256(answer.raise_for_status().content) if answer.status_code != 404 else None

    def problems(self, repository: str, name: str) -> list[str]:
        """Say what of an image or index is missing, or is not what it is said to be."""
        accept = {"Accept": f"{MANIFEST}, {INDEX}"}
        answer = self.ask("GET", repository, f"manifests/{name}", headers=accept)
        if answer.status_code != 200:
            return [f"manifest {name}: {answer.status_code}"]
        document = json.loads(answer.content)
        found = []
        for child in document.get("manifests", []):
            found += self.problems(repository, child["digest"])
        for blob in [document[key] for key in ["config"] if key in document] + document.get("layers", []):
            data = self.ask("GET", repository, f"blobs/{blob['digest']}").content
            if (sha256(data), len(data)) != (blob["digest"], blob["size"]):
                found.append(f"blob {blob['digest']}: {len(data)} bytes of {sha256(data)}")
        return found
