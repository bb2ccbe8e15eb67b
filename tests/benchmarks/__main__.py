"""Runs all benchmarks on one challenge: `python -m tests.benchmarks [--small]`, which `make bench` calls."""

from __future__ import annotations

import argparse
import json

from tests.benchmarks import pipeline
from tests.benchmarks.inputs import challenge, machine, options, parse, workplace


def main() -> None:
    """Measure the pipeline first, while this process is small; then extraction and ridge within it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description="Run all benchmarks.", parents=[options()]
    )
    pipeline.add_options(parser)
    chosen = parse(parser)
    # The tutorial's layer, which is what the pipeline runs on.
    chosen.model, chosen.layer = "alexnet", "features.2"
    with workplace(chosen) as work:
        folder = challenge(chosen, work)
        found = pipeline.measure(chosen, folder, work)
        pipeline.show(found)
        # Here and not above: numpy and torch would swell this process while others inherit its size.
        from tests.benchmarks import extraction, ridge

        rounds = extraction.measure(chosen, folder, work)
    extraction.show(rounds)
    chosen.components, chosen.alphas, chosen.share = ridge.N_COMPONENTS, ridge.N_ALPHAS, ridge.SHARE
    penalised = ridge.measure(chosen)
    ridge.show(penalised)
    if chosen.json:
        measured = {"pipeline": pipeline.as_dict(found), "extraction": extraction.as_dict(rounds)}
        measured["ridge"] = ridge.as_dict(penalised)
        chosen.json.write_text(json.dumps({"machine": machine(), **measured}, indent=2) + "\n")


if __name__ == "__main__":
    main()
