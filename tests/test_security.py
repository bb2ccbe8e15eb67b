"""Nothing that others send runs here, and what is written is written as a user means: the promises of SECURITY.md."""

from __future__ import annotations

import ast
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from numpy.lib import format as npy_format

import algocli
from tests.support.challenge import write_tiny_challenge

PACKAGE = Path(algocli.__file__).parent
ROOT = PACKAGE.parent

# Calls by which bytes become code, or a program is started, and where they stand in the package; nowhere else.
RUNS_CODE = {
    *("eval", "exec", "compile", "__import__", "input", "breakpoint"),
    *("os.system", "os.popen", "os.fork", "os.startfile", "pty.spawn", "runpy.run_path", "runpy.run_module"),
    *("pickle.load", "pickle.loads", "marshal.loads", "marshal.load", "shelve.open", "dill.load", "joblib.load"),
    *("yaml.load", "yaml.unsafe_load", "cloudpickle.load", "cloudpickle.loads", "pandas.read_pickle", "torch.jit.load"),
    *("tempfile.mktemp", "os.chmod", "os.umask", "os.tmpnam", "os.tempnam"),
}
MODULES_THAT_RUN = (
    "subprocess",
    "pty",
    "runpy",
    "shelve",
    "marshal",
    "dill",
    "joblib",
    "cloudpickle",
    "multiprocessing",
)


def _named(node: ast.AST) -> str:
    """Return a call's name with what stands before its dots."""
    if isinstance(node, ast.Attribute):
        return f"{_named(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _calls():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path.relative_to(PACKAGE).as_posix(), _named(node.func), node


def test_no_call_of_the_package_makes_code_of_bytes_or_starts_a_program():
    # What comes back from a cluster that somebody has named is believed.
    assert [
        (file, name) for file, name, _ in _calls() if name in RUNS_CODE or name.startswith(("os.exec", "os.spawn"))
    ] == [("compute/executors/dask_cluster.py", "pickle.loads")]
    # Workers are started where somebody asks for them, by Python's own means: copies of this program, and nothing else.
    imported = [
        (path.relative_to(PACKAGE).as_posix(), word)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for word in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if word.split(".")[0] in MODULES_THAT_RUN
    ]
    # SLURM's own programs are called where its name is given, or jobs that it has are asked for.
    assert sorted(imported) == [
        ("compute/executors/dask_child.py", "multiprocessing.connection"),
        ("compute/executors/dask_cluster.py", "cloudpickle"),
        ("compute/executors/dask_errands.py", "multiprocessing"),
        ("compute/executors/dask_errands.py", "subprocess"),
        ("compute/executors/local.py", "multiprocessing"),
        ("compute/executors/slurm_queue.py", "subprocess"),
    ]


def test_whatever_could_unpickle_is_told_not_to():
    wanted = {
        "np.load": ("allow_pickle", False),
        "npy_format.read_array": ("allow_pickle", False),
        "npy_format.write_array": ("allow_pickle", False),
        "torch.load": ("weights_only", True),
    }
    met = {}
    for file, name, call in _calls():
        if name in wanted:
            keyword, value = wanted[name]
            given = {word.arg: word.value for word in call.keywords}
            is_told = isinstance(given.get(keyword), ast.Constant) and given[keyword].value is value
            met.setdefault(name, []).append((file, is_told))
    assert {"np.load", "torch.load", "npy_format.write_array"} <= set(met)
    assert [(name, file) for name, calls in met.items() for file, is_told in calls if not is_told] == []


def test_the_one_unpickler_is_that_of_names():
    homes = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(
            _named(base).endswith("Unpickler")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ClassDef)
            for base in node.bases
        )
    ]
    assert homes == ["dataset/arrays.py"]


