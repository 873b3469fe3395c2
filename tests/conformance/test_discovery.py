"""Distribution-spec 1.1, "Content Discovery": tags and referrers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from conformance.wire import CONFIG, EMPTY, INDEX, MANIFEST, descriptor, digest_of, index_of

if TYPE_CHECKING:
    import httpx
    from conformance.wire import Wire

TAGS = ["0", "1.0", "1.10", "1.9", "a", "b", "latest", "v1", "v2", "x"]
CASES = ["a", "B", "c", "D", "e", "F", "g", "H", "i", "J"]
SUBJECT = b"a manifest that others refer to"
SBOM = "application/vnd.example.sbom"


def next_of(answer: httpx.Response) -> str:
    """Return where the next page is, checking that the header is what RFC 8288 says."""
    match = re.fullmatch(r'<([^>]+)>; *rel="next"', answer.headers["link"])
    assert match
    return match[1]


def tagged(wire: Wire, tags: list[str] = TAGS) -> Wire:
    data = wire.image()
    for tag in reversed(tags):
        wire.push(tag, data)
    return wire


class TestListingTags:
    """Section "Listing Tags"."""

    def test_tags_are_answered_200_with_name_and_tags(self, wire: Wire) -> None:
        """In JSON, every tag once."""
        answer = tagged(wire).tags()
        assert (answer.status_code, answer.json()["name"]) == (200, wire.name)
        assert answer.headers["content-type"].partition(";")[0] == "application/json"
        assert sorted(answer.json()["tags"]) == TAGS

    def test_tags_are_in_lexical_order(self, wire: Wire) -> None:
        """By their characters, not as versions."""
        assert tagged(wire).tags().json()["tags"] == TAGS

    def test_the_order_does_not_tell_capital_letters_from_small_ones(self, wire: Wire) -> None:
        """`(i.e. case-insensitive alphanumeric order)`."""
        assert tagged(wire, CASES).tags().json()["tags"] == CASES

    def test_a_repository_without_tags_has_an_empty_list(self, wire: Wire) -> None:
        """200, and no tags: it has a manifest by digest alone."""
        data = wire.image()
        wire.push(digest_of(data), data)
        answer = wire.tags()
        assert (answer.status_code, answer.json()["tags"] or []) == (200, [])

    @pytest.mark.parametrize("number", [1, 3, len(TAGS), 100])
    def test_n_limits_the_tags(self, wire: Wire, number: int) -> None:
        """Fewer come only if there are no more, or a Link follows."""
        answer = tagged(wire).tags(n=str(number))
        found = answer.json()["tags"]
        assert len(found) == min(number, len(TAGS)) or ("link" in answer.headers and len(found) < number)

    def test_n_limits_the_tags_to_the_first(self, wire: Wire) -> None:
        """The list begins at its beginning, in order."""
        found = tagged(wire).tags(n="3").json()["tags"]
        assert found == TAGS[: len(found)]

    def test_n_of_zero_is_an_empty_list_without_a_link(self, wire: Wire) -> None:
        """200."""
        answer = tagged(wire).tags(n="0")
        assert (answer.status_code, answer.json()["tags"] or []) == (200, [])
        assert "link" not in answer.headers

    def test_a_link_leads_to_the_next_page(self, wire: Wire) -> None:
        """With rel="next", if there is one; all pages together are the list."""
        answer = tagged(wire).tags(n="3")
        found = answer.json()["tags"]
        while "link" in answer.headers:
            answer = wire.http.get(wire.url(next_of(answer)))
            found += answer.json()["tags"]
        assert sorted(found) in (TAGS, TAGS[:3])

    @pytest.mark.parametrize("number", [None, "2"])
    def test_last_is_where_the_list_goes_on(self, wire: Wire, number: str | None) -> None:
        """Behind that tag, in order, with and without `n`."""
        query = {"last": "1.10"} if number is None else {"last": "1.10", "n": number}
        found = tagged(wire).tags(**query).json()["tags"]
        assert found == (TAGS[3:5] if number else TAGS[3:])


def referrer(wire: Wire, reference: str, **fields: Any) -> dict[str, Any]:
    """Push an image that refers to the subject, and return what a list of referrers says of it."""
    data = wire.push_image(reference, subject=descriptor(MANIFEST, SUBJECT), **fields)
    expected = {"mediaType": MANIFEST, "digest": digest_of(data), "size": len(data)}
    expected["artifactType"] = fields.get("artifactType") or fields.get("config_type", CONFIG)
    return expected | ({"annotations": fields["annotations"]} if "annotations" in fields else {})


def listed(wire: Wire, **query: str) -> list[dict[str, Any]]:
    answer = wire.referrers(digest_of(SUBJECT), **query)
    assert answer.status_code == 200
    return sorted(answer.json()["manifests"], key=lambda entry: str(entry["digest"]))


def by_digest(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: str(entry["digest"]))


class TestListingReferrers:
    """Section "Listing Referrers"."""

    def test_referrers_are_answered_200_with_an_index(self, wire: Wire) -> None:
        """Of schema version 2, with the media type of an index in header and document."""
        referrer(wire, "r")
        answer = wire.referrers(digest_of(SUBJECT))
        assert (answer.status_code, answer.headers["content-type"]) == (200, INDEX)
        assert (answer.json()["schemaVersion"], answer.json()["mediaType"]) == (2, INDEX)

    def test_what_has_no_referrers_has_an_empty_list(self, wire: Wire) -> None:
        """200 and never 404, whether the digest is of something or not."""
        data = wire.push_image("v1")
        for digest in (digest_of(data), digest_of(b"never pushed")):
            answer = wire.referrers(digest)
            assert (answer.status_code, answer.headers["content-type"]) == (200, INDEX)
            assert answer.json()["manifests"] == []

    @pytest.mark.parametrize(
        "digest", ["sha256:1", "sha256:" + "g" * 64, "nothing"], ids=["short", "not hex", "a word"]
    )
    def test_an_invalid_digest_is_answered_400(self, wire: Wire, digest: str) -> None:
        """No digest by its syntax."""
        wire.push_image("v1")
        assert wire.referrers(digest).status_code == 400

    def test_referrers_show_their_artifact_type(self, wire: Wire) -> None:
        """The manifest's own."""
        entry = referrer(wire, "r", artifactType=SBOM, config_type=EMPTY)
        assert listed(wire) == [entry]

    def test_an_image_without_an_artifact_type_shows_its_config_type(self, wire: Wire) -> None:
        """Missing, or empty."""
        missing = referrer(wire, "r1", config_type="application/vnd.example.config")
        empty = referrer(wire, "r2", artifactType="")
        assert listed(wire) == by_digest(missing, empty)

    def test_an_index_without_an_artifact_type_shows_none(self, wire: Wire) -> None:
        """And one that has one shows it."""
        subject = descriptor(MANIFEST, SUBJECT)
        plain, typed = index_of(subject=subject), index_of(subject=subject, artifactType=SBOM)
        wire.push("i1", plain)
        wire.push("i2", typed)
        entries = (descriptor(INDEX, plain), descriptor(INDEX, typed, artifactType=SBOM))
        assert listed(wire) == by_digest(*entries)

    def test_referrers_show_their_annotations(self, wire: Wire) -> None:
        """All of them."""
        entry = referrer(wire, "r", annotations={"org.example": "1", "ü": "ö"})
        assert listed(wire) == [entry]

    def test_only_what_refers_to_the_digest_is_listed(self, wire: Wire) -> None:
        """Others of the repository are not."""
        entry = referrer(wire, "r")
        wire.push_image("v1")
        wire.push_image("v2", subject=descriptor(MANIFEST, b"another"))
        assert listed(wire) == [entry]

    def test_newly_pushed_referrers_are_listed(self, wire: Wire) -> None:
        """By tag or by digest, before or after their subject, and no longer when they are deleted."""
        subject = wire.image(annotations={"of": wire.name})
        first = wire.image(subject=descriptor(MANIFEST, subject), annotations={"n": "1"})
        second = wire.image(subject=descriptor(MANIFEST, subject), annotations={"n": "2"})
        wire.push("first", first)
        wire.push("v1", subject)
        wire.push(digest_of(second), second)

        def found() -> set[str]:
            return {entry["digest"] for entry in wire.referrers(digest_of(subject)).json()["manifests"]}

        assert found() == {digest_of(first), digest_of(second)}
        assert wire.delete(f"manifests/{digest_of(first)}").status_code == 202
        assert found() == {digest_of(second)}

    def test_referrers_are_filtered_by_artifact_type(self, wire: Wire) -> None:
        """Only those of the type; by the config's type where that is shown."""
        sbom = referrer(wire, "r1", artifactType=SBOM)
        image = referrer(wire, "r2")
        assert listed(wire, artifactType=SBOM) == [sbom]
        assert listed(wire, artifactType=CONFIG) == [image]
        assert listed(wire, artifactType="application/vnd.example.none") == []
        assert listed(wire) == by_digest(sbom, image)

    def test_a_filter_that_was_applied_is_told(self, wire: Wire) -> None:
        """`OCI-Filters-Applied: artifactType`, and not without a filter."""
        referrer(wire, "r")
        answer = wire.referrers(digest_of(SUBJECT), artifactType=SBOM)
        assert answer.headers["oci-filters-applied"] == "artifactType"
        assert "oci-filters-applied" not in wire.referrers(digest_of(SUBJECT)).headers

    def test_a_list_that_does_not_fit_goes_on_with_a_link(self, wire: Wire) -> None:
        """Six descriptors of 1 MiB are no single manifest; the pages hold each of them once."""
        expected = [
            referrer(wire, f"r{n}", annotations={"n": f"{n}" * (1 << 20)})["digest"] for n in range(6)
        ]
        answer = wire.referrers(digest_of(SUBJECT))
        assert len(answer.content) <= 4 << 20
        found, pages = [entry["digest"] for entry in answer.json()["manifests"]], 1
        while "link" in answer.headers:
            answer = wire.http.get(wire.url(next_of(answer)))
            assert answer.headers["content-type"] == INDEX
            found += [entry["digest"] for entry in answer.json()["manifests"]]
            pages += 1
        assert sorted(found) == sorted(expected)
        assert pages > 1

    def test_the_list_is_an_index_that_can_be_read(self, wire: Wire) -> None:
        """Descriptors with media type, digest and size, and nothing that image-spec does not know."""
        referrer(wire, "r", annotations={"a": "b"}, artifactType=SBOM)
        [entry] = json.loads(wire.referrers(digest_of(SUBJECT)).content)["manifests"]
        assert set(entry) == {"mediaType", "digest", "size", "artifactType", "annotations"}
