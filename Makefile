# Targets with a ## comment are listed by `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PREFIX ?= /usr/local
DESTDIR ?=
# where `make install` puts what
library := $(DESTDIR)$(PREFIX)/lib/vanadium
units := $(DESTDIR)$(PREFIX)/lib/systemd/system
sysusers := $(DESTDIR)$(PREFIX)/lib/sysusers.d
pages := $(DESTDIR)$(PREFIX)/share/doc/vanadium

npx := node_modules/.bin
# T=event/json, T=test/event/json.test.ts: only these tests, without coverage
tests := $(patsubst %,dist/test/%.test.js,$(patsubst %.test.ts,%,$(patsubst test/%,%,$(T))))

.PHONY: help
help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## starts a demonstration under var/: all daemons, sample events, a live table; Ctrl-C ends it
	@node dist/vanadium.js run

.PHONY: build
build: node_modules/.installed ## compiles into dist/
	@$(npx)/tsc -p .
	@find dist -name '*.js' | while read -r js; do \
	  ts=$${js#dist/}; ts=$${ts%.js}.ts; \
	  test -e "$$ts" || rm -f "$$js" "$$js.map"; \
	done
	@chmod +x dist/vanadium.js dist/vanadiumctl.js

.PHONY: check
check: build ## types, lint, shell syntax
	@$(npx)/eslint --max-warnings 0 .
	@bash -n .ci/run .ci/packages
	@sh -n etc/varnish/vanadium-varnishncsa
	@echo 'check: good'

.PHONY: test
test: packages build ## all tests, real MariaDB and Varnish included; T=event/json runs one file
	@mkdir -p .tap
	@: > .tap/output.tap
	@$(npx)/tap --reporter=tap $(if $(tests),--disable-coverage $(tests)) \
	  | tee .tap/output.tap \
	  | awk -v ci="$${CI:-}" -f test/report.awk

.PHONY: packages
packages:
	@.ci/packages

.PHONY: bench
bench: build ## measures each stage, the whole chain and its latency against references of the same run; prints a table; takes eleven minutes
	@node dist/bench/index.js

.PHONY: chaos
chaos: packages build ## kills daemons and MariaDB under load, compares event by event; at most ten minutes; SEED=N repeats a run
	@node dist/test/chaos/index.js $(if $(SEED),--seed $(SEED))

.PHONY: fuzz
fuzz: build ## feeds parsers with what breaks parsers, a minute of processor time each; SECONDS=600 TARGET=uri SEED=7 INPUTS=1
	@node dist/test/fuzz/index.js --seconds=$(or $(SECONDS),60) $(if $(TARGET),--target=$(TARGET)) $(if $(SEED),--seed=$(SEED)) $(if $(INPUTS),--inputs=$(INPUTS))

.PHONY: install
install: build ## installs into DESTDIR and PREFIX (/usr/local); files in /etc that are there already stay
	@rm -rf '$(library)'
	@install -d '$(library)/dist' '$(DESTDIR)$(PREFIX)/bin' '$(units)' '$(sysusers)'
	@tar -C dist --exclude=./test --exclude=./bench --exclude='*.map' --exclude=.tsbuildinfo -cf - . | tar -C '$(library)/dist' --no-same-owner -xf -
	@tar --exclude=node_modules/.cache -cf - package.json package-lock.json schemas node_modules | tar -C '$(library)' --no-same-owner -xf -
	@cd '$(library)' && npm prune --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error > /dev/null
	@ln -sf ../lib/vanadium/dist/vanadium.js '$(DESTDIR)$(PREFIX)/bin/vanadium'
	@ln -sf ../lib/vanadium/dist/vanadiumctl.js '$(DESTDIR)$(PREFIX)/bin/vanadiumctl'
	@for unit in systemd/*.service systemd/*.target systemd/*.timer; do \
	  sed 's|/usr/bin/vanadium|$(PREFIX)/bin/vanadium|' "$$unit" > '$(units)'/"$${unit##*/}"; \
	done
	@rm -rf '$(pages)'
	@install -d '$(pages)'
	@tar -cf - README.md CHANGELOG.md -C docs . | tar -C '$(pages)' --no-same-owner -xf -
	@install -m 644 systemd/sysusers.conf '$(sysusers)/vanadium.conf'
	@find etc -type f | while read -r file; do \
	  if test -e '$(DESTDIR)'/"$$file"; then echo "kept /$$file"; \
	  elif test -x "$$file"; then install -D -m 755 "$$file" '$(DESTDIR)'/"$$file"; \
	  else install -D -m 644 "$$file" '$(DESTDIR)'/"$$file"; \
    sed -i '1s|\$$schema=/usr/local/|$$schema=$(PREFIX)/|' '$(DESTDIR)'/"$$file"; fi; \
	done
	@echo 'installed; docs/operations.md says how to go on'

.PHONY: clean
clean: ## removes what was built and what ran; node_modules stays
	@rm -rf dist var build .tap

node_modules/.installed: package-lock.json
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 12) ? 0 : 1)' \
	  || { echo "vanadium needs Node 20.12 or newer; this is $$(node --version || echo none)" >&2; exit 1; }
	@echo 'installing npm packages; better-sqlite3 may have to be compiled, which takes a minute'
	@npm ci --no-audit --no-fund --loglevel=error \
	  || { echo 'npm could not install. If the compiler is missing: apt-get install g++ make python3' >&2; exit 1; }
	@touch $@
