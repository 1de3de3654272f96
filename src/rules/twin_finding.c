/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the walks find out, in words: each fact once, naming the chain and the rule. */
#include "rules/twin_finding.h"

#include <string.h>
#include "rules/iptables.h"
#include "rules/program.h"

#define RULES_NAMED 32 /* in the cure of an owned table; the rest is counted */

void twin_findings_free(struct twin_findings *f)
{
	free(f->told);
	f->told = NULL;
	f->n_told = 0;
}

static bool first_time(struct twin_findings *f, const void *object, const char *id)
{
	for (size_t i = 0; i < f->n_told; i++)
		if (f->told[i].object == object && !strcmp(f->told[i].id, id))
			return false;
	*ARRAY_ADD(f->told, f->n_told) = (struct told){ object, id };
	return true;
}

/* From 1; our twins do not count. NULL: the first. */
static size_t rule_number(const struct fw_chain *c, const struct fw_rule *r)
{
	size_t n = 1;

	for (const struct fw_rule *i = c->rules; r && i < r; i++)
		n += i->twin < 0;
	return n;
}

/* "rule 3 of inet filter input (ct state new accept)" */
static char *rule_words(const struct step *s)
{
	auto_free char *text = fw_rule_text(s->rule);
	struct text t = { 0 };

	text_add(&t, "rule %zu of ", rule_number(s->chain, s->rule));
	fw_chain_text(s->chain, &t);
	text_add(&t, " (%s)", text);
	return t.s;
}

static char *chain_words(const struct fw_chain *c)
{
	struct text t = { 0 };

	fw_chain_text(c, &t);
	return t.s;
}

void finding_step(struct twin_findings *f, const struct traffic *t, const struct step *s)
{
	unsigned flags = s->tracked->flags;
	const char *what = flags & EVAL_CT_LIMIT   ? "counts connections"
			   : flags & EVAL_CT_OTHER ? "reads connection tracking data"
						   : "writes connection tracking data";
	auto_free char *rule = NULL;

	if (!s->tracked->n || !(flags & (EVAL_CT_LIMIT | EVAL_CT_OTHER | EVAL_CT_WRITE)) ||
	    !first_time(f, s->rule, "state-lost as a warning"))
		return;
	rule = rule_words(s);
	diag_warn(f->diag, &t->at, "state-lost", "%s %s: it sees exempt packets of %s no more",
		  rule, what, t->names);
	diag_cure(f->diag, "if the rule is meant for this traffic, take the rule's traffic out of "
			   "the exemption (port, interface, local, remote)");
}

/* What puts a template of a conntrack entry on the packet. "ct zone set" does so with untracked
 * ones, too, and no notrack takes it off (net/netfilter/nft_ct.c). The CT target leaves untracked
 * ones alone (xt_CT.c), but of two chains at one priority the one that was registered last comes
 * first. Of a zone for one direction the other one would be tracked in its own. */
static const struct keeper {
	const char *name;
	bool half;
	const char *does;
} keepers[] = {
	{ "CT", false, "stay tracked where its table was loaded after ours" },
	{ "ct zone", false, "stay tracked" },
	{ "ct original zone", true,
	  "stay tracked and their replies do not, which leaves no connection whole" },
	{ "ct reply zone", true,
	  "stay tracked and their replies do not, which leaves no connection whole" },
};

static const struct keeper *keeper_of(const struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_exprs; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keepers); k++)
			if (r->exprs[i].op == FW_CT_WRITE &&
			    !strcmp(r->exprs[i].name, keepers[k].name))
				return &keepers[k];
	return NULL;
}

bool finding_kept(struct twin_findings *f, const struct traffic *t, const struct step *s)
{
	static const char hands[] = "hands packets to connection tracking: those of";
	const struct keeper *k = s->tracked->n ? keeper_of(s->rule) : NULL;
	bool opens = t->original && t->class == CLASS_OPENING;
	auto_free char *rule = NULL;

	if (!k)
		return false;
	/* A helper for the port of those who answer: hardly what a client sends from. */
	if (!strcmp(k->name, "CT") && !opens && s->tracked->v[0].when != YES)
		return true;
	if (!first_time(f, s->rule, "kept"))
		return true;
	rule = rule_words(s);
	if (k->half)
		diag_error(f->diag, &t->at, "state-lost", 0, "%s %s %s that it matches %s", rule,
			   hands, t->names, k->does);
	else
		diag_warn(f->diag, &t->at, "state-lost", "%s %s %s that it matches %s", rule, hands,
			  t->names, k->does);
	diag_cure(f->diag, "narrow that rule, or take its traffic out of the exemption (port, "
			   "interface, local, remote)");
	return true;
}

