/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of connection tracking, for people and for programs. */
#include "report/table_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include "report/json.h"
#include "report/quantity.h"
#include "util.h"

#define BAR 40	/* characters */
#define TOP 10	/* addresses */
#define WIDE 96 /* columns of a line of counts */

struct count { /* one of several that are ranked */
	const char *name;
	uint64_t n;
	unsigned number; /* where the name is only that */
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

void table_stats_text(const struct ct_stats *s, FILE *out)
{
	fprintf(out,
		"%" PRIu64 " dropped, %" PRIu64 " thrown out early, %" PRIu64
		" not entered, %" PRIu64 " clash%s, %" PRIu64 " chain%s too long, %" PRIu64
		" invalid\n",
		s->drop, s->early_drop, s->insert_failed, s->clash_resolve,
		s->clash_resolve == 1 ? "" : "es", s->chain_toolong, plural(s->chain_toolong),
		s->invalid);
}

static void print_fill(const struct table_status *t, bool bar, FILE *out)
{
	double part = t->max ? (double)t->count / (double)t->max : 0;
	int full = part >= 1 ? BAR : (int)(part * BAR);

	fputs("  ", out);
	if (bar) {
		fputc('[', out);
		for (int i = 0; i < BAR; i++)
			fputc(i < full ? '#' : '.', out);
		fputs("]  ", out);
	}
	fprintf(out, "%" PRIu64 " of %" PRIu64 " entries (%.1f %%)", t->count, t->max, 100 * part);
	if (t->grows)
		fprintf(out, ", %+.0f a second", t->growth);
	fprintf(out, "\n  %" PRIu64 " buckets, %.2f entries a bucket\n", t->buckets,
		t->buckets ? (double)t->count / (double)t->buckets : 0);
}

static int by_count(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* "  protocols  tcp 12 (92.3 %), udp 1 (7.7 %)", over as many lines as it takes. */
static void print_counts(const char *what, struct count *v, size_t n, uint64_t all, FILE *out)
{
	size_t column = 0;

	if (!n)
		return;
	qsort(v, n, sizeof(*v), by_count);
	for (size_t i = 0; i < n; i++) {
		auto_free char *name =
			v[i].name ? xstrdup(v[i].name) : xasprintf("protocol %u", v[i].number);
		auto_free char *item =
			xasprintf("%s %" PRIu64 " (%.1f %%)", name, v[i].n, percent(v[i].n, all));

		if (column && column + strlen(item) + 2 > WIDE) {
			fputs(",\n", out);
			column = 0;
		} else if (i) {
			column += (size_t)fprintf(out, ", ");
		}
		if (!column)
			column = (size_t)fprintf(out, "  %-10s ", i ? "" : what);
		column += (size_t)fprintf(out, "%s", item);
	}
	fputc('\n', out);
}

static size_t protocols(const struct census *c, struct count *v)
{
	size_t n = 0;

	for (unsigned i = 0; i < 256; i++)
		if (c->protos[i])
			v[n++] = (struct count){ proto_name((uint8_t)i), c->protos[i], i };
	return n;
}

static size_t states(const struct census *c, struct count *v)
{
	size_t n = 0;

	for (unsigned i = 0; i < CT_STATES; i++)
		if (c->states[i])
			v[n++] = (struct count){ ct_state_name((enum ct_state)i), c->states[i], i };
	return n;
}

static size_t marks(const struct census *c, struct count *v)
{
	const struct count all[] = {
		{ "IPv4", c->families[FAMILY_V4], 0 }, { "IPv6", c->families[FAMILY_V6], 1 },
		{ "unreplied", c->unreplied, 2 },      { "assured", c->assured, 3 },
		{ "translated", c->translated, 4 },    { "with a helper", c->helped, 5 },
		{ "offloaded", c->offloaded, 6 },
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].n)
			v[n++] = all[i];
	return n;
}

static void print_addresses(const struct census *c, FILE *out)
{
	struct busy_address top[TOP];
	size_t n = busiest_top(c->addresses, top, TOP), all;
	bool more;

	if (!n)
		return;
	all = busiest_addresses(c->addresses, &more);
	if (more)
		fprintf(out, "  busiest of more than %zu addresses: estimates\n", all);
	fprintf(out, "  %-39s %9s %9s %9s%s\n", "address", "entries", "as source", "as dest.",
		more ? "  at most too high by" : "");
	for (size_t i = 0; i < n; i++) {
		char address[INET6_ADDRSTRLEN];

		fprintf(out, "  %-39s %9" PRIu64 " %9" PRIu64 " %9" PRIu64,
			busy_address_text(&top[i], address), top[i].entries, top[i].as_source,
			top[i].as_destination);
		if (more)
			fprintf(out, " %20" PRIu64, top[i].surplus);
		fputc('\n', out);
	}
	if (!more && all > n)
		fprintf(out, "  and %zu more\n", all - n);
}

void table_text(const struct table_status *t, bool bar, FILE *out)
{
	struct count v[256];

	if (t->absent) {
		fputs("  there is no connection tracking in this kernel, or its module is not "
		      "loaded\n",
		      out);
		return;
	}
	print_fill(t, bar, out);
	if (t->stats) {
		fputs("  since boot ", out);
		table_stats_text(t->stats, out);
	} else if (t->stats_why) {
		fprintf(out, "  %s\n", t->stats_why);
	}
	if (t->census_why && !t->census)
		fprintf(out, "  %s\n", t->census_why);
	if (!t->census || !t->census->entries)
		return;
	print_counts("entries", v, marks(t->census, v), t->census->entries, out);
	print_counts("protocols", v, protocols(t->census, v), t->census->entries, out);
	print_counts("TCP", v, states(t->census, v), t->census->protos[IPPROTO_TCP], out);
	print_addresses(t->census, out);
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *table_stats_json(const struct ct_stats *s)
{
	if (!s)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "drop",
			 number(s->drop), "early_drop", number(s->early_drop), "insert_failed",
			 number(s->insert_failed), "invalid", number(s->invalid), "clash_resolve",
			 number(s->clash_resolve), "chain_toolong", number(s->chain_toolong),
			 "found", number(s->found), "insert", number(s->insert), "error",
			 number(s->error), "search_restart", number(s->search_restart));
}

typedef size_t counter_fn(const struct census *c, struct count *v);

static json_t *counts_json(const struct census *c, counter_fn *counts)
{
	struct count v[256] = { 0 };
	size_t n = counts(c, v);
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++) {
		auto_free char *name =
			v[i].name ? xstrdup(v[i].name) : xasprintf("%u", v[i].number);

		json_object_set_new(o, name, number(v[i].n));
	}
	return o;
}

