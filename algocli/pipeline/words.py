"""Words as features, from Python: what images show, and what their captions mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag, check_path, check_paths, check_word
from algocli.compute.keywords import check_keywords
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.protocol import Subject
from algocli.pipeline.arguments import Paths, each_subject
from algocli.pipeline.borrowing import open_cache
from algocli.pipeline.defaults import DEFAULT_CACHE
from algocli.pipeline.features import Features

if TYPE_CHECKING:
    from algocli.features.store.keys import Dtype
    from algocli.features.words.categories import Measure


@forgiving
def import_words(
    subjects: Subject | Iterable[Subject],
    files: Paths,
    name: str,
    *,
    coco: Path | str | None = None,
    measure: Measure | None = None,
    encoder: str | None = None,
    weights: Path | str | None = None,
    device: str | None = None,
    dtype: Dtype | None = None,
    force: bool | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    track: Track = shown,
    note: Note = said_aside,
    **other: object,
) -> Features:
    """Keep what is said of images as features, unless that is done already: their categories, or their captions.

    Parameters
    ----------
    files
        COCO's annotations, such as instances_train2017.json and instances_val2017.json; or tables, .csv or .tsv, with
        a column of image names or ids and one called label, or caption, a line each.
    name
        What to call the features.
    coco
        The table nsd_stim_info_merged.csv, by which images are found among COCO's, and what was cut off of these is
        left out; by default images are those of the same file names.
    measure
        A category's number: 'presence' (the default, 1 or 0), 'count', or 'share', how much of the image its things
        cover together, 0 to 1: by their outlines, or boxes where there are none; where they overlap counts once.
    encoder
        Makes features of captions instead, the mean of an image's: 'hf:OWNER/NAME' or 'hf:./FOLDER', any encoder of
        transformers, or 'open_clip:ARCHITECTURE/WEIGHTS'.
    weights
        The encoder's: 'pretrained', 'random', 'random:SEED', or a file or folder.
    device
        What the encoder runs on: 'auto', 'cpu', 'cuda' or 'mps'.
    dtype
        Precision of what is stored: 'float32', as by default, or 'float16'.
    force
        Replace other features of that name.
    **other
        Nothing: a word that is none of these is told what may have been meant.

    Returns
    -------
    The name of the features, as `train` takes it; their `stores` have the numbers, an image a row.

    Raises
    ------
    UsageError
        If the wishes do not fit together, or there is no such encoder.
    DataError, StorageError
        If a file cannot be read or lacks an image, or the cache cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> lines = [f"{stimulus.path.name},{'odd' if stimulus.row % 2 else 'even'}" for stimulus in subject.stimuli]
    >>> np.savetxt("labels.csv", ["file_name,label", *lines], fmt="%s")
    >>> algocli.import_words(subject, "labels.csv", "parity").stores[0].n_features
    2
    """
    from algocli.features.words.stores import import_words as keep

    # What each may be; which of them go together is the importing's business.
    given: dict[str, tuple[Callable[[str, Any], Any], Any]] = {
        "coco": (check_path, coco),
        "measure": (check_word, measure),
        "encoder": (check_word, encoder),
        "weights": (check_word, None if weights is None else str(weights)),
        "device": (check_word, device),
        "dtype": (check_word, dtype),
        "force": (check_flag, force),
    }
    check_keywords(other, given)
    checked = {word: check(word, value) for word, (check, value) in given.items() if value is not None}
    some, paths, name = each_subject(subjects), check_paths("files", files), check_word("name", name)
    return Features.of(keep(some, paths, name, open_cache(cache_dir, note), track=track, note=note, **checked))
