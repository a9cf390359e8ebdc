"""Folders of pictures: which files belong to which class, and what is passed over."""

from collections import Counter
from pathlib import Path

import pytest

from dnn_xp.data.folders import describe_passed_over, find_pictures

SUFFIXES = {".png", ".jpg"}


@pytest.fixture
def album(tmp_path):
    """Return ``album("ant/a.png", "bee/b.png")``: a folder with these files."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def found(path):
    classes, passed_over = find_pictures(path, SUFFIXES)
    names = {
        name: [one.relative_to(path / name).as_posix() for one in pictures]
        for name, pictures in classes.items()
    }
    return names, dict(passed_over)


def test_pictures_belong_to_the_class_of_the_first_level(album):
    path = album(
        "ant/b.png", "ant/a.JPG", "ant/day1/c.png", "ant/day1/noon/d.png", "bee/day1/a.png"
    )
    assert found(path) == (
        {"ant": ["a.JPG", "b.png", "day1/c.png", "day1/noon/d.png"], "bee": ["day1/a.png"]},
        {},
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ant/IMG_1.HEIC", ".heic"),
        ("ant/day1/clip.mpg", ".mpg"),
        ("ant/notes", "without a suffix"),
        ("ant/Thumbs.db", ".db"),
        ("ant/._a.png", "hidden"),
        ("ant/.DS_Store", "hidden"),
        ("ant/.trash/a.png", "hidden folder"),
        (".git/a.png", "hidden folder"),
        (".DS_Store", "hidden"),
        ("README.txt", ".txt"),
        ("lost.PNG", ".png in no folder of a class"),
        ("ant/a.p\x1bg", ".p\\x1bg"),
    ],
)
def test_what_is_passed_over_is_counted_by_kind(album, name, kind):
    path = album("ant/a.png", "bee/b.png", name)
    assert found(path) == ({"ant": ["a.png"], "bee": ["b.png"]}, {kind: 1})


def link(path, target, folder=False):
    try:
        path.symlink_to(target, target_is_directory=folder)
    except OSError:
        pytest.skip("there are no links here")


def test_links_are_followed_once(album):
    path = album("ant/a.png", "bee/b.png", "ant/day1/c.png")
    elsewhere = path.parent / f"{path.name} elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.png").touch()
    link(path / "ant" / "file.png", elsewhere / "e.png")
    link(path / "ant" / "there", elsewhere, folder=True)
    link(path / "ant" / "there too", elsewhere, folder=True)
    link(path / "ant" / "day1" / "up", path, folder=True)
    link(path / "ant" / "day1" / "self", path / "ant", folder=True)
    link(path / "ant" / "gone.png", path / "nowhere.png")
    link(path / "cow", elsewhere, folder=True)
    assert found(path) == (
        {
            "ant": ["a.png", "day1/c.png", "file.png", "there/e.png"],
            "bee": ["b.png"],
            "cow": ["e.png"],
        },
        {"link to a folder that was read": 3, "broken link": 1},
    )


def test_a_pipe_is_passed_over(album):
    os = pytest.importorskip("os")
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes here")
    path = album("ant/a.png", "bee/b.png")
    os.mkfifo(path / "ant" / "pipe.png")
    assert found(path)[1] == {"neither file nor folder": 1}


@pytest.mark.parametrize(
    "names", [("train", "test"), ("Train", "Val"), ("training", "validation", "test")]
)
def test_parts_of_the_data_are_no_classes(album, names):
    path = album(*(f"{name}/{kind}/a.png" for name in names for kind in ("ant", "bee")))
    with pytest.raises(ValueError, match="are parts of the data, expected one for each class"):
        find_pictures(path, SUFFIXES)


def test_a_class_may_be_called_like_a_part(album):
    path = album("train/a.png", "car/b.png")
    assert [*found(path)[0]] == ["car", "train"]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ({}, ""),
        ({".txt": 1}, "1 file passed over: 1 .txt"),
        ({".txt": 2, ".heic": 20}, "22 files passed over: 20 .heic, 2 .txt"),
        (
            {f".{one}": 9 - one for one in range(7)},
            "42 files passed over: 9 .0, 8 .1, 7 .2, 6 .3, 5 .4, 7 of other kinds",
        ),
    ],
)
def test_kinds_are_counted_the_most_frequent_first(kinds, said):
    assert describe_passed_over(Counter(kinds)) == said


def test_paths_are_sorted_whatever_the_system_says(album, monkeypatch):
    path = album("ant/a.png", "ant/b.png", "bee/c.png")
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: sorted(listed(self), reverse=True))
    assert found(path)[0] == {"ant": ["a.png", "b.png"], "bee": ["c.png"]}