# Imports every module, runs a pipeline, and tells on what is watched. `control` shows that the watch is awake.
WATCHED = '''
import importlib, importlib.util, json, os, pickle, pkgutil, subprocess, sys, traceback, warnings

import numpy as np
import torch

# By its whole path: what the package is cloned into may have its name, and holds libraries as well.
HOME = importlib.util.find_spec("algocli").submodule_search_locations[0] + os.sep
told = []


def tell(what):
    """Keep what has happened, with the innermost line of the package that led to it."""
    lines = [f"{f.filename}:{f.lineno}" for f in traceback.extract_stack() if f.filename.startswith(HOME)]
    if lines:
        told.append((what, lines[-1].removeprefix(HOME)))


AUDITED = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn", "pty.spawn"),
    *("socket.connect", "socket.getaddrinfo", "socket.bind", "os.chmod", "ftplib.connect", "webbrowser.open"),
)


def hear(event, args):
    if event == "subprocess.Popen":
        tell(f"{event} {os.path.basename(os.fsdecode(args[0]))}")
    elif event in AUDITED:
        tell(event)
    elif event == "pickle.find_class":
        tell(f"{event} {args[0]}.{args[1]}")
    elif event in ("exec", "compile"):
        # Libraries make code of their own while they are imported, as namedtuple does: what counts is who asked.
        asker = sys._getframe(1)
        if asker.f_code.co_filename.startswith(HOME):
            tell(event)


def watch(home, name, check):
    real = getattr(home, name)

    def watched(*args, **kwargs):
        if not check(kwargs):
            tell(f"{home.__name__}.{name}")
        return real(*args, **kwargs)

    setattr(home, name, watched)


for module in (pickle,):
    for name in ("load", "loads"):
        watch(module, name, lambda kwargs: False)
watch(np, "load", lambda kwargs: kwargs.get("allow_pickle") is False)
watch(torch, "load", lambda kwargs: kwargs.get("weights_only") is True)
try:
    import yaml
except ImportError:
    pass
else:
    for name in ("load", "unsafe_load", "full_load"):
        watch(yaml, name, lambda kwargs: False)
sys.addaudithook(hear)

import algocli

for module in pkgutil.walk_packages(algocli.__path__, "algocli."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
n_imported = len([name for name in sys.modules if name.startswith("algocli.")])

from algocli.cli import app

codes = []
for words in json.loads(sys.argv[1]):
    try:
        app(words)
    except SystemExit as end:
        codes.append(end.code or 0)
unasked = list(told)


def control():
    told.clear()
    here = {"__name__": "control", "subprocess": subprocess, "sys": sys, "pickle": pickle, "np": np}
    # As if the package did it.
    code = compile(
        "subprocess.run([sys.executable, '-c', ''])\\npickle.loads(pickle.dumps(np.dtype('f4')))\\neval('1 + 1')",
        os.path.join(HOME, "x.py"), "exec",
    )
    exec(code, here)
    return sorted({what for what, _ in told})


print("\\n" + json.dumps({"codes": codes, "unasked": unasked, "n_imported": n_imported, "control": control()}))
'''

PIPELINE = [
    ["doctor"],
    ["data", "--deep"],
    ["stimuli", "-s", "1"],
    ["layers", "alexnet"],
    ["extract", "-l", "features.2", "-l", "features.5", "--weights", "checkpoint.pth", "-s", "1"],
    ["import-features", "features.npy", "--name", "mine", "-s", "1"],
    ["import-features", "features.pt", "--name", "tensors", "-s", "1"],
    ["import-features", "features.npz", "--name", "zipped", "-s", "1"],
    ["train", "-l", "features.2", "--pca", "5", "--run", "one"],
    ["train", "--features", "mine", "--pca", "5", "--regression", "ridge", "--run", "two"],
    ["report", "--run", "one", "--significance", "--permutations", "100", "--html", "one.html", "--csv", "one.csv"],
    ["compare", "one", "two", "--html", "two.html"],
    ["plot", "accuracy", "--run", "one", "-o", "one.png"],
    ["plot", "accuracy", "--run", "one", "-o", "map.html"],
    ["export", "--run", "one", "--format", "gifti", "-o", "maps"],
    ["predict", "challenge/subj01/test_split/test_images", "--run", "one", "-o", "predicted"],
    ["submit", "one", "--partial", "-o", "one.zip"],
    ["validate", "one.zip", "--partial", "--data-dir", "challenge"],
    ["score", "one"],
    ["cache", "list"],
    ["cache", "verify"],
    ["cache", "gc", "--yes"],
]  # fmt: skip


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """Run the whole pipeline, watched, under a umask that is not the usual one, with nowhere else to write."""
    home = tmp_path_factory.mktemp("watched")
    write_tiny_challenge(home / "challenge", (1,), n_train=60, n_test=3, image_size=32)
    torch.manual_seed(0)
    torch.save(torchvision.models.alexnet(weights=None).state_dict(), home / "checkpoint.pth")
    features = np.random.default_rng(0).standard_normal((63, 30), dtype=np.float32)
    np.save(home / "features.npy", features)
    np.savez(home / "features.npz", features=features)
    torch.save(torch.from_numpy(features), home / "features.pt")
    before = set(home.rglob("*"))
    (temporary := tmp_path_factory.mktemp("temporary")).chmod(0o700)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ALGOCLI_DATA_DIR": "challenge",
        "ALGOCLI_CACHE_DIR": "cache",
        "TMPDIR": str(temporary),
        "HOME": str(tmp_path_factory.mktemp("home")),
        "MPLCONFIGDIR": str(tmp_path_factory.mktemp("matplotlib")),
    }
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, json.dumps(PIPELINE)],
        capture_output=True,
        text=True,
        cwd=home,
        env=environment,
        umask=0o026,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["codes"] == [0] * len(PIPELINE), done.stderr
    return home, before, temporary, told


def test_a_whole_pipeline_unpickles_runs_and_calls_nothing_unasked(run_once):
    *_, told = run_once
    assert told["n_imported"] > 250
    # To list fonts is matplotlib's way, the first time that it draws on a machine.
    unasked = [(what, where) for what, where in told["unasked"] if what != "subprocess.Popen fc-list"]
    # The mapping of ROI names is a pickle by its makers' will: of names and nothing else.
    assert [(what, where) for what, where in unasked if not where.startswith("dataset/arrays.py")] == []
    admitted = {what.removeprefix("pickle.find_class ").replace("numpy.core", "numpy._core") for what, _ in unasked}
    assert admitted <= {"numpy._core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype"}


