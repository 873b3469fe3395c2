"""The rules of merging layers, one by one (image-spec layer.md, "Applying Changesets")."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from support.layers import extension, file, flattened, hardlink, layer, member, merged_of, symlink, tar_of

from lazyimg.content.files import Files
from lazyimg.content.layer_path import meaning_of, place_of
from lazyimg.errors import InvalidContent, InvalidMutation

if TYPE_CHECKING:
    from collections.abc import Iterable


def names_in(tar: bytes) -> list[str]:
    """Give the names in a tar, in their order."""
    with tarfile.open(fileobj=io.BytesIO(tar), errorlevel=2) as archive:
        return archive.getnames()


def info_of(tar: bytes, name: str) -> tarfile.TarInfo:
    """Give a member of a tar."""
    with tarfile.open(fileobj=io.BytesIO(tar), errorlevel=2) as archive:
        return archive.getmember(name)


def files_in(*layers: bytes) -> Files:
    """Merge layers, lowest first."""
    return Files(merged_of(layers))


def paths_in(*layers: bytes) -> list[str]:
    """Give the paths that merged layers come to."""
    with files_in(*layers) as files:
        return list(files)


def refusal_of(*layers: bytes) -> str:
    """Give the words with which layers are refused."""
    with pytest.raises(InvalidContent) as caught:
        merged_of(layers)
    return str(caught.value)


# --- whiteouts ---------------------------------------------------------------------------------------


def test_a_whiteout_hides_what_is_below() -> None:
    """A whiteout hides a file, or a directory with all that is in it, and is itself nothing."""
    lower = layer("d/", "d/x", "f", "g")
    assert paths_in(lower, layer(".wh.d", ".wh.f")) == ["/g"]


@pytest.mark.parametrize("order", [1, -1], ids=["before", "after"])
def test_a_whiteout_hides_nothing_of_its_own_layer(order: int) -> None:
    """Whether it comes before or after what has its name in the same layer, that stays."""
    upper = tar_of([".wh.f", file("f", b"new"), "d/.wh.x", "d/", "d/x", ".wh.e", "e/", "e/new"][::order])
    with files_in(layer(file("f", b"old"), "d/x", "e/old"), upper) as files:
        assert files["/f"].read() == b"new"
        assert list(files) == ["/d", "/d/x", "/e", "/e/new", "/f"]


@pytest.mark.parametrize("order", [1, -1], ids=["before", "after"])
def test_an_opaque_directory(order: int) -> None:
    """An opaque marker hides all that lower layers have in its directory, and nothing that its own has."""
    upper = tar_of(["d/", "d/.wh..wh..opq", "d/new"][::order])
    assert paths_in(layer("d/", "d/old", "d/e/", "d/e/old", "f"), upper) == ["/d", "/d/new", "/f"]


def test_an_opaque_root() -> None:
    """An opaque marker in the root hides everything below."""
    assert paths_in(layer("a", "d/", "d/x"), layer(".wh..wh..opq", "b")) == ["/b"]


def test_an_opaque_directory_keeps_its_attributes() -> None:
    """The marker alone does not change the directory itself."""
    with files_in(layer(member("d/", mode=0o700), "d/old"), layer("d/.wh..wh..opq")) as files:
        assert (list(files), files["/d"].mode) == (["/d"], 0o700)


def test_what_was_hidden_comes_back_as_new() -> None:
    """A directory that is hidden and made again has nothing of the old one, attributes included."""
    old = layer(member("d/", mode=0o700, uid=7), "d/old")
    with files_in(old, layer(".wh.d", "d/new")) as files:
        assert list(files) == ["/d", "/d/new"]
        assert (files["/d"].mode, files["/d"].uid, files["/d"].layer) == (0o755, 0, None)


def test_a_whiteout_of_nothing_there() -> None:
    """Hiding what is not there is nothing."""
    assert paths_in(layer("a"), layer(".wh.b", "c/.wh.d", "e/.wh..wh..opq", "a/.wh.x")) == ["/a"]


def test_metadata_of_aufs_never_shows() -> None:
    """Names that AUFS keeps for itself are no part of the image; what they hold can be linked to."""
    aufs = [".wh..wh.aufs", ".wh..wh.orph/", ".wh..wh.orph/x", ".wh..wh.plnk/"]
    lower = tar_of([*aufs, file(".wh..wh.plnk/1.2", b"kept"), hardlink("a", ".wh..wh.plnk/1.2")])
    with files_in(lower) as files:
        assert list(files) == ["/a"]
        assert files["/a"].read() == b"kept"
    assert names_in(flattened([lower])) == ["a"]


# --- entries -----------------------------------------------------------------------------------------


def test_the_last_of_duplicates_wins() -> None:
    """Of a name that comes twice in a layer the last counts, whatever kinds they are."""
    with files_in(layer(file("a", b"1"), file("./a", b"2"), "d/", "d/x", file("/d", b"3"))) as files:
        assert files["/a"].read() == b"2"
        assert files["/d"].read() == b"3"
        assert "/d/x" not in files


@pytest.mark.parametrize("spelled", ["./a/b", "/a/b", "a//b", "a/./b", "././a/b"])
def test_spellings_of_a_path(spelled: str) -> None:
    """However a path is written, it is one path."""
    with files_in(layer(file("a/b", b"old")), layer(file(spelled, b"new"))) as files:
        assert list(files) == ["/a", "/a/b"]
        assert files["/a/b"].read() == b"new"


def test_one_kind_takes_the_place_of_another() -> None:
    """A directory gives way to a file or link, with all that is in it, and they to a directory."""
    lower = layer("d/", "d/x", "f", symlink("l", "d"))
    with files_in(lower, layer(file("d", b"now a file"), "f/", "f/x", "l/", "l/x")) as files:
        assert list(files) == ["/d", "/f", "/f/x", "/l", "/l/x"]
        assert [one.kind for one in files.values()] == ["file", "directory", "file", "directory", "file"]
    with files_in(lower, layer(symlink("d", "f"))) as files:
        assert list(files) == ["/d", "/f", "/l"]


def test_a_directory_onto_a_directory() -> None:
    """Its attributes are replaced, and what is in it stays."""
    with files_in(layer("d/", "d/x"), layer(member("d/", mode=0o700, uid=1, mtime=9))) as files:
        assert list(files) == ["/d", "/d/x"]
        assert (files["/d"].mode, files["/d"].uid, files["/d"].mtime, files["/d"].layer) == (0o700, 1, 9, 1)


def test_paths_lead_through_links() -> None:
    """What is put into a directory by way of a link is in that directory, and the link stays a link."""
    lower = layer("usr/lib/", symlink("lib", "usr/lib"), symlink("abs", "/usr"), symlink("up", "lib/../lib"))
    with files_in(lower, layer("lib/a", "abs/lib/b", "up/c", "abs/.wh.lib")) as files:
        assert list(files) == ["/abs", "/lib", "/up", "/usr", "/usr/lib", *(f"/usr/lib/{n}" for n in "abc")]


def test_links_do_not_lead_out() -> None:
    """The root of links is the image's, however far up they point."""
    assert paths_in(layer(symlink("out", "../../../../etc")), layer("out/passwd")) == [
        "/etc",
        "/etc/passwd",
        "/out",
    ]


