/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nft backend against the kernel, in a network namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/backend.h"
#include "kernel/nft_text.h"
#include "random_nft.h"

struct fixture {
	struct backend *b;
	struct diag d;
	bool can; /* a namespace and nft are there */
};

/* Runs nft with the text on its input, or with the arguments; its output, or NULL if it failed. */
static char *nft(const char *input, const char *arguments)
{
	auto_free char *file = xasprintf("/proc/self/fd/%d", 0);
	int in[2], out[2], status;
	struct text t = { 0 };
	char buf[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(in) | pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		auto_free char *command = xasprintf("exec nft %s", input ? "-f -" : arguments);

		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	if (input)
		assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	text_add(&t, "%s", "");
	while ((n = read(out[0], buf, sizeof buf)) > 0)
		text_add(&t, "%.*s", (int)n, buf);
	close(out[0]);
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		free(t.s);
		return NULL;
	}
	return t.s;
}

static void must_nft(const char *arguments)
{
	auto_free char *out = nft(NULL, arguments);

	if (!out)
		fail_msg("nft %s", arguments);
}

static void flush(void)
{
	must_nft("flush ruleset");
}

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	*state = &f;
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return getenv("UNTRACK_MUST_WORK") ? -1 : 0;
	free(nft(NULL, "--version"));
	if (nft_backend.open(&f.b, &f.d)) {
		diag_print(&f.d, stderr, SEVERITY_NOTE, false);
		return -1;
	}
	f.can = true;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	nft_backend.close(f->b);
	diag_free(&f->d);
	return 0;
}

static struct fixture *need(void **state)
{
	struct fixture *f = *state;

	if (!f->can)
		skip();
	flush();
	return f;
}

static void no_findings(struct fixture *f)
{
	if (f->d.n)
		diag_print(&f->d, stderr, SEVERITY_NOTE, false);
	assert_int_equal(f->d.n, 0);
}

static void read_all(struct fixture *f, struct ruleset *rs, struct fw *fw)
{
	*rs = (struct ruleset){ 0 };
	assert_int_equal(nft_backend.read(f->b, rs, fw, &f->d), 0);
	no_findings(f);
}

static void commit(struct fixture *f, const struct ruleset *want)
{
	assert_int_equal(nft_backend.check(f->b, want, &f->d), 0);
	no_findings(f);
	assert_int_equal(nft_backend.commit(f->b, want, &f->d), COMMIT_DONE);
	no_findings(f);
}

static void assert_equal(const struct ruleset *want, const struct ruleset *got)
{
	if (ruleset_diff(want, got, NULL)) {
		ruleset_print(want, stderr);
		ruleset_diff(want, got, stderr);
		fail_msg("the kernel holds something else");
	}
}

static void assert_holds(struct fixture *f, const struct ruleset *want)
{
	struct ruleset got;

	read_all(f, &got, NULL);
	assert_equal(want, &got);
	ruleset_free(&got);
}

static void apply(struct fixture *f, const struct ruleset *want)
{
	struct ruleset before;

	read_all(f, &before, NULL);
	ruleset_free(&before);
	commit(f, want);
	assert_holds(f, want);
}

static void parse(struct fixture *f, struct ruleset *rs, const char *lines)
{
	auto_free char *text = xasprintf("untrack-rules 1\n%send\n", lines);

	*rs = (struct ruleset){ 0 };
	if (ruleset_parse(rs, text, "test", &f->d))
		no_findings(f);
	ruleset_normalise(rs);
}

static void nothing_is_there(void **state)
{
	struct fixture *f = need(state);
	struct ruleset none = { 0 };

	assert_holds(f, &none);
	commit(f, &none);
}

/* One after the other into the same table, so that every step meets what another one left. */
static void random_rulesets(void **state)
{
	struct fixture *f = need(state);
	uint64_t seed = 4711;

	for (int i = 0; i < 60; i++) {
		struct ruleset want = { 0 };

		if (random_below(&seed, 8))
			nft_random_ruleset(&seed, &want);
		apply(f, &want);
		ruleset_free(&want);
	}
}

