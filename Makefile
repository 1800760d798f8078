# Inlet's tasks. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run build test test-race test-dialects test-console fuzz demo bench chaos chaos-quick lint fmt-check tidy-check console console-check native up down test-compose clean
MAKEFLAGS += --no-print-directory

# The modules are go.work's; there is no other list.
MODULES  = $(shell go list -m -f '{{.Dir}}')
MAINS    = $(addprefix ./,$(wildcard services/*/cmd/*))
VERSION  = $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO_BUILD = go build -trimpath -ldflags '-X github.com/inlethq/inlet/pkg/program.Version=$(VERSION)' -o bin/

GOTESTSUM    = go -C test tool gotestsum --format pkgname --format-hide-empty-pkg
LINT_VERSION = v2.11.2
LINT         = $(CURDIR)/bin/golangci-lint-$(LINT_VERSION)
FUZZ_TIME   ?= 10s

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Run and build

run: native ## build Inlet and run it on this machine: port 8080, data in ./data
	@$(GO_BUILD) ./services/inlet/cmd/inlet
	@exec bin/inlet serve

build: native ## build every program into bin/
	@$(GO_BUILD) $(MAINS)
	@echo "Built: $(addprefix bin/,$(notdir $(MAINS)))"

demo: native ## send one file of each kind to a fresh Inlet and show what becomes of it
	@$(GO_BUILD) ./services/inlet/cmd/inlet
	@go -C test run ./cmd/demo -inlet $(CURDIR)/bin/inlet

# The console's build is committed: a checkout needs no Node.
CONSOLE = services/ingest/console
NPM     = cd $(CONSOLE)/web && npm install --no-save --silent --no-audit --no-fund && npm run --silent

console: ## build the web console anew (Node 18 or newer)
	@$(NPM) build

console-check: ## the console that is committed is what its source makes
	@out=$$(mktemp -d) && trap 'rm -rf "$$out"' EXIT && (export OUT_DIR="$$out"; $(NPM) build) && diff -r "$$out" $(CONSOLE)/dist

native: # libvips and a C compiler, for the thumbnailer
	@.ci/install-native

## Test and check

# The unit tests run with the race detector. The programs that the black-box tests start are those that are shipped, without it. The vendors'
# checklists run here on one process; on separate services, where MongoDB's stand-in is slow, they run in test-dialects.
# The black-box tests wait more than they compute: three packages at once, and the longest first.
BLACK_BOX = -p 3 ./e2e ./conformance ./webhooks ./...

test: native ## every test that needs no container
	@mkdir -p bin/results
	@$(GOTESTSUM) --jsonfile $(CURDIR)/bin/results/unit.json -- -race -timeout 5m $(addsuffix /...,$(filter-out %/test,$(MODULES)))
	@$(GOTESTSUM) --jsonfile $(CURDIR)/bin/results/black-box.json -- -count=1 -timeout 8m -skip '^Test(Cluster$$|Console)' $(BLACK_BOX)
	@.ci/skips bin/results/unit.json bin/results/black-box.json

test-race: native ## every test that needs no container, the black-box tests with the race detector too
	@$(GOTESTSUM) -- -race -timeout 20m work

test-dialects: native ## every row of the five vendors' checklists, and how many hold
	@go -C test test -json -count=1 -timeout 8m -run '^Test(Single|Cluster|Pages)$$' ./dialects | go -C test run ./dialects/cmd/report

test-console: native ## the web console, in a browser
	@$(GOTESTSUM) -- -count=1 -timeout 5m -run '^TestConsole' ./console

fuzz: native ## run each fuzz target for FUZZ_TIME (10s)
	@for module in $(MODULES); do \
	  (cd "$$module" && grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do \
	    sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file" | while read -r target; do \
	      go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) "$$(dirname "$$file")" || exit 1; \
	    done || exit 1; \
	  done) || exit 1; \
	done

bench: native ## measure latency, memory and throughput of a fresh Inlet
	@$(GO_BUILD) ./services/inlet/cmd/inlet
	@for figure in latency rss throughput; do go -C test run ./bench $$figure -inlet $(CURDIR)/bin/inlet || exit 1; done

# A run prints its seed; SEED=… repeats it. Then comes the same on separate services, where MongoDB's stand-in is slow.
CHAOS       = nice go -C test run ./chaos
CHAOS_FLAGS = -inlet $(CURDIR)/bin/inlet -bin $(CURDIR)/bin $(if $(SEED),-seed $(SEED))

chaos: build ## break Inlet as often as docs/durability.md says, and check that what was acknowledged holds: more than an hour
	@$(CHAOS) $(CHAOS_FLAGS) -full
	@$(CHAOS) $(CHAOS_FLAGS) -full -mode cluster

chaos-quick: build ## the same, for some minutes; on separate services kill -9 alone
	@$(CHAOS) $(CHAOS_FLAGS) -quick
	@$(CHAOS) kill $(CHAOS_FLAGS) -quick -mode cluster

lint: native $(LINT) ## golangci-lint in every module
	@failed=; for module in $(MODULES); do \
	  echo "lint $${module#$(CURDIR)/}"; \
	  (cd "$$module" && GOWORK=off $(LINT) run --config $(CURDIR)/.golangci.yml ./...) || failed=1; \
	done; [ -z "$$failed" ]

$(LINT):
	@echo 'Building golangci-lint $(LINT_VERSION); that takes some minutes, once.'
	@GOBIN=$(CURDIR)/bin GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv bin/golangci-lint $@

fmt-check: ## every Go file is as gofmt has it
	@files=$$(gofmt -l $(MODULES)) && { [ -z "$$files" ] || { echo "gofmt -w these:"; echo "$$files"; exit 1; }; }

# A workspace hides what a go.mod does not require: each module is looked at by itself.
tidy-check: native ## every module's go.mod is tidy and enough to build it
	@for module in $(MODULES); do \
	  echo "tidy $${module#$(CURDIR)/}"; \
	  (cd "$$module" && GOWORK=off go mod tidy -diff && GOWORK=off go build ./...) || exit 1; \
	done
	@go vet work

## Containers

up: ## start Inlet as separate services with Docker Compose
	@deploy/up

down: ## stop what make up has started; the data stays
	@deploy/compose down

test-compose: ## build the images and test the services in containers, from outside
	@deploy/test-compose

clean: ## remove what was built
	@rm -rf bin coverage
