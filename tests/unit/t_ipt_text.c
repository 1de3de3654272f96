/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text for iptables-restore against the kernel: it lists as the entries do that libiptc loads,
 * and both are read back as the layout that they are of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdlib.h>

#include "iptables_lab.h"
#include "kernel/ipt_family.h"
#include "random_ipt.h"

#define GOLDEN "tests/golden/good/*.rules"
#define EMPTY "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"

static const char *const prefixes[] = { "ip", "ip6" };

static int set_up(void **state)
{
	auto_free char *lock = xasprintf("/proc/%d/exe", getpid()); /* of our own */
	static bool can;

	can = !unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET);
	can = can && !setenv("XTABLES_LOCKFILE", lock, 1) &&
	      !system("iptables-legacy -t raw -S >/dev/null 2>&1 && "
		      "ip6tables-legacy -t raw -S >/dev/null 2>&1");
	*state = &can;
	return 0;
}

/* What it complains about is a failure. That no rule matches AH of IPv6 is known: the kernel goes
 * on to the header behind it, for nft as well. */
static char *legacy(enum family f, const char *tool, const char *input)
{
	auto_free char *command = xasprintf(
		"{ %stables-legacy-%s 2>&1 1>&3 | grep -v 'never matched protocol' >&2; } "
		"3>&1 | grep -v '^#'; :",
		prefixes[f], tool);
	char *out = shell(command, input);

	if (!out)
		fail_msg("%s refused:\n%s", command, input ? input : "");
	return out;
}

static char *saved(enum family f)
{
	return legacy(f, "save -t raw", NULL);
}

/* ---- by libiptc --------------------------------------------------------------------------------
 */

static void insert(const struct ipt_family *x, struct xtc_handle *h, const char *chain,
		   const struct ipt_rule *r, unsigned place)
{
	struct ipt_written w;
	const char *why = "";
	xt_chainlabel label = "";

	snprintf(label, sizeof(label), "%s", chain);
	if (!ipt_rule_write(r, &w, &why))
		fail_msg("%s", why);
	if (!x->insert(label, w.entry, place, h))
		fail_msg("insert: %s", x->ops->strerror(errno));
	free(w.entry);
}

static void insert_jump(const struct ipt_family *x, struct xtc_handle *h, const char *chain,
			const char *to)
{
	struct ipt_rule r = { .does = IPT_JUMP, .name = xstrdup(to) };

	r.match.families = x->family == FAMILY_V4 ? FAMILIES_V4 : FAMILIES_V6;
	insert(x, h, chain, &r, 0);
	ipt_rule_free(&r);
}

static void load(const struct ipt_layout *l)
{
	const struct ipt_family *x = ipt_family(l->family);
	struct xtc_handle *h = x->ops->init("raw");

	assert_non_null(h);
	for (size_t i = 0; i < l->n; i++) {
		xt_chainlabel label = "";

		snprintf(label, sizeof(label), "%s", l->chains[i].name);
		assert_int_equal(x->ops->create_chain(label, h), 1);
	}
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->chains[i].n; k++)
			insert(x, h, l->chains[i].name, &l->chains[i].v[k], (unsigned)k);
	if (l->n) {
		insert_jump(x, h, "PREROUTING", IPT_OWN_PRE);
		insert_jump(x, h, "OUTPUT", IPT_OWN_OUT);
	}
	if (!x->ops->commit(h))
		fail_msg("commit: %s", x->ops->strerror(errno));
	x->ops->free(h);
}

