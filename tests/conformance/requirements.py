"""What distribution-spec 1.1 demands of registries: every MUST and SHOULD, and the tests that ask for it.

In the order of the specification, in words of our own, each demand with its tests below it. What it demands
of clients is the business of lazyimg's client, and stands in `CLIENT`, with the module of the tests.
"""

from __future__ import annotations

from attrs import define, field

TABLE = """
## Conformance: Requirements

MUST: all APIs of the category Pull
    test_the_apis_of_the_pull_category_are_there
SHOULD: the categories Push, Content Discovery and Content Management as well
    test_the_apis_of_the_push_category_are_there
    test_the_apis_of_content_discovery_are_there
    test_the_apis_of_content_management_are_there
MUST: of a category that is claimed, all APIs
    test_the_apis_of_the_push_category_are_there
    test_the_apis_of_content_discovery_are_there
    test_the_apis_of_content_management_are_there

## Pulling manifests

MUST: a reference is a digest or a tag, and of no other form
    test_a_reference_is_a_digest_or_a_tag
MUST: a name matches the expression for names
    test_a_name_that_is_none_is_refused
    test_a_name_that_is_one_is_taken
MUST: a tag has at most 128 characters and matches the expression for tags
    test_a_tag_has_up_to_128_of_its_characters
    test_a_reference_is_a_digest_or_a_tag
SHOULD NOT: parameters on Content-Type
    test_the_type_of_a_manifest_has_no_parameters
SHOULD: Content-Type is the one that was pushed
    test_a_manifest_comes_with_the_type_it_was_pushed_with
MUST: an existing manifest is provided, with 200
    test_a_manifest_that_exists_is_answered_200_with_its_bytes
SHOULD: Docker-Content-Digest
    test_a_manifest_comes_with_its_digest
MUST: 404 if it is not found
    test_a_manifest_that_does_not_exist_is_answered_404

## Pulling blobs

MUST: an existing blob is provided, with 200
    test_a_blob_that_exists_is_answered_200_with_its_bytes
SHOULD: Docker-Content-Digest
    test_a_blob_comes_with_its_digest
MUST: which is that of the body
    test_a_blob_comes_with_its_digest
MUST: 404 if it is not found
    test_a_blob_that_does_not_exist_is_answered_404
SHOULD: Range in accordance with RFC 9110
    test_a_range_of_a_blob_is_answered_206
    test_a_range_that_a_blob_does_not_have_is_answered_416
    test_a_range_of_another_unit_is_ignored

## Checking if content exists in the registry

MUST: HEAD of what exists is answered 200
    test_head_of_a_blob_that_exists_is_answered_200
    test_head_of_a_manifest_that_exists_is_answered_200
SHOULD: with Docker-Content-Digest
    test_head_of_a_blob_tells_its_digest_and_size
    test_head_of_a_manifest_tells_its_digest_and_size
SHOULD: with the size in Content-Length
    test_head_of_a_blob_tells_its_digest_and_size
    test_head_of_a_manifest_tells_its_digest_and_size
MUST: 404 if it is not found
    test_head_of_a_blob_that_does_not_exist_is_answered_404
    test_head_of_a_manifest_that_does_not_exist_is_answered_404

## Push

MUST: a manifest whose subject does not exist is accepted
    test_a_subject_that_does_not_exist_is_taken
MUST: a manifest rejected for what it refers to is answered MANIFEST_BLOB_UNKNOWN
    test_what_refers_to_missing_content_is_taken_or_told_so

## POST then PUT

MUST: POST is answered 202
    test_a_post_is_answered_202_with_a_location
MUST: with a Location
    test_a_post_is_answered_202_with_a_location
MUST: which holds a UUID that is unique to the upload
    test_the_location_holds_an_identifier_of_its_own
MUST: PUT is answered 201
    test_a_put_with_the_body_is_answered_201_with_a_location
    test_a_blob_by_sha512
MUST: with a Location that can be pulled
    test_a_put_with_the_body_is_answered_201_with_a_location
MUST: the digest is that of the bytes (table of endpoints, end-6: 400)
    test_a_put_of_another_digest_is_refused
    test_a_put_without_a_digest_is_refused

## Single POST

MUST: the digest is that of the bytes (table of endpoints, end-4b: 400)
    test_a_post_of_another_digest_makes_no_blob
SHOULD: 202 with a Location where it is not supported
    test_a_post_with_a_digest_is_answered_201_or_202_with_a_location
MUST: 201 with a Location where it is
    test_a_post_with_a_digest_is_answered_201_or_202_with_a_location

## Pushing a blob in chunks

SHOULD: OCI-Chunk-Min-Length if there is a minimum
    test_a_minimum_size_of_chunks_is_announced
MUST: a chunk is answered 202
    test_a_chunk_is_answered_202_with_location_and_range
MUST: with Location and Range
    test_a_chunk_is_answered_202_with_location_and_range
MUST: the first chunk begins with 0
    test_a_first_chunk_that_does_not_begin_at_0_is_refused
MUST: a chunk out of order is answered 416
    test_a_chunk_out_of_order_is_answered_416
MUST: a session is closed by PUT, with or without the last chunk
    test_a_put_that_closes_is_answered_201_with_a_location
MUST: which is answered 201 with a Location that can be pulled
    test_a_put_that_closes_is_answered_201_with_a_location
MUST: the status of an active upload is answered 204
    test_the_status_of_an_upload_is_answered_204_with_location_and_range
MUST: with Location and Range
    test_the_status_of_an_upload_is_answered_204_with_location_and_range
MAY: a body without Content-Range (the specification's predecessor)
    test_an_upload_that_is_streamed_needs_no_content_range

## Mounting a blob from another repository

MUST: 201
    test_a_mount_is_answered_201_with_a_location
MUST: with a Location
    test_a_mount_is_answered_201_with_a_location
MAY: with Docker-Content-Digest
    test_a_mount_tells_the_digest
SHOULD: 202 where it cannot mount, and the upload has begun
    test_a_mount_of_what_is_not_there_is_answered_202
MAY: look for the blob if no source is named
    test_a_mount_without_a_source_is_answered_201_or_202

## Pushing Manifests

SHOULD: parameters on Content-Type are ignored
    test_parameters_of_the_type_are_ignored
MUST: a reference is a digest or a tag
    test_a_reference_is_a_digest_or_a_tag
MAY: the list of blobs is empty
    test_a_manifest_without_blobs_is_taken
MUST: the exact bytes are stored
    test_the_exact_bytes_are_kept
MUST: 201
    test_a_manifest_is_answered_201_with_a_location
MUST: with a Location that can be pulled
    test_a_manifest_is_answered_201_with_a_location
MUST: Docker-Content-Digest is the digest that the client provided
    test_a_manifest_is_answered_with_its_digest
    test_a_manifest_by_sha512
    test_a_manifest_of_another_digest_is_refused
MUST: pulling from a repository that does not exist is answered 404
    test_a_repository_that_does_not_exist_is_answered_404
SHOULD: some limit on the size
    test_a_manifest_beyond_a_limit_is_answered_413
SHOULD: 413 beyond the limit
    test_a_manifest_beyond_a_limit_is_answered_413
SHOULD: at least 4 megabytes are taken
    test_a_manifest_of_four_megabytes_is_taken
MUST: what is no manifest is refused (code-6)
    test_what_is_no_manifest_is_refused

## Pushing Manifests with Subject

MUST: OCI-Subject, where the referrers API is supported
    test_a_subject_is_answered_with_its_digest
    test_without_a_subject_none_is_answered

## Listing Tags

MUST: 200 if the repository is found
    test_tags_are_answered_200_with_name_and_tags
MAY: an empty list
    test_a_repository_without_tags_has_an_empty_list
MUST: lexical order, case-insensitive
    test_tags_are_in_lexical_order
    test_the_order_does_not_tell_capital_letters_from_small_ones
MUST: JSON with name and tags
    test_tags_are_answered_200_with_name_and_tags
MUST: as many tags as n says, if there are so many or no Link is given
    test_n_limits_the_tags
    test_n_limits_the_tags_to_the_first
MUST: a Link has rel="next"
    test_a_link_leads_to_the_next_page
MUST: n of zero is an empty list
    test_n_of_zero_is_an_empty_list_without_a_link
MUST NOT: and has a Link
    test_n_of_zero_is_an_empty_list_without_a_link
MUST: behind last the tags are in order
    test_last_is_where_the_list_goes_on

## Listing Referrers

MUST: 200 if the repository is found
    test_referrers_are_answered_200_with_an_index
MUST NOT: 404 where the API is supported
    test_what_has_no_referrers_has_an_empty_list
MUST: 400 to an invalid digest
    test_an_invalid_digest_is_answered_400
MUST: an image index in JSON
    test_referrers_are_answered_200_with_an_index
    test_the_list_is_an_index_that_can_be_read
    test_only_what_refers_to_the_digest_is_listed
MUST: with its Content-Type
    test_referrers_are_answered_200_with_an_index
MUST: artifactType, if there is one
    test_referrers_show_their_artifact_type
MUST: else the config's media type, of an image
    test_an_image_without_an_artifact_type_shows_its_config_type
MUST: else none, of an index
    test_an_index_without_an_artifact_type_shows_none
MUST: annotations
    test_referrers_show_their_annotations
MUST: an empty list if nothing refers
    test_what_has_no_referrers_has_an_empty_list
MUST: a Link where the list does not fit into a manifest
    test_a_list_that_does_not_fit_goes_on_with_a_link
MUST: which has rel="next"
    test_a_list_that_does_not_fit_goes_on_with_a_link
SHOULD: filtering on artifactType
    test_referrers_are_filtered_by_artifact_type
MUST: OCI-Filters-Applied if a filter was (there is one filter, so no list of several)
    test_a_filter_that_was_applied_is_told

## Deleting tags

MUST: 202
    test_a_deleted_tag_is_answered_202_and_gone
MUST: 400 or 405 where it is disabled
    test_deletion_that_is_disabled_is_answered_400_or_405
MUST: 404 to a tag that does not exist (end-9)
    test_a_tag_that_does_not_exist_is_answered_404

## Deleting Manifests

MUST: 202
    test_a_deleted_manifest_is_answered_202_and_gone
    test_tags_of_a_deleted_manifest_are_gone
MUST: 404 if the repository does not exist
    test_deleting_from_a_repository_that_does_not_exist_is_answered_404
    test_a_manifest_that_does_not_exist_is_answered_404
MUST: 400 or 405 where it is disabled
    test_deletion_that_is_disabled_is_answered_400_or_405

## Deleting Blobs

MUST: 202
    test_a_deleted_blob_is_answered_202_and_gone
    test_a_deleted_blob_stays_in_other_repositories
MUST: 404 if it is not found
    test_a_blob_that_does_not_exist_cannot_be_deleted
MUST: 400 or 405 where it is disabled
    test_deletion_that_is_disabled_is_answered_400_or_405

## Enabling the Referrers API

MUST: newly pushed manifests with a subject are listed (ours has the API from the first: there are no others)
    test_newly_pushed_referrers_are_listed

## Determining Support

MUST: 200 to GET /v2/
    test_the_base_is_answered_200

## Endpoints

MUST: 404 to an upload that does not exist (end-5, end-6, end-13)
    test_an_upload_that_does_not_exist_is_answered_404

## Error Codes

MUST: a body in JSON has the list of errors
    test_a_refusal_is_a_4xx_with_a_list_of_errors
MUST: a code is of capital letters and underscores
    test_codes_are_those_of_the_table
MUST: and one of the table
    test_codes_are_those_of_the_table
    test_a_code_says_what_was_wrong
SHOULD: a message is for people
    test_messages_are_for_people

## Warnings

MUST: 299, the agent -
    test_warnings_are_in_their_form
MUST NOT: a date
    test_warnings_are_in_their_form
MUST NOT: more than 4,096 bytes
    test_warnings_are_in_their_form
"""