def test_a_whiteout_through_a_link_that_is_replaced() -> None:
    """Markers in a directory that takes a link's place hide nothing of what the link led to."""
    lower = layer("usr/lib/", "usr/lib/kept", symlink("lib", "usr/lib"))
    upper = layer("lib/", "lib/.wh..wh..opq", "lib/.wh.kept", "lib/new")
    assert paths_in(lower, upper) == ["/lib", "/lib/new", "/usr", "/usr/lib", "/usr/lib/kept"]


def test_what_is_no_directory_gives_way() -> None:
    """A part of a path that is a file, or a link in a circle, gives way to a directory."""
    lower = layer("f", symlink("l", "l"), symlink("g", "f"))
    with files_in(lower, layer("g/x", "f/x", "l/x")) as files:
        assert list(files) == ["/f", "/f/x", "/g", "/g/x", "/l", "/l/x"]


def test_attributes_and_devices_are_kept() -> None:
    """Everything a header says is kept in one tar, times to the nanosecond, unknown pax records included."""
    info, content = file("f", b"x", mode=0o4755, uid=70000, gid=1 << 30, uname="me", gname="us")
    info.pax_headers = {
        "mtime": "-1.5",
        "atime": "7",
        "SCHILY.xattr.user.a": "value",
        "MSWINDOWS.fileattr": "32",
        "comment": "kept",
        "SCHILY.ino": "17",
    }
    null = member("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
    flat = flattened([tar_of([(info, content), null, member("pipe", tarfile.FIFOTYPE)])])
    found = info_of(flat, "f")
    assert (found.mode, found.uid, found.gid, found.mtime) == (0o4755, 70000, 1 << 30, -1.5)
    assert (found.uname, found.gname) == ("", "")
    del found.pax_headers["gid"]
    assert found.pax_headers == {
        "mtime": "-1.5",
        "SCHILY.xattr.user.a": "value",
        "MSWINDOWS.fileattr": "32",
        "comment": "kept",
    }
    device = info_of(flat, "null")
    assert (device.type, device.devmajor, device.devminor, device.mode) == (tarfile.CHRTYPE, 1, 3, 0o666)
    assert info_of(flat, "pipe").type == tarfile.FIFOTYPE


def test_global_headers_mean_nothing() -> None:
    """A global pax header is ignored, as container runtimes do."""
    data = extension(b"g", b"20 comment=a commit\n14 path=other\n") + layer(file("a", b"x"))
    assert paths_in(data) == ["/a"]
    assert flattened([data]) == flattened([layer(file("a", b"x"))])


def test_the_root_has_attributes() -> None:
    """An entry for the root sets what it says of it, and is written first."""
    flat = flattened([layer(member("./", mode=0o700), "a")])
    assert names_in(flat) == [".", "a"]
    assert info_of(flat, ".").mode == 0o700


def test_the_tar_depends_on_the_filesystem_alone() -> None:
    """However it was layered, the same filesystem is the same tar."""
    one = flattened([layer("d/", file("d/a", b"1"), "z"), layer(file("d/b", b"2"), ".wh.z")])
    other = flattened([layer("d/"), layer(file("d/b", b"2")), layer(file("./d/a", b"1"))])
    assert one == other == flattened([one])
    assert names_in(one) == ["d", "d/a", "d/b"]


def test_the_bytes_are_known() -> None:
    """One tar of some layers is what it was on the day this was written: digests must not move unnoticed."""
    info, content = file("d/long-" + "x" * 100, b"content", mtime=1.5, uid=1 << 30)
    lower = tar_of([member("./", mode=0o700), (info, content), hardlink("h", info.name), symlink("l", "d")])
    known = hashlib.sha256(flattened([lower, layer("l/x", ".wh.h")])).hexdigest()
    assert known == "0a0df5b0e5774be7108d4c8d8452ea950dccf65f54fef84d73b5a5fb107e39e8"
    known = hashlib.sha256(flattened([lower, layer("l/x", ".wh.y", ".wh.d", "d/")], on_top=True)).hexdigest()
    assert known == "0761ed7c043e367691fce8dc88c1b2401a94c0339978df264825062bb28445d0"


def test_names_that_are_no_utf8() -> None:
    """A name may have any bytes; in a path they are surrogate escapes, and in the tar themselves again."""
    data = tar_of([file("d\udcff/\udcfe" + "x" * 200, b"1"), symlink("l", "\udcff")], tarfile.GNU_FORMAT)
    with files_in(data) as files:
        assert list(files) == ["/d\udcff", "/d\udcff/\udcfe" + "x" * 200, "/l"]
        assert files["/l"].link == "\udcff"
    flat = flattened([data])
    assert flattened([flat]) == flat
    assert b"/\xfe" + b"x" * 200 in flat


def test_nothing() -> None:
    """No layers, or empty ones, come to an empty tar."""
    assert flattened([]) == flattened([b"", layer()]) == bytes(1024)


# --- hard links --------------------------------------------------------------------------------------


def test_hard_links_come_after_their_targets() -> None:
    """The first of a file's names has its content, the others lead to it, whichever came first."""
    flat = flattened([layer(file("m", b"content"), hardlink("a", "m"), hardlink("z", "./m"))])
    with tarfile.open(fileobj=io.BytesIO(flat)) as archive:
        assert [(one.name, one.type, one.linkname) for one in archive] == [
            ("a", tarfile.REGTYPE, ""),
            ("m", tarfile.LNKTYPE, "a"),
            ("z", tarfile.LNKTYPE, "a"),
        ]


@pytest.mark.parametrize("above", [[".wh.m"], [file("m", b"other")], ["m/"], [symlink("m", "x")]], ids=str)
def test_a_hard_link_outlives_its_target(above: Iterable[str]) -> None:
    """A target that is hidden or replaced above leaves its content to its links: the first is a file then."""
    lower = layer(file("m", b"content"), hardlink("a", "m"), hardlink("b", "a"))
    flat = flattened([lower, tar_of(above)])
    assert (info_of(flat, "a").type, info_of(flat, "b").type) == (tarfile.REGTYPE, tarfile.LNKTYPE)
    with files_in(lower, tar_of(above)) as files:
        assert files["/a"].read() == files["/b"].read() == b"content"
        assert files["/a"].inode == files["/b"].inode


def test_a_hard_link_into_a_lower_layer() -> None:
    """A link may lead to a file of a layer below, through links, and even to one that its layer hides."""
    lower = layer("usr/", file("usr/m", b"content"), symlink("u", "usr"))
    with files_in(lower, layer(hardlink("a", "u/m"), "usr/.wh.m")) as files:
        assert list(files) == ["/a", "/u", "/usr"]
        assert files["/a"].read() == b"content"


def test_a_hard_link_onto_itself() -> None:
    """A link to its own name, or to something that it takes the place of, keeps what it leads to."""
    lower = layer(file("m", b"content"), file("d/m", b"deep"))
    with files_in(lower, layer(hardlink("m", "m"), hardlink("d", "d/m"))) as files:
        assert list(files) == ["/d", "/m"]
        assert (files["/d"].read(), files["/m"].read()) == (b"deep", b"content")


def test_links_to_links_are_links() -> None:
    """A hard link to a symbolic link, or to a device, is another one like it."""
    flat = flattened([layer(symlink("l", "x"), hardlink("m", "l"))])
    assert [(info_of(flat, name).type, info_of(flat, name).linkname) for name in "lm"] == [
        (tarfile.SYMTYPE, "x"),
        (tarfile.SYMTYPE, "x"),
    ]


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (file("a/../../etc/passwd"), "goes up out of its directory"),
        (file("..\\windows"), "goes up"),
        (file("C:/x"), "names a drive"),
        (file("c:"), "names a drive"),
        (file("./C:\\x"), "names a drive"),
        (hardlink("a", "../b"), "goes up"),
        (hardlink("a", "missing"), "a hard link to 'missing', which is not there"),
        (hardlink("a", "missing/deeper"), "which is not there"),
        (hardlink("a", "d/"), "a hard link to the directory 'd'"),
        (file("x" * 4097), "is longer than a path may be"),
        (symlink("a", "x" * 4097), "a symbolic link to nothing that can be"),
        (symlink("a", ""), "a symbolic link to nothing that can be"),
        (symlink(".", "x"), "the place of the root directory"),
        (member("a", b"V"), "the type 'V', which no filesystem has"),
        (file(".wh."), "is a whiteout of nothing"),
        (file("a/.wh..."), "is a whiteout of nothing"),
        (file(".wh.x/y"), "lies below a whiteout"),
    ],
    ids=str,
)
def test_refusals(entry: tuple[tarfile.TarInfo, bytes], words: str) -> None:
    """What cannot be, or would reach out of the image, is refused, and the layer and entry are named."""
    info, _ = entry
    said = refusal_of(layer("d/"), tar_of([entry]))
    assert words in said
    assert said.startswith("layer 1 has the entry ")
    assert repr(info.name.removeprefix("./"))[1:40] in said


