/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports as lists that one rule of iptables can hold, as few of them as there can be. */
#include <string.h>
#include "rules/iptables.h"

#define RANGE_SLOTS 2
#define RANGES_MAX (IPTABLES_PORT_SLOTS / RANGE_SLOTS) /* of one multiport match */

static size_t slots(const struct port_range *r, bool quoted)
{
	return quoted || r->lo == r->hi ? 1 : RANGE_SLOTS;
}

bool iptables_ports_fit(const struct ports *p, enum icmp_kind icmp)
{
	const bool quoted = icmp == ICMP_IS_ERROR;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += slots(&p->v[i], quoted);
	return n <= (quoted ? IPTABLES_QUOTED_RANGES : IPTABLES_PORT_SLOTS);
}

struct lists {
	struct ports *v;
	size_t n;
};

/* Of quoted ports a range costs as much as a port. */
static void split_quoted(struct lists *out, const struct ports *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (i % IPTABLES_QUOTED_RANGES == 0)
			ARRAY_ADD(out->v, out->n);
		ports_add(&out->v[out->n - 1], p->v[i].lo, p->v[i].hi);
	}
}

struct packing { /* single ports, and ranges of three ports and more, in their order */
	struct ports items;
	bool *taken;
	size_t singles, ranges; /* not taken */
	size_t first;		/* before it all are taken */
};

/* A range of two ports is two single ports: it costs the same, and may be cut. */
static void packing_init(struct packing *k, const struct ports *p)
{
	*k = (struct packing){ 0 };
	for (size_t i = 0; i < p->n; i++) {
		uint16_t lo = p->v[i].lo, hi = p->v[i].hi;

		if (hi == lo + 1) {
			ports_add(&k->items, lo, lo);
			ports_add(&k->items, hi, hi);
		} else {
			ports_add(&k->items, lo, hi);
		}
		k->ranges += hi > lo + 1;
	}
	k->singles = k->items.n - k->ranges;
	k->taken = xcalloc(k->items.n, sizeof(*k->taken));
}

static size_t lists_needed(const struct packing *k)
{
	size_t by_slots = k->singles + RANGE_SLOTS * k->ranges;
	size_t n = (by_slots + IPTABLES_PORT_SLOTS - 1) / IPTABLES_PORT_SLOTS;
	size_t by_ranges = (k->ranges + RANGES_MAX - 1) / RANGES_MAX;

	return n > by_ranges ? n : by_ranges;
}

static size_t excess(size_t n, size_t room)
{
	return n > room ? n - room : 0;
}

/* Fills one list, so that what is left fits into left more. In the order of the ports; out of it
 * only as far as that costs no list: fifteen slots hold seven ranges and a port, so where ports run
 * out before the ranges do, each list of ranges alone would waste a slot. */
static void fill(struct packing *k, size_t left, struct ports *out)
{
	const size_t ranges_min = excess(k->ranges, left * RANGES_MAX);
	const size_t slots_min =
		excess(k->singles + RANGE_SLOTS * k->ranges, left * IPTABLES_PORT_SLOTS);
	size_t ranges = 0, singles = 0;
	bool in_order = true;

	while (k->first < k->items.n && k->taken[k->first])
		k->first++;
	for (size_t i = k->first; i < k->items.n; i++) {
		const struct port_range *r = &k->items.v[i];
		size_t used = singles + RANGE_SLOTS * ranges;
		size_t kept = singles + RANGE_SLOTS * (ranges > ranges_min ? ranges : ranges_min);
		bool range = r->lo != r->hi;

		if (!in_order && used >= slots_min && ranges >= ranges_min)
			break;
		if (k->taken[i])
			continue;
		if (range ? used + RANGE_SLOTS > IPTABLES_PORT_SLOTS
			  : kept + 1 > IPTABLES_PORT_SLOTS) {
			in_order = false;
			continue;
		}
		k->taken[i] = true;
		*(range ? &ranges : &singles) += 1;
		ports_add(out, r->lo, r->hi);
	}
	k->ranges -= ranges;
	k->singles -= singles;
	ports_normalise(out);
}

static void split_plain(struct lists *out, const struct ports *p)
{
	struct packing k;

	packing_init(&k, p);
	for (size_t left = lists_needed(&k); left--;)
		fill(&k, left, ARRAY_ADD(out->v, out->n));
	free(k.items.v);
	free(k.taken);
}

struct ports *iptables_ports_split(const struct ports *p, enum icmp_kind icmp, size_t *n)
{
	struct lists out = { 0 };

	if (iptables_ports_fit(p, icmp))
		ports_copy(ARRAY_ADD(out.v, out.n), p);
	else
		(icmp == ICMP_IS_ERROR ? split_quoted : split_plain)(&out, p);
	*n = out.n;
	return out.v;
}
