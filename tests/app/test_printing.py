"""What is printed, on a terminal and elsewhere."""

import io
import re
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rich", reason="the command line needs dnn-xp[app]")

from dnn_xp.app import printing

pytestmark = pytest.mark.usefixtures("bare")

ROWS = [["short", "1.0", "ok"], ["a name with [brackets] and :smile: " + "x" * 80, "-20.5", "off"]]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch):
    """Return a terminal of 80 columns in place of stdout."""
    screen = Screen()
    # Not sys.stdout itself: pytest puts its own there when the test begins.
    monkeypatch.setattr(printing, "sys", SimpleNamespace(stdout=screen))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    return screen


def test_a_table_elsewhere_is_plain_text(capsys):
    printing.table(printing.open_console(), ["name", "value", ""], ROWS, numbers=[1])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "\x1b" not in "".join(lines)
    assert lines == [line.rstrip() for line in lines]
    assert lines[2].split() == [*ROWS[1][0].split(), "-20.5", "off"]
    assert lines[1].index("1.0") == lines[2].index("20.5") + 1  # flush right


def test_a_table_on_a_terminal_fits_and_has_colour(screen):
    printing.table(printing.open_console(), ["name", "value", ""], ROWS, numbers=[1])
    text = screen.getvalue()
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert max(map(len, plain.splitlines())) <= 80
    assert "[brackets] and :smile:" in plain


def test_no_color_means_no_colour(screen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    printing.table(printing.open_console(), ["name", "value", ""], ROWS)
    assert "off" in screen.getvalue()
    assert not re.search(r"\x1b\[[\d;]*3\dm", screen.getvalue())


COLOUR = re.compile(r"\x1b\[[\d;]+m")


@pytest.mark.parametrize("value", ["1", "3", "true", "yes"])
@pytest.mark.parametrize("where", ["pipe", "CI"])
def test_colour_that_is_asked_for(screen, monkeypatch, value, where):
    """As where a CI shows it: lines stay lines, and nothing is drawn anew."""
    monkeypatch.setenv("FORCE_COLOR", value)
    monkeypatch.setenv("CI", "true")
    if where == "pipe":
        monkeypatch.setattr(screen, "isatty", lambda: False)
    console = printing.open_console()
    printing.table(console, ["name", "value", ""], ROWS)
    with printing.progress(console, "epoch", 3) as advance:
        advance(1, "cost 0.5")
    text = screen.getvalue()
    assert COLOUR.search(text)
    assert "\x1b" not in COLOUR.sub("", text)
    assert "\r" not in text
    assert "epoch 1/3  cost 0.5\n" in text
    assert len(text.splitlines()) == 4  # a line stays one, however long it is


@pytest.mark.parametrize(
    "surroundings",
    [
        *({"FORCE_COLOR": ""}, {"FORCE_COLOR": "0"}, {"FORCE_COLOR": "false"}),
        *({"FORCE_COLOR": "1", "NO_COLOR": "1"}, {"FORCE_COLOR": "1", "TERM": "dumb"}),
        *({"CLICOLOR_FORCE": "1"}, {"NO_COLOR": "1"}, {}),
    ],
    ids=str,
)
def test_colour_that_is_not_asked_for(screen, monkeypatch, surroundings):
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(screen, "isatty", lambda: False)
    printing.table(printing.open_console(), ["name", "value", ""], ROWS)
    assert "\x1b" not in screen.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_dumb_terminal_is_as_wide_as_it_is(screen, monkeypatch, width):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(width))
    printing.table(printing.open_console(), ["name", "value"], [["word " * 30, "1"]])
    lines = screen.getvalue().splitlines()
    assert width - 5 < max(map(len, lines)) <= width
    assert "\x1b" not in screen.getvalue()


WORDS = [["a-long-name", "some words that wrap", "0.5"], ["b", "pip install 'dnn-xp[torch]'", "9"]]