static char *text_of(const struct ruleset *rs)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	nft_text(rs, out);
	fclose(out);
	return text;
}

static void assert_same_text(const char *want, const char *got)
{
	const char *a = want, *b = got;

	while (*a && *a == *b) {
		if (*a == '\n') {
			want = a + 1;
			got = b + 1;
		}
		a++;
		b++;
	}
	if (*a != *b)
		fail_msg("first line that differs:\n%.*s\n%.*s", (int)strcspn(want, "\n"), want,
			 (int)strcspn(got, "\n"), got);
}

/* show --as nft is what nft lists, what nft loads, and what we read back from that. */
static void text_is_nfts(void **state)
{
	struct fixture *f = need(state);
	uint64_t seed = 99;

	for (int i = 0; i < 15; i++) {
		struct ruleset want;
		char *text, *listed, *loaded;

		flush();
		nft_random_ruleset(&seed, &want);
		apply(f, &want);
		text = text_of(&want);
		listed = nft(NULL, "list table inet untrack");
		assert_non_null(listed);
		assert_same_text(text, listed);
		flush();
		loaded = nft(text, NULL);
		if (!loaded)
			fail_msg("nft does not load:\n%s", text);
		assert_holds(f, &want);
		free(loaded);
		loaded = nft(NULL, "list table inet untrack");
		assert_same_text(text, loaded);
		free(text);
		free(listed);
		free(loaded);
		ruleset_free(&want);
	}
}

static const struct counter *counter_of(const struct ruleset *rs, const char *name, enum hook hook)
{
	for (size_t i = 0; i < rs->n_counters; i++)
		if (!strcmp(rs->counters[i].name, name) && rs->counters[i].hook == hook)
			return &rs->counters[i];
	fail_msg("no counter for %s", name);
	return NULL;
}

static void counters_survive(void **state)
{
	struct fixture *f = need(state);
	struct ruleset a, b, got;

	parse(f, &a,
	      "prerouting notrack web protocol tcp dport 80\n"
	      "output notrack web protocol tcp sport 80\n"
	      "counter web in packets 5 bytes 500\n");
	parse(f, &b,
	      "prerouting notrack api protocol tcp dport 81\n"
	      "prerouting notrack web protocol tcp dport 80,443\n"
	      "counter web in packets 77 bytes 7700\n");
	apply(f, &a);
	apply(f, &b);
	read_all(f, &got, NULL);
	assert_int_equal(got.n_counters, 2);
	assert_int_equal(counter_of(&got, "web", HOOK_PREROUTING)->packets, 5);
	assert_int_equal(counter_of(&got, "web", HOOK_PREROUTING)->bytes, 500);
	assert_int_equal(counter_of(&got, "api", HOOK_PREROUTING)->packets, 0);
	ruleset_free(&got);
	/* Somebody's rule makes the table be written anew: what was counted stays all the same. */
	must_nft("add rule inet untrack prerouting tcp dport 22 drop");
	apply(f, &b);
	read_all(f, &got, NULL);
	assert_int_equal(counter_of(&got, "web", HOOK_PREROUTING)->packets, 5);
	ruleset_free(&got);
	ruleset_free(&a);
	ruleset_free(&b);
}

