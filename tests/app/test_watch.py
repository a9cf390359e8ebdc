"""``dnn-xp watch``: the command around the server."""

import http.client
import re
import signal
import socket
from contextlib import closing

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

pytestmark = pytest.mark.once


def test_a_run_of_another_process_is_shown_until_ctrl_c(start, dnn_xp):
    assert dnn_xp("train", "digits", "--epochs", "2", "--run", "runs/a").code == 0
    with start("watch") as process:
        said = process.stdout.readline()
        (port,) = re.findall(r"runs/a is shown on http://127.0.0.1:(\d+)/ until Ctrl-C", said)
        with closing(http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)) as tab:
            tab.request("GET", "/")
            html = tab.getresponse().read().decode()
            assert "of 2 epochs done" in html
            assert "dnn-xp train digits --epochs 2 --run runs/a" in html
            tab.request("GET", "/events")
            with tab.getresponse() as events:
                events.readline()
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_run_that_has_not_begun_is_waited_for(start, tmp_path):
    (tmp_path / "later").mkdir()
    with start("watch", "later") as process:
        said = process.stdout.readline()
        assert said.startswith("later is shown on ")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert [*(tmp_path / "later").iterdir()] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "there is no run in runs: name the folder of one, or begin one"),
        (("nowhere",), "nowhere: found no such folder, expected the folder of a run"),
        (("file",), "file: found a file, expected the folder of a run"),
        (("here", "--port", "-1"), "--port: found -1"),
        (("here", "--port", "65536"), "--port: found 65536, expected a number up to 65535"),
    ],
)
def test_what_cannot_be_shown_is_an_error_of_one_line(dnn_xp, tmp_path, arguments, said):
    (tmp_path / "file").write_text("")
    (tmp_path / "here").mkdir()
    code, out, err = dnn_xp("watch", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"dnn-xp: error: {said}")


def test_a_port_that_is_taken_is_named(dnn_xp, tmp_path):
    (tmp_path / "here").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = dnn_xp("watch", "here", "--port", port)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"--port: {port} cannot be taken" in err
