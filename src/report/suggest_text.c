/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suggestions for people, who may paste them: a configuration whose comments say why. */
#include "report/suggest.h"

#include <string.h>

#define BAR 24 /* columns of the longest one */

static const char *plural(unsigned long n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

static double percent(unsigned long part, unsigned long all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

/* "30 s", "12 min", "3.5 h", "4.9 d" */
static char *time_text(double seconds)
{
	if (seconds < 120)
		return xasprintf("%.0f s", seconds);
	if (seconds < 7200)
		return xasprintf("%.0f min", seconds / 60);
	if (seconds < 172800)
		return xasprintf("%.1f h", seconds / 3600);
	return xasprintf("%.1f d", seconds / 86400);
}

static void put_protos(const struct suggest_service *v, const char *between, FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(v->protos) && v->protos[i]; i++) {
		const char *name = proto_name(v->protos[i]);

		fputs(i ? between : "", out);
		if (name)
			fputs(name, out);
		else
			fprintf(out, "%u", v->protos[i]);
	}
}

/* "tcp 443 server" */
static void put_title(const struct suggest_service *v, FILE *out)
{
	const char *text = suggest_port_text(v->protos[0], v->port);

	if (v->kind == SUGGEST_LOOPBACK) {
		fputs("loopback", out);
		return;
	}
	put_protos(v, " and ", out);
	if (v->port)
		fprintf(out, " %u", v->port);
	fprintf(out, " %s", suggest_kind_name(v->kind));
	if (text)
		fprintf(out, ", %s", text);
}

static void put_bar(unsigned long n, unsigned long most, FILE *out)
{
	unsigned columns = most ? (unsigned)((double)n / (double)most * BAR + 0.5) : 0;

	for (unsigned i = 0; i < BAR; i++)
		fputc(i < columns || !i ? '=' : ' ', out);
}

/* The states that are there, most of them first. */
static void put_states(const struct suggest_sums *sums, FILE *out)
{
	bool done[CT_STATES] = { [CT_NONE] = true };
	const char *before = "";

	for (size_t k = 1; k < CT_STATES; k++) {
		size_t most = CT_NONE;

		for (size_t i = 1; i < CT_STATES; i++)
			if (!done[i] && (most == CT_NONE || sums->states[i] > sums->states[most]))
				most = i;
		done[most] = true;
		if (most == CT_NONE || !sums->states[most])
			return;
		fprintf(out, "%s%s %.0f %%", before, ct_state_name((enum ct_state)most),
			percent(sums->states[most], sums->entries));
		before = ", ";
	}
}

static void put_row(const struct suggestions *l, const struct suggest_service *v, FILE *out)
{
	const struct suggest_sums *sums = &v->sums;

	fprintf(out, "# %5.1f %% %8lu  ", percent(sums->entries, l->all.entries), sums->entries);
	put_bar(sums->entries, l->v[0].sums.entries, out);
	fputs("  ", out);
	put_title(v, out);
	fprintf(out, "\n#%*s", 20, "");
	put_states(sums, out);
	fprintf(out, "%sunreplied %.0f %%, assured %.0f %%",
		sums->entries > sums->states[CT_NONE] ? "; " : "",
		percent(sums->unreplied, sums->entries), percent(sums->assured, sums->entries));
	if (sums->timed) {
		auto_free char *left = time_text((double)sums->seconds / (double)sums->timed);

		fprintf(out, "; %s left on average", left);
	}
	fputc('\n', out);
}

static void put_rows(const struct suggestions *l, bool fine, FILE *out)
{
	for (size_t i = 0; i < l->n; i++)
		if ((l->v[i].refusal == SUGGEST_FINE) == fine)
			put_row(l, &l->v[i], out);
}

static void put_reason(const struct suggest_service *v, FILE *out)
{
	fputs("#   ", out);
	put_title(v, out);
	switch (v->refusal) {
	case SUGGEST_NAT:
		fprintf(out, ": NAT needs %lu more %s of it tracked; narrow an exemption by hand\n",
			v->nat, plural(v->nat, "entry", "entries"));
		break;
	case SUGGEST_HELPED:
		fprintf(out, ": a helper needs %lu more %s of it tracked\n", v->helped,
			plural(v->helped, "entry", "entries"));
		break;
	case SUGGEST_EPHEMERAL:
		fprintf(out,
			": this host takes port %u for connections of its own as well;\n"
			"#     put it into net.ipv4.ip_local_reserved_ports first\n",
			v->port);
		break;
	case SUGGEST_THERE:
		fputs(": the configuration has a [loopback] already\n", out);
		break;
	case SUGGEST_FINE:
	case SUGGEST_SMALL:
		fputc('\n', out);
		break;
	}
}

static void put_count(unsigned long n, const char *one, const char *many, FILE *out)
{
	if (n)
		fprintf(out, "# %8lu %s\n", n, plural(n, one, many));
}

/* Every entry that is in no row, by reason: the figures add up. */
static void put_rest(const struct suggestions *l, FILE *out)
{
	if (l->translated + l->helped + l->expected + l->stale + l->other + l->small + l->rare)
		fputs("#\n# Entries of nothing above:\n", out);
	put_count(l->translated, "that NAT translates: it must stay tracked",
		  "that NAT translates: they must stay tracked", out);
	put_count(l->helped, "with a helper: it must stay tracked",
		  "with a helper: they must stay tracked", out);
	put_count(l->expected, "that a helper expected: it must stay tracked",
		  "that helpers expected: they must stay tracked", out);
	put_count(l->stale, "of what the configuration exempts already: apply drops it",
		  "of what the configuration exempts already: apply drops them", out);
	put_count(l->other, "that no section matches (groups of hosts, ports of clients)",
		  "that no section matches (groups of hosts, ports of clients)", out);
	if (l->small)
		fprintf(out, "# %8lu of %lu %s with less than %g %% each (--min-share)\n", l->small,
			l->n_small, plural(l->n_small, "service", "services"), l->min_share);
	if (l->rare)
		fprintf(out,
			"# %8lu of ports with %lu entries at most: too many to count one by one\n",
			l->rare, l->least_known);
}

static void put_head(const struct suggestions *l, FILE *out)
{
	fprintf(out, "# %lu %s of connection tracking", l->all.entries,
		plural(l->all.entries, "entry", "entries"));
	if (l->max)
		fprintf(out, ", of at most %lu (%.1f %%)", l->max, percent(l->all.entries, l->max));
	fputs(", by service: share of all, entries\n#\n", out);
}

static void put_section(const struct suggestions *l, const struct suggest_service *v, FILE *out)
{
	const char *text = suggest_port_text(v->protos[0], v->port);

	fprintf(out, "\n# would free %lu %s (%.1f %%)\n", v->sums.entries,
		plural(v->sums.entries, "entry", "entries"),
		percent(v->sums.entries, l->all.entries));
	if (v->kind == SUGGEST_LOOPBACK) {
		fputs("[loopback]\nnotrack = yes\n", out);
		return;
	}
	fprintf(out, "[service %s]\n", v->name);
	if (text)
		fprintf(out, "description = %s\n", text);
	fputs("protocol = ", out);
	put_protos(v, ", ", out);
	fputc('\n', out);
	if (v->port)
		fprintf(out, "port = %u\n", v->port);
	fprintf(out, "role = %s\n", suggest_kind_name(v->kind));
}

void suggest_text(const struct suggestions *l, FILE *out)
{
	size_t fine = 0;

	put_head(l, out);
	for (size_t i = 0; i < l->n; i++)
		fine += l->v[i].refusal == SUGGEST_FINE;
	put_rows(l, true, out);
	if (!fine)
		fputs("# Nothing to suggest.\n", out);
	if (fine < l->n) {
		fputs("#\n# Not suggested:\n", out);
		put_rows(l, false, out);
		fputs("# Why not:\n", out);
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].refusal != SUGGEST_FINE)
			put_reason(&l->v[i], out);
	put_rest(l, out);
	if (fine)
		fprintf(out, "#\n# The sections below would free %lu %s (%.1f %%).\n", l->frees,
			plural(l->frees, "entry", "entries"), percent(l->frees, l->all.entries));
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].refusal == SUGGEST_FINE)
			put_section(l, &l->v[i], out);
}
