"""Distribution-spec 1.1, "API": support, endpoints, error codes, warnings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from conformance.wire import BLOB, MANIFEST, descriptor, digest_of

if TYPE_CHECKING:
    import httpx
    from conformance.wire import Wire

CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}
MISSING = digest_of(b"never pushed")
REFUSED = {
    "a blob that is not there": ("GET", "{root}/blobs/" + MISSING, b""),
    "a digest that is none": ("GET", "{root}/blobs/sha256:1", b""),
    "a manifest that is not there": ("GET", "{root}/manifests/missing", b""),
    "a repository that is not there": ("GET", "/v2/unknown/repository/tags/list", b""),
    "a repository's manifest that is not there": ("GET", "/v2/unknown/repository/manifests/v1", b""),
    "a manifest that is none": ("PUT", "{root}/manifests/bad", b"{"),
    "a manifest of another digest": ("PUT", "{root}/manifests/" + MISSING, b"{}"),
    "an upload that is not there": ("PATCH", "{root}/blobs/uploads/0", b""),
    "a blob to be deleted that is not there": ("DELETE", "{root}/blobs/" + MISSING, b""),
    "a manifest to be deleted that is not there": ("DELETE", "{root}/manifests/" + MISSING, b""),
    "a number that is none": ("GET", "{root}/tags/list?n=x", b""),
}


def refuse(wire: Wire, what: str) -> httpx.Response:
    """Ask for something that is refused."""
    wire.push_blob()
    method, path, content = REFUSED[what]
    headers = {"Content-Type": MANIFEST}
    return wire.http.request(method, path.format(root=wire.root), content=content or None, headers=headers)


class TestSupport:
    """Section "Determining Support"."""

    def test_the_base_is_answered_200(self, http: httpx.Client) -> None:
        """GET /v2/."""
        assert http.get("/v2/").status_code == 200


@pytest.mark.parametrize("what", REFUSED)
class TestErrorCodes:
    """Section "Error Codes"."""

    def test_a_refusal_is_a_4xx_with_a_list_of_errors(self, wire: Wire, what: str) -> None:
        """If its body is JSON: `errors`, each with a code, and maybe a message and details."""
        answer = refuse(wire, what)
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json()["errors"]
        for error in answer.json()["errors"]:
            assert "code" in error
            assert set(error) <= {"code", "message", "detail"}

    def test_codes_are_those_of_the_table(self, wire: Wire, what: str) -> None:
        """Capital letters and underscores, and no others than those fourteen."""
        for error in refuse(wire, what).json()["errors"]:
            assert re.fullmatch(r"[A-Z_]+", error["code"])
            assert error["code"] in CODES

    def test_messages_are_for_people(self, wire: Wire, what: str) -> None:
        """A text, if there is one."""
        for error in refuse(wire, what).json()["errors"]:
            assert isinstance(error.get("message", ""), str)


CODED = {
    "a blob that is not there": (404, "BLOB_UNKNOWN"),
    "a manifest that is not there": (404, "MANIFEST_UNKNOWN"),
    "a repository that is not there": (404, "NAME_UNKNOWN"),
    "a digest that is none": (400, "DIGEST_INVALID"),
    "a manifest that is none": (400, "MANIFEST_INVALID"),
    "an upload that is not there": (404, "BLOB_UPLOAD_UNKNOWN"),
    "a blob to be deleted that is not there": (404, "BLOB_UNKNOWN"),
    "a manifest to be deleted that is not there": (404, "MANIFEST_UNKNOWN"),
}


@pytest.mark.parametrize("what", CODED)
def test_a_code_says_what_was_wrong(wire: Wire, what: str) -> None:
    """The code whose description in the table fits, with the status of the table of endpoints."""
    answer = refuse(wire, what)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == CODED[what]


class TestWarnings:
    """Section "Warnings"."""

    def test_warnings_are_in_their_form(self, wire: Wire) -> None:
        """299, the agent `-`, no date, at most 4,096 bytes; none at all is good too."""
        data = wire.push_image("v1", subject=descriptor(MANIFEST, b"subject"))
        answers = [
            wire.post(),
            wire.pull("v1"),
            wire.tags(),
            wire.put("v2", data),
            refuse(wire, next(iter(REFUSED))),
        ]
        answers += [wire.get(f"blobs/{wire.push_blob(BLOB)}"), wire.http.get("/v2/")]
        for answer in answers:
            warnings = answer.headers.get_list("warning")
            assert all(re.fullmatch(r'299 - "(?:[^"\\]|\\.)*"', warning) for warning in warnings)
            assert sum(map(len, warnings)) <= 4096
