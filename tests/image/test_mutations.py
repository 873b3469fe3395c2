"""Annotating, times, edits of one's own, subjects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.images import described, sha256, text_of

import lazyimg as li
from lazyimg.errors import InvalidMutation

if TYPE_CHECKING:
    from support.images import Json, Pushing

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
ENTRY = li.History(created_by="x", empty_layer=True)


@pytest.fixture
def pushed(base: Pushing) -> Json:
    """Put an annotated image with an unknown field."""
    return base.image("1", annotations={"a": "1", "b": "2"}, unknown=["\u00e9"])


@pytest.fixture
def image(base: Pushing, pushed: Json) -> li.Image:
    """Give that image."""
    assert pushed
    return li.Image.from_registry(f"{base.host}/base:1")


class TestAnnotate:
    """Annotations of the manifest."""

    def test_set_kept_removed(self, image: li.Image, app: Pushing, pushed: Json) -> None:
        """None removes, what is not named stays, unknown fields survive; config and layers are the same."""
        image.annotate({"b": "3", "c": "4", "a": None, "none": None}).write(f"{app.host}/app:1")
        assert app.json("1") == {**pushed, "annotations": {"b": "3", "c": "4"}}
        assert b"\\u00e9" in app.raw("1")

    def test_what_changes_nothing_keeps_the_bytes(self, image: li.Image, pushed: Json) -> None:
        """Equal values, or none at all, are no change."""
        assert image.annotate({"a": "1"}).manifest().to_bytes() == text_of(pushed)
        assert image.annotate({}).manifest().to_bytes() == text_of(pushed)

    def test_the_last_one_removed(self, image: li.Image) -> None:
        """Nothing is left of them."""
        assert image.annotate({"a": None, "b": None}).manifest().annotations == {}

    def test_the_mapping_is_taken_when_it_is_given(self) -> None:
        """What happens to it afterwards is not seen."""
        given: dict[str, str | None] = {"a": "1"}
        image = li.Image.empty().annotate(given)
        given["b"] = "2"
        assert image.manifest().annotations == {"a": "1"}


class TestCreated:
    """The time at which an image was made."""

    def test_it_is_set_and_removed(self) -> None:
        """History and layers are left alone."""
        dated = li.Image.empty().append(history=ENTRY).with_created(MOMENT)
        assert dated.config().created == MOMENT
        assert dated.config().history == (ENTRY,)
        assert dated.with_created(None).config().created is None

    def test_it_is_what_configure_does(self) -> None:
        """Two ways, one config."""
        image = li.Image.empty()
        assert image.with_created(MOMENT).digest() == image.configure(created=MOMENT).digest()


class TestEditConfig:
    """The way out."""

    def test_a_function_changes_it(self, image: li.Image, app: Pushing) -> None:
        """What it returns is written, with the layers' diff_ids in it."""
        image.edit_config(lambda config: config.with_container("Shell", ["/bin/sh"])).write(
            f"{app.host}/app:1"
        )
        found = app.config("1")
        assert found["config"] == {"Shell": ["/bin/sh"]}
        assert len(found["rootfs"]["diff_ids"]) == 2

    def test_a_function_that_changes_nothing_keeps_the_bytes(self, image: li.Image, pushed: Json) -> None:
        """The same config is the same image."""
        assert image.edit_config(lambda config: config).manifest().to_bytes() == text_of(pushed)

    def test_it_is_called_once_a_write(self, image: li.Image, app: Pushing) -> None:
        """And not while composing."""
        calls = []

        def edit(config: li.ConfigFile) -> li.ConfigFile:
            calls.append(config)
            return config.with_user("1")

        edited = image.edit_config(edit)
        assert not calls
        edited.write(f"{app.host}/app:1", f"{app.host}/other:1")
        assert len(calls) == 1

    @pytest.mark.parametrize("value", [None, {}, b"{}"])
    def test_what_is_no_config_is_refused(self, image: li.Image, value: Any) -> None:
        """The message names the function, what it gave, and what to return."""

        def forgetful(_: li.ConfigFile) -> Any:
            return value

        with pytest.raises(InvalidMutation) as caught:
            image.edit_config(forgetful).digest()
        text = str(caught.value)
        assert "forgetful" in text
        assert f"returned a {type(value).__qualname__}" in text
        assert "return what config.with_...() gives" in text

    def test_what_it_raises_comes_out(self, image: li.Image) -> None:
        """The very error, with the line that composed the edit."""
        error = RuntimeError("the user's own")

        def fail(_: li.ConfigFile) -> li.ConfigFile:
            raise error

        with pytest.raises(RuntimeError) as caught:
            image.edit_config(fail).digest()
        assert caught.value is error
        assert any("test_mutations.py" in note for note in error.__notes__)

    def test_a_key_tells_two_edits_apart(self, image: li.Image) -> None:
        """Random by default, one's own where given."""

        def edit(config: li.ConfigFile) -> li.ConfigFile:
            return config

        assert image.edit_config(edit) != image.edit_config(edit)
        assert image.edit_config(edit, key="v1") == image.edit_config(edit, key="v1")
        assert image.edit_config(edit, key="v1") != image.edit_config(edit, key="v2")


