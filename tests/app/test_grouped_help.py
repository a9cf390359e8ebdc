"""Help of commands with many options."""

import re

import pytest

pytest.importorskip("typer", reason="the command line needs dnn-xp[app]")

pytestmark = pytest.mark.once

USUAL = {
    *("--layers", "--activation", "--epochs", "--batch-size", "--optimizer", "--learning-rate"),
    *("--seed", "--output", "--plot", "--help"),
}


def groups(text: str) -> dict[str, list[str]]:
    """Return the options under each heading."""
    parts = re.split(r"^(\S[^\n]*):\n", text, flags=re.MULTILINE)
    return {
        heading: re.findall(r"^  (?:-h, )?(--[\w-]+)", body, re.MULTILINE)
        for heading, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_the_usual_options_of_train_stand_first(dnn_xp):
    shown = groups(dnn_xp("train", "--help").out)
    first, *others = [heading for heading in shown if heading != "Arguments"]
    assert first == "Options"
    assert set(shown["Options"]) >= USUAL
    assert len(shown["Options"]) <= 16
    assert {"--schedule"} <= {*shown["Steps"]}
    assert {"--dropout", "--l2", "--mixup"} <= {*shown["Regularization"]}
    assert others


@pytest.mark.parametrize("command", ["train", "range-test"])
def test_no_option_is_left_out_or_shown_twice(dnn_xp, command):
    import typer

    from dnn_xp.app.commands import app

    parameters = typer.main.get_command(app).commands[command].params
    options = {one.opts[0] for one in parameters if one.param_type_name == "option"}
    found = [name for names in groups(dnn_xp(command, "--help").out).values() for name in names]
    assert sorted(found) == sorted(options | {"--help"})


def test_a_command_of_few_options_has_one_group(dnn_xp):
    assert set(groups(dnn_xp("verify", "--help").out)) == {"Options"}