def test_zero_bytes_in_names() -> None:
    """A zero byte in a name, which only a pax record can hold, is refused."""
    info, content = file("a")
    info.pax_headers = {"path": "a\0b"}
    assert "a zero byte" in refusal_of(tar_of([(info, content)]))
    info, content = symlink("a", "b")
    info.pax_headers = {"linkpath": "a\0b"}
    assert "a symbolic link to nothing that can be" in refusal_of(tar_of([(info, content)]))


@pytest.mark.parametrize(
    "name", ["a:b", "home/.wine/dosdevices/c:", "a\\x2db", "..a", "a..", "...", "x.wh.y"]
)
def test_unusual_names(name: str) -> None:
    """Names that only look like the refused ones are names."""
    with files_in(layer(file(name, b"x"))) as files:
        assert files[f"/{name}"].read() == b"x"


def test_places() -> None:
    """Places are the same for all spellings, and names mean what their last part says."""
    assert place_of(b"") == place_of(b"/") == place_of(b"./") == b""
    assert place_of(b"/a//b/./c/") == b"a/b/c"
    assert meaning_of(b".wh..wh..opq") == ("opaque", b"")
    assert meaning_of(b"d/.wh..wh.x") == ("metadata", b"d/.wh..wh.x")
    assert meaning_of(b".wh.a") == ("whiteout", b"a")
    assert meaning_of(b"a.wh.b") == ("entry", b"a.wh.b")


