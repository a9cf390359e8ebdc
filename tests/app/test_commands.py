"""The commands by name, and what their help says."""

import re

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

from typer.testing import CliRunner

from dnn_xp.app.commands import app

COMMANDS = [
    *("train", "resume", "range-test", "evaluate", "predict", "article", "verify", "backends"),
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
    for line in re.findall(r"^  -.*$", text, re.MULTILINE):
        assert re.search(r"\s\s[A-Z]\w*", line), "an option without a word of help"


def test_examples_are_commands_that_exist():
    for command in COMMANDS:
        for line in re.findall(r"^    dnn-xp (.*)$", shown(command, "--help"), re.MULTILINE):
            name, *rest = line.split()
            assert name == command
            options = {word for word in rest if word.startswith("--")}
            assert all(option in shown(name, "--help") for option in options)
