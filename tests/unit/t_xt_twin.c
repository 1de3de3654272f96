/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Twins in iptables' words: what fits comes back, and nothing else is taken for a twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "kernel/nft_attr.h"
#include "kernel/nft_iptables.h"
#include "kernel/xt_twin.h"
#include "random_xt.h"

#define ROUNDS 20000

struct written { /* a match as extensions, with somebody else's behind them */
	struct xt_buf *v;
	struct xt_ext *x;
	size_t n;
};

static void write_match(struct written *w, const struct match *m)
{
	w->v = xt_twin_write(m, "web,api,+12", &w->n);
	w->x = xcalloc(w->n + 1, sizeof *w->x);
	for (size_t i = 0; i < w->n; i++)
		w->x[i] = (struct xt_ext){ .name = w->v[i].name,
					   .revision = w->v[i].revision,
					   .data = w->v[i].data,
					   .len = w->v[i].len };
	w->x[w->n] = (struct xt_ext){ .name = "limit", .data = (const uint8_t *)"", .len = 1 };
}

static void written_free(struct written *w)
{
	xt_bufs_free(w->v, w->n);
	free(w->x);
}

static void drop_ports(struct ports *p)
{
	free(p->v);
	*p = (struct ports){ 0 };
}

static void drop_addrs(struct addrs *l)
{
	free(l->v);
	*l = (struct addrs){ 0 };
}

/* What a rule's header holds of the match. */
static void header_of(const struct match *m, struct match *out)
{
	match_copy(out, m);
	drop_ports(&out->sport);
	drop_ports(&out->dport);
	drop_addrs(&out->src);
	drop_addrs(&out->not_src);
	drop_addrs(&out->dst);
	drop_addrs(&out->not_dst);
	out->dst_kind = DST_ANY;
	out->tcp = TCP_ANY;
	out->icmp = ICMP_ANY;
	if (m->icmp == ICMP_IS_ERROR)
		out->proto = m->families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static bool reads(const struct written *w, const struct match *m)
{
	struct match got, header;
	size_t used = SIZE_MAX;
	char *names = NULL;
	bool good;

	header_of(m, &header);
	match_copy(&got, &header);
	good = xt_twin_read(w->x, w->n + 1, &got, &names, &used);
	if (good) {
		assert_int_equal(used, w->n);
		assert_string_equal(names, "web,api,+12");
		assert_int_equal(match_compare(&got, m), 0);
	} else {
		assert_int_equal(match_compare(&got, &header), 0); /* as it was */
		assert_null(names);
		assert_int_equal(used, SIZE_MAX);
	}
	free(names);
	match_free(&got);
	match_free(&header);
	return good;
}

static void what_fits_comes_back(void **state)
{
	uint64_t seed = 4711;
	size_t most = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct written w;
		struct match m;
		struct text t = { 0 };

		xt_random_match(&seed, i % 2 ? TABLE_IP : TABLE_IP6, i % 3, &m);
		write_match(&w, &m);
		match_text(&m, &t);
		if (!reads(&w, &m))
			fail_msg("does not come back: %s", t.s);
		most = w.n > most ? w.n : most;
		free(t.s);
		written_free(&w);
		match_free(&m);
	}
	assert_in_range(most, 8, 40);
}

/* Whatever differs in a byte, in order or in number is not what was written. */
static void other_bytes_do_not(void **state)
{
	uint64_t seed = 815;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct written w;
		struct match m, got;
		size_t used, k, byte, bit;
		char *names;

		xt_random_match(&seed, i % 2 ? TABLE_IP : TABLE_IP6, i % 3, &m);
		write_match(&w, &m);
		k = random_below(&seed, (unsigned)w.n);
		byte = random_below(&seed, (unsigned)w.v[k].len);
		bit = 1u << random_below(&seed, 8);
		w.v[k].data[byte] ^= (uint8_t)bit;
		header_of(&m, &got);
		if (xt_twin_read(w.x, w.n, &got, &names, &used)) {
			/* Another twin, then: of another match or another name. */
			assert_true(match_compare(&got, &m) || strcmp(names, "web,api,+12"));
			free(names);
		}
		match_free(&got);
		written_free(&w);
		match_free(&m);
	}
}

static void a_twin(struct match *m)
{
	struct prefix p = { FAMILY_V4, 8, { 10 } };

	*m = (struct match){ .families = FAMILIES_V4, .proto = IPPROTO_TCP, .tcp = TCP_CONTINUING };
	ports_add(&m->dport, 80, 80);
	ports_add(&m->dport, 8000, 8010);
	addrs_add(&m->not_src, &p);
	m->dst_kind = DST_LOCAL;
}

