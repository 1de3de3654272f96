/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses that have the most entries, in bounded memory: exact up to a number of different
 * addresses, and after that an estimate that knows how wrong it can be (the space-saving algorithm
 * of Metwally, Agrawal and El Abbadi). Pure. */
#ifndef UNTRACK_BUSIEST_H
#define UNTRACK_BUSIEST_H

#include "rules/match.h"

enum { BUSY_SOURCE = 1, BUSY_DESTINATION = 2 }; /* what an address is in an entry */

struct busy_address {
	enum family family;
	uint8_t addr[16];		    /* network order */
	uint64_t entries;		    /* never too low, and at most surplus too high */
	uint64_t surplus;		    /* 0: exact */
	uint64_t as_source, as_destination; /* exact, or too low by at most surplus */
};

struct busiest;

/* most: how many different addresses are counted exactly; at least 1. */
struct busiest *busiest_new(size_t most);
void busiest_free(struct busiest *b); /* NULL: nothing happens */

/* One entry more for this address; roles: BUSY_*. */
void busiest_add(struct busiest *b, enum family f, const uint8_t *addr, unsigned roles);

/* How many different addresses were met; *more: at least so many, and the counts are estimates. */
size_t busiest_addresses(const struct busiest *b, bool *more);

/* The n with the most entries, of equal ones the lower address first; how many there are. */
size_t busiest_top(const struct busiest *b, struct busy_address *out, size_t n);

/* "192.0.2.7"; text holds INET6_ADDRSTRLEN bytes. */
const char *busy_address_text(const struct busy_address *a, char *text);

#endif
