# make sweep and make test do all their set-up; see README.md.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: sweep test test-slow test-cluster check ui bench venv lock clean

sweep: venv  ## compare two optimizers on the embedded digits
	$(BIN)/python -m src.sweep -m optimizer=adam,rmsprop

test: venv  ## the tests, without the slow ones
	$(BIN)/python -m pytest -q

test-slow: venv  ## the tests that a plain run leaves out
	$(BIN)/python -m pytest -q -m slow

test-cluster: .venv-cluster/installed  ## sweeps on real engines (apt-get install slurm-wlm munge mariadb-server postgresql)
	.venv-cluster/bin/python -m pytest -q -n 0 -m cluster

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

# Ray wants older versions of some packages: an environment of its own.
.venv-cluster/installed: requirements-cluster.lock venv
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-cluster
	@$(BIN)/uv pip install --quiet --python .venv-cluster/bin/python --require-hashes -r requirements-cluster.lock
	@touch $@

UV := 0.13.9

lock: venv  ## pin anew what pyproject.toml asks for
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra app --extra dev \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra app --extra dev --extra ray \
		pyproject.toml -o requirements-cluster.lock

clean:  ## forget the environment; runs and studies stay
	rm -rf .venv .venv-cluster
