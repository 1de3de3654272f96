/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack.conf(5) and, of expectations, untrack(8) name every key of the option tables and no
 * other, with its type, unit, range and default; their examples are right and have every key, and
 * the files of rules.d are right. Runs in the source directory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include "config/expect.h"
#include "config/policy.h"
#include "config/values.h"
#include "util.h"

#define PAGE "man/untrack.conf.5"
#define PAGE_EXPECT "man/untrack.8"

struct words {
	char **v;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, one a line, fresh; w is freed. */
static char *join(struct words *w)
{
	struct text t = { 0 };

	text_add(&t, "%s", "");
	qsort(w->v, w->n, sizeof *w->v, compare);
	for (size_t i = 0; i < w->n; i++) {
		text_add(&t, "%s\n", w->v[i]);
		free(w->v[i]);
	}
	free(w->v);
	*w = (struct words){ 0 };
	return t.s;
}

static void add_key(void *ctx, const char *section, const char *key)
{
	struct words *w = ctx;

	*ARRAY_ADD(w->v, w->n) = xasprintf("%s %s", section, key);
}

/* ".Ss [service NAME]" opens a section, ".It Ic port" is a key of it. */
static void keys_of_page(struct words *w, const char *page)
{
	FILE *f = fopen(page, "r");
	char line[512], section[64] = "", key[64];

	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		if (!strncmp(line, ".Sh", 3))
			section[0] = '\0';
		if (sscanf(line, ".Ss [%63[a-z]", section) == 1)
			continue;
		if (sscanf(line, ".It Ic %63[a-z0-9-]", key) == 1)
			add_key(w, section, key);
	}
	fclose(f);
}

static void test_keys(void **state)
{
	struct words table = { 0 }, page = { 0 };
	char *want, *got;

	(void)state;
	policy_keys(add_key, &table);
	keys_of_page(&page, PAGE);
	keys_of_page(&page, PAGE_EXPECT);
	assert_true(table.n > 50);
	want = join(&table);
	got = join(&page);
	assert_string_equal(got, want);
	free(want);
	free(got);
}

static char *page_text(const struct section *s)
{
	size_t len;
	char *text = read_file(AT_FDCWD, s->id == SECTION_EXPECT ? PAGE_EXPECT : PAGE, &len),
	     *begin;
	auto_free char *heading = xasprintf("\n.Ss [%s", s->name);

	assert_non_null(text);
	begin = strstr(text, heading);
	assert_non_null(begin);
	begin = xstrdup(begin + 1);
	free(text);
	for (char *end = begin; (end = strstr(end, "\n.S")); end++) {
		if (end[3] == 's' || end[3] == 'h') {
			end[1] = '\0';
			break;
		}
	}
	return begin;
}

/* What the page says of a key: its line, and all that belongs to it. */
struct item {
	char *spec; /* "word; default auto" */
	char *text;
};

static void item_find(const char *page, const char *key, struct item *out)
{
	auto_free char *mark = xasprintf("\n.It Ic %s Pq \"", key);
	const char *at = strstr(page, mark), *end;

	if (!at)
		fail_msg("%s has no line with its type", key);
	at += strlen(mark);
	out->spec = xasprintf("%.*s", (int)strcspn(at, "\""), at);
	end = strstr(at, "\n.It Ic ");
	out->text = xasprintf("%.*s", (int)(end ? end - at : (ptrdiff_t)strlen(at)), at);
}

static void item_free(struct item *i)
{
	free(i->spec);
	free(i->text);
}

typedef int parse_fn(const struct value *v, void *out, void *out_not);

static const struct {
	parse_fn *parse;
	const char *type;
} types[] = {
	{ value_word, "word" },
	{ value_bool, "yes or no" },
	{ value_count, "number, in " },
	{ value_time, "time, in s, m, h or d" },
	{ value_description, "text, at most 128 bytes" },
	{ value_families, "list of words" },
	{ value_protos, "list of protocols" },
	{ value_ports, "list of ports" },
	{ value_ifaces, "list of interfaces" },
	{ value_addrs, "list of addresses" },
	{ value_flow, "flow" },
	{ value_exemption, "name" },
};

