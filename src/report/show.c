/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON of rules and classes; classes as text. */
#include "report/show.h"

#include <string.h>
#include "report/json.h"

static json_t *ports_json(const struct ports *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, json_pack("[i, i]", p->v[i].lo, p->v[i].hi));
	return list;
}

static json_t *ifaces_json(const struct ifaces *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->v[i]));
	return list;
}

static json_t *addrs_json(const struct addrs *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		struct text t = { 0 };

		prefix_text(&l->v[i], &t);
		json_array_append_new(list, json_string(t.s));
		free(t.s);
	}
	return list;
}

static json_t *families_json(unsigned families)
{
	json_t *list = json_array();

	if (families & FAMILIES_V4)
		json_array_append_new(list, json_string("ipv4"));
	if (families & FAMILIES_V6)
		json_array_append_new(list, json_string("ipv6"));
	return list;
}

/* Takes the reference; an empty list says nothing and is left out. */
static void set_list(json_t *object, const char *key, json_t *list)
{
	if (json_array_size(list))
		json_object_set_new(object, key, list);
	else
		json_decref(list);
}

static void set_word(json_t *object, const char *key, const char *word)
{
	if (word)
		json_object_set_new(object, key, json_string(word));
}

static const char *dst_kind_word(enum dst_kind k)
{
	switch (k) {
	case DST_ANY:
		return NULL;
	case DST_LOCAL:
		return "local";
	case DST_NOT_LOCAL:
		return "not-local";
	}
	return NULL;
}

static const char *tcp_kind_word(enum tcp_kind k)
{
	switch (k) {
	case TCP_ANY:
		return NULL;
	case TCP_OPENING:
		return "opening";
	case TCP_CONTINUING:
		return "continuing";
	}
	return NULL;
}

static const char *icmp_kind_word(enum icmp_kind k)
{
	switch (k) {
	case ICMP_ANY:
		return NULL;
	case ICMP_REQUEST:
		return "request";
	case ICMP_REPLY:
		return "reply";
	case ICMP_IS_ERROR:
		return "error";
	}
	return NULL;
}

json_t *match_json(const struct match *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "families", families_json(m->families));
	if (m->proto && proto_name(m->proto))
		set_word(o, "protocol", proto_name(m->proto));
	else if (m->proto)
		json_object_set_new(o, "protocol", json_integer(m->proto));
	set_list(o, "sport", ports_json(&m->sport));
	set_list(o, "dport", ports_json(&m->dport));
	set_list(o, "in", ifaces_json(&m->in));
	set_list(o, "not-in", ifaces_json(&m->not_in));
	set_list(o, "out", ifaces_json(&m->out));
	set_list(o, "not-out", ifaces_json(&m->not_out));
	set_list(o, "source", addrs_json(&m->src));
	set_list(o, "not-source", addrs_json(&m->not_src));
	set_list(o, "destination", addrs_json(&m->dst));
	set_list(o, "not-destination", addrs_json(&m->not_dst));
	set_word(o, "to", dst_kind_word(m->dst_kind));
	set_word(o, "tcp", tcp_kind_word(m->tcp));
	set_word(o, "icmp", icmp_kind_word(m->icmp));
	if (m->answers)
		json_object_set_new(o, "answers", json_true());
	return o;
}

static json_t *origin_json(const struct origin *at)
{
	if (!at->file)
		return json_null();
	return json_pack("{s:o, s:i, s:i}", "file", json_text(at->file), "line", (int)at->line,
			 "column", (int)at->col);
}

static const char *verdict_word(enum verdict v)
{
	switch (v) {
	case VERDICT_NOTRACK:
		return "notrack";
	case VERDICT_RETURN:
		return "return";
	}
	return NULL;
}

static json_t *rules_json(const struct ruleset *rs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rs->n_rules; i++) {
		const struct rule *r = &rs->rules[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "hook",
						      hook_name(r->hook), "verdict",
						      verdict_word(r->verdict), "exemption",
						      r->name, "match", match_json(&r->match),
						      "origin", origin_json(&r->at)));
	}
	return list;
}

static json_t *classes_json(const struct traffic *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "hook", hook_name(v[i].hook),
				  "class", packet_class_name(v[i].class), "exemptions", v[i].names,
				  "accept", accept_name(v[i].accept), "match",
				  match_json(&v[i].match), "origin", origin_json(&v[i].at)));
	return list;
}

/* Entries, or seconds. */
static json_t *settings_json(const struct policy *p)
{
	json_t *o = json_object();

	for (size_t i = 0; i < p->n_conntrack; i++)
		json_object_set_new(o, p->conntrack[i].key,
				    json_integer((json_int_t)p->conntrack[i].value));
	return o;
}

void show_settings(const struct policy *p, FILE *out)
{
	if (p->n_conntrack)
		fputc('\n', out);
	for (size_t i = 0; i < p->n_conntrack; i++)
		fprintf(out, "# conntrack %s = %lu%s\n", p->conntrack[i].key, p->conntrack[i].value,
			strncmp(p->conntrack[i].key, "timeout-", 8) ? "" : "s");
}

void show_json(const struct policy *p, const struct host_params *h, const struct ruleset *rs,
	       FILE *out)
{
	struct traffic *v;
	size_t n;
	json_t *root;

	compile_traffic(p, h, &v, &n);
	root = json_pack("{s:o, s:o, s:o}", "rules", rules_json(rs), "classes", classes_json(v, n),
			 "conntrack", settings_json(p));
	json_print(root, out);
	traffic_free(v, n);
}

void show_classes(const struct policy *p, const struct host_params *h, FILE *out)
{
	struct traffic *v;
	size_t n;

	compile_traffic(p, h, &v, &n);
	if (n)
		fputc('\n', out);
	for (size_t i = 0; i < n; i++) {
		struct text t = { 0 };

		match_text(&v[i].match, &t);
		fprintf(out, "# %s %s %s %s\n", hook_name(v[i].hook), packet_class_name(v[i].class),
			v[i].names, t.s);
		free(t.s);
	}
	traffic_free(v, n);
}