@pytest.mark.parametrize("width", range(28, 60))
def test_no_word_of_a_table_is_broken_where_there_is_room(screen, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    printing.table(printing.open_console(), ["name", "what it is", "value"], WORDS, optional=[2])
    text = COLOUR.sub("", screen.getvalue())
    assert max(map(len, text.splitlines())) <= width
    words = {word for row in [*WORDS, ["name what it is"]] for word in " ".join(row).split()}
    assert words - {"0.5", "9"} <= set(text.split())
    assert ("0.5" in text) == ("value" in text) == (width >= 11 + 2 + 15 + 2 + 5)


def test_a_table_that_has_no_room_is_shown_whole(screen, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    printing.table(printing.open_console(), ["name", "what it is", "value"], WORDS, optional=[2])
    text = COLOUR.sub("", screen.getvalue())
    assert max(map(len, text.splitlines())) <= 20
    assert "valu" in text


def test_a_terminal_of_a_ci_counts_as_none(screen, monkeypatch):
    monkeypatch.setenv("CI", "true")
    console = printing.open_console()
    printing.table(console, ["name", "value", ""], ROWS)
    with printing.progress(console, "epoch", 3) as advance:
        advance(1, "cost 0.5")
    assert "epoch 1/3" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_facts(capsys):
    printing.facts(printing.open_console(), [("data", "[digits]"), ("network", "x" * 100)])
    assert capsys.readouterr().out == f"data     [digits]\nnetwork  {'x' * 100}\n"


@pytest.mark.parametrize(("total", "lines"), [(1, 1), (7, 7), (10, 10), (95, 11), (2500, 11)])
def test_progress_elsewhere_is_about_ten_lines(capsys, total, lines):
    with printing.progress(printing.open_console(), "epoch", total) as advance:
        for done in range(1, total + 1):
            advance(done, f"cost {done / 10}")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == lines
    assert said[0] == f"epoch 1/{total}  cost 0.1{', 0 s left' if total == 1 else ''}"
    assert said[-1] == f"epoch {total}/{total}  cost {total / 10}, 0 s left"


def test_long_silence_is_broken(capsys, monkeypatch):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(printing.time, "monotonic", lambda: float(next(clock)))
    with printing.progress(printing.open_console(), "epoch", 10_000) as advance:
        for done in range(1, 5):
            advance(done, "cost 0.5")
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in said] == ["1/10000", "4/10000"]
    assert said[1].endswith("249900 s left")  # 25 seconds for each of 9,996


@pytest.mark.parametrize("begun", [0, 90])
@pytest.mark.parametrize("first", [5.0, 30.0, 500.0])
def test_what_comes_before_the_first_is_done_does_not_count_as_speed(
    capsys, monkeypatch, begun, first
):
    """What was done before, and what the first one takes longer: libraries load and compile."""
    times = [0.0, first, *(first + 5.0 * n for n in range(1, 100))]
    monkeypatch.setattr(printing.time, "monotonic", lambda: times.pop(0))
    with printing.progress(printing.open_console(), "epoch", begun + 100, begun) as advance:
        for done in range(begun + 1, begun + 21):
            advance(done, "cost 0.5")
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"epoch {begun + 1}/{begun + 100}  cost 0.5"  # of one there is no speed
    done, total = map(int, said[-1].split()[1].split("/"))
    assert said[-1].endswith(f", {5 * (total - done)} s left")  # 5 seconds for each
    assert done > begun + 1


def test_progress_on_a_terminal_is_a_bar(screen):
    with printing.progress(printing.open_console(), "epoch", 40) as advance:
        for done in range(1, 41):
            advance(done, "cost 0.12, held-out accuracy 97.77%")
    last = re.sub(r"\x1b\[[\d;?]*\w", "", screen.getvalue()).splitlines()[-1]
    last = last.rpartition("\r")[2]
    assert last.startswith("epoch 40/40 ")
    assert "cost 0.12, held-out accuracy 97.77%" in last
    assert last.rstrip().endswith("left")
    assert len(last) <= 80


def test_a_bar_moves_within_an_epoch_that_takes_long(screen, monkeypatch):
    clock = iter(0.25 * n for n in range(10_000))
    monkeypatch.setattr(printing, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    seen = []
    with printing.epochs(printing.open_console(), 2) as (advance, within):
        monkeypatch.setattr(
            "rich.progress.Progress.update", lambda bar, task, **told: seen.append(told)
        )
        for done in range(2):
            for batch in range(1, 5):
                within(done, batch, 4)
            advance(done + 1, f"cost {done}")
    moved = [(told["completed"], told["text"]) for told in seen]
    assert moved == [
        *((0.5, ""), (0.75, ""), (1.0, ""), (1, "cost 0")),
        *((1.5, "cost 0"), (1.75, "cost 0"), (2.0, "cost 0"), (2, "cost 1")),
    ]


def test_epochs_at_once_are_shown_whole(screen):
    """A bar whose figures change places ten times a second could not be read."""
    with printing.epochs(printing.open_console(), 20) as (advance, within):
        for done in range(20):
            for batch in range(1, 5):
                within(done, batch, 4)
            advance(done + 1, "cost 0.5")
    assert not re.search(r"epoch \d+\.", screen.getvalue())


def test_a_dumb_terminal_gets_lines(screen, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with printing.progress(printing.open_console(), "epoch", 2) as advance:
        advance(1, "cost 0.5")
    assert screen.getvalue().startswith("epoch 1/2  cost 0.5")


@pytest.mark.parametrize(
    ("seconds", "lines"),
    [
        (0.001, []),
        (0.3, ["4/10, 2 s left", "5/10, 2 s left"]),
        (2.0, ["1/10", "2/10, 16 s left", "3/10, 14 s left"]),
    ],
)
def test_what_is_read_at_once_elsewhere_is_not_spoken_of(capsys, monkeypatch, seconds, lines):
    clock = iter(np.arange(100) * seconds)
    monkeypatch.setattr(printing.time, "monotonic", lambda: float(next(clock)))
    with printing.reading(printing.open_console(), "read") as told:
        for done in range(1, 11):
            told(done, 10)
    said = capsys.readouterr().out.splitlines()
    assert said[: len(lines)] == [f"read {line}" for line in lines]
    assert said[-1:] == (["read 10/10, 0 s left"] if lines else [])


def test_about_ten_lines_tell_of_what_is_read(capsys, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(printing.time, "monotonic", lambda: float(next(clock)))
    with printing.reading(printing.open_console(), "read") as told:
        for done in range(7, 5000, 7):
            told(done, 5000)
    assert 9 <= len(capsys.readouterr().out.splitlines()) <= 11


def test_what_is_read_is_a_bar_on_a_terminal(screen):
    with printing.reading(printing.open_console(), "read") as told:
        assert "read" not in screen.getvalue()  # in the first half second
        for done in range(1, 41):
            told(done, 40)
    last = re.sub(r"\x1b\[[\d;?]*\w", "", screen.getvalue()).splitlines()[-1]
    assert last.rpartition("\r")[2].startswith("read 40/40 ")