class TestSubject:
    """An image that refers to another."""

    def test_a_descriptor(self, image: li.Image, app: Pushing, pushed: Json) -> None:
        """It stands in the manifest as it is."""
        subject = li.Descriptor(
            media_type=pushed["mediaType"], digest=li.Digest(sha256(b"x")), size=1, annotations={"k": "v"}
        )
        image.with_subject(subject).write(f"{app.host}/app:1")
        assert app.json("1")["subject"] == described(b"x", pushed["mediaType"], annotations={"k": "v"})

    def test_an_image_of_a_registry(self, image: li.Image, app: Pushing, pushed: Json) -> None:
        """Its manifest is named, and its blobs are not sent."""
        li.Image.empty().with_subject(image).write(f"{app.host}/app:1")
        assert app.json("1")["subject"] == described(text_of(pushed), pushed["mediaType"])
        assert app.tags() == ["1"]

    def test_an_image_of_the_same_write(self, app: Pushing) -> None:
        """Both digests are right, though neither was known before; the shared layer is read once."""
        layer = li.Layer.from_files({"/a": b"a"})
        image = li.Image.empty().append(layer)
        sbom = li.Image.empty().append(li.Layer.from_files({"/sbom": b"{}"})).with_subject(image)
        results = li.write({f"{app.host}/app:1": image, f"{app.host}/app:1-sbom": sbom})
        assert app.json("1-sbom")["subject"]["digest"] == results[f"{app.host}/app:1"].digest
        assert results[f"{app.host}/app:1"].opened == 2

    def test_a_chain_of_them(self, app: Pushing) -> None:
        """A referrer of a referrer: each names the one before."""
        first = li.Image.empty().configure(user="1")
        second = li.Image.empty().with_subject(first)
        third = li.Image.empty().annotate({"a": "b"}).with_subject(second)
        third.write(f"{app.host}/app:3")
        assert app.json("3")["subject"]["digest"] == second.digest()
        assert second.manifest().subject is not None
        assert second.manifest().subject.digest == first.digest()

    def test_none_removes_it(self, image: li.Image, pushed: Json) -> None:
        """One that was composed, and one from elsewhere."""
        other = li.Image.empty()
        assert image.with_subject(other).with_subject(None).manifest().to_bytes() == text_of(pushed)
        assert other.with_subject(image).with_subject(None).digest() == other.digest()

    def test_the_last_one_counts(self, image: li.Image) -> None:
        """There is one subject."""
        other = li.Image.empty()
        subject = other.with_subject(image).with_subject(other).manifest().subject
        assert subject is not None
        assert subject.digest == other.digest()

    def test_it_survives_further_mutations(self, image: li.Image, pushed: Json) -> None:
        """Annotating or configuring afterwards leaves it."""
        referrer = li.Image.empty().with_subject(image).annotate({"a": "b"}).configure(user="1")
        assert json.loads(referrer.manifest().to_bytes())["subject"]["digest"] == sha256(text_of(pushed))