@define
class Requirement:
    """A demand: its section, its level (RFC 2119), what it says, and the tests that ask for it."""

    section: str
    level: str
    says: str
    tests: list[str] = field(factory=list)


def read(table: str) -> list[Requirement]:
    """Return the demands of a table."""
    section, found = "", list[Requirement]()
    for line in filter(None, table.splitlines()):
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith(" "):
            found[-1].tests.append(line.strip())
        else:
            level, _, says = line.partition(": ")
            found.append(Requirement(section, level, says))
    return found


REGISTRY = read(TABLE)
"""What is demanded of registries."""

CLIENT = {
    "Accept names the types that are understood; parameters of Content-Type are ignored": "test_reads",
    "what was pulled is verified against the digest that it was asked by, or that came with it": "test_reads",
    "a mediaType that contradicts Content-Type is rejected": "test_images",
    "chunks follow one another, at the Location of the last answer": "test_upload",
    "a chunk out of order is answered by asking where the upload stands": "test_upload",
    "the manifest comes last, with the Content-Type that it says it has": "test_session",
    "a subject without OCI-Subject goes into the list under the referrers tag": "test_referrers",
    "a referrers API that is not there is replaced by the referrers tag": "test_referrers",
}
"""What is demanded of clients, and the module that tests it, in ``tests/registry`` or ``tests/attacks``."""
