# make setup   the program and its default environment
# make run     all of that, then the program
# make test    fast tests (no training)
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
# The newest Python from 3.11 on; PYTHON=... overrides it.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Where container/prepare lies that makes a Docker engine, on machines without one.
PREPARE ?= ../shared/container/prepare

.PHONY: help setup run test test-long lint environments test-real test-longest test-in-turn test-container test-all bench causes evidence kill-test fuzz audit matrix pictures lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 18

$(VENV)/.runtime: requirements.lock requirements-build.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or newer was found: install one, or give PYTHON=/path/to/python3.12' >&2; exit 3; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.runtime  ## make .venv and install the default environment (keras-3)
	$(BIN)/repro environment install keras-3

run: setup  ## set all up and open the program
	@$(BIN)/repro

# One process more than cores: many tests wait for a screen or a child process.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))
FAST := not real and not container and not evidence and not longest and not long
PARALLEL := -n $(WORKERS) --dist worksteal
test: $(VENV)/.development  ## fast tests, without training
	$(BIN)/python -m pytest -m '$(FAST)' $(PARALLEL) $(ARGS)

test-long: $(VENV)/.development  ## what takes longer without training: hostile input, disks full at every write, clusters
	$(BIN)/python -m pytest -m 'long and not evidence' $(PARALLEL) $(ARGS)

lint: $(VENV)/.development  ## ruff, mypy, the worker under Python 3.6's rules, and which way imports point
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

environments: $(VENV)/.runtime
	$(BIN)/repro environment install keras-3 keras-2.0.9 keras-2.2.4 keras-2.3.1 tf-2.6

test-real: $(VENV)/.development environments  ## real training in keras-3, keras-2.0.9 and tf-keras, but for the longest
	$(BIN)/python -m pytest -m 'real and not evidence and not longest' --timeout 1800 $(ARGS)

test-longest: $(VENV)/.development environments  ## 1000 epochs, killed on the way and resumed (15 to 40 minutes)
	$(BIN)/python -m pytest -m longest --timeout 14400 $(ARGS)

test-container: $(VENV)/.development  ## build the image and run in it
	@if docker info >/dev/null 2>&1 || [ ! -x $(PREPARE) ]; then true; else $(PREPARE); fi
	$(BIN)/python -m pytest -m 'container and not evidence' --timeout 1800 $(ARGS)

evidence: $(VENV)/.development  ## the long runs that CI leaves out: sweeps, whole sessions, bundles, two containers, kills
	$(BIN)/repro environment install keras-3 keras-2.0.9 keras-2.2.4 keras-2.3.1 tf-2.6
	$(BIN)/python -m pytest -m evidence --timeout 3600 $(ARGS)
	$(MAKE) fuzz
	-$(BIN)/python -m scripts.soak_test --result docs/evidence/soak-test.json
	-$(BIN)/python -m scripts.random_keys
	$(MAKE) matrix
	$(MAKE) kill-test

COUNT ?= 200
kill-test: $(VENV)/.development  ## kill every kind of process at random moments of real runs (COUNT=200: about an hour)
	$(BIN)/repro environment install keras-3
	$(BIN)/python -m scripts.kill_test --count $(COUNT) $(if $(filter 200,$(COUNT)),--anew --result docs/evidence/kill-test.json)

fuzz: $(VENV)/.development  ## a hundred thousand hostile cases; writes docs/evidence/fuzz.json (about an hour)
	@$(BIN)/python -m pip --quiet install --require-hashes --only-binary :all: -r requirements-fuzz.lock \
	  || echo 'no wheel of atheris for this Python: Hypothesis draws all cases' >&2
	$(BIN)/python -m scripts.fuzz

audit: $(VENV)/.development  ## look up what all locks pin in a clone of pypa/advisory-database (DATABASE=FOLDER)
	@test -n "$(DATABASE)" || { echo 'make: DATABASE=FOLDER is missing, a clone of the public repository pypa/advisory-database' >&2; exit 2; }
	$(BIN)/python -m scripts.audit "$(DATABASE)" --write || [ $$? = 1 ]  # 1: a weakness, which is a result
	$(BIN)/python -m scripts.evidence tables

