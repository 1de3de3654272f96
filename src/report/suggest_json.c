/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suggestions for a program. */
#include "report/suggest.h"

#include "report/json.h"

static const char *refusal_name(enum suggest_refusal r)
{
	switch (r) {
	case SUGGEST_NAT:
		return "nat";
	case SUGGEST_HELPED:
		return "helper";
	case SUGGEST_EPHEMERAL:
		return "ephemeral-overlap";
	case SUGGEST_THERE:
		return "configured";
	case SUGGEST_SMALL:
		return "small";
	case SUGGEST_FINE:
		break;
	}
	return NULL;
}

static json_t *states_json(const struct suggest_sums *sums)
{
	json_t *o = json_object();

	for (size_t i = CT_NONE + 1; i < CT_STATES; i++)
		if (sums->states[i])
			json_object_set_new(o, ct_state_name((enum ct_state)i),
					    json_integer((json_int_t)sums->states[i]));
	return o;
}

static void add_sums(json_t *o, const struct suggest_sums *sums, unsigned long all)
{
	json_object_set_new(o, "entries", json_integer((json_int_t)sums->entries));
	json_object_set_new(o, "share", json_real(all ? (double)sums->entries / (double)all : 0));
	json_object_set_new(o, "ipv4", json_integer((json_int_t)sums->families[FAMILY_V4]));
	json_object_set_new(o, "ipv6", json_integer((json_int_t)sums->families[FAMILY_V6]));
	json_object_set_new(o, "tcp_states", states_json(sums));
	json_object_set_new(o, "unreplied", json_integer((json_int_t)sums->unreplied));
	json_object_set_new(o, "assured", json_integer((json_int_t)sums->assured));
	json_object_set_new(o, "seconds_left",
			    sums->timed ? json_real((double)sums->seconds / (double)sums->timed)
					: json_null());
}

static json_t *service_json(const struct suggest_service *v, unsigned long all)
{
	json_t *protos = json_array(), *o;

	for (size_t i = 0; i < ARRAY_SIZE(v->protos) && v->protos[i]; i++) {
		const char *name = proto_name(v->protos[i]);

		json_array_append_new(protos,
				      name ? json_string(name) : json_integer(v->protos[i]));
	}
	o = json_pack("{s:o, s:s, s:o, s:o, s:o}", "name", json_text(*v->name ? v->name : NULL),
		      "role", suggest_kind_name(v->kind), "protocols", protos, "port",
		      v->port ? json_integer(v->port) : json_null(), "refused",
		      json_text(refusal_name(v->refusal)));
	add_sums(o, &v->sums, all);
	json_object_set_new(o, "nat", json_integer((json_int_t)v->nat));
	json_object_set_new(o, "helper", json_integer((json_int_t)v->helped));
	return o;
}

void suggest_json(const struct suggestions *l, FILE *out)
{
	json_t *services = json_array(), *table = json_object(), *rest;

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(services, service_json(&l->v[i], l->all.entries));
	add_sums(table, &l->all, l->all.entries);
	json_object_set_new(table, "max", l->max ? json_integer((json_int_t)l->max) : json_null());
	rest = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "nat",
			 (json_int_t)l->translated, "helper", (json_int_t)l->helped, "expected",
			 (json_int_t)l->expected, "exempt", (json_int_t)l->stale, "unmatched",
			 (json_int_t)l->other, "small", (json_int_t)l->small, "small_services",
			 (json_int_t)l->n_small, "rare", (json_int_t)l->rare);
	json_print(json_pack("{s:o, s:o, s:I, s:o, s:f}", "table", table, "services", services,
			     "frees", (json_int_t)l->frees, "left", rest, "min_share",
			     l->min_share),
		   out);
}
