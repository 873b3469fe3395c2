"""What refers to a manifest, listed, filtered and paged (distribution-spec "Listing Referrers")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lazyimg.server.endpoints.lists import fits
from lazyimg.server.manifests import referrers_index

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def subject_of(hand: Any, data: bytes = b"never pushed") -> dict[str, Any]:
    return {"mediaType": MANIFEST, "digest": hand.digest(data), "size": len(data)}


def artifact(hand: Any, subject: dict[str, Any], artifact_type: str = "x/y", **fields: Any) -> bytes:
    config = hand.descriptor("a", b"{}", EMPTY)
    return hand.image("a", config=config, subject=subject, artifactType=artifact_type, **fields)


def listed(hand: Any, digest: str, **query: str) -> list[dict[str, Any]]:
    answer = hand.http.get(f"/v2/a/referrers/{digest}", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, INDEX)
    document = answer.json()
    assert (document["schemaVersion"], document["mediaType"]) == (2, INDEX)
    return document["manifests"]


def test_a_manifest_with_a_subject_is_listed(hand: Any) -> None:
    """PUT answers with OCI-Subject, and the list has its descriptor, type and annotations pulled up."""
    image = hand.image("a")
    hand.push("a", "image", image)
    subject = subject_of(hand, image)
    data = artifact(hand, subject, annotations={"org.example": "ü"})
    answer = hand.put("a", "signature", data)
    assert answer.headers["oci-subject"] == subject["digest"]
    assert listed(hand, subject["digest"]) == [
        {
            "mediaType": MANIFEST,
            "digest": hand.digest(data),
            "size": len(data),
            "artifactType": "x/y",
            "annotations": {"org.example": "ü"},
        }
    ]


def test_a_manifest_without_a_subject_has_no_subject_header(hand: Any) -> None:
    """OCI-Subject is the answer to a subject alone."""
    assert "oci-subject" not in hand.put("a", "x", hand.image("a")).headers


def test_a_subject_may_come_later_or_never(hand: Any) -> None:
    """A referrer of what does not exist is taken and listed."""
    subject = subject_of(hand)
    hand.push("a", "early", artifact(hand, subject))
    assert len(listed(hand, subject["digest"])) == 1


def test_the_type_of_an_image_is_that_of_its_config(hand: Any) -> None:
    """Without artifactType the config's media type is listed; an index has no type but its own."""
    subject = subject_of(hand)
    hand.push("a", "image", hand.image("a", subject=subject))
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": subject}
    hand.push("a", "index", json.dumps(index).encode())
    hand.push("a", "typed", json.dumps({**index, "artifactType": "x/index"}).encode())
    types = {(each["mediaType"], each.get("artifactType")) for each in listed(hand, subject["digest"])}
    assert types == {(MANIFEST, CONFIG), (INDEX, None), (INDEX, "x/index")}