static json_t *addresses_json(const struct census *c)
{
	struct busy_address top[TOP];
	size_t n = busiest_top(c->addresses, top, TOP);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		char address[INET6_ADDRSTRLEN];

		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o, s:o, s:o}", "address",
						busy_address_text(&top[i], address), "entries",
						number(top[i].entries), "as_source",
						number(top[i].as_source), "as_destination",
						number(top[i].as_destination), "at_most_too_high",
						number(top[i].surplus)));
	}
	return list;
}

static void add_census(json_t *o, const struct census *c)
{
	bool more;

	json_object_set_new(o, "entries", number(c->entries));
	json_object_set_new(o, "ipv4", number(c->families[FAMILY_V4]));
	json_object_set_new(o, "ipv6", number(c->families[FAMILY_V6]));
	json_object_set_new(o, "unreplied", number(c->unreplied));
	json_object_set_new(o, "assured", number(c->assured));
	json_object_set_new(o, "translated", number(c->translated));
	json_object_set_new(o, "helper", number(c->helped));
	json_object_set_new(o, "offloaded", number(c->offloaded));
	json_object_set_new(o, "protocols", counts_json(c, protocols));
	json_object_set_new(o, "tcp_states", counts_json(c, states));
	json_object_set_new(o, "addresses", number(busiest_addresses(c->addresses, &more)));
	json_object_set_new(o, "addresses_estimated", json_boolean(more));
	json_object_set_new(o, "busiest", addresses_json(c));
}

json_t *table_json(const struct table_status *t)
{
	json_t *o;

	if (t->absent)
		return json_null();
	o = json_pack("{s:o, s:o, s:o, s:o, s:o}", "count", number(t->count), "max", number(t->max),
		      "buckets", number(t->buckets), "growth",
		      t->grows ? json_real(t->growth) : json_null(), "statistics",
		      table_stats_json(t->stats));
	if (t->census)
		add_census(o, t->census);
	return o;
}
