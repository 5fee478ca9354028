# Go and npm keep their caches below HOME. Where HOME cannot be used (empty,
# missing or read-only, as in some containers), .cache stands in for it.
ifneq ($(shell [ -n "$$HOME" ] && [ -d "$$HOME" ] && [ -w "$$HOME" ] && echo usable),usable)
export HOME := $(CURDIR)/.cache/home
$(shell mkdir -p "$(HOME)")
endif

PREFLIGHT := .cache/bin/preflight
TIMEOUT   ?= 30m
TOOL      := go tool -modfile=tools/go.mod

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  $(PREFLIGHT) compare, merge, night, age, …: what to do with reports; without a word it lists all"

.PHONY: setup
setup: .cache/modules ## Fetch modules and browser driver, find or install a browser
	@[ -x $(PREFLIGHT) ] || echo "preflight: compiling …"
	@go build -o $(PREFLIGHT) ./helpers/cmd/preflight
	@$(PREFLIGHT) setup

.cache/modules: go.mod go.sum
	@echo "preflight: fetching Go modules …"
	@go mod download
	@mkdir -p .cache && touch $@

# One case of quick/secrets lets gitleaks read the product's repository, where
# there is one: the embedded deployment has. Without it that case is not
# verified, and says so. A program of our own, so that no case compiles it.
GITLEAKS := .cache/bin/gitleaks
REPOSITORY := $(if $(APP_REPOSITORY),given,$(shell [ -e .env ] && ! grep -q '^APP_REPOSITORY=' .env || echo given))

.PHONY: gitleaks
gitleaks: $(GITLEAKS) ## Fetch and compile the scanner that one case of quick/secrets wants

$(GITLEAKS): tools/go.mod tools/go.sum
	@echo "preflight: fetching and compiling gitleaks, once (a minute or two) …"
	@mkdir -p $(@D)
	@go build -modfile=tools/go.mod -o $@ github.com/zricethezav/gitleaks/v8

.PHONY: scanner
scanner:
	@command -v gitleaks >/dev/null || $(MAKE) -s --no-print-directory $(GITLEAKS) || \
		echo "preflight: warning: without gitleaks one case of quick/secrets is not verified"

# What npm has to fetch for the embedded product on Node. In a folder of its own:
# Node finds it by NODE_PATH.
NODE_PRODUCT := fixtures/staging/express/product
PACKAGES     := .cache/express

# Packages that a list asks for, each into a folder of its own.
define fetch-packages
	@mkdir -p $(@D)
	@cp $(<D)/package.json $(<D)/package-lock.json $(<D)/.npmrc $(@D)/
	@cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@
endef
# A product of the embedded deployment, where it is not the usual one.
export PREFLIGHT_STAGING_PRODUCT ?= $(PRODUCT)
# Only for the one that runs on Node: of one that is not there the program says so.
PRODUCT_PACKAGES := $(if $(filter express,$(PREFLIGHT_STAGING_PRODUCT)),packages)

.PHONY: packages
packages: $(PACKAGES)/.installed ## Fetch what the embedded product on Node needs, from npm

$(PACKAGES)/.installed: $(NODE_PRODUCT)/package.json $(NODE_PRODUCT)/package-lock.json
	@echo "preflight: fetching the packages of the product on Node …"
	$(fetch-packages)

# Identity providers from elsewhere, in a folder of their own as well.
OUTSIDE_PROVIDER := fixtures/cmd/outside/provider
OUTSIDE          := .cache/outside

.PHONY: outside-idp
outside-idp: setup $(OUTSIDE)/.installed ## Run the checks of single sign-on through identity providers from elsewhere (npm's samlp and oidc-provider)
	@PREFLIGHT_STAGING_PRODUCT= go run ./fixtures/cmd/outside $(if $(RUN),-run "$$RUN")

$(OUTSIDE)/.installed: $(OUTSIDE_PROVIDER)/package.json $(OUTSIDE_PROVIDER)/package-lock.json
	@echo "preflight: fetching the packages of the outside identity providers …"
	$(fetch-packages)

# The real MailDev, for the inbox's tests; a folder of its own as well.
MAILDEV_LIST := fixtures/maildev
MAILDEV      := .cache/maildev

.PHONY: maildev
maildev: $(MAILDEV)/.installed ## Fetch MailDev from npm (some 110 MB), so that the tests of inboxes run on the real one

$(MAILDEV)/.installed: $(MAILDEV_LIST)/package.json $(MAILDEV_LIST)/package-lock.json
	@echo "preflight: fetching MailDev …"
	$(fetch-packages)

# Okta's own sign-in widget, in a folder of its own as well.
WIDGET_PACKAGE := fixtures/oktawidget/npm
WIDGET         := .cache/widget

