# SPDX-License-Identifier: GPL-2.0-or-later
# Required flags live in ALL_*; CFLAGS, CPPFLAGS and LDFLAGS belong to the caller.
PROG     := untrack
VERSION  := 0.1.0
PKG      ?= pkg-config
LIBS     := libmnl libnftnl inih jansson
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
SYSCONFDIR ?= /etc
STATEDIR   ?= /var/lib/untrack
RUNDIR     ?= /run/untrack

B    ?= build
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DCONFDIR='"$(SYSCONFDIR)/untrack"' \
            -DSTATEDIR='"$(STATEDIR)"' -DRUNDIR='"$(RUNDIR)"' $(WARN) -Isrc -MMD -MP \
            $(PKG_CFLAGS) $(HARD_C) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(HARD_L) $(LDFLAGS)
PKG_CFLAGS = $(shell $(PKG) --cflags $(LIBS))
ALL_LIBS   = $(shell $(PKG) --libs $(LIBS)) $(LDLIBS)
SRC  := $(sort $(wildcard src/*.c src/*/*.c))
OBJ  := $(SRC:src/%.c=$B/%.o)
CORE := $(filter-out $B/main.o,$(OBJ))
UNIT := $(patsubst tests/unit/%.c,$B/%,$(sort $(wildcard tests/unit/t_*.c)))

all: $B/$(PROG)
$B/$(PROG): $B/main.o $B/libuntrack.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ALL_LIBS)
$B/libuntrack.a: $(CORE)
	rm -f $@
	$(AR) rcs $@ $^
$B/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<
$B/t_%: tests/unit/t_%.c $B/libuntrack.a
	$(CC) $(ALL_CFLAGS) -Itests $(ALL_LDFLAGS) -o $@ $< $(wildcard tests/fake_backend.c) $B/libuntrack.a $(ALL_LIBS) -lcmocka
unit: $(UNIT)
	@set -e; for t in $(UNIT); do $$t; done
clean:
	rm -rf build build-*
.PHONY: all unit clean
-include $(OBJ:.o=.d)
