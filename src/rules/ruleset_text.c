/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ruleset as text, one line a thing, and back. What parse takes is byte for byte what print would
 * write: a journal that was cut, edited or written by another version is never half understood. */
#include "rules/ruleset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "rules/word.h"

#define HEADER "untrack-rules 1"
#define NAMES_PREFIX "untrack:"

static const char *verdict_name(enum verdict v)
{
	switch (v) {
	case VERDICT_NOTRACK:
		return "notrack";
	case VERDICT_RETURN:
		return "return";
	}
	return "?";
}

void rule_text(const struct rule *r, struct text *t)
{
	text_add(t, "%s%s%s %s ", r->form == FORM_NFT ? "" : form_name(r->form),
		 r->form == FORM_NFT ? "" : " ", hook_name(r->hook), verdict_name(r->verdict));
	word_text(r->name, " ", t);
	match_text(&r->match, t);
}

void twin_text(const struct twin *w, struct text *t)
{
	text_add(t, "twin %s%s%s ", w->form == FORM_NFT ? "" : form_name(w->form),
		 w->form == FORM_NFT ? "" : " ", table_family_name(w->family));
	word_text(w->table, " ", t);
	text_add(t, " ");
	word_text(w->chain, " ", t);
	if (w->anchor)
		text_add(t, " before %" PRIu64 " " NAMES_PREFIX, w->anchor);
	else
		text_add(t, " last " NAMES_PREFIX);
	word_escape(w->names ? w->names : "", " ", t);
	match_text(&w->match, t);
}

static void body_text(const struct twin *w, struct text *t)
{
	text_add(t, " ::");
	if (w->body && *w->body) {
		text_add(t, " ");
		word_escape(w->body, "", t);
	}
}

static void counter_text(const struct counter *c, struct text *t)
{
	text_add(t, "counter ");
	word_text(c->name, " ", t);
	text_add(t, " %s packets %" PRIu64 " bytes %" PRIu64,
		 c->hook == HOOK_PREROUTING ? "in" : "out", c->packets, c->bytes);
}

void ruleset_print(const struct ruleset *rs, FILE *out)
{
	struct text t = { 0 };

	text_add(&t, HEADER "\n");
	for (size_t i = 0; i < rs->n_rules; i++) {
		rule_text(&rs->rules[i], &t);
		text_add(&t, "\n");
	}
	for (size_t i = 0; i < rs->n_twins; i++) {
		twin_text(&rs->twins[i], &t);
		body_text(&rs->twins[i], &t);
		text_add(&t, "\n");
	}
	for (size_t i = 0; i < rs->n_counters; i++) {
		counter_text(&rs->counters[i], &t);
		text_add(&t, "\n");
	}
	text_add(&t, "end\n");
	fwrite(t.s, 1, t.len, out);
	free(t.s);
}

enum stage { STAGE_RULES, STAGE_TWINS, STAGE_COUNTERS, STAGE_END };

struct parser {
	const char *name;
	struct diag *d;
	enum stage stage; /* the kinds of lines come in this order */
	struct ruleset rs;
	unsigned number;  /* of the line */
	const char *line; /* as it stands in the text, len bytes */
	size_t len;
	char *copy;   /* the line, cut into words */
	char **words; /* NULL-terminated */
	size_t at;    /* the next word */
};

static int fault(struct parser *p, size_t offset, const char *what)
{
	struct origin at = { p->name, p->number, (unsigned)offset + 1 };

	return diag_error(p->d, &at, "ruleset", 0, "%s", what);
}

/* Faults the word, or the end of the line when there is none. */
static int fault_word(struct parser *p, const char *word, const char *expected)
{
	struct text what = { 0 }, shown = { 0 };

	if (word) {
		word_escape(word, "", &shown);
		text_add(&what, "\"%.60s%s\": ", shown.len ? shown.s : "",
			 shown.len > 60 ? "..." : "");
	}
	text_add(&what, "expected %s", expected);
	fault(p, word ? (size_t)(word - p->copy) : p->len, what.s);
	free(what.s);
	free(shown.s);
	return -1;
}

static void split_words(struct parser *p)
{
	size_t n = 0;

	for (char *s = p->copy;;) {
		size_t len = strcspn(s, " ");

		*ARRAY_ADD(p->words, n) = s;
		if (!s[len])
			break;
		s[len] = 0;
		s += len + 1;
	}
	*ARRAY_ADD(p->words, n) = NULL;
}

