"""A bar that fits into its terminal, and a time that is not guessed."""

import io
import re
from itertools import pairwise

import pytest

pytest.importorskip("rich", reason="bars need dnn-xp[app]")

from rich.cells import cell_len
from rich.console import Console

from dnn_xp.callbacks import bar as module
from dnn_xp.callbacks.bar import Bar, Pace
from dnn_xp.callbacks.progress_bar import make_bar

pytestmark = pytest.mark.once
TEXTS = {
    "none": "",
    "usual": "cost 0.0211, held-out accuracy 97.77%",
    "long": "cost 0.0211, held-out accuracy 97.77%, balanced_accuracy 97.7%, r2 0.5",
    "wide": "コスト 0.0211 精度 97.77%",
}


def drawn(width, text="", *, done=1.5, total=3.0, elapsed=False, title="epoch", **options):
    """Return the line of a bar on a terminal of so many columns."""
    screen = io.StringIO()
    console = Console(file=screen, width=width, **options)
    with make_bar(console, elapsed=elapsed) as shown:
        task = shown.add_task(title, total=total, text="")
        shown.update(task, completed=done, text=text)
    return screen.getvalue()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("title", ["epoch", "TabularClassifier  member", "学習"])
@pytest.mark.parametrize("width", [*range(1, 30, 4), 40, 60, 80, 100, 120, 200])
def test_a_line_leaves_room_for_the_echo_of_ctrl_c(width, title, text):
    line = drawn(width, text, title=title).rstrip("\n")
    assert "\n" not in line
    assert cell_len(line) <= max(1, width - module.ECHO)


@pytest.mark.parametrize(("width", "length", "word"), [(120, 20, True), (80, 15, True)])
def test_where_there_is_room_all_parts_are_there(width, length, word):
    line = drawn(width, TEXTS["usual"], done=1, title="epoch").rstrip("\n")
    assert line.startswith("epoch 1/3 ")
    assert len(re.findall("[━╾─]", line)) == pytest.approx(length, abs=2)
    assert line.endswith("--:-- left") == word
    assert TEXTS["usual"] in line


def test_with_less_room_the_word_goes_then_the_bar_then_the_end_of_the_text():
    stages = []
    for width in range(100, 30, -1):
        line = drawn(width, TEXTS["usual"]).rstrip("\n")
        stages.append(("left" in line, "━" in line, "97.77%" in line, "--:--" in line))
    assert list(dict.fromkeys(stages)) == [
        (True, True, True, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, True),
    ]


def test_what_is_done_and_what_is_not_differ_in_form():
    assert drawn(80, done=1, total=2).split()[2] == "━" * 10 + "─" * 10
    assert drawn(80, done=21, total=40).split()[2] == "━" * 10 + "╾" + "─" * 9
    assert drawn(80, done=0, total=2).split()[2] == "─" * 20
    assert drawn(80, done=2, total=2).split()[2] == "━" * 20
    assert drawn(80, done=9, total=2).split()[2] == "━" * 20  # more than there were to be
    assert drawn(80, done=0, total=0).split()[2] == "━" * 20


def test_a_terminal_of_ascii_alone():
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with make_bar(Console(file=screen, width=80)) as shown:
        shown.update(shown.add_task("epoch", total=4, text=""), completed=1)
    screen.flush()
    assert screen.buffer.getvalue().split()[2] == b"=====---------------"


@pytest.mark.parametrize("colors", ["standard", "256", "truecolor"])
def test_a_bar_is_bold_and_dim_and_has_no_colour(colors):
    """Which can be read on a dark ground and on a light one."""
    text = drawn(80, done=1, total=2, force_terminal=True, color_system=colors)
    assert "\x1b[1m━" in text
    assert "\x1b[2m─" in text
    assert set(re.findall(r"\x1b\[([\d;]*)m", text)) == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("done", "shown"), [(0, "0/3"), (0.5, "0.50/3"), (1, "1/3"), (2.999, "3.00/3"), (3, "3/3")]
)
def test_parts_of_an_epoch_are_counted(done, shown):
    assert drawn(80, done=done).startswith(f"epoch {shown} ")