static void shape_counts(void **state)
{
	struct written w;
	struct xt_ext swap;
	struct match m;

	(void)state;
	a_twin(&m);
	write_match(&w, &m);
	assert_int_equal(w.n, 6);
	assert_true(reads(&w, &m));
	for (size_t i = 0; i < w.n; i++) {
		struct xt_ext was = w.x[i];

		w.x[i].target = true;
		assert_false(reads(&w, &m));
		w.x[i] = was;
		w.x[i].revision++;
		assert_false(reads(&w, &m));
		w.x[i] = was;
		w.x[i].len -= 8;
		assert_false(reads(&w, &m));
		w.x[i] = was;
		w.x[i].name = "mark";
		assert_false(reads(&w, &m));
		w.x[i] = was;
	}
	for (size_t i = 0; i + 1 < w.n; i++) {
		swap = w.x[i];
		w.x[i] = w.x[i + 1];
		w.x[i + 1] = swap;
		assert_false(reads(&w, &m));
		w.x[i + 1] = w.x[i];
		w.x[i] = swap;
	}
	m.proto = IPPROTO_UDP; /* flags, but no TCP */
	assert_false(reads(&w, &m));
	m.proto = IPPROTO_TCP;
	m.families = FAMILIES_BOTH;
	assert_false(reads(&w, &m));
	m.families = FAMILIES_V6; /* the range would be one of ::/0 */
	assert_false(reads(&w, &m));
	m.families = FAMILIES_V4;
	written_free(&w);
	match_free(&m);
}

/* Right in every byte, but under a header that such a twin cannot have. */
static void the_header_counts(void **state)
{
	struct match error = { .families = FAMILIES_V4, .icmp = ICMP_IS_ERROR }, m, got;
	struct prefix p = { FAMILY_V4, 8, { 10 } };
	struct written w;
	size_t used;
	char *names;

	(void)state;
	write_match(&w, &error);
	got = (struct match){ .families = FAMILIES_V4, .proto = IPPROTO_UDP };
	assert_false(xt_twin_read(w.x, w.n, &got, &names, &used));
	got.proto = IPPROTO_ICMP;
	assert_true(xt_twin_read(w.x, w.n, &got, &names, &used));
	free(names);
	written_free(&w);

	m = (struct match){ .families = FAMILIES_V4, .proto = IPPROTO_UDP };
	ports_add(&m.sport, 53, 53);
	write_match(&w, &m);
	assert_true(reads(&w, &m));
	m.proto = IPPROTO_GRE;
	assert_false(reads(&w, &m));
	written_free(&w);

	m.proto = IPPROTO_UDP;
	addrs_add(&m.dst, &p);
	p.addr[0] = 11;
	addrs_add(&m.dst, &p); /* both cannot be */
	write_match(&w, &m);
	assert_false(reads(&w, &m));
	written_free(&w);
	match_free(&m);
}

/* Prefixes that nobody would write: bits beside the mask. */
static void odd_addresses(void **state)
{
	struct match m = { .families = FAMILIES_V4, .icmp = ICMP_IS_ERROR };
	struct match n = { .families = FAMILIES_V4, .proto = IPPROTO_GRE };
	struct prefix odd = { FAMILY_V4, 8, { 10, 0, 0, 1 } };
	struct written w;

	(void)state;
	addrs_add(&m.src, &odd);
	write_match(&w, &m);
	assert_false(reads(&w, &m));
	written_free(&w);
	match_free(&m);
	addrs_add(&n.dst, &odd);
	write_match(&w, &n);
	assert_false(reads(&w, &n));
	written_free(&w);
	match_free(&n);
}

/* iptables-restore takes no longer words. */
static void programs_stay_short(void **state)
{
	struct match m = { .families = FAMILIES_V4, .icmp = ICMP_IS_ERROR, .proto = IPPROTO_TCP };
	struct written w;
	size_t programs = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		ports_add(&m.sport, (uint16_t)(60000 + 4 * i), (uint16_t)(60001 + 4 * i));
	ports_copy(&m.dport, &m.sport);
	for (unsigned i = 0; i < 6; i++) { /* ten tests, as many as a program may have */
		struct prefix p = { FAMILY_V4, 31, { 192, 168, (uint8_t)i, 254 } };

		addrs_add(&m.not_src, &p);
	}
	write_match(&w, &m);
	for (size_t i = 0; i < w.n; i++)
		programs += !strcmp(w.v[i].name, "u32");
	assert_int_equal(programs, 2);
	assert_true(reads(&w, &m));
	written_free(&w);
	match_free(&m);
}

static void long_names_are_cut(void **state)
{
	struct match m, got;
	struct xt_buf *v;
	struct xt_ext *x;
	char names[400], *back;
	size_t n, used;

	(void)state;
	a_twin(&m);
	memset(names, 'n', sizeof names - 1);
	names[sizeof names - 1] = 0;
	v = xt_twin_write(&m, names, &n);
	assert_int_equal(v[n - 1].len, 256);
	assert_int_equal(v[n - 1].data[255], 0);
	x = xcalloc(n, sizeof *x);
	for (size_t i = 0; i < n; i++)
		x[i] = (struct xt_ext){ v[i].name, v[i].revision, false, v[i].data, v[i].len };
	header_of(&m, &got);
	assert_true(xt_twin_read(x, n, &got, &back, &used));
	assert_int_equal(strlen(back), 255 - strlen("untrack:"));
	free(back);
	match_free(&got);
	memset(v[n - 1].data, 'x', 256); /* no end */
	header_of(&m, &got);
	assert_false(xt_twin_read(x, n, &got, &back, &used));
	match_free(&got);
	free(x);
	xt_bufs_free(v, n);
	match_free(&m);
}

