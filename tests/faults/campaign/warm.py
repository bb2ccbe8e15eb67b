"""The server of jobs with all that commands load: whatever is forked off begins at once."""

from __future__ import annotations

import gc
import importlib
import pkgutil

from tests.faults.server import serve

# What draws, and what a page is made of, takes seconds to load and a job a fraction of one to use.
_HEAVY = (
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "nibabel", "scipy.linalg", "h5py", "jinja2"),
    *("imagecodecs.imagecodecs", "pydantic", "pydantic.json_schema", "tests.features.stand_in"),
)


def warm_up() -> None:
    """Load every module of the package, and of the libraries that it loads when they are asked for."""
    import algocli

    for name in _HEAVY:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(algocli.__path__, "algocli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    # What is not looked through for garbage is not copied for each job.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    warm_up()
    serve()
