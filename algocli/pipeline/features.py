"""Features from Python: those of a network, and those that another program made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algocli.compute.addresses import check_address
from algocli.compute.caches import filling
from algocli.compute.calls import forgiving
from algocli.compute.choices import check_flag, check_path, check_paths, check_whole, check_word
from algocli.compute.keywords import check_keywords
from algocli.compute.track import Note, Track, said_aside, shown
from algocli.dataset.protocol import Subject
from algocli.encoding.presets import PresetName
from algocli.features import usual
from algocli.pipeline.arguments import Paths, cluster_of, device_on, each_subject
from algocli.pipeline.borrowing import open_cache
from algocli.pipeline.defaults import DEFAULT_CACHE, DEFAULT_MODEL
from algocli.pipeline.making import load, passage_of
from algocli.pipeline.presets import of_extraction, of_preset

if TYPE_CHECKING:
    from algocli.features.imports.locating import Key
    from algocli.features.networks.network import TransformName
    from algocli.features.networks.numerics import Numerics
    from algocli.features.store.keys import Dtype
    from algocli.features.store.shards import FeatureStore


class Features(tuple[str, ...]):
    """Names of features, one a layer, as `train` takes them.

    Attributes
    ----------
    stores
        What holds them on disk, subject by subject and, there, layer by layer.
    """

    stores: tuple[FeatureStore, ...]

    @classmethod
    def of(cls, stores: Iterable[FeatureStore]) -> Features:
        """Return the names that some stores go by, each once."""
        kept = tuple(stores)
        names = cls(dict.fromkeys(store.name for store in kept))
        names.stores = kept
        return names


@forgiving
def extract(
    subjects: Subject | Iterable[Subject],
    model: str = DEFAULT_MODEL,
    layers: Iterable[str] | str | None = None,
    *,
    preset: PresetName | None = None,
    weights: str | Path = "pretrained",
    transform: TransformName = "auto",
    image_size: int | None = None,
    tokens: str | None = None,
    pool: int | None = None,
    project: int | None = None,
    project_seed: int = 0,
    dtype: Dtype = usual.DTYPE,
    numerics: Numerics = usual.NUMERICS,
    batch_size: int | None = None,
    stimuli: Path | str | None = None,
    rows: range | None = None,
    gram: bool = True,
    trust_remote_code: bool = False,
    features_dir: str | None = None,
    cache_dir: Path | str = DEFAULT_CACHE,
    device: str = "auto",
    cluster: str | None = None,
    track: Track = shown,
    note: Note = said_aside,
) -> Features:
    """Pass every image of some subjects through a network, unless that is done already.

    Parameters
    ----------
    model
        A classifier of torchvision's by its name, 'timm/NAME', 'hf:OWNER/NAME', 'open_clip:ARCHITECTURE/WEIGHTS',
        'torchhub:OWNER/REPO[:BRANCH]:NAME', or 'python:MODULE:CALLABLE' for one of your own.
    layers
        Names of graph nodes, or patterns such as 'layer3.*'; a string is one of them. By default the preset's, or
        features.2.
    preset
        A model under a name, such as 'tutorial' or 'strong'; what is named beside it goes before it.
    weights
        'pretrained', 'random', 'random:SEED', a checkpoint file or a folder of one, or a named set of weights;
        'FILE:PART' is a part of a checkpoint that has several networks, such as 'dino.pth:student'.
    transform
        How images are prepared: 'tutorial' as the tutorial did it, 'model' as the weights ask for, 'auto' as the
        weights ask for but for the tutorial's own networks, and for those of which nothing is known.
    image_size
        The side of the images in pixels, for networks that can interpolate their positions, or have none; by default
        what `transform` says.
    tokens
        What is kept of a transformer's layer: 'all', or some of 'class', 'registers', 'patches' and their 'mean', as in
        'class+patches'. By default all tokens, and of a layer that is pooled its patches.
    pool
        Average each channel, or number of a patch, over a grid of so many cells a side.
    project, project_seed
        Keep so many sparse random projections, drawn from that seed.
    dtype
        Precision of the stored features: 'float16' or 'float32'.
    numerics
        Precision of the network itself: 'float32', 'tf32' and 'float16' on CUDA, 'bfloat16' anywhere.
    batch_size
        Images a forward pass; by default 16 on a cpu, 64 on a GPU.
    stimuli
        NSD's HDF5 file to read the images from, or a folder with a CSV of ids; by default each subject's own files.
    rows
        Only these rows of the images, rounded to the blocks that are written whole: those that begin within. Any
        partition gives the same features.
    gram
        Whether also to compute the products between images that `train` begins with.
    trust_remote_code
        Allow 'torchhub:' models, and those of 'hf:' that bring their own code: it runs here.
    features_dir
        Keep the features and their Gram matrices at this address, as in 's3://bucket/prefix', and in the cache what
        refers to them and is made of them. Which server it is of, the environment says: of 's3://' AWS_ENDPOINT_URL, or
        it is Amazon's.
    cache_dir
        The folder of features and runs; or an address, at which features and Gram matrices then lie, for whoever names
        it, while runs and all else lie in 'cache/s3/BUCKET+PREFIX'.
    cluster
        Where images pass and products are computed, as in 'local:2', two processes of this machine, which divide its
        cores and its memory; 'slurm:FILE.toml', jobs of SLURM; or 'dask:tcp://HOST:PORT', the workers of a Dask
        scheduler. The features are the same. By default all is done here.
    track, note
        How to show progress and to say something by the way.

    Returns
    -------
    The names of the features, one a layer, as `train` takes them; their `stores` have the numbers,
    (n_stimuli, n_features) each.

    Raises
    ------
    UsageError
        If there is no such model, layer or device, or an argument is not what it can be.
    DataError, StorageError
        If an image or the weights cannot be read, or the cache cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> features = algocli.extract(subject, "alexnet", ["features.2", "features.5"])
    >>> [store.features.shape == (len(subject.stimuli), store.n_features) for store in features.stores]
    [True, True]
    """
    from algocli.dataset.images import open_images

    some, (model, layers) = each_subject(subjects), of_preset(preset, model, layers)
    where = cluster_of(cluster)
    gram, cache_dir = check_flag("gram", gram), open_cache(cache_dir, note)
    device, weights = check_word("device", device), str(check_path("weights", weights))
    weights, wish = of_extraction(preset, model, weights, image_size=image_size, tokens=tokens, pool=pool)
    source = None if stimuli is None else check_path("stimuli", stimuli)
    at = check_address("features_dir", features_dir)
    # The images are looked at first: a wrong folder is told before torch takes its seconds to load.
    sources = [(subject, open_images(subject, source)) for subject in some]

    from algocli.features import extraction
    from algocli.features.networks.devices import at_hand
    from algocli.features.store.gram import gram as products

    how = {"weights": weights, "transform": transform, **wish}
    how |= {"project": project, "project_seed": project_seed, "dtype": dtype, "numerics": numerics}
    # What can be no option is told before torch takes its seconds to load a network.
    passage = passage_of(how, device_on(where, device), batch_size, rows)
    trust = check_flag("trust_remote_code", trust_remote_code)
    if where is not None:
        from algocli.pipeline.extraction_tasks import ClusterExtraction, Order

        order = Order(model, tuple(layers), tuple(how.items()), passage.device, trust)
        there = ClusterExtraction(where, order, passage, at, cache_dir, track, note)
        return Features.of(there.extract(sources, source, gram=gram))
    backbone = load(model, list(layers), how, at_hand(passage.device), trust_remote_code=trust, note=note)
    stores: list[FeatureStore] = []
    with filling(cache_dir, note):
        for subject, images in sources:
            made = extraction.extract(
                subject, backbone, cache_dir, passage, images=images, at=at, track=track, note=note
            )
            for store in made if gram else ():
                if store.complete:
                    products(store, device=passage.device, track=track, note=note)
            stores += made
    return Features.of(stores)


@forgiving
def import_features(
    subjects: Subject | Iterable[Subject],
    files: Paths,
    name: str,
    *,
    dataset: str | None = None,
    key: Key | None = None,
    ids_file: Path | str | None = None,
    ids_from: int | None = None,
    names_file: Path | str | None = None,
    dtype: Dtype | None = None,
    force: bool | None = None,
    asked: bool = True,
    cache_dir: Path | str = DEFAULT_CACHE,
    track: Track = shown,
    note: Note = said_aside,
    **other: object,
) -> Features:
    """Keep features that another program made, unless that is done already.

    Parameters
    ----------
    files
        An array (n_images, n_features) for all subjects, or one for each: .npy, .npz, .h5, .zarr, .mat, .pt,
        .safetensors, .csv, .tsv or .parquet.
    name
        What to call the features.
    dataset
        The array within a file that holds several.
    key
        What a row's number is, whatever rows are called: 'nsd-id', an image's id, or 'row', its place.
    ids_file, ids_from
        A .npy or CSV file with the id of each row's image, and what these count from: 0, as usual, or 1.
    names_file
        A file with an image's name, or its id, for each row.
    dtype
        Precision of what is stored; by default float32, or the file's float16.
    force
        Replace other features of that name.
    asked
        Whether these subjects were asked for, and not merely all that the data has.
    **other
        Nothing: a word that is none of these is told what may have been meant.

    Returns
    -------
    The name of the features, as `train` takes it; their `stores` have the numbers.

    Raises
    ------
    UsageError
        If the wishes, or files and subjects, do not fit together.
    DataError, StorageError
        If a file cannot be read or does not fit, or the cache cannot be written.

    Examples
    --------
    >>> subject = algocli.Challenge("demo").subject(1)
    >>> np.save("mine.npy", np.random.default_rng(0).random((len(subject.stimuli), 20)))
    >>> algocli.import_features(subject, "mine.npy", "mine")
    ('mine',)
    """
    from algocli.features.imports.stores import import_files

    # What each may be; which of them go together is the importing's business.
    given: dict[str, tuple[Callable[[str, Any], Any], Any]] = {
        "dataset": (check_word, dataset),
        "key": (check_word, key),
        "ids_file": (check_path, ids_file),
        "ids_from": (partial(check_whole, low=0), ids_from),
        "names_file": (check_path, names_file),
        "dtype": (check_word, dtype),
        "force": (check_flag, force),
        "asked": (check_flag, asked),
    }
    check_keywords(other, given)
    checked = {word: check(word, value) for word, (check, value) in given.items() if value is not None}
    some, paths, name = each_subject(subjects), check_paths("files", files), check_word("name", name)
    stores = import_files(some, paths, name, open_cache(cache_dir, note), track=track, note=note, **checked)
    return Features.of(stores)
