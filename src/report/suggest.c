/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of connection tracking, counted by the service that they belong to. */
#include "report/suggest_count.h"

#include <netinet/in.h>
#include <string.h>

#define SLOTS (2 * SUGGEST_GROUPS_MAX) /* of the hash; a power of two */

struct flow { /* an entry, as seen from this host */
	const struct ct_entry *e;
	enum suggest_kind kind;
	uint16_t port, local_port; /* local_port: of the end that is here */
	bool src_local, dst_local;
};

uint32_t suggest_key(uint8_t proto, enum suggest_kind kind, uint16_t port)
{
	return (uint32_t)proto << 24 | (uint32_t)kind << 16 | port;
}

static size_t slot_of(uint32_t key)
{
	return (key * 2654435761u) >> 7 & (SLOTS - 1);
}

/* The slot that holds the key, or the free one that would. */
static size_t find_slot(const struct suggest *s, uint32_t key)
{
	size_t i = slot_of(key);

	while (s->slots[i] && s->groups[s->slots[i] - 1].key != key)
		i = (i + 1) & (SLOTS - 1);
	return i;
}

static void rebuild_slots(struct suggest *s)
{
	memset(s->slots, 0, SLOTS * sizeof(*s->slots));
	for (size_t i = 0; i < s->n; i++)
		s->slots[find_slot(s, s->groups[i].key)] = (uint32_t)i + 1;
}

struct suggest_group *suggest_group_find(struct suggest *s, uint32_t key)
{
	size_t slot = find_slot(s, key);

	return s->slots[slot] ? &s->groups[s->slots[slot] - 1] : NULL;
}

