"""Where Debian's ``docker-registry`` (2.8) is known not to do what the specification says, and why.

Each of these tests is run there, and must fail (a strict ``xfail``): one that passes is a failure too, so
that this table stays true.
"""

REFERENCE = "docker-registry"

KNOWN: dict[str, tuple[str, ...]] = {
    "it lists tags in the order of its file system": (
        "test_tags_are_in_lexical_order",
        "test_the_order_does_not_tell_capital_letters_from_small_ones",
        "test_n_limits_the_tags_to_the_first",
    ),
    "it ignores n and last, and always lists all tags": (
        "test_n_limits_the_tags[1]",
        "test_n_limits_the_tags[3]",
        "test_n_of_zero_is_an_empty_list_without_a_link",
        "test_last_is_where_the_list_goes_on[None]",
        "test_last_is_where_the_list_goes_on[2]",
    ),
    "a repository without a tag has no list of tags: 404": (
        "test_a_repository_without_tags_has_an_empty_list",
    ),
    "it has no referrers API, and so answers no OCI-Subject either": (
        "test_the_apis_of_content_discovery_are_there",
        "test_a_subject_is_answered_with_its_digest[tag]",
        "test_a_subject_is_answered_with_its_digest[digest]",
        "test_referrers_are_answered_200_with_an_index",
        "test_what_has_no_referrers_has_an_empty_list",
        "test_an_invalid_digest_is_answered_400[short]",
        "test_an_invalid_digest_is_answered_400[not hex]",
        "test_an_invalid_digest_is_answered_400[a word]",
        "test_referrers_show_their_artifact_type",
        "test_an_image_without_an_artifact_type_shows_its_config_type",
        "test_an_index_without_an_artifact_type_shows_none",
        "test_referrers_show_their_annotations",
        "test_only_what_refers_to_the_digest_is_listed",
        "test_newly_pushed_referrers_are_listed",
        "test_referrers_are_filtered_by_artifact_type",
        "test_a_filter_that_was_applied_is_told",
        "test_a_list_that_does_not_fit_goes_on_with_a_link",
        "test_the_list_is_an_index_that_can_be_read",
    ),
    "it deletes no tags, and says so by 400, as the specification lets it": (
        "test_the_apis_of_content_management_are_there",
        "test_a_deleted_tag_is_answered_202_and_gone",
        "test_a_tag_that_does_not_exist_is_answered_404",
        "test_deleting_from_a_repository_that_does_not_exist_is_answered_404[v1]",
    ),
    "it takes a chunk wherever it begins: 202 instead of 416": (
        "test_a_first_chunk_that_does_not_begin_at_0_is_refused[1]",
        "test_a_first_chunk_that_does_not_begin_at_0_is_refused[5]",
        "test_a_chunk_out_of_order_is_answered_416[0]",
        "test_a_chunk_out_of_order_is_answered_416[19]",
        "test_a_chunk_out_of_order_is_answered_416[21]",
    ),
    "it announces the length of the whole blob with the refusal of a range, which then breaks off": (
        "test_a_range_that_a_blob_does_not_have_is_answered_416[48-]",
        "test_a_range_that_a_blob_does_not_have_is_answered_416[100-200]",
        "test_a_range_of_another_unit_is_ignored",
    ),
    "it knows manifests by sha256 alone": ("test_a_manifest_by_sha512",),
    "it refuses a manifest that is too large by 400": ("test_a_manifest_beyond_a_limit_is_answered_413",),
    "a malformed digest of a manifest makes it stumble: 500": (
        "test_a_reference_is_a_digest_or_a_tag[sha256:1]",
    ),
    "it redirects from a name with two slashes to the one with one: 301": (
        "test_a_name_that_is_none_is_refused[a//b]",
    ),
    "it says BLOB_UPLOAD_INVALID of an upload that it cannot know": (
        "test_a_code_says_what_was_wrong[an upload that is not there]",
    ),
}
"""For each reason the tests that fail for it, with the identifier of the case where not all of them do."""


def reason_for(test: str, case: str) -> str | None:
    """Return why a test is known to fail with a case, None if it is not."""
    for reason, tests in KNOWN.items():
        if test in tests or f"{test}[{case}]" in tests:
            return reason
    return None


def table() -> str:
    """Return the reasons as a table of Markdown, each with the tests."""
    rows = [f"| {why} | {', '.join(_names(tests))} |" for why, tests in KNOWN.items()]
    return "\n".join(["| what `docker-registry` does | tests that fail for it |", "|---|---|", *rows])


def _names(tests: tuple[str, ...]) -> list[str]:
    names = dict.fromkeys(test.partition("[")[0].removeprefix("test_").replace("_", " ") for test in tests)
    return list(names)
