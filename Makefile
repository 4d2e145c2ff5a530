# `make` lists what there is; the two commands that matter on a fresh machine are `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# One profile for everything, so that all steps share one build of the dependencies.
CARGO ?= cargo

# Tests wait for git, agents and clocks for a third of their time: two threads for each core.
THREADS = $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 2)))

# The steps share target/ and would only wait for each other.
.NOTPARALLEL:
.PHONY: help demo test coverage-check lint fmt fmt-check doc build sqlx sqlx-check unit bench deny bootstrap clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: bootstrap ## Run the main job end to end on this machine: ARGS=--stay keeps it up to look at
	$(CARGO) run -- demo $(ARGS)

test: bootstrap fmt-check lint doc sqlx-check deny unit coverage-check ## Pass every check: formatting, lints, docs, queries, unit and conversation tests

lint: ## Clippy, with every warning an error, for the whole workspace and for the binary without the playground
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --package adjutant --no-default-features -- -D warnings

fmt: ## Format the code
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

# There are no examples. Asked for them, Cargo gives the dependencies the features that tests need, and what Clippy has
# checked of them is used again.
doc: ## Build the documentation, with every warning an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps --lib --examples

build: bootstrap ## Build the release binary
	$(CARGO) build --release

sqlx: bootstrap ## Refresh .sqlx after a change of a query or a migration
	scripts/sqlx-prepare

sqlx-check:
	scripts/sqlx-prepare --check

# What a filtered run exercises says nothing of the list.
coverage-check:
	@if [ -z "$(ARGS)" ]; then scripts/github-coverage --check; fi

unit: bootstrap ## Only the tests: ARGS="web::" filters them
	$(CARGO) test --workspace --no-run
	@if [ -z "$(ARGS)" ]; then rm -f "$${CARGO_TARGET_DIR:-target}/tmp/github-exercised.txt"; fi
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$(THREADS)} scripts/with-postgres $(CARGO) test --quiet --workspace $(ARGS)

bench: bootstrap ## Measure a release build: from label to last merge, and memory when idle
	scripts/bench-main-job
	scripts/bench-memory

deny: ## Licences and sources of the dependencies, where cargo-deny is installed
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --log-level error check bans licenses sources; else echo "cargo-deny is not installed: licences and sources are not checked"; fi

bootstrap: ## Install what is missing: Postgres, git, bubblewrap, a compiler
	@scripts/bootstrap

clean: ## Remove what was built and the local data folder
	$(CARGO) clean
	rm -rf .adjutant