/* The word at hand; NULL at the end of the line, and it stays there. */
static const char *take_word(struct parser *p)
{
	return p->words[p->at] ? p->words[p->at++] : NULL;
}

static int take_exactly(struct parser *p, const char *literal)
{
	const char *word = take_word(p);

	return word && !strcmp(word, literal) ? 0 : fault_word(p, word, literal);
}

static int take_string(struct parser *p, const char *what, char **out)
{
	const char *word = take_word(p);

	*out = word ? word_parse(word, strlen(word)) : NULL;
	return *out ? 0 : fault_word(p, word, what);
}

static int take_number(struct parser *p, const char *what, uint64_t *out)
{
	const char *word = take_word(p), *s = word;
	uint64_t n = 0;

	for (; s && *s; s++)
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (unsigned)(*s - '0'), &n))
			return fault_word(p, word, what);
	if (!word || s == word)
		return fault_word(p, word, what);
	*out = n;
	return 0;
}

static int take_match(struct parser *p, struct match *out)
{
	const char *why = NULL;
	int n = match_parse(p->words + p->at, out, &why);

	if (n < 0)
		return fault_word(p, why, "a match as untrack writes it");
	p->at += (size_t)n;
	return 0;
}

/* The line must be what would be written for the thing that was read from it. */
static int compare_line(struct parser *p, struct text *again)
{
	size_t same = 0;
	int rc = 0;

	while (same < again->len && same < p->len && again->s[same] == p->line[same])
		same++;
	if (same < again->len || same < p->len)
		rc = fault(p, same, "this is not the form that untrack writes");
	free(again->s);
	return rc;
}

static int parse_rule(struct parser *p)
{
	struct rule *r = ruleset_add_rule(&p->rs);
	const char *word = take_word(p);
	struct text again = { 0 };

	if (!strcmp(word, form_name(FORM_LEGACY))) {
		r->form = FORM_LEGACY;
		word = take_word(p);
		if (!word)
			return fault_word(p, word, "prerouting or output");
	}
	r->hook = !strcmp(word, "output") ? HOOK_OUTPUT : HOOK_PREROUTING;
	word = take_word(p);
	if (word && !strcmp(word, verdict_name(VERDICT_RETURN)))
		r->verdict = VERDICT_RETURN;
	else if (!word || strcmp(word, verdict_name(VERDICT_NOTRACK)))
		return fault_word(p, word, "notrack or return");
	if (take_string(p, "the exemption's name", &r->name) || take_match(p, &r->match))
		return -1;
	if (p->words[p->at])
		return fault_word(p, p->words[p->at], "a match as untrack writes it");
	if (r->match.answers)
		return fault_word(p, p->words[p->at - 1], "nothing that only twins have");
	rule_text(r, &again);
	return compare_line(p, &again);
}

static int take_table(struct parser *p, struct twin *w)
{
	static const enum table_family families[] = { TABLE_IP, TABLE_IP6, TABLE_INET };
	const char *word = take_word(p);
	size_t i = 0;

	for (int f = FORM_IPTABLES_NFT; f <= FORM_LEGACY && word && w->form == FORM_NFT; f++)
		if (!strcmp(word, form_name((enum form)f))) {
			w->form = (enum form)f;
			word = take_word(p);
		}
	while (i < ARRAY_SIZE(families) && word && strcmp(word, table_family_name(families[i])))
		i++;
	if (!word || i == ARRAY_SIZE(families))
		return fault_word(p, word, "ip, ip6 or inet");
	w->family = families[i];
	if (take_string(p, "a table", &w->table) || take_string(p, "a chain", &w->chain))
		return -1;
	return 0;
}

static int take_anchor(struct parser *p, struct twin *w)
{
	const char *word = take_word(p);

	if (word && !strcmp(word, "last"))
		return 0;
	if (word && !strcmp(word, "before"))
		return take_number(p, "the handle of a rule", &w->anchor);
	return fault_word(p, word, "before or last");
}

static int take_names(struct parser *p, struct twin *w)
{
	const char *word = take_word(p);
	size_t n = strlen(NAMES_PREFIX);

	if (word && !strncmp(word, NAMES_PREFIX, n))
		w->names = word_parse(word + n, strlen(word + n));
	return w->names ? 0 : fault_word(p, word, NAMES_PREFIX "NAME");
}

