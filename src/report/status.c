/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status as a value: what was asked for beside what the kernel holds. */
#include "report/status.h"

#include <string.h>

const char *twin_need_name(enum twin_need need)
{
	switch (need) {
	case NEED_NONE:
		return "none needed";
	case NEED_TWINS:
		return "twins";
	case NEED_FIRST:
		return "accepted first";
	case NEED_CLOSED:
		return "closed";
	case NEED_REFUSED:
		return "refused";
	case NEED_IGNORED:
		return "left alone";
	}
	return "";
}

static bool is_loaded(const struct ruleset *have, const struct rule *want)
{
	for (size_t i = 0; i < have->n_rules; i++) {
		const struct rule *r = &have->rules[i];

		if (r->hook == want->hook && r->verdict == want->verdict &&
		    !strcmp(r->name, want->name) && !match_compare(&r->match, &want->match))
			return true;
	}
	return false;
}

static const struct counter *find_counter(const struct ruleset *have, const char *name,
					  enum hook hook)
{
	for (size_t i = 0; i < have->n_counters; i++)
		if (have->counters[i].hook == hook && !strcmp(have->counters[i].name, name))
			return &have->counters[i];
	return NULL;
}

static void add_exemption(struct status *st, const char *kind, const char *name,
			  const char *description)
{
	struct exemption_status *e = ARRAY_ADD(st->exemptions, st->n_exemptions);

	e->name = name;
	e->kind = kind;
	e->description = description;
	e->in = find_counter(st->have, name, HOOK_PREROUTING);
	e->out = find_counter(st->have, name, HOOK_OUTPUT);
	if (st->before) {
		e->in_before = find_counter(st->before, name, HOOK_PREROUTING);
		e->out_before = find_counter(st->before, name, HOOK_OUTPUT);
	}
	for (size_t i = 0; i < st->want->n_rules; i++) {
		const struct rule *r = &st->want->rules[i];

		if (strcmp(r->name, name) != 0)
			continue;
		e->want++;
		e->have += is_loaded(st->have, r);
	}
}

bool counter_rate(const struct counter *now, const struct counter *before, double elapsed,
		  struct counter_rate *rate)
{
	/* Rules that were made anew meanwhile begin at nothing. */
	if (!now || !before || elapsed <= 0 || now->packets < before->packets ||
	    now->bytes < before->bytes)
		return false;
	rate->packets = (double)(now->packets - before->packets) / elapsed;
	rate->bytes = (double)(now->bytes - before->bytes) / elapsed;
	return true;
}

void status_compare(struct status *st)
{
	const struct policy *p = st->policy;
	size_t len;
	FILE *lines;

	if (p->loopback)
		add_exemption(st, "loopback", "loopback", NULL);
	for (size_t i = 0; i < p->n_services; i++)
		add_exemption(st, "service", p->services[i].name, p->services[i].description);
	for (size_t i = 0; i < p->n_interfaces; i++)
		add_exemption(st, "interface", p->interfaces[i].name, p->interfaces[i].description);

	ruleset_twin_standings(st->want, st->have, &st->of_want, &st->of_have);
	lines = xmemstream(&st->drift, &len);
	st->n_drift = ruleset_diff(st->want, st->have, lines) + st->n_settings;
	if (st->settings)
		fputs(st->settings, lines);
	fclose(lines);
}

void status_free(struct status *st)
{
	free(st->exemptions);
	free(st->drift);
	free(st->of_want);
	free(st->of_have);
	st->exemptions = NULL;
	st->drift = NULL;
	st->of_want = st->of_have = NULL;
	st->n_exemptions = st->n_drift = 0;
}
