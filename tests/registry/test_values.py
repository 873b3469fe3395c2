"""Headers and words of registries are read whatever they hold, and never make more than they say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import Denied, NotFound, RegistryError, Unauthorized
from lazyimg.registry.authorization.challenge import parse_challenges
from lazyimg.registry.authorization.scope import Scope, all_covered, merge, parse_scopes, pull, push
from lazyimg.registry.failure import Words, mask, read_words, refusal
from lazyimg.registry.location import held_bytes, next_page, resolve, with_digest
from lazyimg.registry.retry import Retries, retry_after

# --- challenges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Basic realm=x"], [("basic", {"realm": "x"})]),
        (
            ['BEARER Realm = "https://a/t" , service="a, b",scope="s:a:pull s:b:pull"'],
            [("bearer", {"realm": "https://a/t", "service": "a, b", "scope": "s:a:pull s:b:pull"})],
        ),
        (
            ['Basic realm="x, Bearer realm=evil", Bearer realm="https://a/t",error="invalid_token"'],
            [
                ("basic", {"realm": "x, Bearer realm=evil"}),
                ("bearer", {"realm": "https://a/t", "error": "invalid_token"}),
            ],
        ),
        (["Negotiate", "Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (["Negotiate YWJj==, Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (["Negotiate, Basic realm=x"], [("negotiate", {}), ("basic", {"realm": "x"})]),
        ([r'Basic realm="a \"b\" c"'], [("basic", {"realm": 'a "b" c'})]),
        (["Basic realm=x, realm=y, odd=1"], [("basic", {"realm": "x", "odd": "1"})]),
        ([", ,Basic realm=x,,"], [("basic", {"realm": "x"})]),
        (["Bearer realm=https://a/t?b=c"], [("bearer", {"realm": "https://a/t?b=c"})]),
        (['"junk", Basic realm=x'], [("basic", {"realm": "x"})]),
        (['Basic realm="never closed'], [("basic", {})]),
        (["realm=x"], []),
        ([""], []),
        ([], []),
    ],
)
def test_challenges(headers: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    """Challenges are read by RFC 9110: any case, several, quoted commas, unknown parameters."""
    found = [(challenge.scheme, dict(challenge.parameters)) for challenge in parse_challenges(headers)]
    assert found == expected


@given(st.lists(st.text(max_size=80), max_size=3))
def test_challenges_are_total(headers: list[str]) -> None:
    """Any text is read without an error."""
    parse_challenges(headers)


_NAME = st.from_regex(r"\A[A-Za-z][A-Za-z0-9]{0,5}\Z")


@given(st.lists(st.tuples(_NAME, st.text(st.characters(min_codepoint=32, max_codepoint=126)))))
def test_quoted_parameters_round_trip(parameters: list[tuple[str, str]]) -> None:
    """What was quoted comes back as it was."""
    quoted = [
        '{}="{}"'.format(name, value.replace("\\", "\\\\").replace('"', '\\"')) for name, value in parameters
    ]
    [challenge] = parse_challenges([f"Bearer {', '.join(quoted)}"])
    expected: dict[str, str] = {}
    for name, value in parameters:
        expected.setdefault(name.lower(), value)
    assert challenge.parameters == expected


def test_challenge_without_end_is_bounded() -> None:
    """A header of a megabyte costs nothing."""
    assert len(parse_challenges(["a " * 500_000])) < 100_000
    assert parse_challenges(['Basic realm="' + "\\" * 1_000_000])[0].parameters == {}


# --- scopes ----------------------------------------------------------------------------------------------


def test_scopes() -> None:
    """Scopes are joined by resource, and know what covers what."""
    assert [str(scope) for scope in merge([push("a")], [pull("a"), pull("b")])] == [
        "repository:a:pull,push",
        "repository:b:pull",
    ]
    assert all_covered([push("a")], [pull("a")])
    assert all_covered([Scope("registry:catalog", frozenset("*"))], parse_scopes("registry:catalog:*"))
    assert not all_covered([pull("a")], [push("a")])
    assert not all_covered([], [pull("a")])
    assert parse_scopes("") == ()
    assert parse_scopes("a: :b x:y:") == (Scope("x:y", frozenset()),)


# --- locations, ranges, links ----------------------------------------------------------------------------


@pytest.mark.parametrize("location", ["http://[::1", "http://[bad]:1/x"])
def test_impossible_location(location: str) -> None:
    """A location that is no address is the registry's fault, and said so."""
    with pytest.raises(RegistryError, match="gave an address that is none"):
        resolve("https://a/v2/", location)


