"""The stand-in for CuPy: taken for CuPy, as strict as CuPy, and a judge of planted errors."""

import copy
import io
import os
import pickle
import shutil
import subprocess
import sys
import tokenize
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import array_api_compat
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def cupy(library):
    if not library.value.startswith("cupy:stand-in"):
        pytest.skip("this is CuPy")
    return import_module("cupy")


@pytest.fixture
def x(cupy):
    return cupy.asarray([[1.0, 2.0], [3.0, 4.0]])


# ----------------------------------------------------------------------------- what it is


@pytest.mark.cupy
def test_it_says_what_it_is(cupy):
    assert cupy.__version__ == "0.stand-in"
    assert "It is not CuPy" in cupy.__doc__


@pytest.mark.cupy
def test_it_is_taken_for_cupy(cupy, x):
    assert array_api_compat.is_cupy_array(x)
    assert array_api_compat.array_namespace(x).__name__ == "array_api_compat.cupy"
    assert not array_api_compat.is_numpy_array(x)
    sklearn_arrays = pytest.importorskip("sklearn.utils._array_api")
    with pytest.importorskip("sklearn").config_context(array_api_dispatch=True):
        xp, follows = sklearn_arrays.get_namespace(x)
    assert follows
    assert xp.__name__.endswith("array_api_compat.cupy")


@pytest.mark.cupy
def test_results_are_arrays_also_of_no_dimensions(cupy, x):
    for found in (x.sum(), x[0, 0], cupy.max(x), x @ x, x.T, x + 1, x == x, -x, cupy.sqrt(x)):
        assert type(found) is cupy.ndarray


@pytest.mark.cupy
def test_memory_is_its_own(cupy):
    host = np.ones(3)
    x = cupy.asarray(host)
    host[...] = 0.0
    out = x.get()
    out[...] = 0.0
    assert x.tolist() == [1.0, 1.0, 1.0]
    assert cupy.asarray(x) is x
    assert cupy.array(x) is not x


@pytest.mark.cupy
def test_empty_memory_is_not_zero(cupy):
    assert np.isnan(cupy.empty(3).get()).all()


@pytest.mark.cupy
def test_views_share_memory_and_in_place_is_in_place(cupy, x):
    same, view = x, x.T[0]
    x *= 2.0
    view += 1.0
    assert same is x
    assert x.tolist() == [[3.0, 4.0], [7.0, 8.0]]
    cupy.matmul(x, x, out=x)
    assert same is x


@pytest.mark.cupy
def test_copies_and_pickles_are_arrays(cupy, x):
    for other in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.copy()):
        assert type(other) is cupy.ndarray
        assert other.tolist() == x.tolist()
        assert other is not x


# ----------------------------------------------------------------------------- what it refuses


@pytest.mark.cupy
@pytest.mark.parametrize("convert", [np.asarray, np.array, np.ascontiguousarray, memoryview])
def test_it_is_never_made_an_array_of_numpys_by_itself(x, convert):
    with pytest.raises(TypeError):
        convert(x)


@pytest.mark.cupy
@pytest.mark.parametrize(
    "mix",
    [
        lambda x, host: x + host,
        lambda x, host: host + x,
        lambda x, host: host @ x,
        lambda x, host: x @ host,
        lambda x, host: x == host,
        lambda x, host: host < x,
        lambda x, host: x.__imul__(host),
        lambda x, host: array_api_compat.array_namespace(x).where(x > 0, x, host),
        lambda x, host: array_api_compat.array_namespace(x).maximum(x, host),
        lambda x, host: array_api_compat.array_namespace(x).sum(host),
        lambda x, host: np.add(x, host),
        lambda x, host: x + host[0, 0, ...],
    ],
)
def test_it_is_not_mixed_with_numpys_arrays(x, mix):
    with pytest.raises(TypeError, match=r"Unsupported type <class 'numpy.ndarray'>"):
        mix(x, np.ones((2, 2)))


@pytest.mark.cupy
def test_only_its_arrays_are_concatenated(cupy, x):
    with pytest.raises(TypeError, match="Only cupy arrays"):
        cupy.concatenate([x, np.ones((2, 2))])


@pytest.mark.cupy
def test_scalars_are_taken(cupy, x):
    """Python's and NumPy's."""
    assert (x * np.float64(2.0) + 1).tolist() == [[3.0, 5.0], [7.0, 9.0]]
    assert float(x[1, 1]) == 4.0
    assert int(x[1, 1]) == 4
    assert bool(x[0, 0] > 0)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x > 0)


