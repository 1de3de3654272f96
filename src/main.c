/* SPDX-License-Identifier: GPL-2.0-or-later */
/* untrack: the command table, which yields dispatch, parsing and help; findings; exit codes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "command/command.h"
#include "command/notify.h"
#include "report/finding_table.h"
#include "util.h"

#define FIELD(name) offsetof(struct request, name)
#define ANY_NUMBER ((size_t)-1)

static const struct option_def general_options[] = {
	{ "config", 0, OPTION_TEXT, FIELD(config), "DIR", "configuration (default " CONFDIR ")" },
	{ "state", 0, OPTION_TEXT, FIELD(state), "DIR", "records (default " STATEDIR ")" },
	{ "backend", 0, OPTION_CHOICE, FIELD(backend), "auto|nftables|iptables",
	  "instead of what the configuration says" },
	{ "color", 0, OPTION_CHOICE, FIELD(color), "auto|always|never",
	  "auto: on a terminal, unless NO_COLOR is set" },
	{ "quiet", 'q', OPTION_FLAG, FIELD(quiet), NULL, "no notes and no summary" },
	{ "verbose", 'v', OPTION_FLAG, FIELD(verbose), NULL, "more (show --as rules, status)" },
	{ "version", 0, OPTION_FLAG, FIELD(version), NULL, "print the version" },
	{ "help", 'h', OPTION_FLAG, FIELD(help), NULL, "print this help, or a command's" },
	{ 0 },
};

static const struct option_def no_options[] = { { 0 } };

static const struct option_def check_options[] = {
	{ "facts", 0, OPTION_WORDS, FIELD(facts), "FILE",
	  "also on the host of this file of facts; several may be given" },
	{ "live", 0, OPTION_FLAG, FIELD(live), NULL, "also on this host" },
	{ "kernel", 0, OPTION_FLAG, FIELD(kernel), NULL,
	  "also load the rules into this kernel, in a namespace of their own" },
	{ "format", 0, OPTION_CHOICE, FIELD(format), "text|json|sarif|github",
	  "the form of the findings (default text)" },
	{ "fail-on", 0, OPTION_CHOICE, FIELD(fail_on), "error|warning|note",
	  "exit status 1 from this severity on (default error)" },
	{ 0 },
};

static const struct option_def show_options[] = {
	{ "as", 0, OPTION_CHOICE, FIELD(as), "rules|nft|iptables|ip6tables|json",
	  "the form (default rules)" },
	{ 0 },
};

static const struct option_def apply_options[] = {
	{ "confirm", 0, OPTION_MAYBE, FIELD(confirm), "TIME",
	  "go back by itself after TIME, unless 'untrack confirm' comes" },
	{ "force", 0, OPTION_FLAG, FIELD(force), NULL,
	  "go on over findings that refuse, and over rules of others in our table" },
	{ "no-drain", 0, OPTION_FLAG, FIELD(no_drain), NULL,
	  "leave stale conntrack entries to time out" },
	{ "boot", 0, OPTION_FLAG, FIELD(boot), NULL,
	  "what was never confirmed or fails gives way to the last good generation" },
	{ 0 },
};

static const struct option_def remove_options[] = {
	{ "force", 0, OPTION_FLAG, FIELD(force), NULL, "go on over rules of others in our table" },
	{ "stop", 0, OPTION_FLAG, FIELD(stop), NULL,
	  "for the end of a service: what is on record stays, for the next start" },
	{ 0 },
};

static const struct option_def watch_options[] = {
	{ "once", 0, OPTION_FLAG, FIELD(once), NULL, "look once, repair, and end" },
	{ 0 },
};

static const struct option_def rollback_options[] = {
	{ "force", 0, OPTION_FLAG, FIELD(force), NULL,
	  "go on over findings that refuse, and over rules of others in our table" },
	{ 0 },
};

static const struct option_def status_options[] = {
	{ "watch", 0, OPTION_MAYBE, FIELD(watch), "SECONDS",
	  "again and again, until q is pressed" },
	{ "json", 0, OPTION_FLAG, FIELD(json), NULL, "for programs" },
	{ 0 },
};

static const struct option_def json_options[] = {
	{ "json", 0, OPTION_FLAG, FIELD(json), NULL, "for programs" },
	{ 0 },
};

static const struct option_def metrics_options[] = {
	{ "output", 0, OPTION_TEXT, FIELD(output), "FILE",
	  "write this file, in one step, instead of standard output" },
	{ 0 },
};

static const struct option_def explain_options[] = {
	{ "facts", 0, OPTION_WORDS, FIELD(facts), "FILE",
	  "also through the firewall of this file of facts" },
	{ "live", 0, OPTION_FLAG, FIELD(live), NULL, "also through the firewall of this host" },
	{ "json", 0, OPTION_FLAG, FIELD(json), NULL, "for programs" },
	{ 0 },
};

static const struct option_def test_options[] = {
	{ "facts", 0, OPTION_WORDS, FIELD(facts), "FILE",
	  "with the firewall of this file of facts, for verdicts" },
	{ "live", 0, OPTION_FLAG, FIELD(live), NULL, "with the firewall of this host" },
	{ "format", 0, OPTION_CHOICE, FIELD(format), "text|tap|junit", "of the results" },
	{ 0 },
};

static const struct option_def suggest_options[] = {
	{ "min-share", 0, OPTION_TEXT, FIELD(min_share), "PERCENT",
	  "leave out services with less of the table (default 1)" },
	{ "json", 0, OPTION_FLAG, FIELD(json), NULL, "for programs" },
	{ 0 },
};

static const struct command commands[] = {
	{ "check", "[PATH...] [--facts FILE] [OPTION...]", "is the configuration valid?",
	  command_check, check_options, ANY_NUMBER, false },
	{ "show", "[PATH...] [--as FORM]", "the rules that the configuration makes", command_show,
	  show_options, ANY_NUMBER, false },
	{ "explain", "[PATH...] FLOW [--facts FILE] [--live] [--json]",
	  "what becomes of one packet and its reply", command_explain, explain_options, ANY_NUMBER,
	  false },
	{ "test", "[PATH...] [--facts FILE] [--live] [--format FORMAT]",
	  "do packets fare as *.expect say?", command_test, test_options, ANY_NUMBER, false },
	{ "suggest", "[--min-share PERCENT] [--json]",
	  "what to exempt, by share of the table, as a configuration", command_suggest,
	  suggest_options, 0, false },
	{ "facts", "", "what is true of this host, for check --facts", command_facts, no_options, 0,
	  false },
	{ "diff", "[--json]", "the kernel against the configuration", command_diff, json_options, 0,
	  false },
	{ "apply", "[--confirm[=TIME] | --boot] [OPTION...]",
	  "put the rules into the kernel, and prove it", command_apply, apply_options, 0, true },
	{ "confirm", "", "keep what apply --confirm put there", command_confirm, no_options, 0,
	  false },
	{ "expire", "TOKEN DEADLINE", NULL, command_expire, no_options, 2, true },
	{ "remove", "[--force] [--stop]", "take everything of ours out of the kernel",
	  command_remove, remove_options, 0, true },
	{ "status", "[-v] [--watch[=SECONDS]] [--json]",
	  "what fills the table, what is exempt and counted, twins, drift", command_status,
	  status_options, 0, false },
	{ "doctor", "[--json]", "is the conntrack table well? Every finding has a cure",
	  command_doctor, json_options, 0, false },
	{ "metrics", "[--output FILE]", "how things stand, for Prometheus", command_metrics,
	  metrics_options, 0, false },
	{ "history", "[--json]", "what was applied when, and what was different then",
	  command_history, json_options, 0, false },
	{ "rollback", "[--force] [GENERATION]", "back to the rules before the last apply",
	  command_rollback, rollback_options, 1, true },
	{ "watch", "[--once]", "stay, and repair what others remove", command_watch, watch_options,
	  0, true },
	{ "completion", "bash|zsh|fish", "what completes command lines in that shell",
	  command_completion, no_options, 1, false },
};
static const struct command_table table = { commands, ARRAY_SIZE(commands), general_options };

static const char *command_name_at(const void *ctx, size_t i)
{
	(void)ctx;
	while (i < ARRAY_SIZE(commands) && !commands[i].summary)
		i++;
	return i < ARRAY_SIZE(commands) ? commands[i].name : NULL;
}

static const struct command *command_at(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static const struct command *command_find(const char *name, struct diag *d)
{
	const struct command *c = command_at(name);
	const char *nearest;

	if (c)
		return c;
	diag_error(d, NULL, "usage", 0, "unknown command '%s'", name);
	nearest = options_nearest(name, command_name_at, NULL);
	if (nearest)
		diag_cure(d, "did you mean '%s'?", nearest);
	else
		diag_cure(d, "'untrack help' lists the commands");
	return NULL;
}

static void help_program(FILE *out)
{
	fputs("Usage: untrack [OPTION...] COMMAND [ARGUMENT...]\n"
	      "Keeps chosen traffic out of connection tracking, and keeps it flowing.\n\n"
	      "Commands:\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		auto_free char *label = xasprintf("  %-12s", commands[i].name);

		if (commands[i].summary)
			print_wrapped(label, commands[i].summary, out);
	}
	print_wrapped("  help        ",
		      "this help, or that of a command, or what a finding means: help COMMAND, "
		      "help ID, help findings",
		      out);
	fputs("\nOptions:\n", out);
	options_help(general_options, out);
	fputs("\n'untrack help COMMAND' says what a command takes, untrack(8) all of it.\n"
	      "Exit status: 0 done, 1 the answer is no, 2 called wrongly or unreadable,\n"
	      "3 refused and nothing changed, 4 a person is needed.\n",
	      out);
}

static void help_command(const struct command *c, FILE *out)
{
	auto_free char *usage = xasprintf("[OPTION...] %s %s", c->name, c->synopsis);

	print_wrapped("Usage: untrack ", usage, out);
	print_wrapped("", c->summary, out);
	if (c->options->name)
		fputs("\nOptions of this command:\n", out);
	options_help(c->options, out);
	fputs("\nOptions of every command:\n", out);
	options_help(general_options, out);
}

/* A command and a finding may share a name. */
static bool help_finding(const char *id, const struct command *c, FILE *out)
{
	const struct finding_kind *kind = finding_kind(id);

	if (!kind)
		return false;
	if (c)
		fputs("\nThe finding of this name:\n", out);
	finding_kind_print(kind, out);
	return true;
}

