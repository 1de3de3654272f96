/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From counts to sections: what belongs together, what must be left out, what is worth its lines.
 */
#include "report/suggest_count.h"

#include <netinet/in.h>
#include <string.h>

#define SERVICES_MAX 1000 /* more than anybody reads */
#define DNS_PORT 53

struct ranking {
	struct suggest *s;
	struct suggestions *out;
	unsigned long least; /* entries that a service must have */
};

static struct suggest_group *find(struct suggest *s, uint8_t proto, enum suggest_kind kind,
				  uint16_t port)
{
	return suggest_group_find(s, suggest_key(proto, kind, port));
}

static void add_counts(struct suggest_sums *to, const struct suggest_counts *c)
{
	to->entries += c->entries;
	for (size_t i = 0; i < ARRAY_SIZE(to->families); i++)
		to->families[i] += c->families[i];
	for (size_t i = 0; i < CT_STATES; i++)
		to->states[i] += c->states[i];
	to->unreplied += c->unreplied;
	to->assured += c->assured;
	to->timed += c->timed;
	to->seconds += c->seconds;
}

/* All that a section of this protocol would match, whatever of it must stay tracked. */
static void take(struct suggest_service *v, struct suggest_group *g)
{
	if (!g || g->taken)
		return;
	g->taken = 1;
	add_counts(&v->sums, &g->c);
	v->nat += g->nat;
	v->helped += g->helped;
}

static bool is_big(const struct ranking *r, const struct suggest_group *g)
{
	return g && !g->taken && g->c.entries >= r->least;
}

static bool has_entries(const struct suggest_group *g)
{
	return g && !g->taken && g->c.entries;
}

/* Questions and answers of one service in one protocol: peers are both, and TCP, where clients are
 * told from servers by their SYN, is given as two sections that can be chosen from. */
static enum suggest_kind kind_of(const struct ranking *r, uint8_t proto, enum suggest_kind kind,
				 uint16_t port)
{
	if (proto == IPPROTO_TCP || (kind != SUGGEST_SERVER && kind != SUGGEST_CLIENT))
		return kind;
	if (suggest_port_is_peer(proto, port))
		return SUGGEST_PEER;
	if (is_big(r, find(r->s, proto, SUGGEST_SERVER, port)) &&
	    is_big(r, find(r->s, proto, SUGGEST_CLIENT, port)))
		return SUGGEST_PEER;
	return kind;
}

static void take_protocol(struct ranking *r, struct suggest_service *v, uint8_t proto)
{
	if (v->kind != SUGGEST_PEER || !proto_has_ports(proto)) {
		take(v, find(r->s, proto, v->kind, v->port));
		return;
	}
	take(v, find(r->s, proto, SUGGEST_SERVER, v->port));
	take(v, find(r->s, proto, SUGGEST_CLIENT, v->port));
}

/* TCP and UDP of one port are one service where both are used as much, and DNS is in any case. */
static bool joins(const struct ranking *r, const struct suggest_service *v, uint8_t other)
{
	struct suggest_group *server = find(r->s, other, SUGGEST_SERVER, v->port);
	struct suggest_group *client = find(r->s, other, SUGGEST_CLIENT, v->port);
	struct suggest_group *same = find(r->s, other, v->kind, v->port);

	if (v->port == DNS_PORT && v->kind == SUGGEST_PEER)
		return has_entries(server) || has_entries(client);
	if (v->port == DNS_PORT)
		return has_entries(same);
	return is_big(r, same) && kind_of(r, other, v->kind, v->port) == v->kind;
}

static void join_other(struct ranking *r, struct suggest_service *v)
{
	uint8_t other = v->protos[0] == IPPROTO_TCP   ? IPPROTO_UDP
			: v->protos[0] == IPPROTO_UDP ? IPPROTO_TCP
						      : 0;

	if (!other || !joins(r, v, other))
		return;
	v->protos[1] = other;
	take_protocol(r, v, other);
}

static bool is_ephemeral(const struct suggest_host *h, uint16_t port)
{
	const struct port_range e = h->facts->params.ephemeral;

	return port >= e.lo && port <= e.hi &&
	       !(h->facts->reserved.n && ports_contains(&h->facts->reserved, port));
}

/* What apply would refuse is no suggestion. */
static enum suggest_refusal refusal_of(const struct ranking *r, const struct suggest_service *v)
{
	if (v->kind == SUGGEST_LOOPBACK && r->s->host.has_loopback)
		return SUGGEST_THERE;
	if (v->nat)
		return SUGGEST_NAT;
	if (v->helped)
		return SUGGEST_HELPED;
	if (v->port && (v->kind == SUGGEST_SERVER || v->kind == SUGGEST_PEER) &&
	    is_ephemeral(&r->s->host, v->port))
		return SUGGEST_EPHEMERAL;
	return SUGGEST_FINE;
}

