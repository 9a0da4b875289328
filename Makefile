# Everything a developer runs. The work is in scripts/; this file only names it.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# The SQL caches in stores/*/.sqlx stand in for databases at build time; `make sqlx` renews them.
export SQLX_OFFLINE := true

.PHONY: help demo sandbox test hermetic e2e lint soak chaos simulate bench bench-micro sqlx clean-servers

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## play some weeks of a sample province against simulated partners, then end; nothing to install
	cargo run --locked --package lienthong -- demo

sandbox: ## the same, but keep serving, with the console open
	cargo run --locked --package lienthong -- sandbox

test: ## everything: installs what is missing, starts private servers, lints, tests, stops the servers
	scripts/test

hermetic: ## the tests that need nothing but Rust
	cargo build --locked --workspace --bins --tests
	cargo test --locked --workspace

e2e: ## the tests with a real RabbitMQ, PostgreSQL, processes and Chromium
	scripts/install-tools servers
	cargo build --locked --workspace --all-features --bins --tests
	scripts/with-servers cargo test --locked --workspace --all-features --test e2e

lint: ## format, clippy, licences and bans, documentation, scripts
	scripts/lint

soak: ## 5,303 dossiers, seven months of a district, with kills and outages; see scripts/soak for its options
	scripts/soak

chaos: ## replicas on private servers while everything fails that can fail; SEED, DOSSIERS, REPLICAS, DURATION: see scripts/chaos
	scripts/chaos

simulate: ## the engine under faults on virtual time: SEEDS=10000 seeds, each the same run every time
	cargo run --locked --release --package lienthong-tests --bin simulate -- --seeds $(or $(SEEDS),10000)

bench: ## the engine beside the floor, short; WORKLOAD=P1,P3 PAIRS=5 EVENTS=20000 WAITING=100000 REPLICAS=2,3 PEERS=folder
	scripts/install-tools servers
	cargo run --locked --release --package lienthong -- bench --pairs $(or $(PAIRS),2) --events $(or $(EVENTS),8000) \
		--waiting $(or $(WAITING),20000) --replicas $(or $(REPLICAS),2) \
		$(if $(WORKLOAD),--workload $(WORKLOAD)) $(if $(PEERS),--peers $(PEERS))

bench-micro: ## single steps alone (criterion): read, plan, map, sign, claim, settle; LIENTHONG_TEST_PG=postgres://… for PostgreSQL too
	cargo bench --locked --package lienthong-bench --bench micro

sqlx: ## renew the SQL caches; CHECK=1: only compare them with what is committed
	scripts/sqlx

clean-servers: ## stop and remove private servers that a killed run has left behind
	scripts/clean-servers