.PHONY: outside-widget
outside-widget: setup $(WIDGET)/.installed ## Run the driver of Okta's pages against Okta's own sign-in widget (npm's @okta/okta-signin-widget)
	@go test ./fixtures/oktawidget -count=1 -timeout $(TIMEOUT)

$(WIDGET)/.installed: $(WIDGET_PACKAGE)/package.json $(WIDGET_PACKAGE)/package-lock.json
	@echo "preflight: fetching Okta's sign-in widget …"
	$(fetch-packages)

# Run from inside e2e: go test shows what a package prints while it runs only
# when it is given no package argument.
.PHONY: e2e
e2e: setup $(if $(RUN),,$(if $(REPOSITORY),scanner)) $(PRODUCT_PACKAGES) ## Run the suite: on the deployment in .env, else on the embedded one; PRODUCT=express has another product
	@$(if $(RUN),run=$$($(PREFLIGHT) pattern "$$RUN") && )cd e2e && go test -count=1 -timeout $(TIMEOUT) $(if $(RUN),-run "$$run")

# The suite by itself: beside other tests that drive a browser two cores are few.
.PHONY: test
test: setup scanner ## Every test of the repository, the suite on the embedded staging included
	PREFLIGHT_ENV_FILE=/dev/null go test $$(go list ./... | grep -v '/e2e$$') -count=1 -timeout $(TIMEOUT)
	cd e2e && PREFLIGHT_ENV_FILE=/dev/null go test -count=1 -timeout $(TIMEOUT)

.PHONY: staging
staging: $(PRODUCT_PACKAGES) ## The embedded deployment alone, to click through: ENV=.env writes its description, DEFECT=… breaks it, TRAP=… makes it unusual
	@go build -o .cache/bin/staging ./fixtures/cmd/staging
	@exec .cache/bin/staging $(if $(PORT),-port $(PORT)) $(if $(ENV),-env '$(ENV)') $(if $(SMTP),-smtp '$(SMTP)' -inbox '$(INBOX)') $(foreach id,$(DEFECT),-defect $(id)) $(foreach id,$(TRAP),-trap $(id))

.PHONY: detect
detect: setup scanner ## Show that each known defect turns its items red, and only those, and that assertions can fail: ONLY='state-ignored core/logout' for some
	@go run ./fixtures/cmd/detect $(if $(PARTS),-parts $(PARTS)) $(if $(SHARD),-shard $(SHARD)) $(if $(FULL),-full) $(if $(RECORD),-record) $(ONLY)

.PHONY: proof
proof: ## Write fixtures/PROOF.md (item, cases, the defects it is proven against, standards) and the inventory of assertions
	@go run ./fixtures/cmd/detect -proof fixtures/PROOF.md

# Not through setup: who has no browser yet can describe a deployment, too.
.PHONY: init
init: .cache/modules ## Find out about a deployment, and write the .env that describes it
	@go build -o $(PREFLIGHT) ./helpers/cmd/preflight
	@$(PREFLIGHT) init $(if $(IDP),-idp $(IDP)) $(if $(YES),-yes)

.PHONY: doctor
doctor: setup ## Check this machine, the variables and the deployment; what will run, and what each missing variable costs
	@$(PREFLIGHT) doctor

.PHONY: repro
repro: setup ## One case, slow, headed where there is a display, traced: RUN= the folder of a red case, item#case, item, or a go test pattern
	@[ -n "$$RUN" ] || { echo "make repro needs a case: make repro RUN='methods/magic-link#a link that was used is refused'" >&2; exit 2; }
	@$(PREFLIGHT) repro -timeout $(TIMEOUT) "$$RUN"

.PHONY: sweep
sweep: setup ## What killed runs have left at the deployment, by their ledgers: lists it, YES=1 removes it
	@$(PREFLIGHT) sweep $(if $(YES),-yes) $(if $(FORGET),-forget) $(if $(OLDER),-older $(OLDER))

.PHONY: trace
trace: setup ## Opens a trace in its viewer: FILE=reports/latest/evidence/…/trace.zip
	@[ -n "$$FILE" ] || { echo "make trace needs a trace: make trace FILE=reports/latest/evidence/…/trace.zip" >&2; exit 2; }
	@$(PREFLIGHT) trace "$$FILE"

.PHONY: lint
lint: vet ## gofmt, go vet and golangci-lint
	@unformatted=$$(gofmt -l e2e fixtures helpers); [ -z "$$unformatted" ] || { printf 'not gofmt-ed:\n%s\n' "$$unformatted" >&2; exit 1; }
	$(TOOL) golangci-lint run ./...

.PHONY: fmt
fmt: ## gofmt every file
	gofmt -w e2e fixtures helpers

.PHONY: vet
vet: ## go vet
	go vet ./...

.PHONY: clean
clean: ## Remove what setup and runs left in this folder
	@chmod -R u+w .cache 2>/dev/null || true
	rm -rf .cache
	find reports -mindepth 1 ! -name .gitignore -delete
