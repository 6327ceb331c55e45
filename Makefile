# `make run` and `make test` work on a fresh machine with Python 3.11 or 3.12.
PYTHON ?= python3
BIN := .venv/bin
# albumentations asks the package index for news at import, unless told not to
export NO_ALBUMENTATIONS_UPDATE := 1

# each also alone, as in `make bench_start`; all of them take hours
BENCHES := bench_start bench_crowd bench_kill bench_openapi fuzz_photo bench_verify bench_million bench_refusals \
  bench_duplicates bench_screens bench_card_sweep

.PHONY: run test check lint format audit browser bench $(BENCHES) clean

run: .venv/serve.stamp
	$(BIN)/qc-service run --data data

# the browser first: better told at once than after the install
test: browser
	$(MAKE) .venv/all.stamp
	$(MAKE) check

check: lint
	$(BIN)/pytest

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# known vulnerabilities of the pins; says so where the databases cannot be reached
audit: .venv/audit.stamp
	.venv/audit/bin/python .ci/audit.py

bench: $(BENCHES)

bench_refusals bench_duplicates bench_screens: ARGUMENTS = datasets/samples
bench_card_sweep: ARGUMENTS = --out datasets/card_sweep/card_sweep.png
$(BENCHES): .venv/all.stamp
	$(BIN)/python -m tests.bench.$@ $(ARGUMENTS)

browser:
	@test -n "$$CHROMIUM" || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  command -v google-chrome >/dev/null || { echo "The browser test needs Chromium:" \
	  "apt-get install chromium (Debian), brew install --cask chromium (macOS), or CHROMIUM=/path/to/it"; exit 1; }

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || \
	  { echo "Python 3.11 or 3.12 is needed. Name one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "Python's venv is missing: apt-get install python3-venv (Debian)"; exit 1; }
	$(PYTHON) -m venv .venv

# Stamps: an install is repeated only where what it reads has changed.
.venv/serve.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

.venv/all.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install -q -c constraints.txt -e '.[train,dev]'
	touch $@ .venv/serve.stamp

# an environment of its own: what asks is no part of what is asked about
.venv/audit.stamp: | .venv/bin/python
	$(BIN)/python -m venv .venv/audit
	.venv/audit/bin/pip install -q 'pip-audit>=2.10,<3'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
