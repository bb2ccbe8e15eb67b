# Everything works from a bare clone: the first target that needs it makes .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test test-all check bench submission format clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA_DIR ?= algonauts_2023_challenge_data
CACHE_DIR ?= cache
DEMO_DIR ?= demo
DEMO_FLAGS ?=

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Rebuilt only when pyproject.toml changes. A half-made environment has no stamp and is made again.
$(STAMP): pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
