"""Whether what was said to have been pushed is there, whole: worked out without lazyimg.

By raw HTTP from the registry, every byte hashed here; and by names and bytes from its disk.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from soak.pushes import Outcome

OK, NOT_FOUND = 200, 404


class Broken(Exception):
    """Something is not there, or not whole."""


@define(eq=False)
class Reader:
    """Reads a registry, and hashes what it reads; each blob once."""

    host: str
    _whole: set[tuple[str, str]] = field(factory=set)
    _connection: http.client.HTTPConnection = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = http.client.HTTPConnection(self.host, timeout=60)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str) -> bytes | None:
        """Return what is at a path; None where there is nothing."""
        self._connection.request("GET", path, headers={"Accept": "*/*"})
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status not in {OK, NOT_FOUND}:
            raise Broken(f"{path} was answered {answer.status}")
        return data if answer.status == OK else None

    def tag(self, repository: str, tag: str) -> str | None:
        """Return the digest of the manifest that a tag says, worked out from its bytes."""
        data = self.get(f"/v2/{repository}/manifests/{tag}")
        return None if data is None else f"sha256:{hashlib.sha256(data).hexdigest()}"

    def check(self, repository: str, digest: str) -> None:
        """Check that a manifest is there with everything that it names.

        Raises:
            Broken: it is not.
        """
        if (repository, digest) in self._whole:
            return
        document = json.loads(self._read(repository, "manifests", digest, None))
        for child in document.get("manifests", ()):
            self.check(repository, child["digest"])
        for blob in (document["config"], *document["layers"]) if "layers" in document else ():
            if (repository, blob["digest"]) not in self._whole:
                self._read(repository, "blobs", blob["digest"], blob["size"])
        self._whole.add((repository, digest))

    def _read(self, repository: str, kind: str, digest: str, size: int | None) -> bytes:
        path = f"/v2/{repository}/{kind}/{digest}"
        data = self.get(path)
        if data is None:
            raise Broken(f"{path} is not there")
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest or size not in (None, len(data)):
            raise Broken(f"{path} is not whole: {len(data)} bytes")
        self._whole.add((repository, digest))
        return data


def pushed(host: str, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield what is wrong with what was pushed, and with what was said of tags; nothing, if all is well."""
    reader = Reader(host)
    try:
        for one in outcomes:
            if one.how == "written":
                yield from _missing(reader, one)
        yield from _wrong_tags(reader, outcomes)
    finally:
        reader.close()


def _missing(reader: Reader, one: Outcome) -> Iterator[str]:
    try:
        reader.check(one.repository, one.digest)
    except Broken as error:
        yield f"push {one.number} ({one.kind}) succeeded, but {error}"


def _wrong_tags(reader: Reader, outcomes: Sequence[Outcome]) -> Iterator[str]:
    moves: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        if one.kind != "pull":
            moves.setdefault((one.repository, one.tag), []).append(one)
    for (repository, tag), those in moves.items():
        found = reader.tag(repository, tag)
        if not may_say(found, those):
            said = ", ".join(f"push {one.number}: {one.how} {one.digest}{one.tag_state}" for one in those)
            yield f"{repository}:{tag} says {found}; {said}"


def may_say(found: str | None, moves: Sequence[Outcome]) -> bool:
    """Tell whether a tag may be where it is, after these pushes to it, of which some were at the same time.

    A push that succeeded counts, unless another one began after it had ended and succeeded too. One that
    failed counts if it does not say that the tag did not move.
    """
    written = [one for one in moves if one.how == "written"]
    last = max((one.began for one in written), default=0.0)
    if found in {one.digest for one in written if one.ended >= last}:
        return True
    failed = {one.tag_state for one in moves if one.how == "failed"}
    if found is None:
        return not written and "moved" not in failed
    return found not in {one.digest for one in written} and bool(failed & {"moved", "unknown"})


def pulled(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield what is wrong with pulls: of what was pushed, another digest came back."""
    known = {(one.repository, one.tag): one.digest for one in outcomes if one.how == "written"}
    for one in outcomes:
        if one.how == "pulled" and known[one.repository, one.tag] != one.digest:
            yield f"pull {one.number} of {one.repository}:{one.tag} gave {one.digest}"


def failures(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield the failures that say anything else than that the registry was not reached."""
    for one in outcomes:
        if one.how == "failed" and not one.is_ours:
            yield f"{one.kind} {one.number} to {one.repository}:{one.tag} failed with {one.error}"
        if one.how == "failed" and one.kind != "pull" and not one.tag_state:
            yield f"{one.kind} {one.number} failed, and does not say whether the tag moved"


def on_disk(directory: Path) -> Iterator[str]:
    """Yield the contents and manifests on a registry's disk whose bytes are not what their names say."""
    for path in (directory / "contents" / "sha256").iterdir():
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            yield f"{path} is half a blob"
    for path in (directory / "records").glob("*/manifests/*"):
        data = path.read_bytes().partition(b"\n")[2]
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != path.name:
            yield f"{path} is half a manifest"


def copied_by_skopeo(host: str, outcomes: Sequence[Outcome], directory: Path) -> Iterator[str]:
    """Yield what skopeo, which others wrote, says against some of what was pushed."""
    for one in outcomes:
        source = f"docker://{host}/{one.repository}@{one.digest}"
        command: list[Any] = ["skopeo", "copy", "--quiet", "--all", "--src-tls-verify=false", source]
        command.append(f"dir:{directory / str(one.number)}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"skopeo cannot copy push {one.number}: {done.stderr.strip()}"


def has_skopeo() -> bool:
    """Tell whether skopeo is installed."""
    return shutil.which("skopeo") is not None