static enum exit_code help(const char *topic, struct session *s)
{
	const struct command *c;

	if (!topic || !strcmp(topic, "help")) {
		help_program(s->out);
		return CODE_DONE;
	}
	if (!strcmp(topic, "findings")) {
		finding_kinds_list(s->out);
		return CODE_DONE;
	}
	c = command_at(topic);
	if (c && c->summary)
		help_command(c, s->out);
	else if (c)
		diag_error(s->d, NULL, "usage", 0, "%s is for untrack itself", topic);
	if (help_finding(topic, c, s->out) || (c && c->summary))
		return CODE_DONE;
	if (!c)
		command_find(topic, s->d);
	return CODE_USAGE;
}

static bool wants_colour(const struct request *req, int fd)
{
	enum { AUTO = 1, ALWAYS, NEVER };
	const char *no_colour = getenv("NO_COLOR");

	if (req->color == ALWAYS || req->color == NEVER)
		return req->color == ALWAYS;
	return isatty(fd) && !(no_colour && *no_colour);
}

/* One line, written over and over, and only where somebody sees it. */
static void show_progress(const char *text, unsigned long done, unsigned long all)
{
	if (text)
		fprintf(stderr, "\r%s: %lu of %lu (%.0f %%)\033[K", text, done, all,
			all > done ? 100.0 * (double)done / (double)all : 100);
	else
		fputs("\r\033[K", stderr);
	fflush(stderr);
}