void finding_counted(struct twin_findings *f, const struct traffic *t, const struct step *s)
{
	const unsigned both = EVAL_LIMIT | EVAL_STATE;
	auto_free char *rule = NULL;

	if (s->tracked->n || (s->tracked->flags & both) != both ||
	    !first_time(f, s->rule, "counted"))
		return;
	rule = rule_words(s);
	diag_warn(f->diag, &t->at, "state-lost",
		  "%s counts packets before it tests their state: its twin counts only the packets "
		  "of %s that it decides about",
		  rule, t->names);
	diag_cure(f->diag, "write the state test before the limit");
}

static const char *refuse(struct twin_findings *f, const struct traffic *t, const struct step *s,
			  const char *id, const char *does, const char *cure)
{
	auto_free char *rule = NULL;

	if (!first_time(f, s->rule, id))
		return id;
	rule = rule_words(s);
	diag_error(f->diag, &t->at, id, 0, "%s %s, and it decides about the %s packets of %s", rule,
		   does, packet_class_name(t->class), t->names);
	diag_cure(f->diag, "%s", cure);
	return id;
}

/* Not one rule that makes the difference. */
static const char *refuse_whole(struct twin_findings *f, const struct traffic *t,
				const struct fw_chain *base)
{
	auto_free char *chain = chain_words(base);

	if (first_time(f, base, "state-unknown")) {
		diag_error(f->diag, &t->at, "state-unknown", 0,
			   "chain %s treats the %s packets of %s otherwise once they are "
			   "untracked, and no twin makes it the same",
			   chain, packet_class_name(t->class), t->names);
		diag_cure(f->diag, "look at its rules with 'untrack status -v', or give "
				   "the exemption accept = none and write the rules by "
				   "hand");
	}
	return "state-unknown";
}

/* Where a program writes the rule, a change by hand would not last. */
static const char *refuse_untracked(struct twin_findings *f, const struct traffic *t,
				    const struct step *s)
{
	const struct program *p = program_of(f->fw, s->chain);
	auto_free char *cure = p ? xasprintf("%s wrote the rule: %s", p->name, p->dropped)
				 : xstrdup("take \"untracked\" out of that rule, or except the "
					   "exempt ports there");

	return refuse(f, t, s, "untracked-dropped", "names untracked packets on purpose", cure);
}

const char *finding_refused(struct twin_findings *f, const struct traffic *t,
			    const struct fw_chain *base, const struct step *s)
{
	unsigned flags = s ? s->tracked->flags | s->untracked->flags : 0;

	if (!s)
		return refuse_whole(f, t, base);
	if (flags & EVAL_SYNPROXY)
		return refuse(f, t, s, "synproxy-conflict",
			      "is a SYNPROXY, which lives on untracked packets",
			      "take the port out of the exemption, or out of SYNPROXY");
	if (flags & EVAL_STATE_HARD)
		return refuse(f, t, s, "state-unknown",
			      "tests the state together with other fields or in a set that changes",
			      "write the state test as a match of its own");
	if (fw_chain_is_anonymous(s->chain))
		return refuse(f, t, s, "state-unknown",
			      "is in a chain without a name, which takes no twins",
			      "give the chain a name: jump NAME instead of jump { ... }");
	if (flags & EVAL_ONCE)
		return refuse(f, t, s, "state-unknown",
			      "holds a chain or set that cannot be copied",
			      "give the chain or set that it uses a name");
	if (flags & EVAL_CT_OTHER)
		return refuse(f, t, s, "state-lost", "reads connection tracking data that is gone",
			      "take the rule's traffic out of the exemption");
	if (flags & EVAL_NAMES_UNTRACKED)
		return refuse_untracked(f, t, s);
	return refuse(f, t, s, "state-negated", "tests what the state is not",
		      "rewrite the rule to name the states that it accepts, or put it last in a "
		      "chain of its own");
}

