"""What is disturbed: every command of the app, in the forms in which it writes something else.

`{data}`, `{images}`, `{matrix}`, `{other_matrix}`, `{labels}`, `{nsd}` and `{network}` are what nothing changes; all
that is written lies in `{work}`, with the cache in `{cache}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import typer

from algocli.cli import app


@dataclass(frozen=True)
class Command:
    """A command line, and the names of those that come before it."""

    words: str
    after: tuple[str, ...] = ()


_DATA, _BOTH = "--data-dir {data}", "--data-dir {data} --cache-dir {cache}"
_EXTRACT = f"extract {_BOTH} --device cpu"
_TRAIN = f"train {_BOTH} --model stand-in -l edges"
_TWO = f"train {_BOTH} --model stand-in -l edges -l corner"
_EXTRACTED = ("extract two",)
_TRAINED = (*_EXTRACTED, "train ols", "train other", "train blend")

COMMANDS = {
    "extract": Command(f"{_EXTRACT} -l edges"),
    "extract two": Command(f"{_EXTRACT} -l edges -l corner --batch-size 5"),
    "import-features": Command(f"import-features {{matrix}} --name theirs {_BOTH}"),
    "import-features --force": Command(
        f"import-features {{other_matrix}} --name theirs --force {_BOTH}", ("import-features",)
    ),
    "import-words": Command(f"import-words {{labels}} --name parity {_BOTH}"),
    "train ols": Command(f"{_TRAIN} --pca 5 --run mine", _EXTRACTED),
    "train other": Command(f"{_TRAIN} --pca 3 --run other --folds 3", _EXTRACTED),
    "train again": Command(f"{_TRAIN} --pca 6 --run again", _EXTRACTED),
    "train --force": Command(f"{_TRAIN} --pca 7 --run mine --force", _TRAINED),
    "train ridge": Command(f"{_TRAIN} --pca 9 --regression ridge --alpha-by kfold --standardise", _EXTRACTED),
    "train blend": Command(f"{_TWO} --pca 5 --regression blend --run blend", _EXTRACTED),
    "train --each": Command(f"train --each --model stand-in -l * {_BOTH} --pca 4 --run each-*", _EXTRACTED),
    "train --pool": Command(f"{_TRAIN} --transform tutorial --pool none --pca 4", _EXTRACTED),
    "train --print": Command(f"{_TRAIN} --pca 5 --run listed --cluster slurm --print", _EXTRACTED),
    "work": Command("work {cache}/jobs/*/tasks.jsonl --index 0", (*_EXTRACTED, "train --print")),
    "train banded": Command(f"{_TWO} --pca 5 --regression banded --n-iter 3 --search-seed 0", _EXTRACTED),
    "train fields": Command(f"{_TRAIN} --regression fields --fields coarse --run seen", _EXTRACTED),
    "train fields --field-per-layer": Command(
        f"{_TWO} --regression fields --fields coarse --field-per-layer --run apart", _EXTRACTED
    ),
    "train fields --field-layers": Command(
        f"{_TWO} --regression fields --fields coarse --field-layers 1 --pca 5 --run beside", _EXTRACTED
    ),
    "sweep": Command(
        f"sweep stand-in -l stand-in=edges -l stand-in=corner --pca 3 --no-nested {_BOTH} --device cpu"
        " --csv {work}/sweep.csv -o {work}/sweep.png"
    ),
    "sweep --nested": Command(
        f"sweep stand-in -l stand-in=edges,corner --pca 3 --pca 4 {_BOTH} --device cpu -o {{work}}/sweep.png",
        ("sweep",),
    ),
    "report": Command(f"report {_BOTH} --json --quiet", _TRAINED),
    "report --significance": Command(
        f"report --run mine {_BOTH} --significance --permutations 20 --intervals --resamples 20"
        " --csv {work}/rows.csv --html {work}/page.html",
        _TRAINED,
    ),
    "compare": Command(
        f"compare mine blend {_BOTH} --resamples 20 --csv {{work}}/rows.csv --html {{work}}/page.html", _TRAINED
    ),
    "compare --nested": Command(
        f"compare mine again {_BOTH} --nested --resamples 20 --csv {{work}}/rows.csv", (*_TRAINED, "train again")
    ),
    "compare --prf": Command(
        f"compare seen {_BOTH} --prf {{work}}/export/subj01 --csv {{work}}/rows.csv",
        (*_EXTRACTED, "train fields", "export fields"),
    ),
    "partition": Command(
        f"partition edges corner --model stand-in --pca 5 {_BOTH} --csv {{work}}/rows.csv -o {{work}}/parts",
        _EXTRACTED,
    ),
    "partition fields": Command(
        f"partition edges corner --model stand-in --regression fields --fields coarse --no-refit {_BOTH}", _EXTRACTED
    ),
    "similarity": Command(
        f"similarity --model stand-in {_BOTH} --permutations 20 --csv {{work}}/rows.csv -o {{work}}/alike"
        " --plot {work}/alike.png",
        _EXTRACTED,
    ),
    "curve": Command(
        f"curve --run mine {_BOTH} --sizes 10,16,20 --repeats 2 --resamples 20 --csv {{work}}/rows.csv"
        " -o {work}/curve.png",
        _TRAINED,
    ),
    "plot rois": Command(f"plot rois --run mine {_BOTH} -o {{work}}/rois.png", _TRAINED),
    "plot layers": Command(f"plot layers --run blend {_BOTH} -o {{work}}/layers.svg", _TRAINED),
    "plot layers --label": Command(
        "plot layers --run mine --run other --label one --label two --min-ceiling 0.1"
        f" {_BOTH} -o {{work}}/labelled.png",
        _TRAINED,
    ),
    "plot accuracy": Command(f"plot accuracy --run mine {_BOTH} -o {{work}}/accuracy.html", _TRAINED),
    "plot angle": Command(f"plot angle --run seen {_BOTH} -o {{work}}/angle.html", (*_EXTRACTED, "train fields")),
    "plot angle --layer": Command(
        f"plot angle --run apart --layer edges {_BOTH} -o {{work}}/angle.html",
        (*_EXTRACTED, "train fields --field-per-layer"),
    ),
    "predict beside": Command(
        f"predict {{images}} --run beside {_BOTH} -o {{work}}/predicted", (*_EXTRACTED, "train fields --field-layers")
    ),
    "plot coverage": Command(
        f"plot coverage --run seen {_BOTH} --roi V1 -o {{work}}/coverage.png", (*_EXTRACTED, "train fields")
    ),
    "predict": Command(f"predict {{images}} --run mine {_BOTH} -o {{work}}/predicted", _TRAINED),
    "export npy": Command(f"export --run blend {_BOTH} -o {{work}}/export", _TRAINED),
    "export fields": Command(f"export --run seen {_BOTH} -o {{work}}/export", (*_EXTRACTED, "train fields")),
    "export fields --layer": Command(
        f"export --run apart --layer edges --format csv {_BOTH} -o {{work}}/export",
        (*_EXTRACTED, "train fields --field-per-layer"),
    ),
    "export csv": Command(f"export --run mine --format csv {_BOTH} -o {{work}}/export", _TRAINED),
    "export gifti": Command(f"export --run mine --format gifti {_BOTH} -o {{work}}/export", _TRAINED),
    "export mgh": Command(f"export --run mine --format mgh {_BOTH} -o {{work}}/export", _TRAINED),
    "export nifti": Command(f"export --run mine --format nifti {_BOTH} -o {{work}}/export", _TRAINED),
    "submit": Command(f"submit --partial --run mine {_BOTH} -o {{work}}/submission.zip", _TRAINED),
    "submit other": Command(f"submit --partial --run other {_BOTH} -o {{work}}/submission.zip", (*_TRAINED, "submit")),
    "validate": Command(f"validate {{work}}/submission.zip --partial --json --quiet {_DATA}", (*_TRAINED, "submit")),
    "score": Command(f"score mine {_BOTH} -o {{work}}/scores", _TRAINED),
    "data": Command(f"data {_DATA}"),
    "prepare": Command("prepare --nsd {nsd} -o {work}/prepared --masks {data} -s 1 --test-sessions 2"),
    "import-ceilings": Command("import-ceilings {nsd} --data-dir {work}/prepared -s 1 --force", ("prepare",)),
    "stimuli": Command(f"stimuli {_DATA} --csv {{work}}/stimuli.csv"),
    "demo": Command("demo {work}/demo --train 6 --test 2 --vertices 300 -s 1"),
    "models": Command("models resnet18"),
    "layers": Command("layers alexnet"),
    "fetch-weights": Command("fetch-weights hf:{network} --to {work}/weights"),
    "cache list": Command("cache list --json --quiet --cache-dir {cache}", _TRAINED),
    "cache verify": Command(f"cache verify {_BOTH} --json --quiet", _TRAINED),
    "cache migrate": Command("cache migrate --cache-dir {cache}", _TRAINED),
    "cache gc": Command("cache gc --yes --unused --cache-dir {cache}", (*_EXTRACTED, "import-features", "train ols")),
    "jobs": Command("jobs --json --quiet --cache-dir {cache}", (*_EXTRACTED, "train --print")),
    "doctor": Command("doctor --cache-dir {cache}", _EXTRACTED),
}


@cache
def forgotten() -> list[str]:
    """Return the commands of the app, with those of its groups, that `COMMANDS` has not."""

    def names(group: typer.core.TyperGroup, before: str = "") -> list[str]:
        found = []
        for name in group.commands:
            command = group.commands[name]
            found += names(command, f"{before}{name} ") if hasattr(command, "commands") else [before + name]
        return found

    lines = [command.words for command in COMMANDS.values()]
    return [
        name
        for name in names(typer.main.get_group(app))
        if not any(f"{line} ".startswith(f"{name} ") for line in lines)
    ]
