# Every target makes what it needs: `make demo` and `make test` work on a fresh clone with only Python and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
export PYTHONDONTWRITEBYTECODE :=
unexport VIRTUAL_ENV PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help setup demo build-demo screenshots test test-all torture lint types format docs bench lock clean

help:  ## show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.installed: $(BIN)/uv pyproject.toml requirements/lock.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements/lock.txt --editable '.[test]'
	@touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements/lock.txt --editable '.[docs]'
	@touch $@

$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements/lock.txt --editable '.[bench]'
	@touch $@

setup: $(VENV)/.installed  ## install eisen and its test tools into .venv, from the pinned versions

demo: setup  ## train a model on phantoms, evaluate it, draw a picture (3 minutes)
	$(BIN)/eisen demo

build-demo: setup  ## open the visual builder with an experiment on phantoms
	$(BIN)/eisen build --demo

screenshots: setup  ## draw the pictures of the builder for the documentation (minutes; needs chromium)
	EISEN_SCREENSHOTS=docs/_static/builder $(BIN)/python -m pytest -q tests/builder/test_e2e_first_experiment.py

test: setup  ## run the tests and the doctests (minutes)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow"

test-all: setup  ## run the slow tests too, and search for new counterexamples
	EISEN_HYPOTHESIS=searching $(BIN)/python -m pytest -n $(JOBS)

torture: setup  ## kill trainings at 200 random instants and compare every byte; replay every crash of the checkpoint writer
	$(BIN)/python tests/torture/kills.py --kills 200
	$(BIN)/python -m pytest -q tests/torture

lint: setup  ## check style, types and layering
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

types: setup  ## check types only
	$(BIN)/mypy

format: setup  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs  ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/.bench  ## run every benchmark and print ratios
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

lock: $(BIN)/uv  ## pin the newest versions of all packages
	$(BIN)/uv pip compile --quiet --upgrade --no-header --no-emit-index-url --universal --python-version 3.11 --all-extras pyproject.toml --output-file requirements/lock.txt

clean:  ## remove everything that the targets made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache docs/_build docs/gallery artifacts eisen_demo
