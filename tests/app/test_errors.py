import pytest

from dnn_xp.app.errors import Failure, UserError, user_errors
from dnn_xp.backends import BackendError, BackendNotInstalledError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("rate: found 2"), "rate: found 2"),
        (FileNotFoundError(2, "No such file", "cat.png"), "cat.png: No such file"),
        (FileNotFoundError("cat.png: there is no such file"), "cat.png: there is no such file"),
        (BackendError("no float64"), "no float64"),
        (BackendNotInstalledError("backend is not installed"), "backend is not installed"),
        (ImportError("pip install 'dnn-xp[app]'"), "pip install 'dnn-xp[app]'"),
        (MemoryError("Unable to allocate 9 TiB"), "Unable to allocate 9 TiB"),
        (MemoryError(), "MemoryError"),
    ],
    ids=repr,
)
def test_what_a_person_can_mend(error, message):
    with pytest.raises(UserError) as raised, user_errors():
        raise error
    assert str(raised.value) == message
    assert raised.value.exit_code == 2
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [TypeError("a bug"), KeyError("a bug"), ImportError("a typo")], ids=repr
)
def test_a_bug_stays_one(error):
    with pytest.raises(type(error)) as raised, user_errors():
        raise error
    assert raised.value is error


def test_a_failure_is_another_exit_code():
    assert Failure("3 of 4 are off").exit_code == 1