static void foreign_objects_are_reported(void **state)
{
	static const char *const changes[][2] = {
		{ "add rule inet untrack prerouting tcp dport 22 drop",
		  "rule 2 of chain prerouting: " },
		{ "insert rule inet untrack output accept", "rule 1 of chain output: " },
		{ "add chain inet untrack other", "chain other" },
		{ "add chain inet untrack icmp_in", "chain icmp_in, which nothing jumps to" },
		{ "add set inet untrack s '{ type inet_service; }'", "set s, which no rule uses" },
		{ "add counter inet untrack c", "counter c, which no rule of ours uses" },
		{ "add quota inet untrack q over 1 mbytes", "object q" },
		{ "add table inet untrack '{ flags dormant; }'", "flags 0x1 of the table" },
		{ "add chain inet untrack output '{ policy drop; }'", "chain output" },
		{ "add rule inet untrack prerouting iifname eth9 return comment x",
		  "rule 2 of chain prerouting: " },
		{ "add rule inet untrack prerouting tcp dport @web_tcp counter name web_out "
		  "notrack",
		  "rule 2 of chain prerouting: " },
		{ "add rule inet untrack prerouting meta l4proto tcp counter name nobody notrack",
		  NULL },
	};
	struct fixture *f = need(state);
	struct ruleset want;

	parse(f, &want,
	      "prerouting notrack web protocol tcp dport 80\n"
	      "output notrack web protocol tcp sport 80\n");
	apply(f, &want);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct ruleset got;
		bool said = false;

		if (!changes[i][1])
			continue;
		must_nft(changes[i][0]);
		read_all(f, &got, NULL);
		for (size_t k = 0; k < got.n_foreign; k++)
			said |= !strncmp(got.foreign[k], changes[i][1], strlen(changes[i][1]));
		if (!said)
			fail_msg("%s: not reported (%zu others)", changes[i][0], got.n_foreign);
		assert_true(ruleset_diff(&want, &got, NULL) > 0);
		ruleset_free(&got);
		apply(f, &want);
	}
	ruleset_free(&want);
	must_nft("flush ruleset");
	must_nft("add table inet untrack");
	parse(f, &want, "");
	apply(f, &want);
	assert_null(nft(NULL, "list table inet untrack 2>/dev/null"));
}

static void a_stale_commit_writes_nothing(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want, got;

	parse(f, &want, "prerouting notrack web protocol tcp dport 80\n");
	read_all(f, &got, NULL);
	must_nft("add table inet somebody");
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_STALE);
	no_findings(f);
	ruleset_free(&got);
	read_all(f, &got, NULL);
	assert_int_equal(got.n_rules, 0);
	ruleset_free(&got);
	apply(f, &want);
	ruleset_free(&want);
}

static const char firewall[] =
	"table inet fw {\n"
	"	chain input {\n"
	"		type filter hook input priority filter; policy drop;\n"
	"		ct state established,related accept\n"
	"		ip saddr { 10.0.0.1, 10.0.0.2 } drop\n"
	"		ct state new tcp dport { 22, 80, 443 } accept\n"
	"	}\n"
	"}\n"
	"table ip legacy {\n"
	"	chain input {\n"
	"		type filter hook input priority 5; policy accept;\n"
	"		ct state vmap { established : accept, invalid : drop }\n"
	"	}\n"
	"}\n";

static const struct fw_chain *chain_of(const struct fw *fw, const char *table)
{
	for (size_t i = 0; i < fw->n_chains; i++)
		if (!strcmp(fw->chains[i].table, table))
			return &fw->chains[i];
	fail_msg("no chain in table %s", table);
	return NULL;
}

static void add_twin(struct ruleset *rs, const struct fw_chain *c, uint64_t anchor,
		     const char *names, const char *body, uint16_t port)
{
	struct twin *w = ruleset_add_twin(rs);

	w->family = c->family;
	w->table = xstrdup(c->table);
	w->chain = xstrdup(c->name);
	w->anchor = anchor;
	w->names = xstrdup(names);
	w->body = xstrdup(body);
	w->match.families = c->family == TABLE_IP ? FAMILIES_V4 : FAMILIES_BOTH;
	w->match.proto = IPPROTO_TCP;
	w->match.tcp = TCP_CONTINUING;
	ports_add(&w->match.dport, port, port);
}

static uint64_t handle_of(const struct ruleset *rs, const char *names)
{
	for (size_t i = 0; i < rs->n_twins; i++)
		if (!strcmp(rs->twins[i].names, names))
			return rs->twins[i].handle;
	fail_msg("no twin %s", names);
	return 0;
}