/* What of the rule is not known: an extension of iptables comes before the operations that say it,
 * and everything is known of those where only a set's elements are not. */
static char *unknown_words(const struct fw_rule *r)
{
	const struct fw_expr *xt = NULL;

	for (size_t i = 0; i < r->n_exprs; i++) {
		const struct fw_expr *e = &r->exprs[i];

		if (e->op == FW_XT || e->body)
			xt = e->op == FW_XT ? e : NULL;
		if (e->op == FW_UNKNOWN && xt)
			return xasprintf(
				"the extension \"%s\" of iptables, which this version does "
				"not know",
				xt->object);
		if (e->op == FW_UNKNOWN)
			return xasprintf("the expression \"%s\", which this version does not know",
					 e->name);
	}
	return xstrdup("a set whose elements cannot be read");
}

void finding_unreadable(struct twin_findings *f, const struct traffic *t, const struct step *s)
{
	auto_free char *rule = rule_words(s), *what = unknown_words(s->rule);

	if (!first_time(f, s->chain, "state-unknown"))
		return;
	diag_error(f->diag, &t->at, "state-unknown", 0,
		   "%s holds %s, and it decides about the %s packets of %s", rule, what,
		   packet_class_name(t->class), t->names);
	diag_cure(f->diag, "take the rule's traffic out of the exemption, or set accept = none and "
			   "write the rules for untracked packets by hand");
}

void finding_unsayable(struct twin_findings *f, const struct want *w)
{
	auto_free char *chain = chain_words(w->chain);
	size_t max = iptables_excluded_max(&w->match);

	if (w->match.not_src.n + w->match.not_dst.n > max) {
		diag_error(f->diag, &w->at, "state-unknown", 0,
			   "chain %s needs twins for %s, and a rule of iptables excludes %zu "
			   "addresses at most%s",
			   chain, w->names, max,
			   max < IPTABLES_EXCLUDED_MAX ? " where it is about IPv6 errors" : "");
		diag_cure(f->diag,
			  "exclude fewer, larger prefixes, or name the addresses of %s "
			  "instead of excluding some",
			  w->names);
		return;
	}
	diag_error(f->diag, &w->at, "state-unknown", 0,
		   "chain %s needs twins for %s, and a rule of iptables excludes one interface at "
		   "most, and none from \"eth*\"",
		   chain, w->names);
	diag_cure(f->diag, "name the interfaces of %s instead of excluding some", w->names);
}

void finding_alone(struct twin_findings *f, const struct traffic *t, const struct fw_chain *base)
{
	auto_free char *chain = NULL;

	if (!first_time(f, base, "accept-none"))
		return;
	chain = chain_words(base);
	diag_warn(
		f->diag, &t->at, "accept-none",
		"chain %s treats the %s packets of %s otherwise once they are untracked, and with "
		"accept = none no twin makes it the same",
		chain, packet_class_name(t->class), t->names);
	diag_cure(f->diag, "nothing if the difference is meant; else write rules for untracked "
			   "packets by hand, or set accept = twin");
}

void finding_nat(struct twin_findings *f, const struct traffic *t, const struct step *s,
		 bool refuse_it)
{
	auto_free char *rule = rule_words(s);
	const char *publisher = program_publishing(s->chain);

	if (!first_time(f, s->rule, "nat-conflict"))
		return;
	if (refuse_it)
		diag_error(f->diag, &t->at, "nat-conflict", 0,
			   "%s translates addresses of %s, which needs it tracked", rule, t->names);
	else
		diag_warn(f->diag, &t->at, "nat-conflict",
			  "%s translates addresses of %s, which needs it tracked", rule, t->names);
	if (publisher)
		diag_cure(f->diag,
			  "%s publishes a port of it to containers: take that port out of the "
			  "exemption, for only tracked packets get there",
			  publisher);
	else
		diag_cure(f->diag, "narrow the exemption (port, interface, local, remote)%s",
			  refuse_it
				  ? ", or set on-nat = warn if these packets never need translation"
				  : " if these packets need translation");
}

