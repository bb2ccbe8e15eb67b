"""What `algocli cache verify` finds: how it looks for it, shows it, and says what to do about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote

from algocli.cli.console import count, show_line
from algocli.cli.options import in_same_folders
from algocli.cli.wording import in_options
from algocli.compute.track import Track
from algocli.compute.vouching import Fault, Upgrade
from algocli.dataset.naming import id_of
from algocli.errors import AlgocliError, DataError
from algocli.features.audit import NotRecomputed, Sample, gram_fault, recompute, sample_rows
from algocli.features.store import derived
from algocli.features.store import upgrading as stores_upgrading
from algocli.features.store.commands import command
from algocli.features.store.library import is_store, named_after, read_recipe, store_folders
from algocli.features.store.shards import FeatureStore
from algocli.runs import audit
from algocli.runs import upgrading as runs_upgrading


@dataclass(frozen=True)
class Damage:
    """A block of rows that is not what was written; end excluded."""

    store: Path
    rows: tuple[int, int]


@dataclass(frozen=True)
class Problem:
    """A store, or its Gram matrix, with a sentence on what is wrong with it."""

    store: Path
    problem: str


@dataclass
class Findings:
    """All that was looked at, and what was found."""

    n_stores: int
    n_runs: int = 0
    damaged: list[Damage] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)
    gram: list[Problem] = field(default_factory=list)
    # What was derived from stores, or describes them, and what runs hold.
    derived: list[Fault] = field(default_factory=list)
    runs: list[Fault] = field(default_factory=list)
    # What earlier versions wrote without a digest.
    unvouched: list[Path] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    not_recomputed: list[NotRecomputed] = field(default_factory=list)

    def add(self, of_store: Findings) -> None:
        """Take what was found of one store."""
        for found in ("damaged", "unreadable", "gram", "derived", "unvouched"):
            getattr(self, found).extend(getattr(of_store, found))

    @property
    def differing(self) -> list[Sample]:
        """The samples that are not what the network says."""
        return [sample for sample in self.samples if not sample.agrees]


def check(
    cache_dir: Path,
    data_dir: Path | None,
    *,
    trust_code: bool = False,
    upgraded: list[Upgrade] | None = None,
    track: Track,
) -> Findings:
    """Compare stores with their checksums, matrices with their stores, samples with networks, runs with records.

    Parameters
    ----------
    data_dir
        Where the images are from which samples are computed anew; None where none are to be.
    upgraded
        Takes the records of earlier versions that are given digests, where nothing is wrong with them; where there is
        no such list, none is.
    """
    folders = store_folders(cache_dir)
    findings = Findings(len(folders))
    stores = []
    for folder in track(folders, total=len(folders), label="checking stores", unit="stores"):
        of_store, store = Findings(1), None
        # One store that cannot be read must not keep the others from being checked.
        try:
            store = _check_store(of_store, folder, upgraded)
        except AlgocliError as error:
            of_store.unreadable.append(Problem(folder, in_options(error.message)))
        # A manifest or a record that is JSON and lacks what belongs in one.
        except (KeyError, TypeError, ValueError):
            of_store.unreadable.append(Problem(folder, f"a description in {folder} is damaged"))
        # What another command has deleted or replaced meanwhile is not damaged.
        if is_store(folder):
            findings.add(of_store)
            stores += [] if store is None else [store]
        else:
            findings.n_stores -= 1
    for of_cache in (derived.bare_stores, derived.recipe_faults, derived.memory_faults):
        findings.derived += of_cache(cache_dir)
    findings.unvouched = list(dict.fromkeys(findings.unvouched))
    _check_runs(findings, cache_dir, upgraded=upgraded, track=track)
    for result in (
        () if data_dir is None else recompute(stores, data_dir, cache_dir, trust_code=trust_code, track=track)
    ):
        if isinstance(result, Sample):
            findings.samples.append(result)
        else:
            findings.not_recomputed.append(replace(result, reason=in_options(result.reason)))
    return findings


def _check_store(findings: Findings, folder: Path, upgraded: list[Upgrade] | None) -> FeatureStore:
    """Read a store and what was derived from it, and return it; what is damaged is withdrawn, and told."""
    store = FeatureStore(folder)
    findings.derived += derived.record_faults(store)
    damaged = list(store.damaged())
    for shard in damaged:
        store.forget(shard)
        findings.damaged.append(Damage(folder, (shard.start, shard.stop)))
    fault = gram_fault(store, sample_rows(store))
    if fault is not None:
        derived.forget(folder / "gram" / "record.json")
        findings.gram.append(Problem(folder, fault))
    faults = list(derived.derived_faults(store))
    findings.derived += faults
    if upgraded is not None and fault is None and not faults and not damaged:
        upgraded += stores_upgrading.upgrade(store)
    findings.unvouched += stores_upgrading.unvouched(store)
    return store


def _check_runs(findings: Findings, cache_dir: Path, *, upgraded: list[Upgrade] | None, track: Track) -> None:
    runs = audit.all_runs(cache_dir)
    for run in track(runs, total=len(runs), label="checking runs", unit="runs"):
        faults = list(audit.run_faults(run))
        findings.runs += [replace(fault, problem=in_options(fault.problem)) for fault in faults]
        if upgraded is not None and not faults:
            upgraded += runs_upgrading.upgrade(run)
        findings.unvouched += runs_upgrading.unvouched(run)
    findings.runs += [replace(fault, mend=in_options(fault.mend)) for fault in audit.mark_faults(cache_dir)]
    findings.n_runs = len(runs)


def show_faults(findings: Findings, cache_dir: Path) -> None:
    """Print a line for each finding, or that there is none."""
    for damage in findings.damaged:
        show_line(f"{damage.store}: rows {damage.rows[0]} to {damage.rows[1]} are damaged")
    for unreadable in findings.unreadable:
        show_line(unreadable.problem)
    for gram in findings.gram:
        show_line(f"{gram.store / 'gram'}: {gram.problem}")
    for fault in (*findings.derived, *findings.runs):
        # A sentence of another room names its file itself.
        show_line(fault.problem if str(fault.path) in fault.problem else f"{fault.path}: {fault.problem}")
    for sample in findings.differing:
        show_line(
            f"{sample.store}: row {sample.row} ({sample.image}) is not what the network says: features that go up to "
            f"{sample.largest:.4g} differ by up to {sample.difference:.4g}"
        )
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for left in findings.not_recomputed:
        reasons[left.store.parent.name, left.reason].append(left.store.name.partition("-")[0])
    for (name, reason), subjects in reasons.items():
        show_line(f"{name}, {', '.join(subjects)}: not recomputed: {reason}")
    if not _sentences(findings):
        recomputed = len({sample.store for sample in findings.samples})
        whole = f"{count(findings.n_stores, 'store')} {'is' if findings.n_stores == 1 else 'are'} whole"
        runs = f" and {count(findings.n_runs, 'run')}" if findings.n_runs else ""
        whole = f"{count(findings.n_stores, 'store')}{runs} are whole" if runs else whole
        print(whole + (f", {count(len(findings.samples), 'row')} of {recomputed} computed anew" if recomputed else ""))
    if findings.unvouched:
        records = count(len(findings.unvouched), "record")
        migrate = in_same_folders("algocli cache migrate", cache_dir=cache_dir)
        print(f"{records} of an earlier version vouch for nothing: {migrate} adds checksums")


def show_upgrades(upgraded: Sequence[Upgrade]) -> None:
    """Print a line for each record that was brought up to date, and what of it all nobody can vouch for."""
    for upgrade in upgraded:
        show_line(f"{upgrade.path}: {'taken as it is' if upgrade.on_trust else 'as it was written'}")
    on_trust = sum(upgrade.on_trust for upgrade in upgraded)
    print(f"{count(len(upgraded), 'record')} brought up to date" if upgraded else "nothing to bring up to date")
    if on_trust:
        print(
            f"{count(on_trust, 'record')} had no checksums of what lies beside them: that is vouched for as it is now, "
            "and whether it is what was once written, nothing tells"
        )


def raise_faults(findings: Findings) -> None:
    """End in an error where something is wrong, with the commands that mend it.

    Raises
    ------
    DataError
        If anything is.
    """
    sentences = _sentences(findings)
    if sentences:
        raise DataError(", ".join(sentences), hint="\n       ".join(dict.fromkeys(_hints(findings))))


def _sentences(findings: Findings) -> list[str]:
    n_differing = len({sample.store for sample in findings.differing})
    counted = (
        (len(findings.unreadable), "store", "cannot be read", "cannot be read"),
        (len(findings.damaged), "shard", "is damaged", "are damaged"),
        (n_differing, "store", "is not what its network says", "are not what their networks say"),
        (len(findings.gram), "Gram matrix", "is wrong", "are wrong"),
        (len(findings.derived), "derived file", "is damaged", "are damaged"),
        (len(findings.runs), "file", "of a run is damaged", "of runs are damaged"),
    )
    return [
        f"{n} {noun if n == 1 else noun.replace('matrix', 'matrice') + 's'} {single if n == 1 else many}"
        for n, noun, single, many in counted
        if n
    ]


def _hints(findings: Findings) -> Iterator[str]:
    """Yield the commands that mend what was found, each on a line of its own."""
    again = {
        folder: _command_of(folder)
        for folder in _stores([*findings.damaged, *findings.differing, *findings.unreadable])
    }
    for problem in findings.unreadable:
        yield again[problem.store]
    for folder in _stores(findings.differing):
        # Nothing that describes these says that anything is wrong with them.
        yield f"rm -r {quote(str(folder))}"
        yield again[folder]
    for folder in _stores(findings.damaged):
        yield f"{again[folder]} (makes only the damaged part anew)"
    for _ in findings.gram:
        yield derived.COMPUTED_ANEW
    for fault in (*findings.derived, *findings.runs):
        yield fault.mend


def _stores(findings: Sequence[Damage | Problem | Sample]) -> list[Path]:
    return list(dict.fromkeys(finding.store for finding in findings))


def _command_of(folder: Path) -> str:
    """Return the command that makes a store, as far as what is left of its descriptions says so."""
    try:
        store = FeatureStore(folder)
        return command(read_recipe(folder.parent), store.subject, store.manifest["provenance"])
    except (AlgocliError, KeyError, TypeError, ValueError):
        pass
    try:
        return command(read_recipe(folder.parent), id_of(named_after(folder)))
    except (AlgocliError, KeyError, TypeError, ValueError):
        return "repeat the command that made it"