def test_digest_is_added_to_a_location() -> None:
    """The query stays as it is, and a fragment at the end."""
    assert with_digest("https://a/u", "sha256:0") == "https://a/u?digest=sha256%3A0"
    assert with_digest("https://a/u?x=%2B%20+#f", "sha256:0") == "https://a/u?x=%2B%20+&digest=sha256%3A0#f"


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("0-9", 10),
        ("bytes=0-9", 10),
        ("bytes 0-9", 10),
        (" 0-9 ", 10),
        ("0-0", None),
        ("bytes=0-0", None),
        ("5-9", None),
        ("0--1", None),
        ("0-", None),
        ("", None),
        (None, None),
        ("0-" + "9" * 30, None),
    ],
)
def test_held_bytes(value: str | None, held: int | None) -> None:
    """What a registry holds is read in every form; what tells nothing is None."""
    assert held_bytes(value) == held


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ('<https://a/n?x=1>; rel="next"', "https://a/n?x=1"),
        ("</n>", "https://a/n"),
        ("<n?last=b>;rel=next", "https://a/v2/n?last=b"),
        ('</p>; rel="prev", </n>; title="x"; rel="NEXT other"', "https://a/n"),
        ('</p>; rel="prev"', None),
        ('<http://a/n>; rel="next"', None),
        ('<https://b/n>; rel="next"', None),
        ("junk", None),
        (None, None),
    ],
)
def test_next_page(link: str | None, page: str | None) -> None:
    """Pages are followed on the same host only, relative or absolute, with or without ``rel``."""
    assert next_page("https://a/v2/list", link) == page


# --- retries ---------------------------------------------------------------------------------------------


def test_pauses_grow_within_bounds() -> None:
    """Each pause is drawn from the upper half of a doubling, bounded wait."""
    retries = Retries(first=1, longest=4)
    for attempt, whole in enumerate([1, 2, 4, 4, 4]):
        assert whole / 2 <= retries.pause(attempt) <= whole
    assert retries.pause(100_000) <= 4


def test_retry_after() -> None:
    """Seconds or a date; what has passed is no wait; junk is none."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert retry_after("Thu, 01 Jan 2026 00:00:30 GMT", now) == 30
    assert retry_after("Thu, 01 Jan 2026 00:00:30 -0000", now) == 30
    assert retry_after("Thu, 01 Jan 2025 00:00:00 GMT", now) == 0
    assert retry_after("Thu, 01 Jan 2025 00:00:00 GMT") == 0
    for junk in ("", "-3", "1.5", "tomorrow", "٣"):
        assert retry_after(junk) is None


# --- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"errors":[{"code":"A","message":"one"},{"code":"B"},{"message":"two"},7]}',
            Words(("A", "B"), "A: one; B; two"),
        ),
        (
            b'{"error":"invalid_scope","error_description":"no"}',
            Words(("invalid_scope",), "invalid_scope: no"),
        ),
        (b'{"details":"incorrect username or password"}', Words((), "incorrect username or password")),
        (b'{"errors":[]}', Words()),
        (b'{"errors":7}', Words()),
        (b"[1,2]", Words()),
        (b"\xff\xfe", Words()),
        (b"[" * 100_000, Words()),
        (b"", Words()),
        (b'{"errors":[{"code":7,"message":{}}]}', Words()),
    ],
)
def test_words(body: bytes, expected: Words) -> None:
    """Whatever form an error body has, its words are found or left out."""
    assert read_words(body, "application/json") == expected


def test_words_are_harmless() -> None:
    """Control characters, length and secrets do not get through; HTML is not repeated, plain text is."""
    body = b'{"message":"\\u001b[31mred\\u202e ' + b"x" * 9999 + b'"}'
    words = read_words(body, "application/json")
    assert "\x1b" not in words.text
    assert "\u202e" not in words.text
    assert len(words.text) <= 400
    assert read_words(b"no\nway hunter22", "text/plain; charset=utf-8", ["hunter22"]).text == "no way ***"
    assert read_words(b"<html>", "text/html") == Words()


def test_masks_the_longest_secret_first() -> None:
    """A secret that holds another leaves nothing of itself; very short ones are no secrets."""
    assert mask("abcdefgh abcd a", ["abcd", "abcdefgh", "a"]) == "*** *** a"


@pytest.mark.parametrize(("status", "kind"), [(401, Unauthorized), (403, Denied), (404, NotFound)])
def test_refusals(status: int, kind: type[RegistryError]) -> None:
    """Each status has its kind, and the message says what was done, who answered what, and what to do."""
    error = refusal("push to me/app", "ghcr.io", status, Words(("DENIED",), "DENIED: no"))
    assert type(error) is kind
    assert str(error).startswith(f"cannot push to me/app: ghcr.io answered {status}: DENIED: no. ")
    assert str(refusal("x", "a", 418, Words())) == "cannot x: a answered 418."
    assert str(refusal("x", "a", 403, Words(), advice="Do y.")) == "cannot x: a answered 403. Do y."
