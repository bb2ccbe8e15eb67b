"""A notebook of thirty lines in a process of its own that is set up as a notebook's is: from images to predictions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.challenge import write_tiny_challenge

# Somebody sits before it, as Python says by the name of its prompt.
_BEFORE = "import sys; sys.ps1 = 'In [1]: '\n"
_NOTEBOOK = """
import numpy as np
import pandas as pd
import algocli
from pathlib import Path

data = algocli.Challenge("my data")
subject = data.subject("subj01")
layers = pd.Index(["features.0", "features.2"])
features = algocli.extract(subject, "AlexNet".lower(), layers, weights="random", pool=2)
print(subject, features)

runs = [algocli.train(subject, name, n_components=np.int64(5)) for name in features]
both = algocli.train(subject, np.array(features), regression="ridge", alphas=np.logspace(-2, 4, 7), n_components=5)
print(both, both.settings.alphas)
table = algocli.report(both, rois=np.array(["ffa", "V1v+V1d"])).to_pandas()
print(table[["hemisphere", "roi", "n_vertices"]])
faces = [roi for roi in subject.rois if roi.roi_class == "floc-faces"]
names = {row.roi for row in algocli.report(both, rois=faces).rows}
print(names == {roi.name for roi in faces})
print(len(algocli.compare(np.array([*runs, both], object), rois="All vertices", n_resamples=20).rows))
figure = algocli.plot("rois", both, rois=faces[0], title="caf\\udce9", path=Path("rois.png"))
print(type(figure).__name__)

pictures = Path("my data/subj01/test_split/test_images").glob("*.png")
predicted = algocli.predict(both, subject, pictures)
print(predicted["lh"].shape == (3, subject.n_vertices("LH")))
try:
    algocli.report(both, rois=" , ")
except algocli.AlgocliError as error:
    print(error.message)
"""


def test_a_notebook_goes_from_images_to_predictions(tmp_path: Path) -> None:
    write_tiny_challenge(tmp_path / "my data", (1,), n_train=40, n_test=3, image_size=32)
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONWARNINGS": "error",
    }
    command = [sys.executable, "-c", _BEFORE + _NOTEBOOK]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "40 training and 3 test images" in ran.stdout
    assert "Alphas(low=0.01, high=10000.0, n=7)" in ran.stdout
    assert "V1v+V1d" in ran.stdout
    assert ran.stdout.split("Figure\n")[1].splitlines() == ["True", "no ROI is named ' , '"]
    assert (tmp_path / "rois.png").read_bytes().startswith(b"\x89PNG")
    assert "note: images for alexnet" in ran.stderr
