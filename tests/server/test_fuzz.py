"""The server's routes, asked at random: every answer is one of the specification's, and nothing breaks."""

from __future__ import annotations

import hashlib
import string
from typing import TYPE_CHECKING

import pytest
from fuzz.properties import route
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.below_http import ask

from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = b'{"schemaVersion": 2, "manifests": []}'
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
WORDS = [
    "v2",
    "a",
    "b",
    "blobs",
    "uploads",
    "manifests",
    "tags",
    "list",
    "referrers",
    "_catalog",
    "token",
    "v1",
    "",
]
DIGESTS = [
    DIGEST,
    f"sha512:{hashlib.sha512(DATA).hexdigest()}",
    "sha256:1",
    "sha256:" + "0" * 64,
    "md5:0",
    ":",
]
BEGUN = "/v2/a/blobs/uploads/BEGUN"  # stands for an upload that was begun
KNOWN = [
    BEGUN,
    "/v2/a/blobs/uploads/",
    "/v2/a/manifests/v1",
    f"/v2/a/blobs/{DIGEST}",
    f"/v2/a/manifests/{DIGEST}",
]

texts = st.text(max_size=12)
segments = st.sampled_from(WORDS + DIGESTS) | texts
references = st.sampled_from([*DIGESTS, "v1", "list", ""]) | texts
places = st.builds(
    "/v2/{}/{}/{}".format,
    st.sampled_from(["a", "b", "A"]),
    st.sampled_from(["blobs", "manifests", "referrers", "tags", "blobs/uploads"]),
    references,
)
paths = (
    st.sampled_from(KNOWN)
    | places
    | st.lists(segments, max_size=7).map(lambda parts: "/v2/" + "/".join(parts))
    | texts
)
BEYOND = "9" * 5000  # a number that Python itself does not read
values = st.sampled_from([*DIGESTS, BEYOND, "\u00b2", "a", "b", "0", "1", "-1", "v1", "sha512"]) | texts
names = (
    st.sampled_from(["digest", "mount", "from", "n", "last", "tag", "artifactType", "digest-algorithm"])
    | texts
)
ranges = (
    st.sampled_from(
        [
            "bytes=0-",
            "bytes=-1",
            "bytes=9-1",
            "0-9",
            "0-36",
            "9-0",
            "bytes 0-36/37",
            "x",
            f"bytes=0-{BEYOND}",
            BEYOND,
        ]
    )
    | texts
)
types = (
    st.sampled_from(["application/vnd.oci.image.index.v1+json", "application/json", "text", "a/b; c=d"])
    | texts
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "range": ranges,
        "content-range": ranges,
        "content-length": st.sampled_from(["5", "-1", "x", "9" * 40, BEYOND, "\u0663"]),
        "content-type": types,
        "host": st.sampled_from(["localhost:1", "[::1]:5", 'a"b']) | texts,
        "authorization": st.sampled_from(["Basic", "Basic !", "Bearer", "Bearer x.y.z"]) | texts,
    },
)
bodies = st.sampled_from([b"", DATA, b"{", b"[]"]) | st.binary(max_size=50)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"]) | st.text(
    string.ascii_letters, min_size=1, max_size=5
)


@pytest.fixture(scope="module", params=["open", "token"])
def asked(request: pytest.FixtureRequest) -> Iterator[Registry]:
    """Give a registry with something in it, below HTTP."""
    registry = Registry(
        token=request.param == "token", users={"a": "b"} if request.param == "token" else None
    )
    with registry:
        if request.param == "open":
            ask(registry, "POST", "/v2/a/blobs/uploads/", {"digest": DIGEST}, {}, DATA)
            ask(registry, "PUT", "/v2/a/manifests/v1", {}, {"content-type": "a/b"}, DATA)
        yield registry


@settings(max_examples=400)
@example("POST", "/v2/a/blobs/uploads/", {"digest": DIGEST}, {"content-length": BEYOND}, DATA)
@example("GET", f"/v2/a/blobs/{DIGEST}", {}, {"range": f"bytes=0-{BEYOND}"}, b"")
@example("PATCH", BEGUN, {}, {"content-range": f"0-{BEYOND}"}, DATA)
@example("GET", "/v2/a/tags/list", {"n": BEYOND}, {}, b"")
@example("GET", "/v2/a/tags/list", {"n": "\u00b2"}, {}, b"")
@given(methods, paths, st.dictionaries(names, values, max_size=3), headers, bodies)
def test_every_answer_is_one_of_the_specification(
    asked: Registry, method: str, path: str, query: dict[str, str], sent: dict[str, str], body: bytes
) -> None:
    """Nothing is answered 500, a refusal has a code of the specification, a Location leads somewhere."""
    if path == BEGUN:
        _, head, _ = ask(asked, "POST", "/v2/a/blobs/uploads/", {}, {}, b"")
        path = head.get("location", path)
    route(asked, method, path, query, sent, body)
