"""Files that cannot be written are found before anything is computed."""

import os
from pathlib import Path

import pytest

from dnn_xp.app.errors import UserError
from dnn_xp.app.outputs import check_outputs, check_plot, draw
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a pipe with a name")
def test_something_that_is_no_file_is_not_replaced(here):
    os.mkfifo("pipe")
    with pytest.raises(ValueError, match=r"^--output: found pipe, expected a file or a new name$"):
        check_outputs("digits", {"--output": Path("pipe")})


def test_a_folder_that_cannot_be_written_to(here, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dnn_xp.app.outputs.tempfile.TemporaryFile", refuse)
    with pytest.raises(ValueError, match=r"^--output: cannot write to \.: Permission denied$"):
        check_outputs("digits", {"--output": Path("m.h5")})


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
    assert draw(figure, Path("c.png")) == "c.png"
    assert (here / "c.png").read_bytes().startswith(b"\x89PNG")

    def refuse(path):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", refuse)
    with pytest.raises(UserError, match="No space left"):
        draw(figure, Path("d.png"))
    assert not list(here.glob("*d*.png"))
