"""Descriptors are values that keep what they do not know."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import ContentMismatch, InvalidDigest, InvalidDocument, LazyImgError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import dumps, loads
from lazyimg.oci.platform import Platform

EMPTY = Digest.of(b"{}")
WHOLE = (
    b'{"x":{"deep":[1.0,"\\u003c"]},"size":2,"digest":"%b","mediaType":"application/\\u0078","urls":null,'
    b'"annotations":{"b":"\\u0026","a":"1"},"data":"e30=","platform":{"os":"linux","architecture":"arm64",'
    b'"features":["y"]},"artifactType":"a/b"}'
) % EMPTY.encode()


def whole() -> Descriptor:
    """Return a descriptor with every field, as it is read."""
    return Descriptor.from_json(loads(WHOLE))


def test_fields_are_read() -> None:
    """Each field of the specification has its value."""
    assert whole() == Descriptor.from_json(whole().to_json())
    found = whole()
    assert (found.media_type, found.digest, found.size, found.urls) == ("application/x", EMPTY, 2, ())
    assert found.annotations == {"a": "1", "b": "&"}
    assert (found.data, found.artifact_type) == (b"{}", "a/b")
    assert found.platform is not None
    assert str(found.platform) == "linux/arm64"


def test_an_untouched_descriptor_is_written_as_it_was() -> None:
    """Order, unknown members, nulls and source texts survive."""
    assert dumps(whole().to_json()) == WHOLE
    assert dumps(whole().replace(size=2, urls=[]).to_json()) == WHOLE


def test_one_changed_field_changes_one_member() -> None:
    """A replaced field is written in its place, the rest as it was."""
    assert dumps(whole().replace(size=3).to_json()) == WHOLE.replace(b'"size":2', b'"size":3')
    annotated = whole().replace(annotations={"a": "2", "b": "&", "c": "3"})
    assert b'"annotations":{"b":"\\u0026","a":"2","c":"3"}' in dumps(annotated.to_json())
    platform = whole().platform
    assert platform is not None
    moved = whole().replace(platform=platform.replace(variant="v9"))
    assert b'"platform":{"os":"linux","architecture":"arm64","variant":"v9","features":["y"]}' in dumps(
        moved.to_json()
    )
    bare = whole().replace(data=None, platform=None, annotations={}, artifact_type=None)
    assert list(bare.to_json()) == ["x", "size", "digest", "mediaType", "urls"]


def test_a_new_descriptor_is_written_in_the_specifications_order() -> None:
    """What is made of nothing is written as Go writes it, without its empty fields."""
    small = Descriptor(media_type="a/b", digest=EMPTY, size=2)
    assert list(small.to_json()) == ["mediaType", "digest", "size"]
    full = small.replace(
        urls=["https://example.com/x"],
        annotations={"k": "v"},
        data=b"{}",
        platform=Platform(os="linux", architecture="amd64"),
        artifact_type="x/y",
    )
    assert (
        dumps(full.to_json())
        == (
            b'{"mediaType":"a/b","digest":"%b","size":2,"urls":["https://example.com/x"],"annotations":{"k":"v"},'
            b'"data":"e30=","platform":{"architecture":"amd64","os":"linux"},"artifactType":"x/y"}'
        )
        % EMPTY.encode()
    )


def test_descriptors_are_values(pickled: Callable[[Any], Any]) -> None:
    """They are equal by their fields, unknown ones included, hash, pickle and cannot be changed."""
    assert pickled(whole()) == whole()
    assert hash(pickled(whole())) == hash(whole())
    assert dumps(pickled(whole()).to_json()) == WHOLE
    assert whole() != Descriptor.from_json(loads(WHOLE.replace(b'"x"', b'"y"')))
    assert whole() != whole().replace(size=3)
    found = whole()
    with pytest.raises(AttributeError):
        found.size = 3  # type: ignore[misc]  # the mistake itself
    with pytest.raises(TypeError):
        found.annotations["a"] = "2"  # type: ignore[index]  # the mistake itself


def test_nothing_of_it_is_shared() -> None:
    """Changing what it was read from, or what it was written to, does not change it."""
    members: Any = loads(WHOLE)
    found = Descriptor.from_json(members)
    members["x"]["deep"].append(2)
    found.to_json()["x"]["deep"].append(3)
    assert dumps(found.to_json()) == WHOLE


def test_content_is_verified() -> None:
    """Bytes of another size or digest are not the content."""
    found = Descriptor(media_type="a/b", digest=EMPTY, size=2)
    assert found.verify(b"{}") == b"{}"
    with pytest.raises(ContentMismatch, match="must have 2 bytes, these are 3"):
        found.verify(b"{ }")
    with pytest.raises(ContentMismatch, match="has the digest sha256:"):
        found.verify(b"[]")
    wide = found.replace(digest=Digest.of(b"{}", "sha512"))
    assert wide.verify(b"{}") == b"{}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mediaType": None}, "descriptor has no mediaType"),
        ({"mediaType": ""}, "no media type"),
        ({"mediaType": "a/b\r\nX: y"}, "no media type"),
        ({"mediaType": 1}, "descriptor.mediaType must be a text, not a number"),
        ({"digest": "md5:0"}, "descriptor.digest: 'md5:0' is no digest"),
        ({"size": -1}, "descriptor.size is -1: it cannot be negative"),
        ({"size": 1.0}, "descriptor.size must be an integer, not a number"),
        ({"size": True}, "descriptor.size must be an integer, not a boolean"),
        ({"size": "1"}, "descriptor.size must be an integer, not a text"),
        ({"urls": {}}, "descriptor.urls must be a list, not an object"),
        ({"annotations": {"a": 1}}, r"descriptor.annotations\['a'\] must be a text, not a number"),
        ({"data": "e30"}, "descriptor.data is no base64"),
        ({"data": "é"}, "descriptor.data is no base64"),
        ({"platform": {}}, "descriptor.platform has no architecture"),
    ],
)
def test_broken_json_is_refused(change: dict[str, Any], words: str) -> None:
    """A missing or mistyped member is named, with its place."""
    members = {"mediaType": "a/b", "digest": str(EMPTY), "size": 2, **change}
    with pytest.raises(InvalidDocument, match=words):
        Descriptor.from_json(members)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"digest": "sha256:0"}, InvalidDigest),
        ({"size": -1}, InvalidDocument),
        ({"media_type": ""}, InvalidDocument),
        ({"urls": "https://example.com"}, InvalidDocument),
    ],
)
def test_fields_given_are_checked_too(fields: dict[str, Any], error: type[Exception]) -> None:
    """A descriptor made in Python is as valid as one that was read."""
    valid: dict[str, Any] = {"media_type": "a/b", "digest": EMPTY, "size": 2}
    with pytest.raises(error):
        Descriptor(**{**valid, **fields})


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType", "x"]
)


@given(st.dictionaries(KEYS, JSON), st.booleans())
def test_reading_is_total(members: dict[str, Any], valid: bool) -> None:  # noqa: FBT001  # drawn
    """Any JSON is a descriptor that is written as it was read, or an error of ours."""
    if valid:
        members = {**members, "mediaType": "a/b", "digest": str(EMPTY), "size": 2}
    try:
        found = Descriptor.from_json(members)
    except LazyImgError:
        return
    assert dumps(found.to_json()) == dumps(members)