static void load_firewall(struct fixture *f, struct fw *fw)
{
	char *out = nft(firewall, NULL);
	struct ruleset none;

	assert_non_null(out);
	free(out);
	*fw = (struct fw){ 0 };
	read_all(f, &none, fw);
	assert_int_equal(none.n_twins, 0);
	ruleset_free(&none);
}

static void twins_come_stay_and_go(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want = { 0 }, got, none = { 0 };
	char *before, *after, *listing;
	struct fw fw, later = { 0 };
	const struct fw_chain *c;
	uint64_t kept;

	load_firewall(f, &fw);
	before = nft(NULL, "list ruleset");
	c = chain_of(&fw, "fw");
	add_twin(&want, c, c->rules[0].handle, "web", "verdict:accept", 80);
	add_twin(&want, c, c->rules[2].handle, "web", "verdict:accept", 81);
	add_twin(&want, c, 0, "last", "verdict:drop", 82);
	ruleset_normalise(&want);
	apply(f, &want);
	read_all(f, &got, &later);
	kept = handle_of(&got, "last");
	for (size_t i = 0, twins = 0; i < chain_of(&later, "fw")->n_rules; i++) {
		const struct fw_rule *r = &chain_of(&later, "fw")->rules[i];

		assert_int_equal(r->twin >= 0, i == 0 || i == 3 || i == 5);
		if (r->twin >= 0)
			assert_int_equal(got.twins[r->twin].handle, r->handle);
		twins += r->twin >= 0;
	}
	fw_free(&later);
	ruleset_free(&got);
	ruleset_free(&want);

	/* Another one before each of two that stay, one goes, and the order within a place holds.
	 */
	add_twin(&want, c, c->rules[0].handle, "api", "verdict:accept", 90);
	add_twin(&want, c, c->rules[0].handle, "web", "verdict:accept", 80);
	add_twin(&want, c, c->rules[0].handle, "zoo", "verdict:accept", 91);
	add_twin(&want, c, 0, "first-of-last", "verdict:return", 83);
	add_twin(&want, c, 0, "last", "verdict:drop", 82);
	ruleset_normalise(&want);
	apply(f, &want);
	read_all(f, &got, NULL);
	assert_int_equal(handle_of(&got, "last"), kept);
	ruleset_free(&got);
	listing = nft(NULL, "list chain inet fw input");
	assert_non_null(strstr(listing,
			       "comment \"untrack:api\"\n\t\ttcp dport 80 tcp flags != syn / "
			       "fin,syn,rst,ack ct state untracked accept comment "
			       "\"untrack:web\"\n"));
	free(listing);
	ruleset_free(&want);
	apply(f, &none);
	after = nft(NULL, "list ruleset");
	assert_same_text(before, after);
	free(before);
	free(after);
	fw_free(&fw);
}

/* Bodies as they were read: each rule of the firewall behind a match of ours, lists of any length.
 */
static void twins_of_every_shape(void **state)
{
	struct fixture *f = need(state);
	uint64_t seed = 31337;
	char *before, *after;
	struct ruleset none = { 0 };
	struct fw fw;

	load_firewall(f, &fw);
	before = nft(NULL, "list ruleset");
	for (int round = 0; round < 15; round++) {
		struct ruleset want = { 0 };

		for (size_t i = 0; i < fw.n_chains; i++)
			for (size_t k = 0; k <= fw.chains[i].n_rules; k++) {
				const struct fw_chain *c = &fw.chains[i];
				const struct fw_rule *r = &c->rules[k < c->n_rules ? k : k - 1];
				struct text body = { 0 };
				struct twin *w;

				if (!random_below(&seed, 4))
					continue;
				w = ruleset_add_twin(&want);
				for (size_t e = 0; e < r->n_exprs; e++)
					text_add(&body, "%s%s", e ? " " : "", r->exprs[e].body);
				w->family = c->family;
				w->table = xstrdup(c->table);
				w->chain = xstrdup(c->name);
				w->anchor = k < c->n_rules ? r->handle : 0;
				w->names = xstrdup("web,api,+12");
				w->body = body.s;
				nft_random_match(&seed, c->family, true, &w->match);
				if (proto_has_ports(w->match.proto) && !random_below(&seed, 2))
					for (unsigned p = 0; p < 40; p++)
						ports_add(&w->match.dport, (uint16_t)(3 * p),
							  (uint16_t)(3 * p));
			}
		ruleset_normalise(&want);
		apply(f, &want);
		ruleset_free(&want);
	}
	apply(f, &none);
	after = nft(NULL, "list ruleset");
	assert_same_text(before, after);
	free(before);
	free(after);
	fw_free(&fw);
}