@pytest.mark.parametrize("repository", ["a", "unknown"])
def test_what_nothing_refers_to_has_an_empty_list(hand: Any, repository: str) -> None:
    """An unknown digest, even an unknown repository, answers 200 with an empty index, never 404."""
    hand.blob("a", b"{}")
    answer = hand.http.get(f"/v2/{repository}/referrers/{hand.digest(b'unknown')}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, INDEX)
    assert answer.json() == {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}


def test_what_is_no_digest_is_refused(hand: Any, code: Callable[[Any], str]) -> None:
    """A malformed digest answers 400."""
    answer = hand.http.get("/v2/a/referrers/latest")
    assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")


def test_the_list_is_filtered_by_type(hand: Any) -> None:
    """`artifactType` filters, and the answer says that it did."""
    subject = subject_of(hand)
    hand.push("a", "one", artifact(hand, subject, "x/one"))
    hand.push("a", "two", artifact(hand, subject, "x/two"))
    assert len(listed(hand, subject["digest"])) == 2
    [found] = listed(hand, subject["digest"], artifactType="x/one")
    assert found["artifactType"] == "x/one"
    assert listed(hand, subject["digest"], artifactType="x/none") == []
    url = f"/v2/a/referrers/{subject['digest']}"
    assert (
        hand.http.get(url, params={"artifactType": "x/one"}).headers["oci-filters-applied"] == "artifactType"
    )
    assert "oci-filters-applied" not in hand.http.get(url).headers


def test_the_list_belongs_to_one_repository(hand: Any) -> None:
    """Referrers pushed to another repository are not listed."""
    subject = subject_of(hand)
    hand.push("b", "x", hand.image("b", subject=subject))
    assert listed(hand, subject["digest"]) == []


def test_numbers_of_annotations_keep_their_text(hand: Any) -> None:
    """What is pulled up is written as it was, whatever JSON makes of it."""
    subject = subject_of(hand)
    data = artifact(hand, subject, annotations={"big": 1}).replace(b'"big": 1', b'"big": 1e400')
    hand.push("a", "x", data)
    assert b'{"big":1e400}' in hand.http.get(f"/v2/a/referrers/{subject['digest']}").content


def test_a_deleted_referrer_leaves_the_list(hand: Any) -> None:
    """Deleting the manifest removes its entry; deleting its tag or the subject does not."""
    image = hand.image("a")
    hand.push("a", "image", image)
    subject = subject_of(hand, image)
    data = artifact(hand, subject)
    hand.push("a", "tag", data)
    hand.http.delete("/v2/a/manifests/tag")
    hand.http.delete(f"/v2/a/manifests/{hand.digest(image)}")
    assert len(listed(hand, subject["digest"])) == 1
    hand.http.delete(f"/v2/a/manifests/{hand.digest(data)}")
    assert listed(hand, subject["digest"]) == []


def pages(hand: Any, url: str) -> list[list[str]]:
    """Follow the links of a list and return the digests of each page."""
    found = []
    while url:
        answer = hand.http.get(url)
        found.append([each["digest"] for each in answer.json()["manifests"]])
        url = answer.links.get("next", {}).get("url", "")
    return found


def test_the_list_is_paged_by_number(hand: Any) -> None:
    """`n` limits a page, and Link names the next one, filter included."""
    subject = subject_of(hand)
    for number in range(5):
        hand.push("a", f"v{number}", artifact(hand, subject, annotations={"n": str(number)}))
    found = pages(hand, f"/v2/a/referrers/{subject['digest']}?n=2&artifactType=x/y")
    assert [len(page) for page in found] == [2, 2, 1]
    assert len({digest for page in found for digest in page}) == 5


def test_a_referrer_as_large_as_a_manifest_is_listed(hand: Any) -> None:
    """One that hardly fits into a page has a page of its own."""
    subject = subject_of(hand)
    frame = len(artifact(hand, subject, annotations={"large": ""}))
    largest = artifact(hand, subject, annotations={"large": "A" * ((4 << 20) - frame)})
    digests = {hand.push("a", "largest", largest), hand.push("a", "small", artifact(hand, subject))}
    found = pages(hand, f"/v2/a/referrers/{subject['digest']}")
    assert [len(page) for page in found] == [1, 1]
    assert {digest for page in found for digest in page} == digests


@pytest.mark.parametrize("less", [0, 2, 100, 200, 1000, 1024, 2000])
def test_no_page_is_larger_than_a_manifest(less: int) -> None:
    """To the byte: what would fill the page with its frame goes to the next one."""
    entries = {"a": bytes(2 << 20), "b": bytes((2 << 20) - less), "c": b"{}"}
    count = fits(entries)(list(entries))
    assert len(referrers_index([entries[name] for name in list(entries)[:count]])) <= 4 << 20
    assert count == (3 if less == 2000 else 1)


def test_the_list_is_paged_by_size(hand: Any) -> None:
    """No page is larger than a manifest may be, however large the annotations are."""
    subject = subject_of(hand)
    for number in range(4):
        hand.push("a", f"v{number}", artifact(hand, subject, annotations={str(number): "A" * 1_900_000}))
    url = f"/v2/a/referrers/{subject['digest']}"
    assert len(hand.http.get(url).content) <= 4 << 20
    assert [len(page) for page in pages(hand, url)] == [2, 2]
