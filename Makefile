# `make run` and `make test` work on a fresh machine with Python 3.11 or 3.12.
PYTHON ?= python3
BIN := .venv/bin
export NO_ALBUMENTATIONS_UPDATE := 1

.PHONY: run test check format browser clean

run: .venv/serve.stamp
	$(BIN)/qc-service run --data data

test: .venv/all.stamp browser
	$(MAKE) check

check:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { echo "The browser test needs Chromium. Install it: apt-get install chromium (Debian), brew install --cask chromium (macOS)"; exit 1; }

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/serve.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e .
	touch $@

.venv/all.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install -q -c constraints.txt -e '.[train,dev]'
	touch $@ .venv/serve.stamp

clean:
	rm -rf .venv build dist *.egg-info