static enum exit_code run_command(const struct command *c, struct session *s)
{
	auto_free char *run_dir = NULL;

	if (s->req.n_operands > c->max_operands) {
		diag_error(s->d, NULL, "usage", 0, "%s: what is '%s'?", c->name,
			   s->req.operands[c->max_operands]);
		diag_cure(s->d, "usage: untrack %s %s", c->name, c->synopsis);
		return CODE_USAGE;
	}
	s->config = s->req.config ? s->req.config : CONFDIR;
	s->paths = (struct state_paths){ STATEDIR, RUNDIR };
	if (s->req.state) {
		run_dir = xasprintf("%s/run", s->req.state);
		s->paths = (struct state_paths){ s->req.state, run_dir };
	}
	s->colour = wants_colour(&s->req, STDOUT_FILENO);
	s->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	s->progress = !s->req.quiet && isatty(STDERR_FILENO) ? show_progress : NULL;
	return c->run(s);
}

/* Results that were lost are no results; what was done to the kernel is done all the same. */
static enum exit_code flush_results(const struct session *s, const struct command *c,
				    enum exit_code code)
{
	bool lost = ferror(s->out);

	if (!fflush(s->out) && !lost)
		return code;
	diag_error(s->d, NULL, "output", 0, "standard output cannot be written");
	return code == CODE_DONE && !(c && c->changes) ? CODE_USAGE : code;
}

