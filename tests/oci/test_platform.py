"""Platforms are parsed, normalized and matched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import InvalidDocument, InvalidPlatform
from lazyimg.oci.platform import Platform, best_match, matches


@pytest.mark.parametrize(
    ("text", "os", "architecture", "variant", "version"),
    [
        ("linux/amd64", "linux", "amd64", None, None),
        ("linux/arm64/v8", "linux", "arm64", "v8", None),
        ("windows/amd64:10.0.17763.1999", "windows", "amd64", None, "10.0.17763.1999"),
        ("linux/arm/v7:1", "linux", "arm", "v7", "1"),
        ("Linux/x86_64", "Linux", "x86_64", None, None),
        ("unknown/unknown", "unknown", "unknown", None, None),
    ],
)
def test_a_platform_reads_and_writes(
    text: str, os: str, architecture: str, variant: str | None, version: str | None
) -> None:
    """The text form is taken apart, and written again as it was."""
    platform = Platform.parse(text)
    assert platform == Platform(os=os, architecture=architecture, variant=variant, os_version=version)
    assert str(platform) == text


def test_containerds_form_is_read_too() -> None:
    """The version may follow the system in brackets, as containerd writes it."""
    assert str(Platform.parse("windows(10.0.17763)/amd64")) == "windows/amd64:10.0.17763"


@pytest.mark.parametrize(
    "text",
    ["", "linux", "amd64", "linux/", "/amd64", "linux/amd64/v1/x", "linux/amd64:", "a b/c", "l(1)/a:2"],
)
def test_other_texts_are_refused(text: str) -> None:
    """Nothing is filled in from the machine at hand: system and architecture must be named."""
    with pytest.raises(InvalidPlatform, match="is no platform: write os/architecture"):
        Platform.parse(text)


@given(st.one_of(st.text(), st.text(alphabet="ab1/:.()_-")))
def test_parsing_is_total(text: str) -> None:
    """Any text is a platform that writes and reads back as itself, or an error of ours."""
    try:
        platform = Platform.parse(text)
    except InvalidPlatform:
        return
    assert Platform.parse(str(platform)) == platform
    assert matches(platform, platform)


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("Linux/AMD64", "linux/amd64"),
        ("macos/aarch64", "darwin/arm64"),
        ("linux/x86_64/v1", "linux/amd64"),
        ("linux/x86-64/v2", "linux/amd64/v2"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v8.0", "linux/arm64"),
        ("linux/arm64/9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386/x", "linux/386"),
        ("linux/riscv64/RVA20", "linux/riscv64/rva20"),
    ],
)
def test_other_names_are_normalized(text: str, normalized: str) -> None:
    """Names of systems, architectures and variants have one form, the one containerd gives them."""
    assert str(Platform.parse(text).normalized()) == normalized
    assert Platform.parse(normalized).normalized() == Platform.parse(normalized)


@pytest.mark.parametrize(
    ("wanted", "served", "refused"),
    [
        ("linux/arm/v7", ["linux/arm", "linux/arm/v7", "linux/arm/v6", "linux/arm/v5"], ["linux/arm/v8"]),
        ("linux/arm/v8", ["linux/arm/v8", "linux/arm/v7"], ["linux/arm64"]),
        ("linux/arm/v5", ["linux/arm/v5"], ["linux/arm/v6", "linux/arm"]),
        ("linux/arm64", ["linux/arm64/v8", "linux/aarch64"], ["linux/arm64/v8.1", "linux/arm/v7"]),
        ("linux/arm64/v8.2", ["linux/arm64", "linux/arm64/v8.1"], ["linux/arm64/v8.3", "linux/arm64/v9"]),
        (
            "linux/arm64/v9.1",
            ["linux/arm64/v9", "linux/arm64/v8.6"],
            ["linux/arm64/v8.7", "linux/arm64/v9.2"],
        ),
        ("linux/amd64", ["linux/amd64/v1", "linux/x86_64"], ["linux/amd64/v2", "linux/386", "windows/amd64"]),
        ("linux/amd64/v3", ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64"], ["linux/amd64/v4"]),
        ("linux/s390x", ["linux/s390x"], ["linux/s390x/z13"]),
        ("linux/mips/v2", ["linux/mips/v2"], ["linux/mips"]),
        ("linux/riscv64/rva22", ["linux/riscv64/rva22"], ["linux/riscv64"]),
        (
            "windows/amd64:10.0.17763",
            ["windows/amd64:10.0.17763", "windows/amd64:10.0.17763.1999"],
            ["windows/amd64", "windows/amd64:10.0.177631", "windows/amd64:10.0.18362"],
        ),
        ("windows/amd64", ["windows/amd64:10.0.17763"], ["linux/amd64"]),
    ],
)
def test_matching(wanted: str, served: list[str], refused: list[str]) -> None:
    """A processor runs its own variant and those below it; another architecture never matches."""
    asked = Platform.parse(wanted)
    assert [text for text in served if not matches(Platform.parse(text), asked)] == []
    assert [text for text in refused if matches(Platform.parse(text), asked)] == []


def test_features_asked_for_must_be_there() -> None:
    """An image serves if it has all features that were asked for; more of them do no harm."""
    have = Platform(os="windows", architecture="amd64", os_features=["win32k", "x"])
    assert matches(have, have.replace(os_features=()))
    assert matches(have, have.replace(os_features=("win32k",)))
    assert not matches(have.replace(os_features=()), have)


def test_the_nearest_wins() -> None:
    """Variants come first, then the exact version, then the fewest further features, then the order."""
    wanted = Platform.parse("linux/arm/v7")
    haves = [Platform.parse(f"linux/{text}") for text in ("amd64", "arm/v5", "arm/v6", "arm64", "arm/v6")]
    assert best_match(haves, wanted) == 2
    assert best_match([*haves, wanted], wanted) == 5
    assert best_match(haves, Platform.parse("linux/s390x")) is None
    assert best_match([], wanted) is None
    windows = [Platform.parse(f"windows/amd64:10.0.{build}") for build in ("1.2", "1")]
    assert best_match(windows, Platform.parse("windows/amd64:10.0.1")) == 1
    plain = Platform.parse("linux/amd64")
    assert best_match([plain.replace(os_features=("x",)), plain], plain) == 1


def test_json_keeps_what_it_does_not_know() -> None:
    """Unknown members, the order and a null survive; a changed field takes its place."""
    members = {"x": 1, "os": "linux", "variant": None, "architecture": "arm64", "features": ["sse4"]}
    platform = Platform.from_json(members)
    assert list(platform.to_json().items()) == list(members.items())
    changed = platform.replace(variant="v9", os_version="1")
    assert list(changed.to_json()) == ["x", "os", "variant", "architecture", "os.version", "features"]
    assert changed.replace(variant=None, os_version=None).to_json() == members


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([], "platform must be an object, not a list"),
        ({"os": "linux"}, "platform has no architecture"),
        ({"os": "linux", "architecture": 1}, "platform.architecture must be a text, not a number"),
        ({"os": "linux", "architecture": "a", "os.features": "x"}, "os.features must be a list, not a text"),
        (
            {"os": "linux", "architecture": "a", "os.features": [None]},
            r"os.features\[0\] must be a text",
        ),
    ],
)
def test_broken_json_is_refused(members: object, words: str) -> None:
    """A missing or mistyped member is named."""
    with pytest.raises(InvalidDocument, match=words):
        Platform.from_json(members)