static void bodies_come_back(void **state)
{
	static const char *const bad[] = { "",
					   "match:",
					   "match",
					   "target:00",
					   "match:0",
					   "counter:",
					   "match:zz",
					   "matches:00",
					   "match:0500010041",
					   ("match:0500010041000000080002000000000008000300"
					    "00000000") };
	struct match m;
	struct written w;
	struct xt_ext x;
	void *room;

	(void)state;
	a_twin(&m);
	write_match(&w, &m);
	for (size_t i = 0; i < w.n; i++) {
		auto_free char *body = xt_body(&w.x[i]);

		assert_true(xt_body_parse(body, &x, &room));
		assert_string_equal(x.name, w.x[i].name);
		assert_int_equal(x.revision, w.x[i].revision);
		assert_int_equal(x.len, w.x[i].len);
		assert_memory_equal(x.data, w.x[i].data, x.len);
		assert_false(x.target);
		free(room);
		w.x[i].target = true;
		free(body);
		body = xt_body(&w.x[i]);
		assert_true(xt_body_parse(body, &x, &room));
		assert_true(x.target);
		free(room);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(xt_body_parse(bad[i], &x, &room));
	written_free(&w);
	match_free(&m);
}

static struct fw_expr *add_expr(struct fw_rule *r, enum fw_op op, const char *name, char *body)
{
	struct fw_expr *e = ARRAY_ADD(r->exprs, r->n_exprs);

	e->op = op;
	e->name = xstrdup(name);
	e->body = body;
	return e;
}

/* "-s ADDRESS/LEN", as iptables-nft has it. */
static void add_source(struct fw_rule *r, uint8_t first, uint8_t last, uint8_t bytes)
{
	struct fw_expr *e = add_expr(r, FW_LOAD, "payload", xstrdup("payload:"));

	e->field = FW_F_NETWORK;
	e->offset = 12;
	e->len = 4;
	e = add_expr(r, FW_BITWISE, "bitwise", xstrdup("bitwise:"));
	e->len = 4;
	memset(e->data, 0xff, bytes);
	e = add_expr(r, FW_CMP, "cmp", xstrdup("cmp:"));
	e->len = 4;
	e->data[0] = first;
	e->data[3] = last;
}

static void add_extensions(struct fw_rule *r, const struct written *w)
{
	for (size_t i = 0; i < w->n; i++) {
		add_expr(r, FW_XT, "match", xt_body(&w->x[i]));
		add_expr(r, FW_LOAD, "what it means", NULL);
	}
}

static bool is_twin(const struct fw_rule *r)
{
	const struct fw_chain c = { .form = FORM_IPTABLES_NFT,
				    .table = (char *)(uintptr_t) "filter",
				    .name = (char *)(uintptr_t) "INPUT" };
	struct ruleset rs = { 0 };
	struct twin w;
	bool good = nft_iptables_read(&c, r, &w);

	if (good)
		*ruleset_add_twin(&rs) = w;
	ruleset_free(&rs);
	return good;
}

static void rule_free_exprs(struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++) {
		free(r->exprs[i].name);
		free(r->exprs[i].body);
	}
	free(r->exprs);
	*r = (struct fw_rule){ 0 };
}

/* Rules that only others could have put together. */
static void rules_of_others(void **state)
{
	const struct match m = { .families = FAMILIES_V4 };
	struct fw_rule r = { 0 };
	struct written w;

	(void)state;
	write_match(&w, &m);
	add_source(&r, 10, 0, 1);
	add_extensions(&r, &w);
	assert_false(is_twin(&r)); /* does nothing */
	add_expr(&r, FW_EFFECT, "counter", xstrdup("counter:"));
	assert_true(is_twin(&r));
	rule_free_exprs(&r);

	add_source(&r, 10, 0, 1);
	add_source(&r, 10, 0, 2);
	add_extensions(&r, &w);
	add_expr(&r, FW_EFFECT, "counter", xstrdup("counter:"));
	assert_false(is_twin(&r));
	rule_free_exprs(&r);

	add_source(&r, 10, 1, 1); /* never true */
	add_extensions(&r, &w);
	add_expr(&r, FW_EFFECT, "counter", xstrdup("counter:"));
	assert_false(is_twin(&r));
	rule_free_exprs(&r);
	written_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_comes_back), cmocka_unit_test(other_bytes_do_not),
		cmocka_unit_test(shape_counts),		cmocka_unit_test(odd_addresses),
		cmocka_unit_test(the_header_counts),	cmocka_unit_test(programs_stay_short),
		cmocka_unit_test(long_names_are_cut),	cmocka_unit_test(bodies_come_back),
		cmocka_unit_test(rules_of_others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
