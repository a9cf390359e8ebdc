"""The README's blocks, run as they stand: one after the other, in one session and one folder."""

import doctest
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pytest

from dnn_xp.app.cli import main
from dnn_xp.backends import BackendError, use_backend
from dnn_xp.data import load_digits
from tests.app.conftest import signals_stay

pyplot = pytest.importorskip("matplotlib.pyplot", reason="the README's figures need dnn-xp[app]")
Image = pytest.importorskip("PIL.Image", reason="its pictures need dnn-xp[app]")

README = Path(__file__).resolve().parents[2] / "README.md"

LEFT = {
    "pip": "it would install",
    "nox": "it would run all tests, this one among them",
    "mpiexec": "tests/distributed starts processes",
    "torchrun": "tests/distributed starts processes",
    "dnn-xp article": "it needs the article's pictures",
    "dnn-xp watch": "it goes on until Ctrl-C: tests/app/test_watch.py starts it",
}
"""Commands that are not run, and why."""


class Block(NamedTuple):
    """A block of Python, or a command of a block of the shell."""

    line: int
    kind: str
    text: str


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of Python whole, and those of the shell command by command."""
    for found in re.finditer(r"^```(\w+)\n(.*?)^```", text, re.M | re.S):
        kind, body = found.groups()
        line = text.count("\n", 0, found.start()) + 2
        if kind == "python":
            yield Block(line, kind, body)
        elif kind in ("console", "sh", "bash", "shell"):
            for i, command in enumerate(body.splitlines()):
                words = shlex.join(shlex.split(command.removeprefix("$ "), comments=True))
                for one in words.split(" '&&' ") if words else ():
                    yield Block(line + i, "shell", one)


BLOCKS = [*blocks(README.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def names():
    """Return the names of one session of Python."""
    return {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Go to a folder with the files that a reader of the README has."""
    folder, before, patch = tmp_path_factory.mktemp("readme"), Path.cwd(), pytest.MonkeyPatch()
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("DNN_XP_")]:
        patch.delenv(name)
    patch.setenv("DNN_XP_CAT_DATA", str(folder))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    with h5py.File("big.h5", "w") as file:
        file["x"], file["y"] = X, (X[:, 0] > 0.0).astype(int)
    with h5py.File("any.h5", "w") as file:
        file["train/x"], file["train/y"] = X, (X[:, 0] > 0.0).astype(int)
    np.savez("measurements.npz", x=X, y=X[:, 0] - X[:, 1])
    np.savez("visits.npz", x=X, y=rng.poisson(3.0, len(X)))
    plans, left = rng.choice(["free", "paid"], len(X)), np.where(X[:, 0] > 0.0, "yes", "no")
    rows = [f"{a:.3f},{plan},{one}" for a, plan, one in zip(X[:, 0], plans, left, strict=True)]
    Path("customers.csv").write_text("\n".join(("age,plan,left", *rows)))
    rows = [f"{a:.3f},{plan},{100.0 * a:.2f}" for a, plan in zip(X[:, 1], plans, strict=True)]
    Path("prices.csv").write_text("\n".join(("size,plan,price", *rows)))
    Path("new.csv").write_text("size,plan\n0.5,paid\n-0.5,free\n")
    for part, m in (("train", 13), ("test", 6)):  # in place of the cats
        with h5py.File(f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = rng.integers(0, 256, (m, 64, 64, 3), dtype=np.uint8)
            file[f"{part}_set_y"] = np.arange(m) % 2
            file["list_classes"] = np.asarray([b"non-cat", b"cat"])
    for i in range(20):
        where = folder / "pictures" / ("dark", "light")[i % 2]
        where.mkdir(parents=True, exist_ok=True)
        grey = rng.integers(0, 100, (8, 8), dtype=np.uint8) + np.uint8(150 * (i % 2))
        Image.fromarray(grey).save(where / f"{i}.png")
    Image.fromarray(rng.integers(0, 256, (90, 70, 3), dtype=np.uint8)).save("my_cat.jpg")
    digits = load_digits()
    seven = digits.X[:, digits.y == 7][:, 0].reshape(8, 8)
    Image.fromarray(15 * seven).save("seven.png")
    Image.fromarray(255 - np.pad(15 * seven, 30)).save("drawn.png")
    Path("scans").mkdir()
    Image.fromarray(15 * seven.T).save("scans/1.png")
    run(["train", "digits", "--epochs", "1", "--run", "runs/2026-11-28_digits"])
    pytest.importorskip("sklearn")  # which the README has installed by then
    run(["train", "prices.csv", "--time-limit", "2", "--output", "prices.h5", "--no-run"])
    yield folder
    patch.undo()
    os.chdir(before)


@pytest.fixture(autouse=True)
def _surroundings(folder):
    """Draw without a window, and leave the backend as it was."""
    pyplot.switch_backend("Agg")
    with use_backend("numpy"):
        yield
    pyplot.close("all")


def run(arguments: list[str]) -> int:
    """Run the command line in this process, and return its exit code."""
    with signals_stay(), pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code or 0


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType")  # within MLflow
@pytest.mark.parametrize("block", BLOCKS, ids=lambda one: f"line {one.line}")
def test_a_block_runs_as_it_stands(block, names, capsys):
    if block.kind == "shell":
        program, *arguments = shlex.split(block.text)
        for begin, reason in LEFT.items():
            if f"{block.text} ".startswith(f"{begin} "):
                pytest.skip(reason)
        assert program == "dnn-xp"
        for library in ("torch", "jax", "cupy", "dask"):
            if library in arguments:
                pytest.importorskip(library)
        code = run(arguments)
        said = capsys.readouterr()
        assert code == 0, f"{block.text}\n{said.out}\n{said.err}"
        return
    try:
        if ">>>" in block.text:
            run_examples(block, names)
        else:
            exec(compile(block.text, f"README.md, line {block.line}", "exec"), names)
    except BackendError as error:
        pytest.skip(str(error))
    except ImportError as error:  # of a library that is an extra; never of a name of ours
        if (error.name or "dnn_xp").startswith("dnn_xp"):
            raise
        pytest.skip(str(error))


def run_examples(block: Block, names: dict[str, object]) -> None:
    """Run a block of examples, and compare what they print."""
    test = doctest.DocTestParser().get_doctest(
        block.text, names, f"line {block.line}", str(README), block.line - 1
    )
    test.globs = names  # it would keep new names in a copy
    runner, said = doctest.DocTestRunner(), []
    found = runner.run(test, out=said.append, clear_globs=False)
    assert not found.failed, "".join(said)


def test_the_readme_has_blocks_of_both_kinds():
    kinds = [block.kind for block in BLOCKS]
    assert kinds.count("python") >= 10
    assert kinds.count("shell") >= 10


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```python\nx = 1\n```\n", [("python", "x = 1\n")]),
        (
            "a\n\n```console\n$ dnn-xp train  # said\n\ndnn-xp 'a b'\n```",
            ["dnn-xp train", "dnn-xp 'a b'"],
        ),
        ("```sh\npip install . && nox\n```\n", ["pip install .", "nox"]),
        ("```text\nnothing\n```\n", []),
    ],
)
def test_blocks_are_found(text, found):
    expected = [one if isinstance(one, tuple) else ("shell", one) for one in found]
    assert [(block.kind, block.text) for block in blocks(text)] == expected


def test_a_block_that_is_wrong_is_told():
    """The runner can fail: on what is printed, and on what is raised."""
    with pytest.raises(AssertionError, match="Expected"):
        run_examples(Block(1, "python", ">>> 1 + 1\n3\n"), {})
    with pytest.raises(NameError):
        test_a_block_runs_as_it_stands(Block(1, "python", "nowhere\n"), {}, None)
    wrong = Block(1, "python", "from dnn_xp import nowhere\n")
    with pytest.raises(ImportError):
        test_a_block_runs_as_it_stands(wrong, {}, None)


def test_names_stay_from_block_to_block():
    names = {}
    run_examples(Block(1, "python", ">>> x = 1\n"), names)
    test_a_block_runs_as_it_stands(Block(1, "python", "assert x == 1\ny = 2\n"), names, None)
    run_examples(Block(1, "python", ">>> y\n2\n"), names)
