"""Similarity from Python: every layer's view of images beside every ROI's, another network's, or RDMs of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.calls import forgiving
from algocli.compute.choices import check_choice, check_path, check_whole
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import ALL_VERTICES, Hemisphere, check_hemisphere
from algocli.errors import UsageError
from algocli.features.networks.network import TransformName
from algocli.features.networks.numerics import Numerics
from algocli.features.store.borrowing import borrow, check_lenders
from algocli.features.store.choosing import Library
from algocli.features.store.keys import Dtype
from algocli.features.store.variants import Variant
from algocli.pipeline.arguments import Paths, Rois, cluster_of, each_subject, some_rois
from algocli.pipeline.borrowing import filling_cache, open_cache
from algocli.pipeline.defaults import DEFAULT_CACHE
from algocli.pipeline.plans import Choice, choose_features
from algocli.pipeline.similarity_asked import Asked
from algocli.results.rdm_files import Rdm, Rdms, read_all
from algocli.results.regions import Chosen, check_min_ceiling, choose_rois, classes_of
from algocli.results.similarity import Compared, How, compare_views
from algocli.results.similarity_table import Kind, Similarity
from algocli.results.telling import Correction
from algocli.stats.similarity.compare import SAMPLE
from algocli.stats.similarity.distances import DISTANCES, Distance
from algocli.stats.similarity.kendall import MOST_IMAGES
from algocli.stats.similarity.measures import MEASURES, Measure, is_of_distances

if TYPE_CHECKING:
    from algocli.compute.executors.specs import Cluster

# What other words for measures usually stand for.
_MEANT = {"rho": "spearman", "tau": "kendall", "tau-a": "kendall", "kendall-tau-a": "kendall", "r": "pearson"}
_MEANT |= {"corr": "pearson", "rsa": "spearman", "cka-biased": "cka", "cka-debiased": "cka-unbiased"}
# Images that all subjects have to have seen for a noise ceiling.
_FEWEST_SHARED = 20


@forgiving
def similarity(
    subjects: Subject | Iterable[Subject],
    features: Iterable[str] | str | None = None,
    *,
    model: str | None = None,
    layers: Iterable[str] | str | None = None,
    weights: str | Path | None = None,
    transform: TransformName | None = None,
    image_size: int | None = None,
    tokens: str | None = None,
    pool: int | Literal["none"] | None = None,
    project: int | Literal["none"] | None = None,
    project_seed: int | None = None,
    dtype: Dtype | None = None,
    numerics: Numerics | None = None,
    rdm: Rdms | None = None,
    to_features: Iterable[str] | str | None = None,
    to_model: str | None = None,
    to_layers: Iterable[str] | str | None = None,
    rois: Rois | None = None,
    min_ceiling: float | None = None,
    hemisphere: Hemisphere | None = None,
    measure: Measure = "spearman",
    distance: Distance = "correlation",
    n_permutations: int = 1000,
    seed: int = 0,
    correct: Correction = "none",
    features_from: Paths | None = None,
    stimuli: Path | str | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    cluster: str | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> Similarity:
    """Compare how layers see images with how ROIs do, other layers, or whoever has measured an RDM.

    Nothing is fitted. Layers are compared by what their Gram matrices tell of each pair of images: with ROIs over the
    training images, all vertices of an ROI together; else over all images.

    Parameters
    ----------
    features, model, layers
        As in `train`, each by itself: by default all that these subjects have features of; layers without a model are
        those of all networks that have them.
    weights, transform, image_size, tokens, pool, project, project_seed, dtype, numerics
        As in `extract`: which of several kinds of features of a layer are meant.
    rdm
        Compare with these: .npy or .npz files, arrays, or either by what to call them. One is (n_images, n_images),
        for several subjects (n_subjects, n_images, n_images), or what lies above the diagonal of each; rows are
        images in the order of a subject's. No responses are needed.
    to_features, to_model, to_layers
        Compare with these features, chosen in the same way, of the same images.
    rois, min_ceiling, hemisphere
        Names of the only ROIs; the least noise ceiling of a vertex; the only hemisphere, where both are one by default.
    measure
        RSA by 'spearman', 'pearson', 'kendall' (tau-a) or 'cosine' between RDMs; or linear CKA, 'cka' as it was
        published, or 'cka-unbiased', which few images of many features do not inflate.
    distance
        What RDMs are of: 'correlation' (1 - r), 'euclidean' or 'cosine'; an RDM that is given has its own.
    n_permutations, seed
        Of the images' order, for p; of more than 1,000 images so many are drawn for that, and for intervals.
    correct
        How p is corrected for the number of layers and targets: 'fdr' or 'max', as in `compare`.
    features_from, stimuli
        Other caches, and what images were read from, as in `train`.
    cluster
        Where subjects are compared side by side, as in 'local:2', two processes of this machine, which divide its cores
        and its memory; 'slurm:FILE.toml', jobs of SLURM; or 'dask:tcp://HOST:PORT', the workers of a Dask scheduler.
        Gram matrices that are missing are made there first. The rows are the same. By default all is done here.

    Returns
    -------
    Its `rows` have every subject's layers, `group` the means over subjects with their noise ceilings, and
    `array()` is (n_subjects, n_layers, n_targets).

    Raises
    ------
    UsageError
        If arguments do not fit together.
    MissingStep
        If features are missing.
    DataError, StorageError
        If features, responses or an RDM are damaged or do not fit, or the cache cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> found = algocli.similarity(subject, layers="features.*", rois="floc-faces", n_permutations=20)
    >>> found.array().shape == (1, len(found.layers), len(found.targets))
    True
    >>> found = algocli.similarity(subject, layers="features.2", to_layers="features.5", measure="cka")
    >>> found.rows[0].target
    'features.5'
    """
    some, cache_dir = each_subject(subjects), open_cache(cache_dir, note)
    how, where = _how(measure, distance, n_permutations, seed, correct), cluster_of(cluster)
    prepared = {"weights": weights, "transform": transform, "image_size": image_size, "tokens": tokens, "pool": pool}
    said = {**prepared, "project": project, "project_seed": project_seed, "dtype": dtype, "numerics": numerics}
    variant = Variant.of(**said)
    library = Library(cache_dir, check_lenders(features_from), some)
    source = None if stimuli is None else check_path("stimuli", stimuli)
    others = {"to_features": to_features, "to_model": to_model, "to_layers": to_layers}
    kind: Kind = "RDM" if rdm is not None else "ROI" if all(item is None for item in others.values()) else "layer"
    _refuse_misfits(kind, how, others, {"rois": rois, "min_ceiling": min_ceiling, "hemisphere": hemisphere})
    rdms = [] if rdm is None else _read(rdm, some)
    side = None if hemisphere is None else check_hemisphere(hemisphere)
    chosen = _choose(some, rois, min_ceiling) if kind == "ROI" else Chosen()
    mine = choose_features(library, Choice.of(_of_any(model, layers), layers, features, None, variant), note)
    theirs = choose_features(
        library, Choice.of(_of_any(to_model, to_layers), to_layers, to_features, None, variant), note
    ) * (kind == "layer")
    with filling_cache(cache_dir, note):
        borrow(cache_dir, library.lenders, dict.fromkeys([*mine, *theirs]), [subject.id for subject in some])
        asked = Asked(kind, mine, theirs, rdms, chosen, side, cache_dir, track, source)
        result = _compared(asked, some, how, where, note)
        same = _seen_by_all(some, how) if kind == "ROI" and len(some) > 1 else []
        return Similarity.of(kind, how, result, same, [*_notes(how, result), *_told_ceilings(some, same)])


def _of_any(model: str | None, layers: object) -> str | None:
    """Return the network whose layers are named: whichever has them, unless one is named too."""
    return "*" if model is None and layers is not None else model


def _compared(
    asked: Asked, subjects: Sequence[Subject], how: How, cluster: Cluster | None, note: Note
) -> list[Compared]:
    if cluster is None:
        return [compare_views(*asked.views(subject, note), how, track=asked.track) for subject in subjects]
    from algocli.pipeline.similarity_tasks import compare_on

    return compare_on(cluster, asked, subjects, how, note)


def _how(measure: object, distance: object, n_permutations: object, seed: object, correct: object) -> How:
    return How(
        check_choice("measure", measure, MEASURES, _MEANT),  # type: ignore[arg-type]
        check_choice("distance", distance, DISTANCES),  # type: ignore[arg-type]
        check_whole("n_permutations", n_permutations, 1),
        check_whole("seed", seed, 0),
        check_choice("correct", correct, get_args(Correction)),  # type: ignore[arg-type]
    )


def _choose(subjects: Sequence[Subject], rois: Rois | None, min_ceiling: object) -> Chosen:
    """Return the ROIs asked for, or else all there are; 'All vertices' where there are none."""
    classes = classes_of(subjects)
    names = some_rois(rois) or tuple(classes) or (ALL_VERTICES,)
    for subject in subjects:
        if not subject.has_responses("train"):
            # Says where they were looked for.
            subject.responses("train", subject.sides[0])
    return choose_rois(names, classes, check_min_ceiling(min_ceiling))


def _refuse_misfits(kind: Kind, how: How, others: Mapping[str, object], of_rois: Mapping[str, object]) -> None:
    """Refuse what does not go together."""
    if kind != "ROI":
        given = [name for name, value in of_rois.items() if value is not None]
        if given:
            what = "RDMs" if kind == "RDM" else "layers"
            raise UsageError(
                f"{given[0]}=... is of responses, and layers are compared with {what}", hint="leave it out"
            )
    if kind == "RDM":
        given = [name for name, value in others.items() if value is not None]
        if given:
            raise UsageError(f"rdm=... and {given[0]}=... both say what layers are compared with", hint="leave one out")
        if not is_of_distances(how.measure):
            raise UsageError(
                f"measure={how.measure!r} compares inner products, and an RDM has distances",
                hint="measure='spearman', measure='pearson', measure='kendall' or measure='cosine' compare RDMs",
            )


def _read(given: Rdms, subjects: Sequence[Subject]) -> list[Rdm]:
    """Return the RDMs of files and arrays."""
    if len(subjects) > 1:
        ids = ", ".join(str(subject.id) for subject in subjects)
        raise UsageError(
            f"an RDM is of one set of images, and subjects {ids} saw several",
            hint=f"choose one: subjects={subjects[0].id}",
        )
    return read_all(given)


def _seen_by_all(subjects: Sequence[Subject], how: How) -> list[NDArray[np.int64]]:
    """Return for each subject the places of the training images that all of them saw; none where these are few."""
    places = [{str(image.id): image.row for image in subject.train_stimuli} for subject in subjects]
    common = [word for word in places[0] if all(word in others for others in places)]
    if len(common) < _FEWEST_SHARED or len({subject.ids for subject in subjects}) > 1:
        return []
    # Of many, so many tell it.
    drawn = np.random.default_rng(how.seed).permutation(len(common))[
        : MOST_IMAGES if how.measure == "kendall" else SAMPLE
    ]
    chosen = [common[place] for place in np.sort(drawn)]
    return [np.array([of_subject[word] for word in chosen]) for of_subject in places]


def _told_ceilings(subjects: Sequence[Subject], same: Sequence[NDArray[np.int64]]) -> list[str]:
    """Say what noise ceilings rest on."""
    if len(subjects) < 2 or not same:
        return []
    return [f"noise ceilings are of the {len(same[0])} training images that all {len(subjects)} subjects saw"]


def _notes(how: How, result: Sequence[Compared]) -> tuple[str, ...]:
    """Say what readers have to know of how it was told."""
    most = max(compared.n_images for compared in result)
    if how.measure == "kendall" and most > MOST_IMAGES:
        return (
            f"Kendall's tau-a is that of {MOST_IMAGES} images, drawn with seed {how.seed}: of all it would take days",
        )
    if most > SAMPLE:
        return (
            f"p and intervals are told from {SAMPLE:,} images, drawn with seed {how.seed}; similarities are of all",
        )
    return ()