static void check_type(const struct option *o, const struct item *i)
{
	for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
		if (types[k].parse != o->parse)
			continue;
		if (strncmp(i->spec, types[k].type, strlen(types[k].type)))
			fail_msg("%s is a %s, not '%s'", o->name, types[k].type, i->spec);
		return;
	}
	fail_msg("%s: a type without a name", o->name);
}

static void check_range(const struct option *o, const struct item *i)
{
	auto_free char *range = xasprintf("From %lu to %lu", o->min, o->max);

	if (o->parse == value_count && !strstr(i->text, range))
		fail_msg("%s: not said: %s", o->name, range);
	for (const char *const *w = o->parse == value_bool ? NULL : o->words; w && *w; w++) {
		if (!strstr(i->text, *w))
			fail_msg("%s: the word %s is not there", o->name, *w);
	}
}

/* The least of a section that is valid, without one of its keys. */
static char *least(const struct section *s, const char *without)
{
	static const struct {
		enum section_id section;
		const char *key, *value;
	} needed[] = {
		{ SECTION_SERVICE, "protocol", "tcp" },
		{ SECTION_SERVICE, "port", "80" },
		{ SECTION_INTERFACE, "name", "eth0" },
		{ SECTION_EXPECT, "flow", "tcp 192.0.2.1:1 -> 192.0.2.2:2 in eth0" },
		{ SECTION_EXPECT, "result", "tracked" },
	};
	struct text t = { 0 };

	text_add(&t, "[%s%s]\n", s->name, s->named ? " a" : "");
	for (size_t k = 0; k < ARRAY_SIZE(needed); k++) {
		if (needed[k].section == s->id && strcmp(needed[k].key, without))
			text_add(&t, "%s = %s\n", needed[k].key, needed[k].value);
	}
	return t.s;
}

/* Its canonical form, fresh; NULL: it is not valid. */
static char *read_text(const struct section *s, const char *text)
{
	struct expectations e = { 0 };
	struct policy p = { 0 };
	struct diag d = { 0 };
	char *canonical = NULL;

	if (s->id == SECTION_EXPECT) {
		if (!expect_parse(&e, text, "text", &d))
			canonical = xstrdup("valid");
		expect_free(&e);
	} else {
		if (!policy_parse(&p, text, "text", &d))
			canonical = policy_string(&p);
		policy_free(&p);
	}
	diag_free(&d);
	return canonical;
}

/* Given and left out, a default is the same. */
static void check_default(const struct section *s, const struct option *o, const char *value)
{
	const char *inherited = "that of [untrack]";
	bool inherits = !strcmp(value, inherited);
	const char *before = inherits ? "[untrack]\naccept = first\n" : "";
	auto_free char *base = s->named ? least(s, "") : xasprintf("[%s]\n", s->name);
	auto_free char *other = xstrdup(s->named ? "" : "[interface b]\nname = eth0\n");
	auto_free char *with = xasprintf("%s%s%s = %s\n%s", before, base, o->name,
					 inherits ? "first" : value, other);
	auto_free char *without = xasprintf("%s%s%s", before, s->named ? base : "", other);
	auto_free char *a = read_text(s, with), *b = read_text(s, without);

	if (!a || !b || strcmp(a, b))
		fail_msg("%s: the default is not %s", o->name, value);
}

static void check_spec(const struct section *s, const struct option *o, const struct item *i)
{
	const char *rest = strstr(i->spec, "; ");
	auto_free char *text = least(s, o->name), *canonical = read_text(s, text);
	bool required = rest && !strncmp(rest, "; required", strlen("; required"));

	if (!rest)
		fail_msg("%s: no default in '%s'", o->name, i->spec);
	if (s->named && required != !canonical)
		fail_msg("%s: '%s' is wrong", o->name, i->spec);
	if (o->words && !required && s->id != SECTION_EXPECT) {
		assert_int_equal(strncmp(rest, "; default ", strlen("; default ")), 0);
		check_default(s, o, rest + strlen("; default "));
	}
}

/* ".It Ic timeout-udp Ta 30s": the type of all of them stands above. */
static bool is_row(const char *page, const struct option *o)
{
	auto_free char *mark = xasprintf("\n.It Ic %s Ta ", o->name);
	const char *at = strstr(page, mark);
	auto_free char *word = NULL;
	unsigned long seconds;

	if (!at || o->parse != value_time)
		return false;
	at += strlen(mark);
	word = xasprintf("%.*s", (int)strcspn(at, ",\n"), at);
	return !parse_time(word, o->max, &seconds) && seconds >= o->min;
}