static void add_service(struct ranking *r, const struct suggest_group *g)
{
	struct suggest_service *v = ARRAY_ADD(r->out->v, r->out->n);

	v->protos[0] = (uint8_t)(g->key >> 24);
	v->port = (uint16_t)g->key;
	v->kind = kind_of(r, v->protos[0], (enum suggest_kind)(g->key >> 16 & 0xff), v->port);
	take_protocol(r, v, v->protos[0]);
	join_other(r, v);
	v->refusal = refusal_of(r, v);
}

/* ---- names -------------------------------------------------------------------------------------
 */

static bool is_taken(const struct ranking *r, const char *name)
{
	for (size_t i = 0; i < r->s->host.n_taken; i++)
		if (!strcmp(r->s->host.taken[i], name))
			return true;
	for (size_t i = 0; i < r->out->n; i++)
		if (!strcmp(r->out->v[i].name, name))
			return true;
	return false;
}

static char *plain_name(const struct suggest_service *v)
{
	static const char *const suffixes[SUGGEST_KINDS] = {
		[SUGGEST_CLIENT] = "-client",
		[SUGGEST_ROUTER] = "-forwarded",
	};
	const char *known = v->port ? suggest_port_name(v->protos[0], v->port) : NULL;
	const char *proto = proto_name(v->protos[0]);
	const char *suffix = suffixes[v->kind] ? suffixes[v->kind] : "";
	auto_free char *number = xasprintf("protocol-%u", v->protos[0]);

	if (known)
		return xasprintf("%s%s", known, suffix);
	if (v->port)
		return xasprintf("%s-%u%s", proto ? proto : number, v->port, suffix);
	return xasprintf("%s%s", proto ? proto : number, suffix);
}

static void set_name(struct ranking *r, struct suggest_service *v)
{
	auto_free char *plain = plain_name(v), *name = xstrdup(plain);

	for (unsigned i = 2; is_taken(r, name); i++) {
		free(name);
		name = xasprintf("%s-%u", plain, i);
	}
	snprintf(v->name, sizeof(v->name), "%s", name);
}

static int most_entries_first(const void *va, const void *vb)
{
	const struct suggest_service *a = va, *b = vb;

	if (a->sums.entries != b->sums.entries)
		return a->sums.entries > b->sums.entries ? -1 : 1;
	if (a->protos[0] != b->protos[0])
		return a->protos[0] - b->protos[0];
	return a->port != b->port ? a->port - b->port : (int)a->kind - (int)b->kind;
}

static void rank(struct ranking *r)
{
	struct suggest *s = r->s;

	for (size_t i = 0; i < s->n; i++) {
		const struct suggest_group *g = &s->groups[i];

		if (g->taken || !g->c.entries)
			continue;
		if (g->c.entries >= r->least && r->out->n < SERVICES_MAX) {
			add_service(r, g);
		} else {
			r->out->n_small++;
			r->out->small += g->c.entries;
		}
	}
	if (r->out->n)
		qsort(r->out->v, r->out->n, sizeof(*r->out->v), most_entries_first);
	for (size_t i = 0; i < r->out->n; i++) {
		struct suggest_service *v = &r->out->v[i];

		if (v->refusal != SUGGEST_FINE)
			continue;
		r->out->frees += v->sums.entries;
		if (v->kind != SUGGEST_LOOPBACK)
			set_name(r, v);
	}
}

void suggest_finish(struct suggest *s, double min_share, struct suggestions *out)
{
	struct ranking r = { .s = s, .out = out };
	double least = min_share / 100 * s->all.entries;

	*out = (struct suggestions){
		.translated = s->translated,
		.helped = s->helped,
		.expected = s->expected,
		.stale = s->stale,
		.other = s->other,
		.rare = s->rare,
		.least_known = s->least_known,
		.max = s->host.max,
		.min_share = min_share,
	};
	add_counts(&out->all, &s->all);
	r.least = least > 1 ? (unsigned long)least : 1;
	if ((double)r.least < least)
		r.least++;
	suggest_groups_sort(s);
	rank(&r);
}

const char *suggest_kind_name(enum suggest_kind k)
{
	static const char *const names[SUGGEST_KINDS] = {
		[SUGGEST_SERVER] = "server",	 [SUGGEST_CLIENT] = "client",
		[SUGGEST_PEER] = "peer",	 [SUGGEST_ROUTER] = "router",
		[SUGGEST_LOOPBACK] = "loopback",
	};

	return names[k];
}
