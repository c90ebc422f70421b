# make sweep and make test do all their set-up; see README.md.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: sweep test test-slow check ui bench venv lock clean

sweep: venv  ## compare two optimizers on the embedded digits
	$(BIN)/python -m src.sweep -m optimizer=adam,rmsprop

test: venv  ## the tests, without the slow ones
	$(BIN)/python -m pytest -q

test-slow: venv  ## the tests that a plain run leaves out
	$(BIN)/python -m pytest -q -m slow

check: venv  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

ui: venv  ## the runs in a browser
	$(BIN)/mlflow ui

bench: venv  ## timings beside a hand-written loop, some twenty minutes
	$(BIN)/python -m benchmarks.sweep

venv: .venv/installed

# uv lays the locked packages in seconds; pip brings uv itself.
.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "convsweep needs Python 3.11 or newer, this is " + sys.version)'
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install -qq --disable-pip-version-check uv==$(UV); }
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

UV := 0.13.9

lock: venv  ## pin anew what pyproject.toml asks for
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra dev \
		pyproject.toml -o requirements.lock

clean:  ## forget the environment; runs and studies stay
	rm -rf .venv
