"""Benchmarks: programs that print ratios, every one of them measured in one run on one machine.

    python -m tests.benchmarks              all of the below, on a synthetic subject of the official size
    python -m tests.benchmarks --small      the same on a few hundred images: tries the machinery, says nothing else
    python -m tests.benchmarks.pipeline     algocli's commands against the challenge's tutorial, time and memory
    python -m tests.benchmarks.extraction   extraction against its parts, the Gram pass against a matrix product
    python -m tests.benchmarks.ridge        ridge with a penalty a vertex, against himalaya's and scikit-learn's
    python -m tests.benchmarks.checking     what it costs that every file is vouched for, against the same without
    python -m tests.benchmarks.products     similarity of twenty layers and a learning curve, from Gram matrices
    python -m tests.benchmarks.workers      two workers of a cluster against one, and one against none, on four subjects
    python -m tests.benchmarks.tutorial     the tutorial's own cells alone, timed
    python -m tests.benchmarks.receptive_fields  receptive fields found against those planted, in numbers
    python -m tests.benchmarks.rings_and_wedges  the same as a figure
    python -m tests.benchmarks.calibration  no ratios: how often p values and intervals are right, and their bounds

Seconds belong to the machine and its mood, so no test judges one, and a target missed is printed and fails nothing.
Let the machine be idle. `--data-dir` takes a challenge that is on disk already, `--rounds 3` gives medians, and
`--tutorial-seconds X` spares the tutorial when its time on this machine is known. Weights are those of
$ALGOCLI_TEST_ASSETS/weights/alexnet_features.pth where that is set, else random: no time depends on them,
except that features of a trained network compress better or worse than others.
"""
