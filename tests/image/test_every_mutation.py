"""Every mutation: a subject stays, an artifact's config is left alone, nothing is read early."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.images import MANIFEST, config_of, described, sha256

import lazyimg as li
from lazyimg.errors import InvalidMutation

if TYPE_CHECKING:
    from support.images import Json, Pushing

MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
LAYER = li.Layer.from_files({"/a": b"a"})
OLD = li.Image.empty()
NEW = OLD.append(li.Layer.from_files({"/new": b"n"}))


def second_user(config: li.ConfigFile) -> li.ConfigFile:
    return config.with_user("2")


OF_CONFIGS: dict[str, Any] = {
    "configure": lambda image: image.configure(user="1", env={"A": "b"}),
    "edit_config": lambda image: image.edit_config(second_user, key="two"),
    "with_created": lambda image: image.with_created(MOMENT),
    "with_platform": lambda image: image.with_platform("linux/arm64"),
    "rebase": lambda image: image.rebase(OLD, NEW),
}
OF_DOCUMENTS: dict[str, Any] = {
    "append": lambda image: image.append(LAYER),
    "append saying more": lambda image: image.append(
        LAYER, annotations={"a": "b"}, urls=["https://example.com"]
    ),
    "annotate": lambda image: image.annotate({"a": "b"}),
    "annotate layers": lambda image: image.annotate({"a": "b"}, layers=0),
    "drop_layers": lambda image: image.drop_layers(0),
    "with_artifact_type": lambda image: image.with_artifact_type("a/b"),
    "with_media_types": lambda image: image.with_media_types("oci"),
}
KINDS: dict[str, Any] = {
    "with_config_media_type": lambda image: image.with_config_media_type("application/vnd.other"),
}
EVERY = {**OF_CONFIGS, **OF_DOCUMENTS, **KINDS}


@pytest.fixture
def subject() -> Json:
    """Give the descriptor of a manifest that is there."""
    return described(b"subject", MANIFEST, **{"x-unknown": 1.5})


@pytest.fixture
def referrer(base: Pushing, subject: Json) -> li.Image:
    """Put an image that refers to it."""
    layers = [b"layer 0", b"layer 1"]
    history = [{"created_by": "0"}, {"created_by": "1"}]
    base.image("1", layers=layers, config=config_of(layers, history=history), subject=subject)
    return li.Image.from_registry(f"{base.host}/base:1")


@pytest.mark.parametrize("name", EVERY)
def test_a_subject_survives(referrer: li.Image, app: Pushing, subject: Json, name: str) -> None:
    """One from elsewhere to the letter, one that was composed by its digest."""
    EVERY[name](referrer).write(f"{app.host}/app:1")
    assert app.json("1")["subject"] == subject
    other = li.Image.empty("linux/s390x")
    found = EVERY[name](referrer.with_subject(other)).manifest().subject
    assert found is not None
    assert found.digest == other.digest()


def test_a_subject_survives_all_of_them_in_a_row(referrer: li.Image, subject: Json) -> None:
    """In the order of their names, twice over."""
    image = referrer
    for name in [*sorted(OF_CONFIGS | OF_DOCUMENTS)] * 2:
        image = EVERY[name](image)
    assert image.manifest().value["subject"] == subject
    assert len(image.layers()) == 2 + 2 + 4 - 2  # its own, of new bases, appended; dropped


@pytest.fixture
def artifact(base: Pushing) -> Json:
    """Put an artifact whose config is no JSON."""
    for blob in (b"not JSON", b"one", b"two"):
        base.blob(blob)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.example",
        "config": described(b"not JSON", "application/vnd.example.config", **{"x-unknown": 1}),
        "layers": [described(blob, "application/vnd.example") for blob in (b"one", b"two")],
    }
    base.manifest(document, "artifact")
    return document


@pytest.mark.parametrize("name", OF_DOCUMENTS)
def test_the_config_of_an_artifact_is_not_touched(
    base: Pushing, app: Pushing, registry: li.Registry, artifact: Json, name: str
) -> None:
    """It is mounted, not read; its descriptor stays to the letter, and nothing is said of a history."""
    registry.clear()
    OF_DOCUMENTS[name](li.Image.from_registry(f"{base.host}/base:artifact")).write(f"{app.host}/app:1")
    assert not any(r.method == "GET" and "/blobs/" in r.path for r in registry.requests)
    assert app.json("1")["config"] == artifact["config"]
    assert app.bytes(artifact["config"]) == b"not JSON"


@pytest.mark.parametrize("name", OF_CONFIGS)
def test_what_changes_a_config_refuses_an_artifact(base: Pushing, artifact: Json, name: str) -> None:
    """The error says what it is."""
    assert artifact
    image = OF_CONFIGS[name](li.Image.from_registry(f"{base.host}/base:artifact"))
    with pytest.raises(InvalidMutation, match=r"artifact.*application/vnd\.example\.config"):
        image.digest()


@pytest.mark.parametrize("name", EVERY)
def test_composing_asks_nobody(referrer: li.Image, registry: li.Registry, name: str) -> None:
    """Nor do key, graph, text, card and plan; equal parameters make equal thunks, and pickles go round."""
    registry.clear()
    image = EVERY[name](referrer)
    assert image == EVERY[name](referrer)
    assert image != referrer
    assert pickle.loads(pickle.dumps(image)) == image  # noqa: S301 - our own
    assert all((repr(image), str(image.plan("a.example/b:1")), image._repr_html_(), len(image.graph())))
    assert not registry.requests


@pytest.mark.parametrize("name", EVERY)
def test_no_layer_is_read_of_the_base(
    referrer: li.Image, app: Pushing, registry: li.Registry, name: str
) -> None:
    """Documents alone: at most the manifest and the config."""
    registry.clear()
    EVERY[name](referrer).write(f"{app.host}/app:1")
    gets = [request.path for request in registry.requests if request.method == "GET"]
    assert len(gets) <= 2
    assert not any(sha256(layer) in path for path in gets for layer in (b"layer 0", b"layer 1"))