# --- on top of other layers --------------------------------------------------------------------------


def squashed(*layers: bytes) -> list[str]:
    """Give the names in the one layer that upper layers are merged into."""
    return names_in(flattened(layers, on_top=True))


def test_whiteouts_are_kept() -> None:
    """What upper layers hide of those below is hidden by the one layer, and only that."""
    assert squashed(layer("a", ".wh.b"), layer(".wh.a", "c/.wh.d")) == [".wh.a", ".wh.b", "c/.wh.d"]
    assert squashed(layer(".wh.a", "a")) == ["a"]
    assert squashed(layer(".wh.a"), layer("a")) == ["a"]


def test_opaque_markers_are_kept() -> None:
    """An opaque directory stays one; what is hidden and made again as a directory is opaque, too."""
    assert squashed(layer("d/", "d/.wh..wh..opq", "d/a")) == ["d", "d/.wh..wh..opq", "d/a"]
    assert squashed(layer("d/.wh..wh..opq"), layer("e")) == ["d/.wh..wh..opq", "e"]
    assert squashed(layer(".wh..wh..opq", "d/.wh.x"), layer("a")) == [".wh..wh..opq", "a"]
    assert squashed(layer(".wh.d"), layer("d/", "d/a")) == [".wh.d", "d", "d/.wh..wh..opq", "d/a"]
    assert squashed(layer(".wh.d"), layer("d/a")) == [".wh.d", "d", "d/.wh..wh..opq", "d/a"]
    assert squashed(layer("d"), layer("d/", "d/a")) == [".wh.d", "d", "d/.wh..wh..opq", "d/a"]


