"""The commands by name, and what their help says."""

import re
import sys
from importlib import import_module

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from typer.main import get_command
from typer.testing import CliRunner

from dnn_xp.app.commands import app

COMMANDS = [
    *("train", "resume", "predict", "evaluate", "runs", "plot", "report", "watch", "range-test"),
    *("article", "verify", "backends"),
]


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, prog_name="dnn-xp")
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]], ids=str)
def test_the_help_lists_the_commands(arguments):
    listed = re.findall(r"^  (\w[\w-]+)  ", shown(*arguments), re.MULTILINE)
    assert listed == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command):
    text = shown(command, "--help")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    assert f"Usage: dnn-xp {command}" in text
    assert not re.search(r"<\w+[\[>]", text), "a type of Python's says nothing to a user"
    for line in re.findall(r"^  -.*$", text, re.MULTILINE):
        assert re.search(r"\s\s[A-Z]\w*", line), "an option without a word of help"


def whole(text: str) -> str:
    """Return a text without its line breaks, which may be behind a hyphen."""
    return re.sub(r"(?<=\w-) (?=\w)", "", " ".join(text.replace(" \\\n", " ").split()))


@pytest.mark.parametrize("width", [60, 70, 100, 120, 200])
@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_is_whole_at_every_width(monkeypatch, capsys, width, name):
    """Words are neither left out nor broken, and lines are as long as the terminal at most."""
    arguments = ("--help",) if name is None else (name, "--help")
    expected = shown(*arguments)  # 80 columns, which the other tests look at
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.delitem(sys.modules, "dnn_xp.app.commands")  # it lays the examples out as it loads
    command = get_command(import_module("dnn_xp.app.commands").app)
    command.main(arguments, prog_name="dnn-xp", standalone_mode=False)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= width
    assert whole(text) == whole(expected)
    assert not re.search(r"\w\.\.\.$", text, re.MULTILINE)


def test_examples_are_commands_that_exist():
    for command in COMMANDS:
        for line in re.findall(r"^    dnn-xp (.*)$", shown(command, "--help"), re.MULTILINE):
            name, *rest = line.split()
            assert name == command
            options = {word for word in rest if word.startswith("--")}
            assert all(option in shown(name, "--help") for option in options)