static bool same_table(const struct fw_chain *a, const struct fw_chain *b)
{
	return a->form == b->form && a->family == b->family && !strcmp(a->table, b->table);
}

static bool first_of_table(const struct twin_wants *w, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same_table(w->v[k].chain, w->v[i].chain))
			return false;
	return true;
}

/* By chain and rule, as they stand in the firewall's arrays. */
static int by_place(const void *a, const void *b)
{
	const struct want *const *x = a, *const *y = b;

	if ((*x)->chain != (*y)->chain)
		return (*x)->chain < (*y)->chain ? -1 : 1;
	if ((*x)->rule != (*y)->rule)
		return (*x)->rule < (*y)->rule ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* The rules that the owner has to write, for an owner who has no better way. */
static void add_rules(const struct twin_wants *w, const struct fw_chain *table, struct text *t)
{
	const struct want **v = xcalloc(w->n, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].joined && same_table(w->v[i].chain, table))
			v[n++] = &w->v[i];
	qsort(v, n, sizeof(*v), by_place);
	for (size_t i = 0; i < n && i < RULES_NAMED; i++) {
		text_add(t, "\n%s, before its rule %zu: ", v[i]->chain->name,
			 rule_number(v[i]->chain, v[i]->place));
		want_text(v[i], t);
	}
	if (n > RULES_NAMED)
		text_add(t, "\nand %zu more", n - RULES_NAMED);
	free(v);
}

/* Whose rules they are: each once. */
static void add_names(const struct twin_wants *w, const struct fw_chain *table, struct text *t)
{
	for (size_t i = 0; i < w->n; i++) {
		bool said = !same_table(w->v[i].chain, table);

		for (size_t k = 0; k < i && !said; k++)
			said = same_table(w->v[k].chain, table) &&
			       !strcmp(w->v[k].names, w->v[i].names);
		if (!said)
			text_add(t, "%s%s", t->len ? "," : "", w->v[i].names);
	}
}

static void say_owned(struct twin_findings *f, const struct twin_wants *w, size_t i)
{
	const struct fw_chain *c = w->v[i].chain;
	const struct program *p = program_of(f->fw, c);
	struct text t = { 0 }, names = { 0 };

	add_names(w, c, &names);
	diag_error(f->diag, NULL, "owned-table", 0,
		   "table %s %s needs rules for untracked packets of %s, but it is owned by %s, "
		   "and the kernel lets nobody else write to it",
		   table_family_name(c->family), c->table, names.s,
		   p ? p->name : "a running program");
	free(names.s);
	if (p && p->owned) {
		diag_cure(f->diag, "%s", p->owned);
		return;
	}
	add_rules(w, c, &t);
	diag_cure(f->diag, "set accept = none, and add through the program that owns it:%s", t.s);
	free(t.s);
}

void finding_owned(struct twin_findings *f, const struct twin_wants *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].chain->owned && first_of_table(w, i))
			say_owned(f, w, i);
}

void finding_closed(struct twin_findings *f, const struct traffic *t, const struct ports *ports,
		    unsigned families, const struct fw_chain *c)
{
	auto_free char *chain = chain_words(c);
	struct text p = { 0 };

	if (proto_name(t->match.proto))
		text_add(&p, " %s", proto_name(t->match.proto));
	else if (t->match.proto)
		text_add(&p, " protocol %u", t->match.proto);
	if (ports->n) {
		text_add(&p, " port ");
		ports_text(ports, &p);
	}
	diag_warn(f->diag, &t->at, "service-closed",
		  "%s:%s%s chain %s lets no new connection %s over %s; the exemption opens nothing",
		  t->names, p.s ? p.s : "", p.s ? ":" : "", chain,
		  t->hook == HOOK_INPUT	   ? "in"
		  : t->hook == HOOK_OUTPUT ? "out"
					   : "through",
		  families == FAMILIES_BOTH ? "IPv4 and IPv6"
		  : families == FAMILIES_V4 ? "IPv4"
					    : "IPv6");
	diag_cure(f->diag, "nothing if it is meant to be closed; else open it in the firewall, and "
			   "apply again");
	free(p.s);
}
