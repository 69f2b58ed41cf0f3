# make app: create the environment, install, start the page.   make test: the same, run the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Linux without an NVIDIA driver does not need the CUDA build of PyTorch (several GB).
TORCH ?= torch

.PHONY: app test lint viewer clean

app: $(VENV)/.installed
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/mypy app.py

$(VENV)/.installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed.") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/pip install --quiet -r requirements-dev.txt
	touch $@

viewer:
	cd assets/viewer && npm ci && npm run build

clean:
	rm -rf $(VENV)
