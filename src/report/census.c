/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fills the table of connection tracking. */
#include "report/census.h"

#include <netinet/in.h>
#include <string.h>
#include "util.h"

#define STALE_ADDRESSES 1024 /* counted exactly */

void census_begin(struct census *c, const struct lifetime_plan *plan,
		  const struct census_host *host)
{
	*c = (struct census){ .plan = plan, .host = host };
	c->addresses = busiest_new(CENSUS_ADDRESSES);
}

void census_free(struct census *c)
{
	busiest_free(c->addresses);
	for (size_t i = 0; i < STALE_KINDS; i++)
		busiest_free(c->stale_addresses[i]);
	*c = (struct census){ 0 };
}

static void add_addresses(struct census *c, const struct ct_tuple *t)
{
	if (!memcmp(t->src, t->dst, t->family == FAMILY_V4 ? 4 : 16)) {
		busiest_add(c->addresses, t->family, t->src, BUSY_SOURCE | BUSY_DESTINATION);
		return;
	}
	busiest_add(c->addresses, t->family, t->src, BUSY_SOURCE);
	busiest_add(c->addresses, t->family, t->dst, BUSY_DESTINATION);
}

static void add_lifetime(struct census *c, const struct ct_entry *e)
{
	enum lifetime_id id = lifetime_of(e);
	struct census_lifetime *l = &c->lifetimes[id];
	const struct lifetime_plan *p = c->plan ? &c->plan[id] : NULL;

	l->entries++;
	l->unreplied += e->flags & CT_SEEN_REPLY ? 0 : 1;
	if (p && p->proposed && e->flags & CT_TIMED && e->timeout > p->floor &&
	    e->timeout < p->now - p->proposed)
		l->freed++;
}

/* ---- entries of addresses that are gone --------------------------------------------------------
 */

static bool holds(const struct addrs *l, enum family f, const uint8_t *addr)
{
	struct prefix p = { .family = f, .len = f == FAMILY_V4 ? 32 : 128 };

	memcpy(p.addr, addr, f == FAMILY_V4 ? 4 : 16);
	return addrs_hold(l, &p);
}

/* Addresses of everybody, or of nobody yet. */
static bool is_special(const struct census_host *h, enum family f, const uint8_t *a)
{
	static const uint8_t any[16], all[4] = { 255, 255, 255, 255 };

	if (f == FAMILY_V6)
		return a[0] == 0xff || !memcmp(a, any, 16);
	return (a[0] & 0xf0) == 0xe0 || !memcmp(a, all, 4) || !memcmp(a, any, 4) ||
	       holds(h->broadcast, f, a);
}

static void note_stale(struct census *c, enum stale_kind kind, enum family f, const uint8_t *addr)
{
	if (!c->stale_addresses[kind])
		c->stale_addresses[kind] = busiest_new(STALE_ADDRESSES);
	c->stale[kind]++;
	busiest_add(c->stale_addresses[kind], f, addr, 0);
}

static void look_at_translation(struct census *c, const struct ct_entry *e)
{
	const struct census_host *h = c->host;
	enum family f = e->orig.family;

	if (e->flags & CT_SRC_NAT && !holds(h->local, f, e->reply.dst))
		note_stale(c, STALE_SOURCE, f, e->reply.dst);
	if (!(e->flags & CT_DST_NAT))
		return;
	if (!holds(h->local, f, e->reply.src) && !h->reaches(h->ctx, f, e->reply.src))
		note_stale(c, STALE_TARGET, f, e->reply.src);
	else if (!holds(h->local, f, e->orig.dst))
		note_stale(c, STALE_ASKED, f, e->orig.dst);
}

static void look_for_stale(struct census *c, const struct ct_entry *e)
{
	const struct census_host *h = c->host;
	enum family f = e->orig.family;

	if (e->flags & (CT_SRC_NAT | CT_DST_NAT)) {
		look_at_translation(c, e);
		return;
	}
	if (h->forwards[f] || holds(h->local, f, e->orig.src) || holds(h->local, f, e->orig.dst) ||
	    is_special(h, f, e->orig.src) || is_special(h, f, e->orig.dst))
		return;
	/* The end that others came to is more likely the one that was this host's. */
	note_stale(c, STALE_ENDS, f, e->orig.dst);
}

void census_add(struct census *c, const struct ct_entry *e)
{
	c->entries++;
	c->families[e->orig.family]++;
	c->protos[e->orig.proto]++;
	if (e->orig.proto == IPPROTO_TCP)
		c->states[e->state]++;
	c->unreplied += e->flags & CT_SEEN_REPLY ? 0 : 1;
	c->assured += e->flags & CT_ASSURED ? 1 : 0;
	c->translated += ct_is_translated(e) ? 1 : 0;
	c->helped += e->flags & CT_HELPER ? 1 : 0;
	c->offloaded += e->flags & CT_OFFLOADED ? 1 : 0;
	add_addresses(c, &e->orig);
	add_lifetime(c, e);
	if (c->host)
		look_for_stale(c, e);
}
