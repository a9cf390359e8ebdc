"""Names of classes that tell nothing apart are refused wherever they come from."""

import h5py
import numpy as np
import pytest

from dnn_xp import Dense, Model, Network, save_model
from dnn_xp.data import load_arrays, load_cats
from dnn_xp.data.class_names import LONGEST_NAME, check_class_names

WRONG = {
    "equal": (("cat", "cat"), "found 2 classes called 'cat', expected a name for each"),
    "empty": (("", "cat"), "found '', expected names of classes"),
    "blank": (("cat", " \t"), "expected names of classes"),
    "long": (("cat", "x" * (LONGEST_NAME + 1)), "expected names of at most 1000 characters"),
}
by_kind = pytest.mark.parametrize(("names", "said"), WRONG.values(), ids=WRONG)


@by_kind
def test_names_of_a_model(tmp_path, names, said):
    model = Model(Network(2, (Dense(1),), "sigmoid_cross_entropy"), np.ones(3), classes=names)
    with pytest.raises(ValueError, match=f"^classes: .*{said}"):
        save_model(tmp_path / "m.h5", model)
    assert list(tmp_path.iterdir()) == []


@by_kind
def test_names_of_the_cats(tmp_path, names, said):
    for part in ("train", "test"):
        with h5py.File(tmp_path / f"{part}_catvnoncat.h5", "w") as file:
            file[f"{part}_set_x"] = np.zeros((2, 4, 4, 3), np.uint8)
            file[f"{part}_set_y"] = np.asarray([0, 1])
            file["list_classes"] = np.asarray([name.encode() for name in names])
    with pytest.raises(ValueError, match=f"list_classes: .*{said}"):
        load_cats(tmp_path)


@by_kind
@pytest.mark.parametrize("kind", ["U", "S"])
def test_names_that_are_labels(tmp_path, names, said, kind):
    """Equal ones are one class there."""
    y = np.asarray(names) if kind == "U" else np.asarray([name.encode() for name in names])
    np.savez(tmp_path / "data.npz", x=np.eye(2), y=y)
    if "equal" in said or names[0] == names[1]:
        assert load_arrays(tmp_path / "data.npz").classes == names[:1]
    else:
        with pytest.raises(ValueError, match=f"data.npz: y: .*{said}"):
            load_arrays(tmp_path / "data.npz")


@pytest.mark.parametrize("name", [3, None, b"cat", ["cat"]])
def test_a_name_that_is_no_text(name):
    with pytest.raises(ValueError, match=r"classes: found .*, expected names of classes"):
        check_class_names("classes", ("cat", name))


def test_other_names_are_taken():
    check_class_names("classes", ("cat", "Cat", "cat ", "\u732b", "x" * LONGEST_NAME, "0"))