static enum exit_code dispatch(char *const *argv, struct session *s)
{
	const struct option_def *tables[] = { general_options, no_options };
	const struct command *c = NULL;
	const char *name;
	enum exit_code code = CODE_USAGE;

	if (options_parse(tables, 1, &argv, true, &s->req, s->d))
		return CODE_USAGE;
	name = *argv ? *argv++ : NULL;
	if (s->req.version) {
		fprintf(s->out, "untrack %s\n", VERSION);
		code = CODE_DONE;
	} else if (!name && s->req.help) {
		code = help(NULL, s);
	} else if (!name) {
		diag_error(s->d, NULL, "usage", 0, "no command given");
		diag_cure(s->d, "'untrack help' lists the commands");
	} else if (!strcmp(name, "help")) {
		if (!options_parse(tables, 1, &argv, false, &s->req, s->d))
			code = help(s->req.n_operands ? s->req.operands[0] : NULL, s);
	} else if ((c = command_find(name, s->d))) {
		tables[1] = c->options;
		if (!options_parse(tables, 2, &argv, false, &s->req, s->d))
			code = s->req.help ? help(name, s) : run_command(c, s);
	}
	return flush_results(s, c, code);
}

static void say(struct session *s)
{
	enum severity least = s->req.quiet ? SEVERITY_WARNING : SEVERITY_NOTE;

	fflush(s->out);
	if (notify_has_journal())
		diag_print_journal(s->d, stderr, least);
	else
		diag_print(s->d, stderr, least, wants_colour(&s->req, STDERR_FILENO));
	diag_free(s->d);
}

/* libiptc aborts where memory or a system call fails it in the middle; it has said why. */
static void give_up(int signal)
{
	static const char text[] = "untrack: a library gave up (see above); run the same command "
				   "again: it finishes or undoes what was begun\n";

	ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);

	(void)signal;
	(void)n; /* nobody reads it, then */
	_exit(CODE_UNKNOWN);
}

int main(int argc, char **argv)
{
	struct diag d = { 0 };
	struct session s = { .out = stdout, .d = &d, .table = &table, .say = say };
	enum exit_code code;

	/* A reader that went away or a file size limit is an error of one write, and no reason to
	 * die in the middle of a transaction. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGABRT, give_up);
	/* Findings are put out by the byte, which would be a system call each. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	code = dispatch(argv + (argc > 0), &s);
	say(&s);
	free(s.req.operands);
	free(s.req.facts.v);
	return (int)code;
}