# SEEDS=0 and RATE_SEEDS=0 make the least that the pages tell of; three seeds in six environments take about an hour.
SEEDS ?= 0:3
RATE_SEEDS ?= 0:10
matrix: $(VENV)/.development  ## tables and plot of docs/, from real runs
	$(BIN)/repro environment install keras-3 keras-2.0.9 keras-2.2.4 keras-2.3.1 tf-2.6
	$(BIN)/python -m scripts.evidence run --store runs --seeds $(SEEDS)
	$(BIN)/repro sweep momentum-0.01 --seeds $(RATE_SEEDS) --environment keras-3 --environment keras-2.0.9 --store runs \
		|| [ $$? = 1 ]  # 1: a claim failed, which is a result
	$(BIN)/repro sweep momentum-0.9 --seeds $(RATE_SEEDS) --environment keras-3 --store runs || [ $$? = 1 ]
	$(BIN)/python -m scripts.evidence collect --store runs --seeds $(SEEDS)
	$(BIN)/python -m scripts.evidence tables

# Most of a short real run is tracing on one core: the 1000 epochs go on beside them.
test-all: lint environments  ## what make test leaves out: lint, real runs, containers
	$(MAKE) -j2 test-longest test-in-turn

# The fast tests pass whatever is installed: `make test` runs them alone, this once more with all environments.
test-in-turn:
	$(MAKE) test-real
	$(MAKE) test
	$(MAKE) test-long
	$(MAKE) test-container

bench: $(VENV)/.development  ## speed, size and memory as ratios against plain scripts
	$(BIN)/python -m benchmarks $(ARGS)
	$(BIN)/python benchmarks/tui_start.py
	$(BIN)/python benchmarks/tui_live.py
	$(BIN)/python benchmarks/tui_load.py
	$(BIN)/python -m benchmarks.recorder
	$(BIN)/python benchmarks/container.py

# HALF=held_out or tuned; RESULT names another file, which is gone on with where it has been begun.
HALF ?= held_out
RESULT ?= benchmarks/causes/results/$(HALF)_last.json
causes: $(VENV)/.development  ## how often diagnose names the right cause; writes docs/evidence/causes.md
	$(BIN)/repro environment install keras-3 keras-2.0.9 keras-2.2.4 keras-2.3.1
	$(BIN)/python -m benchmarks.causes run --half $(HALF) --result $(RESULT) $(ARGS)
	$(BIN)/python -m benchmarks.causes table $(sort $(wildcard benchmarks/causes/results/*.json))

pictures: $(VENV)/.runtime  ## the pictures of the screen, from real runs
	$(BIN)/python scripts/export_pictures.py

COMPILE := $(abspath $(BIN))/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
COMPILE_ENVIRONMENT := $(abspath $(BIN))/uv pip compile --quiet --no-config --no-python-downloads --python-platform x86_64-unknown-linux-gnu \
	--generate-hashes --no-emit-index-url --no-header --no-annotate
lock: $(VENV)/.runtime  ## compile all lock files anew (network); existing pins stay unless UPGRADE=--upgrade
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock >/dev/null
	$(COMPILE) $(UPGRADE) --group fuzz -o requirements-fuzz.lock >/dev/null
	$(COMPILE) $(UPGRADE) --group build -o requirements-build.lock >/dev/null
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cluster --constraint requirements.lock -o requirements-cluster.lock >/dev/null
	$(COMPILE) $(UPGRADE) pyproject.toml --extra cluster --group dev -o requirements-dev.lock >/dev/null
	cd environments/keras-3 && $(COMPILE_ENVIRONMENT) $(UPGRADE) --python-version 3.12 --no-emit-package tensorflow requirements.in -o requirements.lock >/dev/null
	cd environments/keras-3-gpu && $(COMPILE_ENVIRONMENT) $(UPGRADE) --python-version 3.12 requirements.in -o requirements.lock >/dev/null
	for name in keras-2.0.9 keras-2.2.4 keras-2.3.1 tf-2.6; do (cd environments/$$name && \
		$(COMPILE_ENVIRONMENT) $(UPGRADE) --python-version 3.6 bootstrap.in -o bootstrap.lock >/dev/null && \
		$(COMPILE_ENVIRONMENT) $(UPGRADE) --python-version 3.6 requirements.in -o requirements.lock >/dev/null) || exit 1; done
	$(PYTHON) container/update_arguments.py

clean:  ## remove what make made, but no runs
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