static int most_first(const void *va, const void *vb)
{
	const struct suggest_group *a = va, *b = vb;

	if (a->c.entries != b->c.entries)
		return a->c.entries > b->c.entries ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

void suggest_groups_sort(struct suggest *s)
{
	if (s->n)
		qsort(s->groups, s->n, sizeof(*s->groups), most_first);
	rebuild_slots(s);
}

static unsigned long weight_of(const struct suggest_group *g)
{
	return (unsigned long)g->c.entries + g->nat + g->helped;
}

/* Those with the fewest entries are counted together from here on, until half of the room is free.
 * Where most of them have as many, all these go. */
static void merge_smallest(struct suggest *s)
{
	unsigned long least = 0;
	size_t left = s->n, n = 0;

	while (left > SUGGEST_GROUPS_MAX / 2) {
		least++;
		left = 0;
		for (size_t i = 0; i < s->n; i++)
			left += weight_of(&s->groups[i]) > least;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (weight_of(&s->groups[i]) > least)
			s->groups[n++] = s->groups[i];
		else
			s->rare += s->groups[i].c.entries;
	}
	s->n = n;
	s->least_known += least;
	rebuild_slots(s);
}

static struct suggest_group *group_of(struct suggest *s, uint8_t proto, enum suggest_kind kind,
				      uint16_t port)
{
	uint32_t key = suggest_key(proto, kind, port);
	size_t slot = find_slot(s, key);

	if (s->slots[slot])
		return &s->groups[s->slots[slot] - 1];
	if (s->n == SUGGEST_GROUPS_MAX) {
		merge_smallest(s);
		slot = find_slot(s, key);
	}
	ARRAY_ADD(s->groups, s->n)->key = key;
	s->slots[slot] = (uint32_t)s->n;
	return &s->groups[s->n - 1];
}

/* ---- which end is the service ------------------------------------------------------------------
 */

static bool is_ephemeral(const struct suggest *s, uint16_t port)
{
	const struct host_params *h = &s->host.facts->params;

	return port >= h->ephemeral.lo && port <= h->ephemeral.hi;
}

static bool is_well_known(uint8_t proto, uint16_t port)
{
	/* from 512 to 1023 clients take ports as well (bindresvport(3)) */
	return port < 512 || suggest_port_name(proto, port);
}

static bool listens(const struct suggest *s, uint8_t proto, uint16_t port)
{
	const uint64_t *ports = proto == IPPROTO_TCP ? s->tcp_ports : s->udp_ports;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return false;
	/* A resolver asks from ports of any number, and hears the answers on them. */
	if (is_ephemeral(s, port) && !suggest_port_name(proto, port))
		return false;
	return ports[port / 64] >> port % 64 & 1;
}

static int likelihood(const struct suggest *s, uint8_t proto, uint16_t port, bool local)
{
	if (local && listens(s, proto, port))
		return 3;
	if (is_well_known(proto, port))
		return 2;
	return is_ephemeral(s, port) ? 0 : 1;
}

/* Who opens a flow asks the service, so that its port is the destination. But an entry may have
 * been made by an answer: where the question is exempt and the answer is not, or where the entry
 * was lost in the middle of the flow. */
static bool service_is_source(const struct suggest *s, const struct flow *f)
{
	const struct ct_tuple *t = &f->e->orig;
	int src = likelihood(s, t->proto, t->sport, f->src_local);
	int dst = likelihood(s, t->proto, t->dport, f->dst_local);

	return t->sport != t->dport && src > dst + 1;
}

static struct flow flow_of(const struct suggest *s, const struct ct_entry *e)
{
	const struct ct_tuple *t = &e->orig;
	struct flow f = { .e = e,
			  .src_local = addrs_cover(&s->host.local, t->family, t->src),
			  .dst_local = addrs_cover(&s->host.local, t->family, t->dst) };
	bool from_service;

	if (f.src_local && f.dst_local) {
		f.kind = SUGGEST_LOOPBACK;
		return f;
	}
	if (!proto_has_ports(t->proto)) {
		f.kind = f.src_local || f.dst_local ? SUGGEST_PEER : SUGGEST_ROUTER;
		return f;
	}
	from_service = service_is_source(s, &f);
	f.port = from_service ? t->sport : t->dport;
	f.local_port = f.src_local ? t->sport : t->dport;
	if (!f.src_local && !f.dst_local)
		f.kind = SUGGEST_ROUTER;
	else if (f.local_port == f.port)
		f.kind = SUGGEST_SERVER;
	else
		f.kind = SUGGEST_CLIENT;
	return f;
}

/* ---- what becomes of an entry ------------------------------------------------------------------
 */

static bool is_group_address(const struct ct_tuple *t)
{
	static const uint8_t everybody[4] = { 255, 255, 255, 255 };

	if (t->family == FAMILY_V6)
		return t->dst[0] == 0xff;
	return (t->dst[0] & 0xf0) == 0xe0 || !memcmp(t->dst, everybody, 4);
}

/* Would a section of its kind match it, both ways? What many get at once is addressed to nobody of
 * this host, and the role client knows its own packets by their ephemeral ports (rules/leg.h). */
static bool fits_a_section(const struct suggest *s, const struct flow *f)
{
	if (!f->src_local && is_group_address(&f->e->orig))
		return false;
	return f->kind != SUGGEST_CLIENT || f->e->orig.proto == IPPROTO_TCP ||
	       is_ephemeral(s, f->local_port);
}

static void count(struct suggest_counts *c, const struct ct_entry *e)
{
	c->entries++;
	c->families[e->orig.family]++;
	c->states[e->state]++;
	c->unreplied += !(e->flags & CT_SEEN_REPLY);
	c->assured += !!(e->flags & CT_ASSURED);
	if (e->flags & CT_TIMED) {
		c->timed++;
		c->seconds += e->timeout;
	}
}

/* As NAT keeps them from being exempt (rules/preflight_nat.c): by the port where it stands in the
 * entry, and whose address goes with it. */
static void count_translated(struct suggest *s, const struct flow *f)
{
	const struct ct_tuple *orig = &f->e->orig, *reply = &f->e->reply;
	bool back_local = addrs_cover(&s->host.local, reply->family, reply->dst);
	bool ports = proto_has_ports(orig->proto);

	s->translated++;
	if (f->kind == SUGGEST_LOOPBACK) {
		group_of(s, 0, SUGGEST_LOOPBACK, 0)->nat++;
	} else if (!ports) {
		group_of(s, orig->proto, SUGGEST_PEER, 0)->nat += f->dst_local || back_local;
		group_of(s, orig->proto, SUGGEST_ROUTER, 0)->nat += !f->dst_local || !back_local;
	} else {
		group_of(s, orig->proto, f->dst_local ? SUGGEST_SERVER : SUGGEST_ROUTER,
			 orig->dport)
			->nat++;
		group_of(s, orig->proto, back_local ? SUGGEST_CLIENT : SUGGEST_ROUTER, reply->sport)
			->nat++;
	}
}

void suggest_add(struct suggest *s, const struct ct_entry *e)
{
	struct flow f = flow_of(s, e);
	bool loopback = f.kind == SUGGEST_LOOPBACK;
	struct suggest_group *g;

	count(&s->all, e);
	if (ct_is_translated(e)) {
		count_translated(s, &f);
		return;
	}
	if (!fits_a_section(s, &f)) {
		s->other++;
		return;
	}
	g = group_of(s, loopback ? 0 : e->orig.proto, f.kind, f.port);
	if (!(e->flags & (CT_HELPER | CT_EXPECTED))) {
		count(&g->c, e);
		return;
	}
	g->helped++;
	if (e->flags & CT_HELPER)
		s->helped++;
	else
		s->expected++;
}

void suggest_add_stale(struct suggest *s, const struct ct_entry *e)
{
	count(&s->all, e);
	s->stale++;
}

static void note_listeners(struct suggest *s)
{
	for (size_t i = 0; i < s->host.facts->n_listeners; i++) {
		const struct host_listener *l = &s->host.facts->listeners[i];
		uint64_t *ports = l->proto == IPPROTO_TCP ? s->tcp_ports : s->udp_ports;

		ports[l->port / 64] |= UINT64_C(1) << l->port % 64;
	}
}

struct suggest *suggest_new(const struct suggest_host *host)
{
	struct suggest *s = xcalloc(1, sizeof(*s));

	s->host = *host;
	s->slots = xcalloc(SLOTS, sizeof(*s->slots));
	note_listeners(s);
	return s;
}

void suggest_reset(struct suggest *s)
{
	const struct suggest_host host = s->host;
	uint32_t *slots = s->slots;

	free(s->groups);
	memset(slots, 0, SLOTS * sizeof(*slots));
	*s = (struct suggest){ .host = host, .slots = slots };
	note_listeners(s);
}

void suggest_free(struct suggest *s)
{
	if (!s)
		return;
	free(s->groups);
	free(s->slots);
	free(s);
}
