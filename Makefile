# `make check` is what CI runs. `make quick` leaves out the tests that take a second or more, their cases counted together,
# and those in a browser, and gives most property tests 20 examples in place of 100.
# PYTHON: an environment with `pip install '.[dev]'`.
PYTHON ?= .venv/bin/python

# Where the environment forbids it, each worker and each program that a test starts compiles every module anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: check quick format lint types test

check: format lint types test

quick: format lint types
	$(PYTHON) -m pytest -n auto --dist loadfile -m "not slow" --hypothesis-profile quick

format:
	$(PYTHON) -m ruff format --check .

lint:
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

test:
	$(PYTHON) -m pytest -n auto --dist loadfile