static void a_comment_makes_no_twin(void **state)
{
	struct fixture *f = need(state);
	struct ruleset got;
	struct fw fw;

	load_firewall(f, &fw);
	fw_free(&fw);
	must_nft("add rule inet fw input tcp dport 80 accept comment '\"untrack:web\"'");
	must_nft("add rule inet fw input ct state untracked comment '\"untrack:web\"'");
	must_nft("add rule inet fw input ct mark 1 ct state untracked accept comment "
		 "'\"untrack:web\"'");
	read_all(f, &got, NULL);
	assert_int_equal(got.n_twins, 0);
	assert_int_equal(got.n_foreign, 0);
	ruleset_free(&got);
	must_nft("add rule inet fw input tcp dport 80 ct state untracked accept comment "
		 "'\"untrack:web\"'");
	read_all(f, &got, NULL);
	assert_int_equal(got.n_twins, 1);
	ruleset_free(&got);
}

static void refusals_name_their_subject(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want = { 0 };
	struct fw fw;

	load_firewall(f, &fw);
	add_twin(&want, chain_of(&fw, "fw"), 0, "web", "verdict:jump:nowhere", 80);
	ruleset_normalise(&want);
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_FAILED);
	assert_true(f->d.n > 0);
	assert_non_null(strstr(f->d.v[0].text, "in chain input of table inet fw"));
	diag_free(&f->d);
	ruleset_free(&want);
	add_twin(&want, chain_of(&fw, "fw"), 4242, "web", "verdict:accept", 80);
	assert_int_equal(nft_backend.check(f->b, &want, &f->d), -1);
	assert_non_null(strstr(f->d.v[0].text, "untrack:web"));
	diag_free(&f->d);
	want.twins[0].match.icmp = ICMP_IS_ERROR;
	assert_int_equal(nft_backend.commit(f->b, &want, &f->d), COMMIT_FAILED);
	assert_non_null(strstr(f->d.v[0].text, "no single rule can match this"));
	diag_free(&f->d);
	ruleset_free(&want);
	fw_free(&fw);
	parse(f, &want, "");
	assert_holds(f, &want);
}

static void ten_thousand_ports(void **state)
{
	struct fixture *f = need(state);
	struct ruleset want;
	auto_free char *line = NULL;
	struct text ports = { 0 };

	for (unsigned i = 0; i < 10000; i++)
		text_add(&ports, "%s%u", i ? "," : "", 5 + 6 * i);
	line = xasprintf("prerouting notrack web protocol tcp dport %s\n"
			 "output notrack web protocol tcp sport %s\n"
			 "output notrack web family ipv4 error protocol tcp dport %s\n",
			 ports.s, ports.s, ports.s);
	parse(f, &want, line);
	assert_int_equal(want.n_rules, 3);
	apply(f, &want);
	ruleset_free(&want);
	free(ports.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_there),
		cmocka_unit_test(random_rulesets),
		cmocka_unit_test(text_is_nfts),
		cmocka_unit_test(counters_survive),
		cmocka_unit_test(foreign_objects_are_reported),
		cmocka_unit_test(a_stale_commit_writes_nothing),
		cmocka_unit_test(twins_come_stay_and_go),
		cmocka_unit_test(twins_of_every_shape),
		cmocka_unit_test(a_comment_makes_no_twin),
		cmocka_unit_test(refusals_name_their_subject),
		cmocka_unit_test(ten_thousand_ports),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
