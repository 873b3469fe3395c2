"""How many requests a write sends to an open registry, and which: ten layers, counted one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from laws.readers import Counted, tar_of
from laws.talk import asked

import lazyimg as li
from lazyimg.errors import Denied

if TYPE_CHECKING:
    from pathlib import Path

TAR = tar_of({"a": b"b"})


@pytest.fixture
def base(registry: li.Registry, push_base: Any) -> li.Image:
    """Give an image of ten layers in ``base``, with nothing counted yet."""
    push_base(registry.host, "base", layers=10)
    registry.clear()
    return li.Image.from_registry(f"{registry.host}/base:1")


def test_a_config_edit_in_the_same_repository_is_five(registry: li.Registry, base: li.Image) -> None:
    """Begin, GET manifest, GET config, PUT config into the upload that was begun, PUT manifest."""
    result = base.configure(labels={"a": "b"}).write(f"{registry.host}/base:2")

    assert [line.replace(str(result.digest), "") for line in methods(registry)] == [
        "POST uploads",
        "GET manifests",
        "GET blobs",
        "PUT uploads",
        "PUT manifests",
    ]
    assert len(result.existing) == 10


def test_an_annotation_in_the_same_repository_is_four(registry: li.Registry, base: li.Image) -> None:
    """Begin, GET manifest, PUT manifest; the upload nobody needed is given back."""
    base.annotate({"a": "b"}).write(f"{registry.host}/base:2")

    assert sorted(methods(registry)) == ["DELETE uploads", "GET manifests", "POST uploads", "PUT manifests"]


def test_a_copy_to_another_repository_is_fifteen_at_most(registry: li.Registry, base: li.Image) -> None:
    """Begin, GET manifest, a mount for each of eleven blobs, PUT manifest, the begun upload given back."""
    result = base.write(f"{registry.host}/copy:1")

    assert len(registry.requests) <= 15
    assert len(result.mounted) == 11
    assert sum("mount=" in request.query for request in registry.requests) == 11
    assert not any(line == "GET blobs" for line in methods(registry))


def test_a_config_edit_into_another_repository_mounts_the_layers(
    registry: li.Registry, base: li.Image
) -> None:
    """Ten mounts, and the five of an edit."""
    result = base.configure(user="1").write(f"{registry.host}/copy:1")

    assert len(registry.requests) <= 15
    assert len(result.mounted) == 10


def test_a_denied_push_is_one(registry: li.Registry, base: li.Image, tmp_path: Path) -> None:
    """The POST, and no request more; whatever the image is made of."""
    registry.deny("secret")
    stream = Counted(TAR)
    image = base.append(li.Layer.from_tar(tmp_path / "missing.tar"), li.Layer.from_stream(stream))
    with pytest.raises(Denied):
        image.configure(user="1").write(f"{registry.host}/secret:1", tags=["latest"])

    assert asked(registry) == ["POST /v2/secret/blobs/uploads/"]
    assert stream.reads == 0


def test_a_new_layer_takes_the_begun_upload(registry: li.Registry, base: li.Image) -> None:
    """A layer and a config: two uploads, of which the session's first is one; nothing is begun in vain."""
    base.append(li.Layer.from_files({"/a": b"b"})).write(f"{registry.host}/base:2")

    assert methods(registry).count("POST uploads") == 2
    assert "DELETE uploads" not in methods(registry)
    assert len(registry.requests) == 8


def test_asking_for_a_digest_sends_what_is_needed_and_no_more(registry: li.Registry, base: li.Image) -> None:
    """The digest of a base is one GET; of an annotated one as well; of an edited one two."""
    for image, count in ((base, 1), (base.annotate({"a": "b"}), 1), (base.configure(user="1"), 2)):
        registry.clear()
        image.digest()
        assert len(registry.requests) == count


def methods(registry: li.Registry) -> list[str]:
    """Return method and endpoint of each request, in order of arrival."""
    return [
        f"{request.method} {next(e for e in ('uploads', 'manifests', 'blobs') if f'/{e}/' in request.path)}"
        for request in registry.requests
    ]
