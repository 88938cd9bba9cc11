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
tmpfiles := $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
presets := $(DESTDIR)$(PREFIX)/lib/systemd/system-preset
pages := $(DESTDIR)$(PREFIX)/share/doc/vanadium

# whatever the umask was when they were checked out
tar-modes := --mode=u+rwX,go+rX,go-w

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
	@touch dist/.built

# built only if it is not: root, who installs, leaves no files in the folder of who has built
dist/.built: node_modules/.installed tsconfig.json $(shell find *.ts bench daemons lib packaging test tools -name '*.ts')
	@$(MAKE) --no-print-directory build

.PHONY: check
# in CI with what it needs, which is installed by whoever asks for it first
check: $(if $(filter true,$(CI)),packages) build ## types, lint, shell syntax, how exposed a host is by each unit
	@$(npx)/eslint --max-warnings 0 .
	@for script in .ci/run .ci/packages .ci/exposure packaging/debian/build packaging/completion/engine.bash test/helpers/systemd-host.sh; do bash -n $$script; done
	@for script in etc/varnish/vanadium-varnishncsa packaging/debian/{postinst,prerm,postrm}; do sh -n $$script; done
	@.ci/exposure
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
bench: build ## measures each stage, the whole chain and its latency against references of the same run; prints a table; takes twelve minutes
	@node dist/bench/index.js

.PHONY: chaos
chaos: packages build ## kills daemons and MariaDB under load, compares event by event; at most ten minutes; SEED=N repeats a run
	@node dist/test/chaos/index.js $(if $(SEED),--seed $(SEED))

.PHONY: fuzz
fuzz: build ## feeds parsers with what breaks parsers, a minute of processor time each; SECONDS=600 TARGET=uri SEED=7 INPUTS=1
	@node dist/test/fuzz/index.js --seconds=$(or $(SECONDS),60) $(if $(TARGET),--target=$(TARGET)) $(if $(SEED),--seed=$(SEED)) $(if $(INPUTS),--inputs=$(INPUTS))

.PHONY: install
install: dist/.built ## installs into DESTDIR and PREFIX (/usr/local); files in /etc that are there already stay
	@umask 022; $(MAKE) --no-print-directory installed

.PHONY: installed
installed:
	@rm -rf '$(library)' '$(pages)'
	@install -d -m 755 '$(library)/dist' '$(pages)' '$(DESTDIR)$(PREFIX)/bin' '$(units)' '$(sysusers)' '$(tmpfiles)' '$(presets)'
	@tar -C dist $(tar-modes) --exclude=./test --exclude=./bench --exclude=./packaging --exclude='*.map' --exclude='./.*' -cf - . | tar -C '$(library)/dist' --no-same-owner -xf -
	@tar $(tar-modes) -cf - package.json schemas | tar -C '$(library)' --no-same-owner -xf -
	@node dist/packaging/modules.js | tar --mode=644 -cf - --files-from=- | tar -C '$(library)' --no-same-owner -xf -
	@ln -sf ../lib/vanadium/dist/vanadium.js '$(DESTDIR)$(PREFIX)/bin/vanadium'
	@ln -sf ../lib/vanadium/dist/vanadiumctl.js '$(DESTDIR)$(PREFIX)/bin/vanadiumctl'
	@for unit in systemd/*.service systemd/*.target systemd/*.timer; do \
	  sed 's|/usr/bin/vanadium|$(PREFIX)/bin/vanadium|g' "$$unit" > '$(units)'/"$${unit##*/}"; \
	  chmod 644 '$(units)'/"$${unit##*/}"; \
	done
	@install -m 644 systemd/sysusers.conf '$(sysusers)/vanadium.conf'
	@install -m 644 systemd/tmpfiles.conf '$(tmpfiles)/vanadium.conf'
	@install -m 644 systemd/preset.conf '$(presets)/80-vanadium.preset'
	@node dist/packaging/generate.js '$(DESTDIR)$(PREFIX)' '$(PREFIX)' "$$(git -c safe.directory='*' log -1 --format=%cs 2> /dev/null || date -r CHANGELOG.md +%F)"
	@tar $(tar-modes) -cf - README.md CHANGELOG.md examples -C docs . | tar -C '$(pages)' --no-same-owner -xf -
	@test -e '$(DESTDIR)/etc/vanadium' || install -d -m 755 '$(DESTDIR)/etc/vanadium'
	@find etc -type f | while read -r file; do \
	  if test -e '$(DESTDIR)'/"$$file"; then echo "kept /$$file"; continue; fi; \
	  if test -x "$$file"; then mode=755; else mode=644; fi; \
	  install -D -m $$mode "$$file" '$(DESTDIR)'/"$$file"; \
	  sed -i '1s|\$$schema=/usr/local/|$$schema=$(PREFIX)/|' '$(DESTDIR)'/"$$file"; \
	done
	@echo 'installed; docs/operations.md says how to go on'

.PHONY: uninstall
uninstall: ## removes what install has put into DESTDIR and PREFIX; /etc and what the daemons have stored stay
	@rm -rf '$(library)' '$(pages)'
	@rm -f '$(DESTDIR)$(PREFIX)'/bin/vanadium{,ctl} '$(units)'/vanadium{.target,-*.service,-*.target,-*.timer}
	@rm -f '$(sysusers)/vanadium.conf' '$(tmpfiles)/vanadium.conf' '$(presets)/80-vanadium.preset'
	@rm -f '$(DESTDIR)$(PREFIX)'/share/man/man[158]/vanadium{,ctl,.d,-*}.[158] '$(DESTDIR)$(PREFIX)'/share/bash-completion/completions/vanadium{,ctl}

.PHONY: deb
deb: dist/.built ## builds build/vanadium_<version>_<architecture>.deb; VERSION=… is another than that of package.json
	@packaging/debian/build

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