/* Every rule of the kernel is the one of the layout. */
static void is_there(const struct ipt_layout *l)
{
	const struct ipt_family *x = ipt_family(l->family);
	struct xtc_handle *h = x->ops->init("raw");

	assert_non_null(h);
	for (size_t i = 0; i < l->n; i++) {
		xt_chainlabel label = "";
		const void *e;
		size_t k = 0;

		snprintf(label, sizeof(label), "%s", l->chains[i].name);
		for (e = x->first_rule(label, h); e; e = x->next_rule(e, h)) {
			struct ipt_entry_parts p;
			struct ipt_rule r;

			assert_true(ipt_entry_read(l->family, e, ipt_entry_size(l->family, e),
						   x->get_target(e, h), &p));
			if (!ipt_rule_read(&p, e, &r))
				fail_msg("%s rule %zu is not ours", label, k);
			assert_int_equal(ipt_rule_compare(&r, &l->chains[i].v[k++]), 0);
			ipt_rule_free(&r);
			free(p.matches);
		}
		assert_int_equal(k, l->chains[i].n);
	}
	x->ops->free(h);
}

/* ---- by iptables-restore -----------------------------------------------------------------------
 */

static char *text_of(const struct ipt_layout *l)
{
	char *s;
	size_t len;
	FILE *out = xmemstream(&s, &len);

	ipt_layout_text(l, out);
	fclose(out);
	return s;
}

static void check(const struct ruleset *rs, enum family f)
{
	auto_free char *text = NULL, *by_entries = NULL, *by_text = NULL, *again = NULL;
	struct ipt_layout l;
	struct diag d = { 0 };

	if (ipt_layout_make(&l, rs, f, &d)) {
		diag_print(&d, stderr, SEVERITY_NOTE, false);
		fail_msg("no layout");
	}
	free(legacy(f, "restore", EMPTY));
	load(&l);
	is_there(&l);
	by_entries = saved(f);
	free(legacy(f, "restore", EMPTY));
	text = text_of(&l);
	free(legacy(f, "restore -n", text));
	is_there(&l);
	by_text = saved(f);
	assert_string_equal(by_text, by_entries);
	free(legacy(f, "restore", by_text)); /* as at boot */
	is_there(&l);
	again = saved(f);
	assert_string_equal(again, by_text);
	ipt_layout_free(&l);
	diag_free(&d);
}

static void check_golden(const char *path)
{
	struct ruleset rs = { 0 };
	struct diag d = { 0 };
	size_t len;
	auto_free char *text = read_file(AT_FDCWD, path, &len);
	char *end = strstr(text, "\nend\n");

	assert_non_null(end);
	end[strlen("\nend\n")] = '\0';
	assert_int_equal(ruleset_parse(&rs, text, path, &d), 0);
	ruleset_set_form(&rs, FORM_LEGACY);
	ruleset_normalise(&rs);
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		check(&rs, f);
	ruleset_free(&rs);
	diag_free(&d);
}

static void golden_files(void **state)
{
	glob_t found = { 0 };

	if (!*(bool *)*state)
		skip();
	assert_int_equal(glob(GOLDEN, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i += 2) /* they take a while */
		check_golden(found.gl_pathv[i]);
	globfree(&found);
}

static void random_rules(void **state)
{
	uint64_t seed = 4711;

	if (!*(bool *)*state)
		skip();
	for (int i = 0; i < 30; i++) {
		struct ruleset rs;

		nft_random_ruleset(&seed, &rs);
		ruleset_set_form(&rs, FORM_LEGACY);
		ruleset_normalise(&rs);
		check(&rs, i % 2 ? FAMILY_V4 : FAMILY_V6);
		ruleset_free(&rs);
	}
}

/* Names that a shell, or iptables-restore, would take apart. */
static void odd_names(void **state)
{
	static const char *const names[] = { "a b", "say \"no\"", "\\", "#", "'", "%d", "-j" };
	struct ruleset rs = { 0 };

	if (!*(bool *)*state)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct rule *r = ruleset_add_rule(&rs);

		r->form = FORM_LEGACY;
		r->hook = HOOK_PREROUTING;
		r->name = xstrdup(names[i]);
		r->match.families = FAMILIES_BOTH;
		ifaces_add(&r->match.in, i % 2 ? "eth*" : "a.b-c_d:1");
	}
	ruleset_normalise(&rs);
	for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
		check(&rs, f);
	ruleset_free(&rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_files),
		cmocka_unit_test(random_rules),
		cmocka_unit_test(odd_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, NULL);
}