def test_a_directory_without_an_entry_that_was_emptied() -> None:
    """It has one where nothing can be below it; else the marker alone, for there it may have attributes."""
    assert squashed(layer(".wh..wh..opq", "b/x"), layer("b/.wh.x")) == [".wh..wh..opq", "b"]
    assert squashed(layer("b/x", ".wh.a"), layer("a", "b/.wh..wh..opq")) == ["a", "b/.wh..wh..opq"]
    assert squashed(layer("a/.wh..wh..opq", "a/b/c/x"), layer("a/b/c/.wh.x")) == [
        "a/.wh..wh..opq",
        "a/b",
        "a/b/c",
    ]


def test_what_is_hidden_already_is_not_hidden_twice() -> None:
    """Below something that hides all, no more is hidden."""
    assert squashed(layer("a/.wh.b"), layer(".wh.a")) == [".wh.a"]
    assert squashed(layer("a/.wh.b", "a/c/.wh..wh..opq"), layer("a")) == ["a"]
    assert squashed(layer("a/.wh.b"), layer("a/.wh..wh..opq")) == ["a/.wh..wh..opq"]


def test_directories_without_an_entry_get_none() -> None:
    """The attributes of directories below are not touched by what is put into them."""
    assert squashed(layer("d/e/f"), layer("d/e/")) == ["d/e", "d/e/f"]


def test_hard_links_into_layers_below() -> None:
    """A link to a file of a layer below stays a link, and so do links to it."""
    flat = flattened([layer(hardlink("b", "a/x")), layer(hardlink("c", "b"))], on_top=True)
    with tarfile.open(fileobj=io.BytesIO(flat)) as archive:
        assert [(one.name, one.type, one.linkname) for one in archive] == [
            ("b", tarfile.LNKTYPE, "a/x"),
            ("c", tarfile.LNKTYPE, "a/x"),
        ]


def test_hard_links_into_layers_below_and_back() -> None:
    """A name that links to itself in the end is what it is below, and needs no entry."""
    assert squashed(layer(hardlink("a", "a"))) == []
    assert squashed(layer(hardlink("b", "a")), layer(hardlink("a", "b"), hardlink("c", "a"))) == ["b", "c"]
    with pytest.raises(InvalidMutation, match="'a' is a hard link to 'a'"):
        flattened([layer(hardlink("b", "a")), layer(".wh.a", hardlink("a", "b"))], on_top=True)


@pytest.mark.parametrize("above", [".wh.a", "a", "d/.wh..wh..opq", ".wh.d", "d"])
def test_hard_links_into_what_is_hidden(above: str) -> None:
    """A link to a file below that is hidden above would need that file's content, which is not read."""
    target = "a" if above in (".wh.a", "a") else "d/a"
    with pytest.raises(InvalidMutation, match=f"'b' is a hard link to '{target}', .* hidden by one of them"):
        flattened([layer(hardlink("b", target)), layer(above)], on_top=True)


def test_hard_links_that_lead_nowhere() -> None:
    """A link through something that is no directory leads nowhere, whatever is below."""
    with pytest.raises(InvalidContent, match="which is not there"):
        flattened([layer("f", hardlink("b", "f/x"))], on_top=True)