@pytest.mark.cupy
def test_numpys_indices_and_values_are_taken_where_cupy_takes_them(cupy, x):
    assert x[np.asarray([1, 0])].tolist() == [[3.0, 4.0], [1.0, 2.0]]
    assert cupy.take(x, np.asarray([1]), axis=0).tolist() == [[3.0, 4.0]]
    x[0] = np.zeros(2)
    assert x.tolist() == [[0.0, 0.0], [3.0, 4.0]]


@pytest.mark.cupy
def test_numpys_functions_are_its_own_where_there_is_one(cupy, x):
    assert type(np.sum(x)) is cupy.ndarray
    assert type(np.add(x, 1)) is cupy.ndarray
    with pytest.raises(TypeError):
        np.save(io.BytesIO(), x)


@pytest.mark.cupy
def test_creation_functions_do_not_know_devices(cupy, x):
    for make in (cupy.zeros, cupy.empty, cupy.ones, cupy.asarray):
        with pytest.raises(TypeError, match="device"):
            make(3, device=cupy.cuda.Device(1))
    xp = array_api_compat.array_namespace(x)
    assert xp.zeros(3, device=cupy.cuda.Device(1)).device.id == 0, "which array-api-compat hides"


@pytest.mark.cupy
def test_devices_are_not_mixed(cupy, x):
    with cupy.cuda.Device(1):
        other = cupy.ones((2, 2))
        with pytest.raises(ValueError, match=r"array resides \(0\)"):
            x + other
        with pytest.raises(ValueError, match=r"array resides \(0\)"):
            x.astype("float32")
        brought = cupy.asarray(x)
        assert (brought.device.id, brought.tolist()) == (1, x.tolist())
    with pytest.raises(ValueError, match=r"array resides \(1\)"):
        other.sum()
    assert other.T.device.id == 1
    assert other.get().sum() == 4.0


# ----------------------------------------------------------------------------- planted errors


class Planted(NamedTuple):
    """An error planted in a module of `dnn_xp.backends`, and the test that must find it."""

    module: str
    line: str
    instead: str
    found_by: str


PLANTED = [
    Planted(
        "choosing",
        'name = "cupy" if _cupy_problem() is None else "numpy"',
        'name = "numpy"',
        "test_auto_is_cupy_where_a_device_answers",
    ),
    Planted(
        "choosing",
        'if text is None and name == "cupy" and (problem := _cupy_problem()):',
        "if problem := None:",
        "test_a_device_that_does_not_compute_is_no_device",
    ),
    Planted(
        "choosing",
        'if name == "cupy":\n        if _cupy_problem() is not None:',
        'if name == "cupy":\n        if False:',
        "test_a_device_that_does_not_compute_is_no_device",
    ),
    Planted(
        "choosing",
        'count = import_module("cupy").cuda.runtime.getDeviceCount()',
        "count = 1",
        "test_devices_have_two_names_each",
    ),
    Planted(
        "choosing",
        "if not cupy.cuda.is_available():",
        "if False:",
        "test_without_a_device_cupy_is_refused_and_auto_is_numpy",
    ),
    Planted(
        "choosing",
        "cupy.zeros(1) + 1",
        "pass",
        "test_a_device_that_does_not_compute_is_no_device",
    ),
    Planted(
        "choosing",
        'if backend.name != "cupy" or backend.device is None:',
        "if True:",
        "test_the_device_chosen_is_current_in_a_block_and_not_behind_it",
    ),
    Planted(
        "choosing",
        'cuda = import_module("cupy").cuda\n    before = cuda.Device()\n',
        'cuda = import_module("cupy").cuda\n    before = None\n',
        "test_the_device_chosen_is_current_in_a_block_and_not_behind_it",
    ),
    Planted(
        "choosing",
        "        device = _make_current(self._chosen)\n",
        "        device = self._device\n",
        "test_the_device_chosen_is_current_in_a_block_and_not_behind_it",
    ),
    Planted(
        "choosing",
        "_make_current(_of_process)",
        "pass",
        "test_the_device_of_the_environment_is_current_in_the_main_thread",
    ),
    Planted(
        "choosing",
        "        _make_current(chosen)\n",
        "",
        "test_the_device_of_the_environment_is_current_also_in_threads",
    ),
    Planted(
        "moving",
        "    return xp.asarray(host, device=where)\n",
        "    return xp.asarray(host)\n",
        "test_moving_from_the_host_goes_to_the_device_named",
    ),
    Planted(
        "moving",
        "namespace(library.empty(0)).asarray([], device=device)",
        "namespace(library.empty(0)).empty(0, device=device)",
        "test_an_empty_array_is_made_on_the_device_named",
    ),
    Planted(
        "moving",
        "xp.astype(xp.asarray(host, device=where), dtype, copy=False)",
        "xp.astype(xp.asarray(host), dtype, copy=False)",
        "test_values_are_brought_beside_an_array_of_another_device",
    ),
    Planted(
        "moving",
        "value = to_device(value, where)",
        "pass",
        "test_arrays_are_brought_from_one_device_to_another",
    ),
    Planted(
        "moving",
        "with where if is_cupy_array(like) else nullcontext():",
        "with nullcontext():",
        "test_arrays_are_brought_from_one_device_to_another",
    ),
    Planted(
        "moving",
        "if is_cupy_array(x):\n        return np.asarray(x.get())",
        "if False:\n        return x",
        "test_arrays_come_to_the_host_as_copies",
    ),
    Planted(
        "running",
        "return bool(is_numpy_array(x) or is_torch_array(x) or is_cupy_array(x))",
        "return bool(is_numpy_array(x) or is_torch_array(x))",
        "test_slices_are_written_through",
    ),
    Planted(
        "running",
        "if is_cupy_array(like):  # what a step makes",
        "if False:  # what a step makes",
        "test_a_compiled_step_runs_on_the_device_of_its_arrays",
    ),
    Planted(
        "running",
        "return bool(is_jax_array(like) or is_cupy_array(like) or on_cuda)",
        "return bool(is_jax_array(like) or on_cuda)",
        "test_few_calls_are_preferred",
    ),
]

