"""Files that cannot be written are found before anything is computed."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from dnn_xp.app.errors import Failure
from dnn_xp.app.formatting import size_of
from dnn_xp.app.outputs import check_apart, check_outputs, check_plot, check_space, draw
from dnn_xp.reports import figures


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.h5").write_bytes(b"years of work")
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_what_can_be_written_is_let_be(here):
    check_outputs("digits", {"--output": Path("new.h5"), "--plot": None})
    check_outputs("data.h5", {"--output": Path("folder/data.h5"), "--plot": Path("c.png")})
    assert {path.name for path in here.iterdir()} == {"data.h5", "folder"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"--output": "folder"}, "--output: found the folder folder, expected the name of a file"),
        ({"--plot": "nowhere/c.png"}, "--plot: the folder nowhere does not exist"),
        ({"--output": "data.h5"}, "--output: data.h5 holds the data and would be overwritten"),
        ({"--a": "x", "--b": "folder/../x"}, "--b: folder/../x is the --a, too"),
    ],
)
def test_outputs_what_cannot_be_is_said(here, files, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_outputs("data.h5", {option: Path(name) for option, name in files.items()})


@pytest.mark.parametrize("option", ["--output", "--plot", "--run"])
@pytest.mark.parametrize(
    ("checkpoint", "name", "fits"),
    [
        ("z", "z.1", False),
        ("z", "z.2", False),
        ("z", "z.07", False),
        ("z", "./folder/../z.12", False),
        ("z", ".z.lock", False),
        ("z", "z", False),
        ("folder/z.h5", "folder/z.h5.1", False),
        ("z", "folder/z.1", True),
        ("z", "z.h5", True),
        ("z", "z.1.h5", True),
        ("z.1", "z", True),
        ("z", "zz.1", True),
        (None, "z.1", True),
    ],
)
def test_no_output_has_the_name_of_what_belongs_to_a_checkpoint(
    here, option, checkpoint, name, fits
):
    kept = None if checkpoint is None else Path(checkpoint)
    files = {"--checkpoint": kept, option: Path(name)}
    if fits:
        check_apart(kept, files)
    else:
        with pytest.raises(ValueError, match=f"^{option}: found .*--checkpoint {checkpoint} keeps"):
            check_apart(kept, files)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_has_the_name_to_which_it_leads(here):
    (here / "folder" / "link").symlink_to(here / "z.1")
    with pytest.raises(ValueError, match=r"^--output: found folder.link"):
        check_apart(Path("z"), {"--output": Path("folder/link")})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_something_that_is_no_file_is_not_replaced(here):
    os.mkfifo("pipe")
    with pytest.raises(ValueError, match=r"^--output: found pipe, expected a file or a new name$"):
        check_outputs("digits", {"--output": Path("pipe")})


def test_a_folder_that_cannot_be_written_to(here, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dnn_xp.app.outputs.try_replacing", refuse)
    with pytest.raises(
        ValueError, match=r"^--output: cannot write m\.h5 to \.: Permission denied$"
    ):
        check_outputs("digits", {"--output": Path("m.h5")})


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere/m.h5", "--output: the folder .*/nowhere does not exist"),
        ("folder", "--output: found the folder link, expected the name of a file"),
        ("data.h5", "--output: link holds the data and would be overwritten"),
        ("link", "--output: cannot write link to .*: Too many levels of symbolic links"),
        ("/dev/null", "--output: found link, expected a file or a new name"),
    ],
)
def test_a_link_is_tried_where_it_leads(here, target, message):
    Path("link").symlink_to(target)
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_outputs("data.h5", {"--output": Path("link")})


def test_a_name_that_leaves_no_room_for_the_temporary_one(here):
    name = "x" * 250 + ".h5"
    with pytest.raises(ValueError, match=r"^--output: cannot write x+\.h5 .*: File name too long$"):
        check_outputs("digits", {"--output": Path(name)})


def test_a_file_that_is_write_protected(here, monkeypatch):
    Path("m.h5").touch(mode=0o444)
    monkeypatch.setattr(os, "access", lambda path, how: how != os.W_OK)  # root may write anything
    with pytest.raises(ValueError, match=r"^--output: m\.h5 is write-protected$"):
        check_outputs("digits", {"--output": Path("m.h5")})
    assert Path("m.h5").read_bytes() == b""


def test_room_for_what_will_be_written(here, monkeypatch):
    asked = []

    def usage(folder):
        asked.append(folder)
        return SimpleNamespace(free=1000)

    monkeypatch.setattr("dnn_xp.app.outputs.shutil.disk_usage", usage)
    Path("link").symlink_to("folder/m.h5")
    check_space({"--output": (Path("link"), 1000), "--checkpoint": (None, 10**9)})
    assert asked == [str(here / "folder")]
    with pytest.raises(
        ValueError,
        match=r"^--checkpoint: c takes about 1,001 bytes, and only 990 are free there beside",
    ):
        check_space({"--output": (Path("m.h5"), 10), "--checkpoint": (Path("c"), 1001)})
    together = {"--output": (Path("m.h5"), 600), "--run": (Path("folder/no/where/x"), 600)}
    with pytest.raises(ValueError, match=r"^--run: .* takes about 600 bytes, and only 400 are"):
        check_space(together)
    assert asked[-1] == str(here / "folder")
    check_space({name: (path, 500) for name, (path, _) in together.items()})
    monkeypatch.setattr("dnn_xp.app.outputs._disk_of", len)
    check_space(together)  # on two disks

    def unknown(folder):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("dnn_xp.app.outputs.shutil.disk_usage", unknown)
    check_space({"--output": (Path("m.h5"), 10**18)})


def test_the_suffix_of_a_plot():
    pytest.importorskip("matplotlib")
    for plot in (None, Path("c.png"), Path("c.SVG"), Path("c.pdf")):
        check_plot(plot)
    with pytest.raises(
        ValueError, match=r"^--plot: found 'c.txt', expected .* \.png, \.svg, \.pdf"
    ):
        check_plot(Path("c.txt"))


def test_a_figure_is_written_whole_or_not_at_all(here, monkeypatch):
    pytest.importorskip("matplotlib")
    figure = figures.learning_curve([1.0, 0.5])
    said = draw(figure, Path("c.png"))
    assert said == f"c.png ({size_of(here / 'c.png')})"
    assert (here / "c.png").read_bytes().startswith(b"\x89PNG")

    def refuse(path):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", refuse)
    with pytest.raises(Failure, match=r"^--plot: d\.png: No space left on device$"):
        draw(figure, Path("d.png"))
    assert not list(here.glob("*d*.png"))
