"""Everything that must pass, each session in a virtual environment of its own: ``nox``.

Arguments after ``--`` go to pytest: ``nox -s "tests(torch)" -- -k costs``.
"""

import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False  # a Python that is missing is skipped, and said

ROOT = Path(__file__).parent

# One version, as its losses, checks and tests are an oracle.
SKLEARN = "scikit-learn==1.9.*"

# The one array library of each session of tests. The files, plots, what surrounds an estimator and
# the command line do not depend on the library: their tests run once, in the session of NumPy.
BACKENDS = {
    "numpy": (
        ".[app,gzip,sklearn,tensorboard,test]",
        *(SKLEARN, "pandas", "polars", "pyarrow", "skops", "mlflow-skinny"),
    ),
    "array-api-strict": (".[sklearn,test]", SKLEARN, "array-api-strict>=2.6.1"),
    "torch": (".[torch,sklearn,test]", SKLEARN, "torch==2.13.0"),  # one version: an oracle as well
    "jax": (".[jax,sklearn,test]", SKLEARN, "optax"),  # whose optimizers are an oracle
    "dask": (".[dask,sklearn,test]", SKLEARN),
    "cupy": (".[sklearn,test]", SKLEARN),  # and the wheel for the driver that is found
    "cupy-stand-in": (".[sklearn,test]", SKLEARN),  # which is in the tests, and is not CuPy
}

# What starts processes: mpich brings a launcher of its own; torch in the version of its oracle.
DISTRIBUTED = ("torch==2.13.0", "mpich", "accelerate", "distributed")

# What opens pages, by its names in PATH; and what checks them for what keeps people out.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = "axe-core@4.14.1"

# What depends on how the arrays of CuPy are made, moved and refused.
ON_THE_STAND_IN = (
    "tests/test_cupy_stand_in.py",
    *("tests/backends", "tests/training", "tests/article", "tests/estimators"),
)


# The numeric tests that depend on nothing but the arrays.
NUMERIC = tuple(f"tests/{name}" for name in ("functions", "layers", "network", "backends"))
TRAINED = (
    *NUMERIC,
    *("tests/training/test_step.py", "tests/training/test_loop.py", "tests/article/test_steps.py"),
)
# Where each operation is compiled, or a graph, functions are not tried one by one in a second
# version, too: the gradients of networks go through all of them.
PASSES = tuple(path for path in TRAINED if path != "tests/functions")

# What `oldest` runs: the extras whose lower bounds it installs, the library, and the tests.
OLDEST = {
    "numpy": (
        ("app", "gzip", "scipy", "tensorboard"),
        "numpy",
        # But the fuzz, whose cases are bytes that HDF5 writes, and doors that scikit-learn opens.
        ("--ignore=tests/test_fuzz.py", "--ignore=tests/test_strangers.py"),
    ),
    "scikit-learn": (("sklearn",), "numpy", ("tests/estimators", "tests/functions/metrics")),
    # Each version of PyTorch is several GB, with its CUDA: its bound is the version of `tests`.
    "torch": (("torch", "scipy"), "torch", TRAINED),
    "jax": (("jax", "scipy"), "jax", PASSES),
    "dask": (("dask", "scipy"), "dask", PASSES),
}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and form with ruff."""
    session.install("ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, strictly."""
    session.install("-e", ".[app]", "mypy")
    session.run("mypy")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel, look into it, and use it as a stranger would: elsewhere, with [app]."""
    folder = Path(session.create_tmp())
    shutil.rmtree(folder / "dist", ignore_errors=True)
    session.run("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "dist"), ".")
    (wheel,) = (folder / "dist").glob("*.whl")
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "dnn_xp").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    if missing := package - set(zipfile.ZipFile(wheel).namelist()):
        session.error(f"not in the wheel: {', '.join(sorted(missing))}")
    session.install(f"{wheel}[app]")
    session.chdir(folder)
    session.run("dnn-xp", "backends")
    session.run("dnn-xp", "train", "--epochs", "3")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Try damaged and hostile files on every reader, for a minute or ``-- --minutes 60``."""
    session.install("-e", ".[app,test]")
    findings = Path(session.create_tmp()) / "findings"
    arguments = session.posargs or ("--minutes", "1")
    session.run("python", "-m", "tests.fuzz", "--findings", str(findings), *arguments)


@nox.session
def docs(session: nox.Session) -> None:
    """Run the examples in the docstrings, the README, a notebook, and build the manual."""
    # skops and mlflow: a block of the README each.
    session.install("-e", ".[app,sklearn,dask,test,docs]", "skops", "mlflow-skinny")
    session.run("pytest", "-q", "--doctest-modules", "dnn_xp")
    session.run("pytest", "-q", "docs/tests")
    strict = ("--fail-on-warning", "--keep-going", "--fresh-env")
    session.run("sphinx-build", *strict, "-b", "html", "docs", "docs/_build/html")


