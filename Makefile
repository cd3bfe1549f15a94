# One word per intention. Everything lives in .venv; nothing is installed outside of it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help setup run check fix test golden bench bench-gatewayapi docs helm promtool static clean cluster cluster-build test-cluster conformance conformance-build conformance-newest
help:            ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/' | expand -t 16

setup: $(STAMP)  ## make .venv with every dependency at its pinned version
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

run: $(STAMP)    ## start the gateway on examples/quickstart (Ctrl-C stops it)
	@$(BIN)/python examples/quickstart/start.py

check: $(STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check src tests bench examples deploy conformance
	$(BIN)/ruff check src tests bench examples deploy conformance
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(STAMP)    ## let ruff repair what it can
	$(BIN)/ruff format src tests bench examples deploy conformance
	$(BIN)/ruff check --fix src tests bench examples deploy conformance

test: $(STAMP)   ## every test that needs nothing but Python
	$(BIN)/pytest --ignore=tests/cluster

golden: $(STAMP) ## rewrite the expected part of tests/golden
	GOLDEN_REWRITE=1 $(BIN)/pytest tests/test_golden.py

bench: $(STAMP)  ## measure the bars; results in bench/results
	$(BIN)/python -m bench

bench-gatewayapi: $(STAMP) ## gateway-api-bench on the test cluster; results in bench/results/gatewayapi
	$(MAKE) cluster-build conformance-build
	$(BIN)/python -m bench gatewayapi $(SCENARIO) $(if $(CHURN_SECONDS),--churn-seconds $(CHURN_SECONDS))

docs: $(STAMP)   ## regenerate docs/settings.md, docs/annotations.md, deploy/crds and the settings that the chart accepts
	$(BIN)/python -m sealos_gateway.reference docs
	$(BIN)/python -m sealos_gateway.definitions deploy/crds
	$(BIN)/python -m sealos_gateway.definitions deploy/helm/sealos-gateway/crds

# Tools that are Go modules; the module proxy and its checksums make sure that the version is what it says.
TOOLS := .tools
HELM  := $(TOOLS)/helm
$(HELM):
	GOBIN=$(abspath $(TOOLS)) go install -p 2 -ldflags='-s -w' helm.sh/helm/v4/cmd/helm@v4.3.1

PROMTOOL := $(TOOLS)/promtool
$(PROMTOOL):
	GOBIN=$(abspath $(TOOLS)) go install -p 2 -tags remove_all_sd -ldflags='-s -w' github.com/prometheus/prometheus/cmd/promtool@v0.316.0

promtool: $(PROMTOOL) ## build promtool into .tools (needs Go; minutes the first time)

helm: $(HELM)    ## build helm into .tools (needs Go; minutes the first time)

static: $(STAMP) $(HELM) ## render deploy/static/install.yaml from the chart
	$(BIN)/python deploy/static/render.py

# A real Kubernetes control plane and node, built from Go modules; only for tests, and only where Go is.
CLUSTER := testcluster/bin/testcluster
KUBE     = $(shell sed -n 's/^\tk8s.io\/kubernetes v\(.*\)/\1/p' testcluster/go.mod)
KUBE_X  := -X k8s.io/component-base/version
$(CLUSTER): $(wildcard testcluster/*.go testcluster/*/*.go) testcluster/go.mod testcluster/go.sum
	cd testcluster && go build -p 2 -ldflags='-s -w $(KUBE_X).gitVersion=v$(KUBE) $(KUBE_X).gitMajor=$(word 1,$(subst ., ,$(KUBE))) $(KUBE_X).gitMinor=$(word 2,$(subst ., ,$(KUBE)))' -o bin/testcluster .

cluster-build: $(CLUSTER) ## build the test cluster (needs Go; ten minutes the first time)

cluster: $(CLUSTER) ## a real Kubernetes cluster on this machine; prints its kubeconfig, Ctrl-C stops it
	@$(CLUSTER)

test-cluster: $(STAMP) $(CLUSTER) $(HELM) ## the tests that need a real API server and node
	cd testcluster && go vet ./... && go test ./cri
	$(BIN)/pytest tests/cluster

# The official conformance suite of the Gateway API, from its Go modules. Options, for example:
#   CONFORMANCE_TEST=HTTPRouteWeight make conformance
#   CONFORMANCE_PROFILES=GATEWAY-TCP,GATEWAY-UDP CONFORMANCE_CHANNEL=standard make conformance
#   CONFORMANCE_API=v1.6.1 make conformance
CONFORMANCE_API ?= v1.7.0
CONFORMANCE_PODS := $(addprefix conformance/bin/,echo-basic coredns)
CONFORMANCE_SUITE = conformance/bin/conformance$(if $(filter-out v1.6.1,$(CONFORMANCE_API)),-newest)
CONFORMANCE_ARGS = --api=$(CONFORMANCE_API) $(if $(CONFORMANCE_CHANNEL),--channel=$(CONFORMANCE_CHANNEL)) \
	$(if $(CONFORMANCE_PROFILES),--profiles=$(CONFORMANCE_PROFILES)) $(if $(CONFORMANCE_TEST),--test=$(CONFORMANCE_TEST)) \
	$(if $(CONFORMANCE_FOLDER),--folder=$(CONFORMANCE_FOLDER))
conformance/bin/conformance: conformance/go.mod conformance/go.sum $(wildcard conformance/*.go)
	cd conformance && go test -c -o bin/conformance .
# The newest release of the API asks for a newer Go than the rest; the go command gets it as it gets any module.
conformance/bin/conformance-newest: conformance/newest.mod conformance/newest.sum $(wildcard conformance/*.go)
	cd conformance && GOTOOLCHAIN=go1.27.3 go test -c -modfile=newest.mod -o bin/conformance-newest .
conformance/bin/echo-basic: conformance/go.mod conformance/go.sum
	cd conformance && go build -o bin/echo-basic sigs.k8s.io/gateway-api/conformance/echo-basic
conformance/bin/coredns: $(addprefix conformance/coredns/,go.mod go.sum main.go)
	cd conformance/coredns && go build -o ../bin/coredns .

conformance-newest: conformance/bin/conformance-newest ## build the suite of the newest Gateway API (needs Go, which gets Go 1.27)

conformance-build: conformance/bin/conformance $(CONFORMANCE_PODS) ## build the conformance suite and its test pods (needs Go; some minutes the first time)

conformance: $(STAMP) $(CLUSTER) $(CONFORMANCE_SUITE) $(CONFORMANCE_PODS) ## run the conformance suite of the Gateway API on a test cluster
	$(BIN)/python -m conformance $(CONFORMANCE_ARGS)

clean:           ## remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
