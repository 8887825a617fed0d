# `make demo` shows everything, `make test` checks everything. Each target sets up .venv when it is missing.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Many programs start in the tests: each would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-sphinx fuzz book release reproduce bench lint clean

help:
	@echo "make demo       build the site, release the labs, grade a sample class, show the result"
	@echo "make test       run all tests (make test-long: their long forms too)"
	@echo "make test-sphinx  build the site with the newest Sphinx, the way out of Jupyter Book 1 (installs packages)"
	@echo "make fuzz       hand odd notebooks and odd answers to the grader, others each time"
	@echo "make book       build the site into book/_build/html"
	@echo "make release    write the student version of LAB (default lab1) to assignments/release"
	@echo "make reproduce  train and time what the book shows, and the labs' solutions (a night; needs the real data)"
	@echo "make bench      measure and print the figures"
	@echo "make clean      remove what the other targets made, .venv excepted"

# Written beside and renamed, so that an interrupted set-up is not taken for a finished one.
$(BIN)/.ready: pyproject.toml constraints.txt
	@echo "Setting up .venv (a few minutes the first time)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(BIN)/.ready
	cnn-course demo

test: $(BIN)/.ready
	ruff check .
	pytest -m "not long" --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-long: $(BIN)/.ready
	pytest

test-sphinx: $(BIN)/.ready
	pytest tests/book/test_newest_sphinx.py

fuzz: $(BIN)/.ready
	FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} pytest tests/fuzz -m long

book: $(BIN)/.ready
	python book/build.py

LAB ?= lab1
release: $(BIN)/.ready
	cnn-course release $(LAB)

reproduce: $(BIN)/.ready
	python -m book.make_timings
	python -m book.make_runs
	python -m book.make_deep
	python -m book.make_small_network
	python -m book.make_network_to_see
	python -m book.make_uses
	python -m book.make_transfer
	python -m book.make_looking
	python -m book.make_segmentation
	python -m book.make_glands_to_see
	python -m book.make_ensembles
	python -m book.make_data
	python -m book.make_transformer
	python -m book.make_tissue
	python -m book.make_solutions

bench: $(BIN)/.ready
	python -m benchmarks

lint: $(BIN)/.ready
	ruff check .

clean:
	rm -rf demo book/_build benchmarks/results benchmarks/environments build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