static void test_types_and_defaults(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		const struct section *s = &sections[i];
		auto_free char *page = page_text(s);

		for (const struct option *o = s->options; o < s->options + s->n_options; o++) {
			struct item item = { 0 };

			if (s->id == SECTION_CONNTRACK && is_row(page, o))
				continue;
			item_find(page, o->name, &item);
			check_type(o, &item);
			check_range(o, &item);
			check_spec(s, o, &item);
			item_free(&item);
		}
	}
}

static bool has_example(const char *page, const struct option *o)
{
	auto_free char *mark = xasprintf("\n%s ", o->name);
	const char *at = page;

	while ((at = strstr(at, mark))) {
		at += strlen(mark);
		if (at[strspn(at, " ")] == '=')
			return true;
	}
	return false;
}

/* Timeouts are all written alike: one of them is enough. */
static void test_every_key_has_an_example(void **state)
{
	(void)state;
	for (size_t i = 0; i < SECTION_EXPECT; i++) {
		const struct section *s = &sections[i];
		auto_free char *page = page_text(s);
		size_t timeouts = 0;

		for (size_t k = 0; k < s->n_options; k++) {
			const struct option *o = &s->options[k];

			if (!strncmp(o->name, "timeout-", strlen("timeout-")))
				timeouts += has_example(page, o);
			else if (!has_example(page, o))
				fail_msg("[%s]: no example of %s", s->name, o->name);
		}
		assert_true(timeouts || s->id != SECTION_CONNTRACK);
	}
}

static void check_example(const char *text)
{
	struct policy p = { 0 };
	struct diag d = { 0 };

	if (policy_parse(&p, text, PAGE, &d) || d.n) {
		diag_print(&d, stderr, SEVERITY_NOTE, false);
		fail_msg("not accepted without findings:\n%s", text);
	}
	policy_free(&p);
	diag_free(&d);
}

static void test_examples(void **state)
{
	size_t len, examples = 0;
	char *page = read_file(AT_FDCWD, PAGE, &len), *s = page;

	(void)state;
	assert_non_null(page);
	while ((s = strstr(s, ".Bd -literal -offset indent"))) {
		char *begin = strchr(s, '\n') + 1, *end = strstr(begin, ".Ed");

		assert_non_null(end);
		*end = '\0';
		check_example(begin);
		s = end + 1;
		examples++;
	}
	assert_true(examples > 6);
	free(page);
}

/* That of the section EXPECTATIONS. */
static void test_expectations(void **state)
{
	size_t len;
	char *page = read_file(AT_FDCWD, PAGE_EXPECT, &len), *s, *end;
	struct expectations e;
	struct diag d = { 0 };

	(void)state;
	assert_non_null(page);
	s = strstr(page, ".Sh EXPECTATIONS");
	assert_non_null(s);
	s = strchr(strstr(s, ".Bd -literal"), '\n') + 1;
	end = strstr(s, ".Ed");
	assert_non_null(end);
	*end = '\0';
	assert_int_equal(expect_parse(&e, s, PAGE_EXPECT, &d), 0);
	assert_int_equal(d.n, 0);
	assert_true(e.n > 1);
	expect_free(&e);
	diag_free(&d);
	free(page);
}

static void test_shipped_files(void **state)
{
	const char *const names[] = { "loopback", "web", "dns", "vxlan", "storage" };
	const char *const all[] = { "rules.d", "untrack.conf" };
	struct policy p = { 0 };
	struct diag d = { 0 };
	int rc;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = xasprintf("rules.d/%s.conf", names[i]);
		size_t len;
		char *text = read_file(AT_FDCWD, path, &len);

		assert_non_null(text);
		check_example(text);
		free(text);
		free(path);
	}
	rc = policy_load(&p, all, ARRAY_SIZE(all), &d);
	if (rc == -2)
		skip(); /* root looks at somebody else's copy */
	assert_int_equal(rc, 0);
	assert_int_equal(d.n, 0);
	assert_true(p.loopback);
	assert_int_equal(p.n_services, 4);
	assert_int_equal(p.n_interfaces, 1);
	policy_free(&p);
	diag_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_types_and_defaults),
		cmocka_unit_test(test_every_key_has_an_example),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_shipped_files),
	};

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