@nox.session
@nox.parametrize("backend", list(BACKENDS), ids=list(BACKENDS))
def tests(session: nox.Session, backend: str) -> None:
    """Run the tests on one array library, with no other one installed."""
    _run_tests(session, backend)


@nox.session
def distributed(session: nox.Session) -> None:
    """Train over several processes of this machine, by torch.distributed, MPI and JAX."""
    session.install("-e", ".[app,sklearn,dask,jax,mpi,torch,test]", *DISTRIBUTED)
    command = ("pytest", "-q", "-n", "auto", "--backend", "numpy", "-m", "distributed")
    session.run(*command, *(session.posargs or ("tests",)))


@nox.session
def browser(session: nox.Session) -> None:
    """Open pages in Chromium: by mouse, touch and keyboard, on a phone, on paper, with axe-core."""
    if not any(map(shutil.which, CHROMIUM)):
        session.skip(f"there is no Chromium: none of {', '.join(CHROMIUM)} is in PATH")
    session.install("-e", ".[app,sklearn,test]", SKLEARN, "playwright", "pypdf")
    axe = os.environ.get("AXE_SCRIPT") or _fetch_axe(Path(session.create_tmp()))
    command = ("pytest", "-q", "-n", "auto", "--backend", "numpy", "-m", "browser")
    environment = {"AXE_SCRIPT": axe, "OMP_NUM_THREADS": "1"}
    session.run(*command, *(session.posargs or ("tests/browser",)), env=environment)


def _fetch_axe(folder: Path) -> str:
    """Return where axe-core is, which is fetched by npm once; nothing where it cannot be had."""
    script = folder / "package" / "axe.min.js"
    if not script.is_file() and (npm := shutil.which("npm")):
        command = [npm, "pack", "--silent", AXE]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        except (OSError, subprocess.SubprocessError):
            return ""
        (archive,) = folder.glob("axe-core-*.tgz")
        with tarfile.open(archive) as packed:
            packed.extract("package/axe.min.js", folder, filter="data")
    return str(script) if script.is_file() else ""


@nox.session
def newest_standard(session: nox.Session) -> None:
    """Run the numeric tests on array-api-strict by the newest standard; `tests` has 2024.12."""
    session.install("-e", *BACKENDS["array-api-strict"])
    _run_pytest(session, "array-api-strict", *NUMERIC, options=("--standard", "2025.12"))


@nox.session
@nox.parametrize("name", list(OLDEST), ids=list(OLDEST))
def oldest(session: nox.Session, name: str) -> None:
    """Run the tests of a library with the lower bound of each dependency that they have."""
    extras, backend, chosen = OLDEST[name]
    project = nox.project.load_toml("pyproject.toml")["project"]
    bounds = list(project["dependencies"])
    for extra in (*extras, "test"):
        bounds += project["optional-dependencies"][extra]
    session.install(*(one.replace(">=", "==") for one in bounds))
    session.install("--no-deps", "-e", ".")
    _run_pytest(session, backend, *chosen)


@nox.session(python="3.14")
def python314(session: nox.Session) -> None:
    """Run the tests of NumPy on a Python that is not claimed yet, where it is installed."""
    _run_tests(session, "numpy")


def _run_tests(session: nox.Session, backend: str) -> None:
    requirements = ["-e", *BACKENDS[backend]]
    if backend == "cupy":
        requirements.append(f"cupy-cuda{_cuda_major(session)}x[ctk]")
    session.install(*requirements)
    chosen = ON_THE_STAND_IN if backend == "cupy-stand-in" else ()
    _run_pytest(session, backend, *chosen)


def _run_pytest(
    session: nox.Session, backend: str, *chosen: str, options: tuple[str, ...] = ()
) -> None:
    # A process for each core, of one thread: the threads of two libraries slow each other.
    command = ("pytest", "-q", "-n", "auto", "--backend", backend, *options)
    session.run(*command, *(session.posargs or chosen), env={"OMP_NUM_THREADS": "1"})


@nox.session
def cupy_contract(session: nox.Session) -> None:
    """Ask the newest CuPy for each array function that is called: it loads without a GPU."""
    session.install("-e", ".[test]")
    try:
        session.install("--only-binary=:all:", "cupy-cuda13x")
    except CommandFailed:
        session.skip("there is no wheel of CuPy for this system, or none can be had")
    session.run("pytest", "-q", "tests/test_cupy_contract.py", *session.posargs)


def _cuda_major(session: nox.Session) -> str:
    """Return the major version of CUDA that the driver speaks, or skip the session."""
    if shutil.which("nvidia-smi") is None:
        session.skip("no NVIDIA device: nvidia-smi is not installed")
    answer = subprocess.run(["nvidia-smi"], capture_output=True, text=True, check=False)
    version = re.search(r"CUDA Version: (\d+)", answer.stdout)
    if version is None:
        session.skip(f"no NVIDIA device answers: {(answer.stderr or answer.stdout).strip()}")
    return version[1]