static int parse_twin(struct parser *p)
{
	struct twin *w = ruleset_add_twin(&p->rs);
	struct text again = { 0 };
	size_t body;

	p->at = 1;
	if (take_table(p, w) || take_anchor(p, w) || take_names(p, w) || take_match(p, &w->match) ||
	    take_exactly(p, "::"))
		return -1;
	body = p->words[p->at] ? (size_t)(p->words[p->at] - p->copy) : p->len;
	w->body = word_parse(p->line + body, p->len - body);
	if (!w->body)
		return fault(p, body, "expected the body of a rule");
	twin_text(w, &again);
	body_text(w, &again);
	return compare_line(p, &again);
}

static int parse_counter(struct parser *p)
{
	struct counter *c = ARRAY_ADD(p->rs.counters, p->rs.n_counters);
	struct text again = { 0 };
	const char *word;

	p->at = 1;
	if (take_string(p, "the exemption's name", &c->name))
		return -1;
	word = take_word(p);
	if (!word || (strcmp(word, "in") && strcmp(word, "out")))
		return fault_word(p, word, "in or out");
	c->hook = strcmp(word, "in") ? HOOK_OUTPUT : HOOK_PREROUTING;
	if (take_exactly(p, "packets") || take_number(p, "a number", &c->packets) ||
	    take_exactly(p, "bytes") || take_number(p, "a number", &c->bytes))
		return -1;
	counter_text(c, &again);
	return compare_line(p, &again);
}

static int parse_end(struct parser *p)
{
	p->at = 1;
	return p->words[1] ? fault_word(p, p->words[1], "nothing after end") : 0;
}

static int parse_words(struct parser *p)
{
	static const struct {
		const char *word;
		enum stage stage;
		int (*parse)(struct parser *p);
	} lines[] = {
		{ "prerouting", STAGE_RULES, parse_rule },
		{ "output", STAGE_RULES, parse_rule },
		{ "iptables-legacy", STAGE_RULES, parse_rule },
		{ "twin", STAGE_TWINS, parse_twin },
		{ "counter", STAGE_COUNTERS, parse_counter },
		{ "end", STAGE_END, parse_end },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (strcmp(p->words[0], lines[i].word))
			continue;
		if (lines[i].stage < p->stage)
			return fault(p, 0, "rules come first, then twins, then counters");
		p->stage = lines[i].stage;
		return lines[i].parse(p);
	}
	return fault_word(p, p->words[0], "prerouting, output, twin, counter or end");
}

static int parse_header(struct parser *p)
{
	if (p->len == strlen(HEADER) && !strncmp(p->line, HEADER, p->len))
		return 0;
	if (!strncmp(p->line, HEADER, strlen(HEADER) - 1))
		return fault(p, 0,
			     "written by another version of untrack: expected \"" HEADER "\"");
	return fault(p, 0, "not a ruleset of untrack: expected \"" HEADER "\"");
}

static int parse_line(struct parser *p)
{
	int rc;

	if (p->number == 1)
		return parse_header(p);
	if (p->stage == STAGE_END)
		return fault(p, 0, "there is more after end");
	p->at = 0;
	p->words = NULL;
	p->copy = xcalloc(p->len + 1, 1);
	memcpy(p->copy, p->line, p->len);
	split_words(p);
	rc = parse_words(p);
	free(p->copy);
	free(p->words);
	return rc;
}

int ruleset_parse(struct ruleset *rs, const char *text, const char *name, struct diag *d)
{
	struct parser p = { .name = name, .d = d, .line = text };
	const char *end;
	int rc = 0;

	while (!rc && (end = strchr(p.line, '\n'))) {
		p.number++;
		p.len = (size_t)(end - p.line);
		rc = parse_line(&p);
		p.line = end + 1;
	}
	p.number++;
	if (!rc && *p.line)
		rc = fault(&p, 0, "the last line has no end: the text was cut off");
	else if (!rc && p.stage != STAGE_END)
		rc = fault(&p, 0, "there is no line \"end\": the text was cut off");
	if (rc)
		ruleset_free(&p.rs);
	else
		*rs = p.rs;
	return rc;
}
