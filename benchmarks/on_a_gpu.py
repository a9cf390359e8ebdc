"""Run the tests that matter on a GPU, and `benchmarks.gpu`, on a machine that can reach no other.

    python benchmarks/on_a_gpu.py --pack wheels        # where there is a network: two wheels
    python benchmarks/on_a_gpu.py --wheels wheels      # where there is a GPU

With the Python and the packages that are installed there. array-api-compat and array-api-extra
are seldom among them, and come along as wheels, which are read as they are: nothing is installed
and nothing is downloaded. What else is missing is said in words, and what can run without it runs.

The tests end after four minutes, the benchmark after three; what they print goes into OUT as well.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BROUGHT = ("array-api-compat", "array-api-extra")

NEEDED = {
    "numpy": "without it nothing runs",
    "array_api_compat": "without it nothing runs: bring its wheel with --wheels",
    "array_api_extra": "without it nothing runs: bring its wheel with --wheels",
    "pytest": "without it there are no tests",
    "hypothesis": "without it there are no tests",
    "h5py": "without it tests of files are left out",
    "cupy": "without it CuPy is neither tested nor measured",
    "torch": "without it PyTorch is neither tested nor measured",
    "jax": "without it JAX is neither tested nor measured",
}

# The numeric core first: what the time does not reach is least missed.
TESTS = (
    *("tests/backends", "tests/functions", "tests/layers", "tests/network"),
    *(
        "tests/training/test_step.py",
        "tests/training/test_loop.py",
        "tests/training/test_progress.py",
    ),
    *("tests/training/test_optimizers.py", "tests/training/test_gram.py", "tests/article"),
    "tests/training/test_lbfgs.py",
)


def pack(folder: Path) -> None:
    """Download the wheels that are brought along."""
    command = (sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:")
    subprocess.run([*command, "--dest", str(folder), *BROUGHT], check=True)


def environment(wheels: Path | None) -> dict[str, str]:
    """Return the environment in which this checkout and the wheels are found."""
    # Behind what is installed, and each a package of pure Python, which a wheel can be read as.
    found = sorted(map(str, wheels.resolve().glob("*.whl"))) if wheels else []
    missing = [one for one in found if not _is_installed(Path(one).name.split("-")[0])]
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *missing])}


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def describe(surroundings: dict[str, str]) -> list[str]:
    """Return what there is and what is missing, a line for each."""
    lines = [f"Python {sys.version.split()[0]}", _gpu()]
    paths = surroundings["PYTHONPATH"].split(os.pathsep)[1:]
    brought = {Path(one).name.split("-")[0] for one in paths}
    for module, meaning in NEEDED.items():
        if module in brought:
            lines.append(f"{module}: brought along")
        elif _is_installed(module):
            lines.append(f"{module} {_version(module)}")
        else:
            lines.append(f"{module}: missing; {meaning}")
    return lines


def _version(module: str) -> str:
    names = metadata.packages_distributions().get(module, [module])
    try:
        return metadata.version(names[0])
    except metadata.PackageNotFoundError:
        return "of no known version"


def _gpu() -> str:
    if shutil.which("nvidia-smi") is None:
        return "GPU: none is known: nvidia-smi is missing; nothing here is shown about GPUs"
    answer = subprocess.run(
        ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"),
        capture_output=True,
        text=True,
        check=False,
    )
    return f"GPU: {(answer.stdout or answer.stderr or 'none answers').strip()}"


def find_libraries(surroundings: dict[str, str]) -> tuple[list[str], bool]:
    """Return the libraries to test, and whether that is on a GPU: else one on the processor."""
    program = (
        "from dnn_xp.backends import probe_backends\n"
        "for one in probe_backends():\n"
        "    on_gpu = any(device.startswith(('cuda', 'gpu')) for device in one.devices)\n"
        "    print(one.name, *(['cpu'] if not one.problem else []), *(['gpu'] if on_gpu else []))\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", program),
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"dnn_xp does not load here: {done.stderr.strip().splitlines()[-1]}")
        return [], False
    found = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    on_gpu = [name for name, places in found.items() if "gpu" in places]
    if on_gpu:
        return on_gpu, True
    print("no library computes on a GPU here: what follows is on the processor, a trial of this")
    return ["torch" if "cpu" in found["torch"] else "numpy"], False


def run(command: list[str], surroundings: dict[str, str], seconds: float, log: Path) -> int | None:
    """Run a program for some time, and return its exit status, or None where the time was over."""
    print("$", *command, flush=True)
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=surroundings, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            status = None
    print("\n".join(log.read_text(encoding="utf-8").splitlines()[-60:]))
    print(f"stopped after {seconds:g} s" if status is None else f"exit status {status}", flush=True)
    return status


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:  # it hangs in a driver, or takes no notice
        process.kill()
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, metavar="DIR")
    parser.add_argument("--wheels", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "gpu-results")))
    parser.add_argument("--tests-seconds", type=float, default=240.0)
    parser.add_argument("--benchmark-seconds", type=float, default=180.0)
    parser.add_argument("tests", nargs="*", default=TESTS)
    chosen = parser.parse_args()
    if chosen.pack:
        pack(chosen.pack)
        return 0
    chosen.out.mkdir(parents=True, exist_ok=True)
    surroundings = environment(chosen.wheels)
    lines = describe(surroundings)
    print("\n".join(lines), flush=True)
    (chosen.out / "machine.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    names, on_gpu = find_libraries(surroundings)
    if not names:
        return 1
    failed = False
    if _is_installed("pytest") and _is_installed("hypothesis"):
        options = [word for name in names for word in ("--backend", name)]
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        failed = bool(
            run(
                [*pytest, *chosen.tests],
                surroundings,
                chosen.tests_seconds,
                chosen.out / "tests.txt",
            )
        )
    benchmark = [sys.executable, "-m", "benchmarks.gpu", "--seconds", f"{chosen.benchmark_seconds}"]
    if on_gpu:
        benchmark += ["--save"]
    else:
        benchmark += ["--device", "cpu", "--widths", "64", "--rounds", "2"]
    # A little longer than it gives itself, so that it can say what it left out.
    end = chosen.benchmark_seconds + 30.0
    failed |= bool(run(benchmark, surroundings, end, chosen.out / "benchmark.txt"))
    results = ROOT / "benchmarks" / "results" / "gpu.json"
    if on_gpu and results.exists():
        shutil.copy(results, chosen.out)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
