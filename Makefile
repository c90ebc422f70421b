# make sweep and make test do all their set-up; see README.md.
PYTHON ?= python3
BIN := .venv/bin
SHELL := bash

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
	$(BIN)/python -m src.ui

bench: venv  ## beside other ways to search, some four hours
	$(BIN)/python -m benchmarks.peers

venv: .venv/installed

# uv says what it downloads, and for how long it compiled; only its list of all packages is left out.
LAY = set -o pipefail; $(BIN)/uv pip install --compile-bytecode --require-hashes 2>&1
SHOWN = sed -u '/^ [-+~] /d'

# pip brings uv, and uv lays the locked packages, then the project itself, by its path (compat): `python -m src.sweep`
# works in any folder, and Hydra finds the sweeper for any app.
# All is compiled here and now: where PYTHONDONTWRITEBYTECODE is set, every process would do it again for itself.
# So is MLflow's empty database, which is copied to where runs are recorded first.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "convsweep needs Python 3.11 or newer, this is " + sys.version)'
	@echo "Setting up .venv: 2.7 GB of packages, downloaded unless uv has them, and compiled; a minute or more."
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install -qq --disable-pip-version-check uv==$(UV); }
	@$(LAY) --python $(BIN)/python -r requirements.lock | $(SHOWN)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
		--config-settings editable_mode=compat -e .
	@$(BIN)/python -m compileall -q convsweep hydra_plugins src
	@$(BIN)/python -c 'from src.tracking.tables import kept; kept()' 2>/dev/null || true
	@touch $@

# Ray wants older versions of some packages: an environment of its own.
.venv-cluster/installed: requirements-cluster.lock venv
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-cluster
	@$(LAY) --python .venv-cluster/bin/python -r requirements-cluster.lock | $(SHOWN)
	@touch $@

UV := 0.13.9

lock: venv  ## pin anew what pyproject.toml asks for
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra app --extra dev \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra app --extra dev --extra ray \
		pyproject.toml -o requirements-cluster.lock

clean:  ## forget the environment; runs and studies stay
	rm -rf .venv .venv-cluster
