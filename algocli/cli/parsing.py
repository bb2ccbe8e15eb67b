"""Words that options take, turned into what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from algocli.dataset.challenge.layout import SUBJECTS
from algocli.dataset.naming import SubjectId, by_id
from algocli.errors import AlgocliError, UsageError

if TYPE_CHECKING:
    from algocli.dataset.ceilings import Repeats
    from algocli.encoding.settings import Alphas


def parse_subjects(words: Sequence[str] | None) -> tuple[int, ...] | None:
    """Turn '3', '1-8', '1,2' or 'all' into subject numbers, rising and each once; None means all found.

    Raises
    ------
    UsageError
        If a word is none of these or names a subject outside 1 to 8.
    """
    if not words or "all" in words:
        return None
    numbers: set[int] = set()
    for word in ",".join(words).split(","):
        first, dash, last = word.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"'{word}' names no subject", hint="write -s 3, -s 1-8 or -s all")
        # Compared before the range is made: 1-9999999999 would fill the memory.
        start, stop = int(first[:9]), int((last or first)[:9])
        if not SUBJECTS[0] <= start <= stop <= SUBJECTS[-1]:
            raise UsageError(f"'{word}' is no range within the challenge's subjects, 1 to 8")
        numbers |= set(range(start, stop + 1))
    return tuple(sorted(numbers))


def parse_ids(
    words: Sequence[str] | None, subjects_there: Callable[[], Iterable[SubjectId]]
) -> tuple[SubjectId, ...] | None:
    """Turn what `parse_subjects` takes, or what a subject that is there is called, into ids; None means all found.

    Parameters
    ----------
    subjects_there
        Lists a dataset's or a run's subjects. It is asked where a word is no number of the challenge's; where nothing
        can be opened, the words are judged by themselves.

    Raises
    ------
    UsageError
        If a word is none of these.
    """
    try:
        return parse_subjects(words)
    except UsageError:
        ids: dict[str, SubjectId] = {}
        with suppress(AlgocliError):
            ids = {str(subject): subject for subject in subjects_there()}
        asked = ",".join(words or ()).split(",")
        others = [word for word in asked if word.strip() not in ids]
        numbers = parse_subjects(others) if others else ()
        if numbers is None:
            return None
        named = {ids[word.strip()] for word in asked if word.strip() in ids}
        return tuple(sorted(named.union(numbers), key=by_id))


def parse_cluster(cluster: str | None, by_hand: bool) -> str | None:
    """Turn 'slurm' or 'slurm:FILE.toml' into the same for whoever submits by hand; all else stays as it is.

    Raises
    ------
    UsageError
        If something else than SLURM is to be submitted by hand.
    """
    if not by_hand:
        return cluster
    kind, colon, which = (cluster or "").partition(":")
    if kind != "slurm":
        raise UsageError("--print writes what SLURM takes", hint="--cluster slurm --print, or slurm:FILE.toml")
    return f"sbatch{colon}{which}"


def parse_components(words: str) -> int | None:
    """Turn '100' into 100 and 'full' into None."""
    if words == "full":
        return None
    if not words.isdecimal() or int(words) < 1:
        raise UsageError(f"--pca {words}: a whole number from 1 on is expected, or full")
    return int(words)


def parse_alphas(words: str | None) -> Alphas:
    """Turn '0.01:1e5:20' into a grid of penalties."""
    from algocli.encoding.settings import Alphas

    if words is None:
        return Alphas()
    try:
        low, high, n = words.split(":")
        return Alphas(float(low), float(high), int(n))
    except ValueError:
        raise UsageError(f"--alphas {words}: three numbers are expected, as in 0.01:100000:20") from None


def parse_repeats(words: str) -> Repeats:
    """Turn '159,0,0' into counts of images."""
    from algocli.dataset.ceilings import Repeats

    counts = [int(word) for word in words.split(",") if word.strip().isdecimal() and len(word) <= 9]
    if len(counts) != words.count(",") + 1 or len(counts) != len(Repeats._fields) or not any(counts):
        raise UsageError(
            f"--repeats {words}: three whole numbers are expected, as in 159,0,0", hint="images shown 3, 2 and 1 times"
        )
    return Repeats(*counts)
