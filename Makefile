# Everything works from a bare clone: the first target that needs it makes .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test test-all coverage faults soak check bench calibration submission wheel format clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_DIR ?= demo
DEMO_FLAGS ?=
DATA_DIR ?= algonauts_2023_challenge_data
CACHE_DIR ?= cache
OUT ?= submission.zip
EXTRACT_FLAGS ?=
TRAIN_FLAGS ?=
SUBMIT_FLAGS ?=
BENCH_FLAGS ?=
CALIBRATION_FLAGS ?=
FAULTS_FLAGS ?=
SOAK_FLAGS ?=
# As many files of tests at once as there are cores; a file stays together, for what its tests share.
PYTEST := $(BIN)/python -m pytest -n logical --dist loadfile

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP)  ## a synthetic challenge in ./demo, and the whole pipeline run on it
	$(BIN)/algocli demo $(DEMO_DIR) --run $(DEMO_FLAGS)

test: $(STAMP)  ## the test suite, without what is slow
	$(PYTEST)

test-all: $(STAMP)  ## every test
	$(PYTEST) -m "not bench"

coverage: $(STAMP)  ## the test suite, and how much of the package it runs: at least 90 %, branches counted
	$(PYTEST) --cov

soak: $(STAMP)  ## an hour of mixed commands on one cache and a hundred reports: does anything grow, is anything left?
	$(BIN)/python -m tests.faults.soak $(SOAK_FLAGS)

faults: $(STAMP)  ## every command stopped, starved, raced, corrupted and lied to, and a table of what survived (an hour)
	$(BIN)/python -m tests.faults.campaign $(FAULTS_FLAGS)

check: $(STAMP)  ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(STAMP)  ## speed and memory beside the tutorial's own cells, as ratios (an hour at full size)
	$(BIN)/python -m tests.benchmarks $(BENCH_FLAGS)

calibration: $(STAMP)  ## how often p values and intervals are right, on noise and on responses of a known truth (an hour)
	@status=0; \
	$(BIN)/python -m tests.benchmarks.calibration $(CALIBRATION_FLAGS) || status=1; \
	$(BIN)/python -m tests.benchmarks.calibrated_parts || status=1; \
	exit $$status

submission: $(STAMP)  ## extract, train and submit on DATA_DIR; what is done already is not done again
	$(BIN)/algocli extract --data-dir $(DATA_DIR) --cache-dir $(CACHE_DIR) $(EXTRACT_FLAGS)
	$(BIN)/algocli train --data-dir $(DATA_DIR) --cache-dir $(CACHE_DIR) $(TRAIN_FLAGS)
	$(BIN)/algocli submit --data-dir $(DATA_DIR) --cache-dir $(CACHE_DIR) -o $(OUT) $(SUBMIT_FLAGS)

wheel: $(STAMP)  ## a wheel in ./dist, to install where the source is not
	$(BIN)/python -m pip wheel -qq --no-deps --wheel-dir dist .
	@ls dist/algocli-*.whl

format: $(STAMP)  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## delete the environment, the demo and dist/; cache/ and your data stay
	rm -rf $(VENV) $(DEMO_DIR) dist .pytest_cache .mypy_cache .ruff_cache .coverage .hypothesis .import_linter_cache

# Made anew only when pyproject.toml changes. A half-made environment has no stamp and is made again.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "algocli needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)" >&2; \
		echo "name another one: make PYTHON=python3.12 $(firstword $(MAKECMDGOALS))" >&2; exit 1; }
	@echo "making $(VENV): a minute or more, and several gigabytes where torch comes with CUDA"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[dev]'
	@touch $@