def test_the_watch_is_awake(run_once):
    *_, told = run_once
    assert {f"subprocess.Popen {Path(sys.executable).name}", "pickle.find_class numpy.dtype", "pickle.loads"} <= set(
        told["control"]
    )
    assert {"exec", "compile"} & set(told["control"])


def test_what_is_written_has_the_modes_that_the_user_asked_for(run_once):
    home, before, _, _ = run_once
    written = [path for path in home.rglob("*") if path not in before]
    modes = {path.relative_to(home).as_posix(): stat.S_IMODE(path.lstat().st_mode) for path in written}
    assert len(modes) > 50
    expected = {path.relative_to(home).as_posix(): 0o751 if path.is_dir() else 0o640 for path in written}
    assert {name: oct(mode) for name, mode in modes.items() if mode != expected[name]} == {}


def test_nothing_is_written_where_everyone_writes(run_once):
    *_, temporary, _ = run_once
    # torch makes a folder for its compiler when it is imported, unless it is told of one.
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor_")] == []


def test_a_submission_holds_nothing_that_a_pickle_could(run_once):
    home, *_ = run_once
    with zipfile.ZipFile(home / "one.zip") as archive:
        assert len(archive.namelist()) == 2
        for entry in archive.infolist():
            with archive.open(entry) as stream:
                assert npy_format.read_magic(stream) == (1, 0)
                shape, _, dtype = npy_format.read_array_header_1_0(stream)
                assert (dtype, dtype.hasobject) == (np.float32, False)
                # Nothing stands behind the numbers.
                assert entry.file_size == stream.tell() + 4 * np.prod(shape)


REGRESSION = """
{}

class Shifted:
    def fit(self, X, Y):
        self.mean = Y.mean(axis=0)
        return self

    def predict(self, X):
        return self.mean + X[:, :1]
"""
NETWORK = """
import torch
{}

def make():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 9, 9))
"""
# Whoever sends a cache may send this beside it.
MARK = "open('ran', 'w').close()"


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """A folder with data and a cache whose run and store name code, which by now is another's."""
    home = tmp_path_factory.mktemp("sent")
    write_tiny_challenge(home / "challenge", (1,), n_train=60, n_test=3, image_size=32)
    words = (
        ["extract", "--model", "python:theirs:make", "-l", "0", "--weights", "random", "-s", "1"],
        [
            "train",
            "--model",
            "python:theirs:make",
            "-l",
            "0",
            "--regression",
            "python:fits:Shifted",
            "--pca",
            "3",
            "--run",
            "one",
        ],
        ["train", "--model", "python:theirs:make", "-l", "0", "--pca", "3", "--run", "two"],
    )
    (home / "theirs.py").write_text(NETWORK.format(""))
    (home / "fits.py").write_text(REGRESSION.format(""))
    for line in words:
        done = _in(home, *line)
        assert done.returncode == 0, done.stderr
    for name, text in (("theirs.py", NETWORK), ("fits.py", REGRESSION)):
        (home / name).write_text(text.format(MARK))
    return home


def _in(home, *words):
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "ALGOCLI_DATA_DIR": "challenge", "ALGOCLI_CACHE_DIR": "cache"
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "algocli", *words], capture_output=True, text=True, cwd=home, env=environment
    )


@pytest.mark.parametrize(
    "words",
    [
        ["report", "--run", "one", "--html", "page.html", "--intervals", "--resamples", "100"],
        ["compare", "one", "two"],
        ["plot", "accuracy", "--run", "one", "-o", "x.png"],
        ["export", "--run", "one", "-o", "out"],
        ["submit", "one", "--partial", "-o", "x.zip"],
        ["score", "one"],
        ["predict", "challenge/subj01/test_split/test_images", "--run", "one", "-o", "p"],
        ["predict", "challenge/subj01/test_split/test_images", "--run", "two", "-o", "p"],
        ["cache", "list"],
        ["cache", "verify"],
        ["cache", "gc", "--yes"],
        ["doctor"],
    ],
    ids=lambda words: " ".join(words[:2]),
)  # fmt: skip
def test_code_that_a_cache_names_does_not_run_unasked(sent, words):
    done = _in(sent, *words)
    assert "Traceback" not in done.stderr
    assert not (sent / "ran").exists()
    assert done.returncode == (2 if words[0] == "predict" else 0), done.stderr


def test_the_same_code_runs_where_it_is_trusted(sent):
    try:
        _in(
            sent, "predict", "challenge/subj01/test_split/test_images", "--run", "two", "-o", "p", "--trust-remote-code"
        )
        assert (sent / "ran").exists()
    finally:
        (sent / "ran").unlink(missing_ok=True)
