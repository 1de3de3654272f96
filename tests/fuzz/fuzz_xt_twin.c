/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any matches of iptables, made up or a twin's with other bytes in them: what is taken for a twin
 * must be written the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/xt_twin.h"
#include "random_xt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXTENSIONS_MAX 12

struct input {
	const uint8_t *v;
	size_t n;
};

static uint8_t take(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->v++;
}

static void made_up(struct input *in, struct xt_buf **v, size_t *n)
{
	static const struct {
		const char *name;
		uint8_t revision;
		size_t len;
	} kinds[] = {
		{ "tcp", 0, 16 },      { "multiport", 1, 48 }, { "u32", 0, 1984 },
		{ "addrtype", 1, 8 },  { "iprange", 1, 72 },   { "conntrack", 3, 168 },
		{ "comment", 0, 256 }, { "mark", 1, 16 },      { "", 0, 0 },
		{ "comment", 0, 8 },
	};

	for (unsigned count = take(in) % EXTENSIONS_MAX; count; count--) {
		struct xt_buf *x = ARRAY_ADD(*v, *n);
		unsigned kind = take(in) % ARRAY_SIZE(kinds);
		size_t given = take(in);

		snprintf(x->name, sizeof x->name, "%s", kinds[kind].name);
		x->revision = kinds[kind].revision;
		x->len = kinds[kind].len - (given & 0x80 && kinds[kind].len ? 1 : 0);
		x->data = malloc(x->len + !x->len); /* exactly: reading beyond it is seen */
		memset(x->data, 0, x->len);
		for (size_t i = 0; i < x->len && i < (given & 0x7f); i++)
			x->data[i] = take(in);
	}
}

static void changed(struct input *in, struct match *header, struct xt_buf **v, size_t *n)
{
	uint64_t seed = 1 + take(in) + 256u * take(in);
	struct match m;

	xt_random_match(&seed, header->families == FAMILIES_V4 ? TABLE_IP : TABLE_IP6, true, &m);
	*v = xt_twin_write(&m, "web", n);
	header->proto = m.proto;
	if (m.icmp == ICMP_IS_ERROR)
		header->proto = m.families == FAMILIES_V4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	while (in->n) {
		struct xt_buf *x = &(*v)[take(in) % *n];

		x->data[(take(in) + 256u * take(in)) % x->len] = take(in);
	}
	match_free(&m);
}

static void check(const struct xt_ext *x, size_t used, const struct match *m, const char *names)
{
	size_t n;
	struct xt_buf *v = xt_twin_write(m, names, &n);

	if (n != used)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(v[i].name, "tcp") && !strcmp(x[i].name, "u32"))
			continue; /* the same as a program */
		if (v[i].len != x[i].len || memcmp(v[i].data, x[i].data, v[i].len) != 0 ||
		    strcmp(v[i].name, x[i].name) != 0)
			abort();
	}
	xt_bufs_free(v, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t first = take(&in);
	struct match m = { .families = first & 1 ? FAMILIES_V4 : FAMILIES_V6 };
	struct xt_buf *v = NULL;
	struct xt_ext *x;
	size_t n = 0, used;
	char *names;

	if (first & 2) {
		changed(&in, &m, &v, &n);
	} else {
		m.proto = take(&in);
		made_up(&in, &v, &n);
	}
	x = xcalloc(n + 1, sizeof *x);
	for (size_t i = 0; i < n; i++)
		x[i] = (struct xt_ext){ v[i].name, v[i].revision, false, v[i].data, v[i].len };
	if (xt_twin_read(x, n, &m, &names, &used)) {
		check(x, used, &m, names);
		free(names);
	}
	free(x);
	xt_bufs_free(v, n);
	match_free(&m);
	return 0;
}
