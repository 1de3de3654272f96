# SPDX-License-Identifier: GPL-2.0-or-later
# Required flags live in ALL_*; CFLAGS, CPPFLAGS and LDFLAGS belong to the caller.
PROG     := untrack
VERSION  := 0.1.0
PKG      ?= pkg-config
LIBS     := libmnl libnftnl libiptc inih jansson
CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
            -Wswitch-enum -Wwrite-strings
HARDEN   ?= yes
ifeq ($(HARDEN),yes)
HARD_C   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
HARD_L   := -pie -Wl,-z,relro,-z,now
endif
PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/untrack
BASHDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
FISHDIR    ?= $(PREFIX)/share/fish/vendor_completions.d
SHELLS     := bash zsh fish
SYSCONFDIR ?= /etc
STATEDIR   ?= /var/lib/untrack
RUNDIR     ?= /run/untrack
UNITDIR    ?= $(PREFIX)/lib/systemd/system
TMPFILES   ?= $(PREFIX)/lib/tmpfiles.d

# What Debian 12 calls what we need: to build, and on top of that to try and test.
DEPS      := gcc libc6-dev make pkg-config libmnl-dev libnftnl-dev libiptc-dev libinih-dev \
             libjansson-dev
DEPS_TRY  := nftables iproute2 python3 util-linux
DEPS_TEST := libcmocka-dev libasan8 libubsan1 clang libclang-rt-dev clang-format cppcheck \
             shellcheck mandoc iptables conntrack strace systemd-container zsh fish \
             dbus python3-dbus python3-gi python3-nftables
DEPS_DEB  := debhelper dpkg-dev lintian mmdebstrap nftables util-linux
DEPS_FLEET := ansible-core openssh-client iproute2 nftables python3-apt util-linux python3-kubernetes \
             systemd-container
DEPS_KERNELS := qemu-system-x86 mmdebstrap debian-archive-keyring cpio kmod systemd
DEPS_CROSS := gcc-i686-linux-gnu gcc-s390x-linux-gnu qemu-user mmdebstrap make pkg-config python3

B    ?= build
PKG_CFLAGS := $(shell $(PKG) --cflags $(LIBS) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG) --libs $(LIBS) 2>/dev/null)
# Linked from their archives where these are installed: loading four libraries is a quarter of the
# time of a small apply. STATIC= takes the shared ones, as a distribution would.
STATIC     ?= nftnl ip4tc ip6tc inih jansson
archive     = $(filter /%,$(shell $(CC) -print-file-name=lib$1.a))
PKG_LIBS   := $(foreach l,$(PKG_LIBS),$(if $(filter $(STATIC:%=-l%),$l),$(if \
              $(call archive,$(l:-l%=%)),-l:lib$(l:-l%=%).a,$l),$l))
# What libiptc does to the counts of policies, where they do not tell: ipt_policies.c.
PKG_CFLAGS += $(shell $(PKG) --atleast-version=1.8.11 libiptc 2>/dev/null && echo -DLIBIPTC_KEEPS_POLICIES)
# Files and times are 64 bits wide on machines of 32, too.
WIDE     := -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE $(WIDE) -DVERSION='"$(VERSION)"' -DCONFDIR='"$(SYSCONFDIR)/untrack"' \
            -DSTATEDIR='"$(STATEDIR)"' -DRUNDIR='"$(RUNDIR)"' $(WARN) -Isrc -MMD -MP \
            $(PKG_CFLAGS) $(HARD_C) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS := -Wl,--as-needed $(HARD_L) $(LDFLAGS)
