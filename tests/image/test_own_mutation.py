"""Mutations of a user's own: a frozen class with parameters and a pure function, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import frozen

import lazyimg as li
from lazyimg.image.mutation import ConfigMutation

if TYPE_CHECKING:
    from lazyimg.state.image_state import ImageState


@frozen
class Title(li.Mutation):
    """Set the title."""

    title: str

    def mutate(self, state: ImageState, *others: ImageState) -> ImageState:
        assert not others
        return state.with_manifest(state.manifest.with_annotations({"title": self.title}))


@frozen
class CopyTitle(li.Mutation):
    """Take the titles of two other images."""

    first: li.Image
    second: li.Image

    def mutate(self, state: ImageState, *others: ImageState) -> ImageState:
        titles = [other.manifest.annotations["title"] for other in others]
        return state.with_manifest(state.manifest.with_annotations({"title": " and ".join(titles)}))


@frozen
class RunAs(ConfigMutation):
    """Set the user."""

    user: str

    def edit(self, config: li.ConfigFile) -> li.ConfigFile:
        return config.with_user(self.user)


@frozen
class Silent(li.Mutation):
    """Says nothing."""


@frozen
class SilentEdit(ConfigMutation):
    """Says nothing either."""


def test_it_is_applied_like_any_other() -> None:
    """It is an image, in a chain of others, written and looked at as they are."""
    image = li.Image.empty().apply(Title("one")).configure(user="1").apply(RunAs("2"))
    assert image.manifest().annotations == {"title": "one"}
    assert image.config().user == "2"
    assert [step.name for step in image.plan("a.example/b:1").steps][1:5] == [
        "Empty",
        "Title",
        "Configure",
        "RunAs",
    ]
    assert "Set the title." in li.Image.empty().apply(Title("one"))._repr_html_()


def test_equal_parameters_make_equal_images() -> None:
    """Its fields, and what it is applied to, are its identity."""
    image = li.Image.empty()
    assert image.apply(Title("one")) == image.apply(Title("one"))
    assert image.apply(Title("one")) != image.apply(Title("two"))
    assert image.apply(Title("one")) != image.annotate({}).apply(Title("one"))


def test_other_images_are_inputs_in_their_order() -> None:
    """Their states are given to it."""
    one, two = (li.Image.empty().apply(Title(title)) for title in ("one", "two"))
    both = li.Image.empty().apply(CopyTitle(one, two))
    assert both.manifest().annotations == {"title": "one and two"}
    assert set(both.inputs) == {li.Image.empty(), one, two}


def test_the_thunk_says_where_it_was_applied() -> None:
    """Its place is that of ``apply``."""
    image = li.Image.empty().apply(Title("one"))
    assert "test_own_mutation.py" in str(image.origin)


def test_without_an_image_it_cannot_be_forced() -> None:
    """The error says how to write it."""
    with pytest.raises(ValueError, match=r"was applied to no image: write image\.apply\(Title\(\.\.\.\)\)"):
        Title("one").digest()


@pytest.mark.parametrize("mutation", [Silent(), SilentEdit()])
def test_what_says_nothing_is_named(mutation: li.Mutation) -> None:
    """The class is in the message."""
    with pytest.raises(NotImplementedError, match=type(mutation).__name__):
        li.Image.empty().apply(mutation).config()


def test_a_field_may_not_hide_what_every_image_can_do() -> None:
    """A field called like a method is refused when the class is made."""
    with pytest.raises(TypeError, match=r"Broken\.size would hide Image\.size\(\)"):

        class Broken(li.Mutation):
            size: int