def test_of_what_has_no_total_it_is_said_that_it_goes_on():
    screen, now = io.StringIO(), [0.0]
    shown = Bar(Console(file=screen, width=80, force_terminal=True), elapsed=False)
    shown.get_time = lambda: now[0]
    shown.live.auto_refresh, shown.live.transient = False, True
    with shown:
        shown.add_task("reading", total=None)
        shown.refresh()
        assert "reading" not in screen.getvalue()
        now[0] = 61.0
        shown.refresh()
        assert "reading ... 01:01" in screen.getvalue()


# ----------------------------------------------------------------------------- the time left


def paced(times, *, begun=0.0):
    """Return a pace that has looked at each (time, done)."""
    pace = Pace(begun)
    for now, done in times:
        pace.look(done, now)
    return pace


def test_of_the_first_step_nothing_is_guessed():
    """However long it took: libraries load and compile in it."""
    assert paced([]).seconds_left(8, 0.0) is None
    assert paced([(100.0, 0.001)]).seconds_left(8, 100.0) is None
    assert paced([(100.0, 0.001), (100.9, 1.0)]).seconds_left(8, 100.9) is None
    assert paced([(100.0, 0.5), (101.0, 1.5)]).seconds_left(8, 101.0) == pytest.approx(6.5)


@pytest.mark.parametrize("first", [0.001, 2.0, 500.0])
@pytest.mark.parametrize("step", [0.01, 0.5, 30.0])
@pytest.mark.parametrize("begun", [0.0, 5.0, 5.25])
def test_what_the_first_step_takes_longer_does_not_count(first, step, begun):
    """Steps of the same length after it: what is said is right from the first word on."""
    total, n_batches = 8.0 + begun, 100
    pace, now = Pace(begun), first
    for batch in range(1, 8 * n_batches + 1):
        done = begun + batch / n_batches
        pace.look(done, now)
        left = pace.seconds_left(total, now)
        if left is not None:
            assert left == pytest.approx((total - done) * n_batches * step, abs=1e-6)
        if abs(now - first - module.GROUND) > 1e-6:
            assert (left is None) == (now - first < module.GROUND)
        now += step


def test_what_the_end_of_the_first_epoch_takes_longer_is_forgotten():
    """A last batch of its own shape, and measuring, compile too: 60 s that do not come again."""
    pace, now, lefts = Pace(0.0), 30.0, []
    for epoch in range(4):
        for batch in range(1, 11):
            now += 1.0 + (60.0 if (epoch, batch) == (0, 10) else 0.0)
            pace.look(epoch + batch / 10, now)
            lefts.append(pace.seconds_left(100.0, now))
    assert lefts[11] == pytest.approx(988.0)  # after one step of the second epoch and another
    assert lefts[-1] == pytest.approx(960.0)


def test_it_counts_down_while_a_step_takes_long():
    pace = paced([(10.0, 1.0), (20.0, 2.0)])
    assert [pace.seconds_left(4.0, now) for now in (20.0, 27.0, 50.0)] == [20.0, 13.0, 0.0]


def test_the_time_of_a_run_of_eight_seconds_is_never_far_off():
    """Of 5 epochs of 40 steps after 20 s that the first one takes, as a person sees it."""
    pace, now, seen = Pace(0.0), 20.0, []
    for step in range(1, 201):
        pace.look(step / 40, now)
        left = pace.seconds_left(5.0, now)
        seen += [] if left is None else [(left, (200 - step) * 0.04)]
        now += 0.04
    assert len(seen) > 170
    assert max(abs(left - true) for left, true in seen) < 0.5
    assert all(before[0] >= after[0] - 0.1 for before, after in pairwise(seen))