# Lines that name CuPy and neither convert nor choose a device.
HARMLESS = {
    "is_cupy_array,",
    '"cupy": Library("cupy", "array_api_compat.cupy", "dnn-xp[cuda12]\' or \'dnn-xp[cuda13]"),',
    "def _cupy_problem() -> str | None:",
    'if util.find_spec("cupy") is None:',  # the import would fail, with more words
    'cupy = import_module("cupy")',
}
ON_CUDA = {  # of tensors of PyTorch on CUDA, which no stand-in has
    'library = require("cupy", "cuda12") if kind == "cuda" else np',
    'require("cupy", "cuda12").from_dlpack(block.detach()) if kind == "cuda" else to_host(block)',
}


def source(module):
    return (ROOT / "dnn_xp" / "backends" / f"{module}.py").read_text(encoding="utf-8")


def lines_that_name_cupy(text):
    """Return lines whose code names CuPy: no comments, no docstrings, no messages."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        name = token.type == tokenize.NAME and ("cupy" in token.string or "_make" in token.string)
        if name or token.string == '"cupy"':
            yield lines[token.start[0] - 1].strip()


def test_each_line_that_names_cupy_has_an_error_planted():
    for path in (ROOT / "dnn_xp" / "backends").glob("*.py"):
        planted = "\n".join(one.line for one in PLANTED if one.module == path.stem)
        planted += (
            # Without it: AttributeError.
            "\n        self._device, self._entered = _make_current(self._chosen), False"
        )
        planted += "\ndef _make_current(backend: Backend) -> Any:"
        for line in lines_that_name_cupy(path.read_text(encoding="utf-8")):
            code = line.partition("  #")[0]
            assert code in HARMLESS | ON_CUDA or code in planted, (
                f"{path.name}: plant an error in: {line}"
            )


@pytest.mark.cupy
@pytest.mark.parametrize(
    "planted", PLANTED, ids=lambda one: f"{one.module}-{one.line.strip()[:40]}"
)
def test_a_planted_error_is_found(cupy, planted, tmp_path):
    text = source(planted.module)
    assert text.count(planted.line) == 1, "what is replaced is there once"
    shutil.copytree(ROOT / "dnn_xp", tmp_path / "dnn_xp", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    module = tmp_path / "dnn_xp" / "backends" / f"{planted.module}.py"
    module.write_text(text.replace(planted.line, planted.instead), encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *("--backend", "cupy-stand-in", "tests/backends/test_cupy.py", "-k", planted.found_by),
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED tests/backends/test_cupy.py::{planted.found_by}" in done.stdout
