"""References are read as Docker reads them, and strictly on request."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import lazyimg as li
from lazyimg.errors import InvalidReference
from lazyimg.oci.digest import Digest
from lazyimg.oci.reference import Reference
from lazyimg.oci.registry_name import canonical_registry, is_loopback

SHA256 = Digest.of(b"")
SHA512 = Digest.of(b"", "sha512")


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("python", "docker.io", "library/python", "latest", None),
        ("python:3.12-slim", "docker.io", "library/python", "3.12-slim", None),
        ("a", "docker.io", "library/a", "latest", None),
        ("me/app", "docker.io", "me/app", "latest", None),
        ("me/a/b/c", "docker.io", "me/a/b/c", "latest", None),
        ("docker.io/python", "docker.io", "library/python", "latest", None),
        ("index.docker.io/library/python", "docker.io", "library/python", "latest", None),
        ("index.docker.io/python:3", "docker.io", "library/python", "3", None),
        ("registry-1.docker.io/me/app", "docker.io", "me/app", "latest", None),
        ("Docker.IO/me/app", "docker.io", "me/app", "latest", None),
        ("ghcr.io/a", "ghcr.io", "a", "latest", None),
        ("GHCR.io/me/app:1", "ghcr.io", "me/app", "1", None),
        ("reg.lan:5000/app", "reg.lan:5000", "app", "latest", None),
        ("reg:5000/app:1", "reg:5000", "app", "1", None),
        ("localhost/app", "localhost", "app", "latest", None),
        ("localhost:5000/a", "localhost:5000", "a", "latest", None),
        ("localhost", "docker.io", "library/localhost", "latest", None),
        ("localhost:5000", "docker.io", "library/localhost", "5000", None),
        ("test.com:5000", "docker.io", "library/test.com", "5000", None),
        ("foo_bar.com:8080", "docker.io", "library/foo_bar.com", "8080", None),
        ("foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", "8080", None),
        ("Registry/app", "Registry", "app", "latest", None),
        ("127.0.0.1/app", "127.0.0.1", "app", "latest", None),
        ("[::1]:5000/a:b", "[::1]:5000", "a", "b", None),
        ("[2001:DB8::1]/me/app", "[2001:db8::1]", "me/app", "latest", None),
        ("sub-dom1.foo.com/bar/baz/quux:a-b.c_d", "sub-dom1.foo.com", "bar/baz/quux", "a-b.c_d", None),
        ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", None),
        ("a.b/x__y/p.q/r---s/t_u:_T", "a.b", "x__y/p.q/r---s/t_u", "_T", None),
        (f"ghcr.io/app@{SHA256}", "ghcr.io", "app", None, SHA256),
        (f"ghcr.io/app:1@{SHA256}", "ghcr.io", "app", "1", SHA256),
        (f"python@{SHA512}", "docker.io", "library/python", None, SHA512),
        (f"reg:5000/app:1@{SHA512}", "reg:5000", "app", "1", SHA512),
    ],
)
def test_weak_reading_fills_in_what_docker_fills_in(
    text: str, registry: str, repository: str, tag: str | None, digest: Digest | None
) -> None:
    """A reference is taken apart, and what it leaves out is what Docker takes for it."""
    reference = Reference.parse(text)
    assert reference == Reference(registry, repository, tag, digest)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(str(reference), strict=True) == reference


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (":tag", "no repository name"),
        ("app:", "no tag"),
        ("app:-x", "no tag"),
        ("app:.x", "no tag"),
        ("app:" + "t" * 129, "no tag"),
        ("ghcr.io/app:a:b", "no tag"),
        ("ghcr.io/", "no repository name"),
        ("/app", "no repository name"),
        ("ghcr.io//app", "no repository name"),
        ("ghcr.io/app/", "no repository name"),
        ("ghcr.io/App", "must be in lower case"),
        ("Uppercase", "must be in lower case"),
        ("-docker", "no repository name"),
        ("ghcr.io/a..b", "no repository name"),
        ("ghcr.io/a___b", "no repository name"),
        ("ghcr.io/a_", "no repository name"),
        ("ghcr.io/.a", "no repository name"),
        ("ghcr.io/" + "a/" * 127 + "ab", "at most 255"),
        ("a" * 2000, "too long"),
        ("-docker.io/app", "no registry"),
        ("foo_bar.com/app", "no registry"),
        ("ghcr..io/app", "no registry"),
        ("ghcr.io:/app", "no registry"),
        ("ghcr.io:port/app", "no registry"),
        ("ghcr.io:0/app", "no port"),
        ("ghcr.io:65536/app", "no port"),
        ("ghcr.io:0000000400000000000000000/app", "no port"),
        ("ghcr.io:000443/app", "no port"),
        ("ghcr.io:" + "9" * 500 + "/app", "no port"),
        ("[::1/app", "no registry"),
        ("[]/app", "no repository name"),
        ("[]:1/app", "no registry"),
        ("[::1::2]/app", "no IPv6 address"),
        ("[12345::]/app", "no IPv6 address"),
        ("::1/app", "no registry"),
        ("[fe80::1%eth0]:5000/app", "cannot hold '%' (at letter 9)"),
        ("app name", "cannot hold ' ' (at letter 4)"),
        ("app\n", "cannot hold"),
        ("äpp", "cannot hold 'ä'"),
        ("\u0661", "cannot hold"),
        ("0" * 64, "image ID"),
        ("https://ghcr.io/app", "has no scheme"),
        (f"@{SHA256}", "is empty"),
        ("app@sha256:" + "0" * 63, "must be a digest"),
        ("app@sha384:" + "0" * 96, "must be a digest"),
        ("app@" + SHA256.upper(), "must be a digest"),
    ],
)
def test_what_is_no_reference_is_refused(text: str, words: str) -> None:
    """A text outside of the grammar is refused with words that say why."""
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:s3cret@ghcr.io/app",
        "user:s3cret@ghcr.io/app",
        f"user:s3cret@ghcr.io/app@{SHA256}",
        "user:s3cret@x@ghcr.io/app:1",
        "oauth2accesstoken:s3cret@eu.gcr.io/p/app",
        "ghcr.io/app?token=s3cret",
    ],
)
def test_a_credential_in_a_reference_is_not_repeated(text: str) -> None:
    """A reference that holds a user and password is refused, and the error repeats neither."""
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("python:3", "a registry"),
        ("me/app:1", "a registry"),
        ("docker.io/python:3", "the namespace 'library/'"),
        ("ghcr.io/me/app", "a tag or a digest"),
    ],
)
def test_strict_reading_fills_in_nothing(text: str, missing: str) -> None:
    """A strict reading refuses what a weak one would fill in, and names it."""
    assert Reference.parse(text)
    with pytest.raises(InvalidReference, match=missing):
        Reference.parse(text, strict=True)


def test_lengths_at_their_limits() -> None:
    """A repository of 255 letters and a tag of 128 are taken."""
    repository = "a/" * 127 + "a"
    reference = Reference.parse(f"ghcr.io/{repository}:{'t' * 128}")
    assert len(reference.repository) == 255


@pytest.mark.parametrize(
    ("registry", "repository", "tag", "digest"),
    [
        ("reg", "app", None, None),
        ("", "app", None, None),
        ("docker.io", "python", None, None),
        ("ghcr.io", "App", None, None),
        ("ghcr.io", "app", "", None),
        ("ghcr.io", "app", None, "sha256:0"),
    ],
)
def test_parts_are_checked_too(registry: str, repository: str, tag: str | None, digest: str | None) -> None:
    """A reference made of parts is one that can be written and read again."""
    with pytest.raises(InvalidReference):
        Reference(registry, repository, tag, digest)


def test_names_and_hosts() -> None:
    """Docker Hub has a name and another host; elsewhere they are the same."""
    hub = Reference.parse("python:3")
    assert (hub.name, hub.host, hub.scheme) == ("docker.io/library/python", "registry-1.docker.io", "https")
    other = Reference.parse("reg.lan:5000/app")
    assert (other.name, other.host, other.scheme) == ("reg.lan:5000/app", "reg.lan:5000", "https")


def test_a_digest_wins_over_a_tag() -> None:
    """The identifier is the digest, else the tag, else the default tag; both are kept."""
    reference = Reference.parse("ghcr.io/app:1")
    assert reference.identifier == "1"
    both = reference.with_digest(SHA256)
    assert both.identifier == SHA256
    assert both.with_digest(None) == reference
    assert str(both.with_tag("2")) == f"ghcr.io/app:2@{SHA256}"
    assert both.with_tag(None).tag is None
    bare = both.without_identifier()
    assert str(bare) == "ghcr.io/app"
    assert bare.identifier == "latest"
    with pytest.raises(InvalidReference):
        reference.with_tag("a b")


def test_references_are_values(pickled: Callable[[Any], Any]) -> None:
    """Equal references hash and pickle alike."""
    reference = Reference.parse(f"ghcr.io/app:1@{SHA256}")
    assert pickled(reference) == reference
    assert {reference: 1}[Reference.parse(str(reference))] == 1


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("LOCALHOST", True),
        ("app.localhost:80", True),
        ("127.0.0.1", True),
        ("127.9.9.9:1", True),
        ("[::1]", True),
        ("[0:0:0:0:0:0:0:1]:5000", True),
        ("localhost.example.com", False),
        ("notlocalhost", False),
        ("128.0.0.1", False),
        ("127.0.0.1.nip.io", False),
        ("0.0.0.1", False),
        ("10.0.0.1", False),
        ("[::2]", False),
        ("not a host", False),
    ],
)
def test_only_this_machine_speaks_plain_http(host: str, loopback: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Localhost, its subdomains and loopback addresses are this machine, and nothing else is."""
    assert is_loopback(host) is loopback