# The loader looks for each symbol in this order, and nearly all of them are libc's.
ALL_LIBS = -lc $(or $(PKG_LIBS),$(error libraries are missing: make deps)) $(LDLIBS)
SAN  := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SRC  := $(sort $(wildcard src/*.c src/*/*.c))
OBJ  := $(SRC:src/%.c=$B/%.o)
CORE := $(filter-out $B/main.o,$(OBJ))
UNIT := $(patsubst tests/unit/%.c,$B/%,$(sort $(wildcard tests/unit/t_*.c)))
FAKE := $(patsubst %.c,$B/%.o,$(wildcard tests/*.c))
HELP := $B/fault $B/no_memory.so $B/shim.so $B/entries
FUZZ := $(patsubst tests/fuzz/%.c,$B/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SCRIPTS := $(sort $(wildcard tests/golden/*.sh tests/cli/*.sh))
SUB   = $(MAKE) --no-print-directory -s $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
Q    := $(if $(V),,@)

all: $B/$(PROG)

# Other flags or paths than last time: everything is built again.
FLAGS := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(PKG_LIBS)
ifneq ($(file <$B/flags),$(FLAGS))
$(shell mkdir -p $B)
$(file >$B/flags,$(FLAGS))
endif

$B/$(PROG): $B/main.o $B/libuntrack.a
	@echo "  LD    $@"
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)
$B/libuntrack.a: $(CORE)
	@echo "  AR    $@"
	$Qrm -f $@ && $(AR) qcs $@ $^
$B/%.o: src/%.c $B/flags
	@echo "  CC    $@"
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -c -o $@ $<
$B/tests/%.o: tests/%.c $B/flags
	@echo "  CC    $@"
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -Itests -c -o $@ $<
$B/t_%: $B/tests/unit/t_%.o $(FAKE) $B/libuntrack.a
	@echo "  LD    $@"
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS) -lcmocka
$B/shim.so: tests/kernel/shim.c $B/flags
	@echo "  LD    $@"
	$Q$(CC) -std=c11 $(WARN) $(CFLAGS) -fPIC -shared -o $@ $<
$B/fuzz_%: $B/tests/fuzz/fuzz_%.o $B/libuntrack.a
	@echo "  LD    $@"
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(ALL_LIBS)
# Files and modules are the input's, too.
$B/fuzz_conntrack $B/fuzz_host: ALL_LDFLAGS += -Wl,--wrap=module_may_be_asked,--wrap=read_file
$B/fuzz_host: ALL_LDFLAGS += -Wl,--wrap=fopen
# What tests in the kernel break the program with.
$B/fault: tests/kernel/fault.c $B/flags
	@echo "  CC    $@"
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $<
$B/entries: tests/kernel/entries.c tests/ct_build.h $B/libuntrack.a
	@echo "  CC    $@"
	$Q$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $B/libuntrack.a $(ALL_LIBS)
$B/no_memory.so: tests/kernel/no_memory.c $B/flags
	@echo "  CC    $@"
	$Q$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<
.SECONDARY:

# --- tests: all of them print TAP, tests/run counts ---

unit: $(UNIT)
	@tests/run $(UNIT)
golden: $B/$(PROG)
	@tests/run UNTRACK=$(abspath $B/$(PROG)) $(SCRIPTS)
kernel: $B/$(PROG) $(HELP)
	@tests/run UNTRACK=$(abspath $B/$(PROG)) tests/kernel/run
lint:
	@tests/run CC="$(CC)" tests/lint
asan:
	+@$(SUB) B=build-asan CFLAGS='-O1 -g $(SAN)' LDFLAGS='$(SAN)' HARDEN=no asan-built
	@tests/run $(ASAN_TESTS)
asan-built: all $(UNIT)
ASAN_TESTS = ASAN_OPTIONS=allocator_may_return_null=1 UNTRACK=$(abspath build-asan/$(PROG)) $(UNIT:$B/%=build-asan/%) $(SCRIPTS)

# Everything, on a machine that has nothing yet.
test: deps-test
	+@$(SUB) all $(UNIT) $(HELP)
	+@$(SUB) B=build-asan CFLAGS='-O1 -g $(SAN)' LDFLAGS='$(SAN)' HARDEN=no asan-built
	-+@$(SUB) $(BOOTED:%=$B/packages/%/usr)
	@tests/run tests/lint tests/install.sh UNTRACK=$(abspath $B/$(PROG)) \
		UNTRACK_PACKAGES=$(abspath $B/packages) $(UNIT) $(SCRIPTS) \
		tests/kernel/run $(ASAN_TESTS)
try: deps-try
	+@$(SUB) all
	@UNTRACK=$(abspath $B/$(PROG)) tests/try.sh
# Long runs of what the tests do in short: ten minutes beside other writers; every call and every
# allocation failing, every call killed (hours).
STRESS_SECONDS ?= 600
stress: $B/$(PROG) $(HELP)
	@UNTRACK=$(abspath $B/$(PROG)) UNTRACK_STRESS=$(STRESS_SECONDS) \
		UNTRACK_LIMIT=$$(($(STRESS_SECONDS) + 300)) tests/kernel/run stress
faults: $B/$(PROG) $(HELP)
	@UNTRACK=$(abspath $B/$(PROG)) UNTRACK_KILLS=all UNTRACK_FAULTS=all UNTRACK_LIMIT=86400 \
		tests/kernel/run "killed anywhere" errors:
# Starts and reloads of real firewalls beside us: those that are booted in make test, too, and more.
# Installed, their packages would start: they are fetched and unpacked.
BOOTED   := firewalld python3-firewall ufw
RELOADED := ferm firehol firehol-common shorewall shorewall-core
$B/packages/%/usr:
	@mkdir -p $(@D)
	$Qcd $(@D) && get='apt-get download -qq -o APT::Sandbox::User=root $*' && \
		{ $$get 2>/dev/null || { $(apt_update) && $$get; }; } && dpkg -x *.deb . && rm *.deb
reloads: $B/$(PROG) $(HELP) $(BOOTED:%=$B/packages/%/usr) $(RELOADED:%=$B/packages/%/usr)
	@UNTRACK=$(abspath $B/$(PROG)) UNTRACK_PACKAGES=$(abspath $B/packages) UNTRACK_MUST_WORK=1 \
		UNTRACK_RELOADS=1 tests/kernel/run -j 1 "reloads of"
# The whole of it in a root of another release of Debian, made once: other compilers, libraries, nft
# and iptables. Minutes. RUN='make unit golden': less.
SUITE ?= trixie
RUN   ?= make test
test-root: deps-root
	@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL tests/root.sh $(SUITE) \
		"$(DEPS) $(DEPS_TRY) $(DEPS_TEST)" $(RUN)

# No warning of either compiler, of ISO C neither; and what clang makes of it does the same.
COMPILERS := gcc clang
compilers: $(COMPILERS:%=compiler-%)
	@tests/run $(UNIT:$B/%=build-clang/%)
compiler-%:
	+@$(SUB) B=build-$* CC=$* CFLAGS='-O2 -g -pedantic -Werror' all-and-unit
all-and-unit: all $(UNIT)

# The pure half as a program of 32 bits, and as a big-endian one, emulated: there is no netfilter in
# that. Their libraries are fetched and unpacked.
CROSS        := i386 s390x
TRIPLE_i386  := i686-linux-gnu
TRIPLE_s390x := s390x-linux-gnu
CROSS_LIBS   := libc6-dev libc-bin libmnl-dev libnftnl-dev libiptc-dev libinih-dev libjansson-dev \
                libcmocka-dev
MIRROR       ?= http://deb.debian.org/debian
build-root-%/usr:
	@echo "  GET   $(@D)"
	$Qrm -rf $(@D) && mmdebstrap --quiet --variant=extract --architectures=$* \
		--include="$(CROSS_LIBS)" "$$(. /etc/os-release && echo $$VERSION_CODENAME)" \
		$(@D) $(MIRROR)
test-cross: deps-cross $(CROSS:%=test-cross-%)
test-cross-%: build-root-%/usr
	+@root=$(abspath $(<D)) && export PKG_CONFIG_SYSROOT_DIR=$$root && \
	export PKG_CONFIG_LIBDIR=$$(echo $$root/usr/lib/*-linux-gnu/pkgconfig):$$root/usr/lib/pkgconfig && \
	$(SUB) B=build-$* CC="$(TRIPLE_$*)-gcc --sysroot=$$root" AR=$(TRIPLE_$*)-ar \
		EMULATOR="qemu-$* -L $$root" emulated
# What needs no kernel of its own.
NETFILTER_UNIT = $(shell grep -lE '(nft_namespace|ipt_namespace|nft_lab|iptables_lab)\.h' tests/unit/t_*.c)
PURE_UNIT      = $(filter-out $(NETFILTER_UNIT:tests/unit/%.c=$B/%),$(UNIT))
PURE_SCRIPTS  := $(patsubst %,tests/golden/run-%.sh,bad expect explain findings formats good meaning rules)
$B/run-%: $B/%
	$Qprintf '#!/bin/sh\nexec %s %s "$$@"\n' '$(EMULATOR)' '$(abspath $<)' >$@ && chmod +x $@
emulated: $B/run-$(PROG) $(UNIT) $(PURE_UNIT:$B/%=$B/run-%)
	@tests/run UNTRACK=$(abspath $B/run-$(PROG)) UNTRACK_EMULATOR="$(EMULATOR)" \
		$(PURE_UNIT:$B/%=$B/run-%) $(PURE_SCRIPTS)

bench: all
	@UNTRACK=$(abspath $B/$(PROG)) tests/bench/run
update: all
	@for t in $(SCRIPTS); do UNTRACK=$(abspath $B/$(PROG)) UPDATE=1 $$t || exit 1; done
	@git status --short tests/golden

FUZZ_SECONDS ?= 30
FUZZ_RUNS ?= -1
fuzz:
	+@$(SUB) B=build-fuzz CC=clang HARDEN=no LDFLAGS='$(SAN)' \
		CFLAGS='-O1 -g $(SAN) -fsanitize=fuzzer-no-link' fuzz-run
fuzz-run: $(FUZZ)
	@for f in $(FUZZ); do tests/fuzz/run $$f $(FUZZ_SECONDS) $(FUZZ_RUNS) || exit 1; done

# --- installation ---

# Units of systemd, with the paths of this installation. What is not below /var/lib or /run systemd
# does not make.
UNITS := $(wildcard systemd/*.service systemd/*.timer)
STATE_LINE := $(if $(filter /var/lib/%,$(STATEDIR)),StateDirectory=$(STATEDIR:/var/lib/%=%),$\
              ReadWritePaths=$(STATEDIR))
RUN_LINE   := $(if $(filter /run/%,$(RUNDIR)),RuntimeDirectory=$(RUNDIR:/run/%=%),$\
              ReadWritePaths=-$(RUNDIR))
FILL_UNIT = sed -e '/^@SANDBOX@$$/{r systemd/sandbox' -e 'd}' $(1) | sed -e 's|@SBINDIR@|$(SBINDIR)|' \
	-e 's|@CONFDIR@|$(SYSCONFDIR)/untrack|' -e 's|@STATEDIR@|$(STATEDIR)|' \
	-e 's|@RUNDIR@|$(RUNDIR)|' -e 's|^@STATE@$$|$(STATE_LINE)|' -e 's|^@RUN@$$|$(RUN_LINE)|'
print-flags:
	@printf '%s\n' '$(subst ','\'',$(CC) $(ALL_CFLAGS))'
units: $(UNITS:%=$B/%) $B/systemd/untrack.conf
$B/systemd/untrack.conf: systemd/untrack.tmpfiles $B/flags Makefile
	@mkdir -p $(@D)
	$Q{ $(call FILL_UNIT,$<); } >$@
$B/systemd/%: systemd/% systemd/sandbox $B/flags Makefile
	@mkdir -p $(@D)
	$Q{ $(call FILL_UNIT,$<); } >$@

INSTALL ?= install
MAN_SECTIONS := 5 7 8
EXAMPLES := $(wildcard rules.d/*.conf rules.d/*.expect)
# What completes its command lines comes from its own tables. Built for another machine it cannot be
# asked: a build of the same for this one can, or the program behind an emulator.
COMPLETER ?= $B/$(PROG)
$B/completion/%: $B/$(PROG)
	@mkdir -p $(@D)
	$Q$(COMPLETER) completion $* >$@.new && mv $@.new $@ || { \
		echo "$(COMPLETER) does not run here: COMPLETER='qemu-ARCH -L ROOT $B/$(PROG)', or" \
			"COMPLETER=PROGRAM of a native build" >&2; exit 1; }
install: all units $(SHELLS:%=$B/completion/%)
	$(INSTALL) -d $(DESTDIR)$(SBINDIR) $(MAN_SECTIONS:%=$(DESTDIR)$(MANDIR)/man%) \
		$(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(SYSCONFDIR)/untrack/rules.d \
		$(DESTDIR)$(STATEDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(TMPFILES)
	$(INSTALL) -m 755 $B/$(PROG) $(DESTDIR)$(SBINDIR)/$(PROG)
	for s in $(MAN_SECTIONS); do \
		$(INSTALL) -m 644 man/*.$$s $(DESTDIR)$(MANDIR)/man$$s || exit 1; done
	$(INSTALL) -m 644 README.md $(DESTDIR)$(DOCDIR)
	$(INSTALL) -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples
	$(INSTALL) -d $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	$(INSTALL) -m 644 $B/completion/bash $(DESTDIR)$(BASHDIR)/$(PROG)
	$(INSTALL) -m 644 $B/completion/zsh $(DESTDIR)$(ZSHDIR)/_$(PROG)
	$(INSTALL) -m 644 $B/completion/fish $(DESTDIR)$(FISHDIR)/$(PROG).fish
	$(INSTALL) -m 644 $(UNITS:%=$B/%) $(DESTDIR)$(UNITDIR)
	$(INSTALL) -m 644 $B/systemd/untrack.conf $(DESTDIR)$(TMPFILES)
	test -e $(DESTDIR)$(SYSCONFDIR)/untrack/untrack.conf || \
		$(INSTALL) -m 644 untrack.conf $(DESTDIR)$(SYSCONFDIR)/untrack/untrack.conf

# The configuration and the records stay: they are the administrator's.
uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/$(PROG)
	rm -f $(DESTDIR)$(BASHDIR)/$(PROG) $(DESTDIR)$(ZSHDIR)/_$(PROG) \
		$(DESTDIR)$(FISHDIR)/$(PROG).fish
	rm -f $(foreach s,$(MAN_SECTIONS),$(patsubst man/%,$(DESTDIR)$(MANDIR)/man$s/%,$(wildcard man/*.$s)))
	rm -f $(UNITS:systemd/%=$(DESTDIR)$(UNITDIR)/%) $(DESTDIR)$(TMPFILES)/untrack.conf
	rm -f $(DESTDIR)$(DOCDIR)/README.md $(EXAMPLES:rules.d/%=$(DESTDIR)$(DOCDIR)/examples/%)
	for d in $(DOCDIR)/examples $(DOCDIR) $(SYSCONFDIR)/untrack/rules.d $(STATEDIR); do \
		[ ! -d $(DESTDIR)$$d ] || rmdir --ignore-fail-on-non-empty $(DESTDIR)$$d; done

# A package for Debian and its kin, in build-deb.
deb: deps-deb
	rm -rf build-deb
	mkdir -p build-deb/untrack-$(VERSION)
	tar -c --exclude='./build*' --exclude=./.git . | tar -x -C build-deb/untrack-$(VERSION)
	cp -r packaging/debian build-deb/untrack-$(VERSION)
	cd build-deb/untrack-$(VERSION) && dpkg-buildpackage -us -uc -b
	cd build-deb && lintian --fail-on error,warning --tag-display-limit 0 *.changes

# The package in a clean root; minutes.
test-deb: deb
	@tests/run UNTRACK_MUST_WORK=1 tests/package.sh

# The Ansible role against two hosts of our own, and the manifest for Kubernetes against its API;
# minutes. Installed, an sshd would start: it is fetched and unpacked.
test-fleet: deps-fleet deb $B/$(PROG) $B/packages/openssh-server/usr $B/packages/libwrap0/usr
	@tests/run UNTRACK_MUST_WORK=1 UNTRACK=$(abspath $B/$(PROG)) \
		UNTRACK_PACKAGES=$(abspath $B/packages) tests/daemonset.py tests/fleet.sh
	@UNTRACK=$(abspath $B/$(PROG)) UNTRACK_FLEET=1 UNTRACK_LIMIT=900 UNTRACK_MUST_WORK=1 \
		tests/kernel/run "services of the Ansible role"

# check --format sarif as Microsoft's reader takes it, which npm has.
SARIF_PACKAGE := @microsoft/sarif-multitool-linux
SARIF_VERSION := 5.7.0
SARIF_READER  := $B/npm/node_modules/$(SARIF_PACKAGE)/Sarif.Multitool
$(SARIF_READER):
	npm install --silent --no-audit --no-fund --prefix $B/npm $(SARIF_PACKAGE)@$(SARIF_VERSION)
	chmod u+x $@
test-sarif: all $(SARIF_READER)
	@tests/run UNTRACK_MUST_WORK=1 UNTRACK=$(abspath $B/$(PROG)) \
		SARIF_READER=$(abspath $(SARIF_READER)) tests/sarif.sh
# Boots and tests on other kernels, those of this and of other versions of Debian, in which all is
# modules; half an hour on two cores. They and what they boot are fetched, and not installed.
KERNELS := 5.10-bullseye 6.1-bookworm 6.12-trixie
MACHINES := $B/machines
$(MACHINES)/root.cpio: tests/machines.sh
	tests/machines.sh root $(@D)
$(MACHINES)/%/vmlinuz: tests/machines.sh
	tests/machines.sh kernel $(@D) $(lastword $(subst -, ,$*))
$(MACHINES)/installed: all units FORCE
	$Qrm -rf $@
	$Q$(MAKE) -s --no-print-directory DESTDIR=$(abspath $@) install
test-kernels: deps-kernels
	+@$(SUB) all units $(HELP) $(MACHINES)/installed $(MACHINES)/root.cpio \
		$(KERNELS:%=$(MACHINES)/%/vmlinuz)
	@UNTRACK_PROGRAM_LIMIT=14400 tests/run UNTRACK_MUST_WORK=1 UNTRACK=$(abspath $B/$(PROG)) \
		$(foreach k,$(KERNELS),UNTRACK_MACHINE=$(abspath $(MACHINES)/$k) tests/kernels.sh)
FORCE:

apt_update = { sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; $$sudo apt-get update -qq; }
# Installs what is missing, and asks nobody anything when nothing is.
define apt_get
@missing=; for p in $(1); do \
	dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || \
		missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
	echo "installing:$$missing"; sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install \
		-qq -y --no-install-recommends $$missing </dev/null >/dev/null; fi
endef
deps:
	$(call apt_get,$(DEPS))
deps-try:
	$(call apt_get,$(DEPS) $(DEPS_TRY))
deps-deb:
	$(call apt_get,$(DEPS) $(DEPS_DEB))
deps-root:
	$(call apt_get,mmdebstrap iproute2 util-linux)
deps-cross:
	$(call apt_get,$(DEPS_CROSS))
deps-fleet:
	$(call apt_get,$(DEPS_FLEET))
deps-kernels:
	$(call apt_get,$(DEPS) $(DEPS_TRY) $(DEPS_KERNELS))
deps-test:
	$(call apt_get,$(DEPS) $(DEPS_TRY) $(DEPS_TEST))

clean:
	rm -rf build build-*
.PHONY: all units unit golden kernel lint asan asan-built test try bench update fuzz fuzz-run install \
	stress faults reloads uninstall deps deps-try deps-test deb test-deb deps-deb test-fleet \
	deps-fleet test-sarif test-kernels deps-kernels FORCE \
	test-root deps-root compilers all-and-unit print-flags test-cross deps-cross emulated clean
-include $(OBJ:.o=.d) $(wildcard $B/tests/*.d $B/tests/*/*.d)