def test_loopback_registries_are_dialled_without_tls() -> None:
    """The scheme of a reference is http for this machine alone."""
    assert Reference.parse("[::1]:5000/a").scheme == "http"
    assert Reference.parse("my.localhost/a").scheme == "http"
    assert Reference.parse("10.0.0.1:5000/a").scheme == "https"


LIKELY = st.text(alphabet="abZ09._-/:@[] \u0130\n", max_size=40)


@given(st.one_of(LIKELY, st.text(), LIKELY.map(lambda text: f"{text}@{SHA256}")), st.booleans())
@example("Foo/bar", False)  # noqa: FBT003  # hypothesis passes positions
def test_reading_is_total_and_writing_reads_back(text: str, strict: bool) -> None:  # noqa: FBT001  # drawn
    """Any text is a reference that writes and reads back as itself, or an error of ours."""
    try:
        reference = Reference.parse(text, strict=strict)
    except InvalidReference:
        return
    assert Reference.parse(str(reference), strict=True) == reference
    assert canonical_registry(reference.registry) == reference.registry


@pytest.mark.parametrize("wrong", [None, 7, b"python:3"])
def test_what_is_no_text_is_no_reference(wrong: Any) -> None:
    """A variable that was never set is refused where it is given, not when it is forced."""
    for source in (li.Image.from_registry, li.Index.from_registry, li.Layer.from_registry, li.RegistryTarget):
        with pytest.raises(InvalidReference, match=f"a {type(wrong).__name__} is no reference"):
            source(wrong)
    assert Reference.of(Reference.of("python")) == Reference.parse("python")
