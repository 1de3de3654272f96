/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of settings: printed, parsed strictly, saved in one step. */
#include "transaction/settings_record.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include "transaction/journal.h"
#include "transaction/store.h"
#include "util.h"

#define SETTINGS_NEW "settings.new"
#define SETTINGS_MAGIC "untrack settings 1\n"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define KEY_MAX 64
#define VALUE_MAX (ULONG_MAX >> 1)

/* Which life of the kernel this is; the caller frees. */
static char *boot_id(void)
{
	size_t len;
	char *id = read_file(AT_FDCWD, BOOT_FILE, &len);

	if (!id)
		return xstrdup("-");
	id[strcspn(id, "\n")] = '\0';
	return id;
}

void settings_record_add(struct settings_record *r, const char *key, unsigned long was,
			 unsigned long set, unsigned long other)
{
	struct setting_record *to = ARRAY_ADD(r->v, r->n);

	if (!r->boot)
		r->boot = boot_id();
	*to = (struct setting_record){ xstrdup(key), was, set, other };
}

const struct setting_record *settings_record_find(const struct settings_record *r, const char *key)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].key, key))
			return &r->v[i];
	return NULL;
}

void settings_record_free(struct settings_record *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->v[i].key);
	free(r->v);
	free(r->boot);
	*r = (struct settings_record){ 0 };
}

/* It becomes the name of a file. */
bool settings_is_key(const char *s)
{
	size_t len = strlen(s);

	return len && len <= KEY_MAX && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	       *s != '-';
}

char *settings_record_print(const struct settings_record *r)
{
	struct text t = { 0 };

	text_add(&t, SETTINGS_MAGIC "boot %s\n", r->boot);
	for (size_t i = 0; i < r->n; i++) {
		const struct setting_record *s = &r->v[i];

		text_add(&t, "%s was %lu set %lu", s->key, s->was, s->set);
		if (s->other != s->set)
			text_add(&t, " or %lu", s->other);
		text_add(&t, "\n");
	}
	text_add(&t, "end\n");
	return t.s;
}

/* The value between these words; *s is behind it then. NULL as words after: the end of the line. */
static bool take(char **s, const char *words, const char *next, unsigned long *out)
{
	size_t n = strlen(words);
	char *end, keep;
	bool ok;

	if (strncmp(*s, words, n) != 0)
		return false;
	end = next ? strstr(*s + n, next) : *s + strlen(*s);
	if (!end)
		return false;
	keep = *end;
	*end = '\0';
	ok = parse_uint(*s + n, 0, VALUE_MAX, out);
	*end = keep;
	*s = end;
	return ok;
}

/* Sorted, each once. */
static bool parse_line(char *line, struct settings_record *r)
{
	char *s = strchr(line, ' ');
	unsigned long was, set, other;
	auto_free char *key = NULL;
	bool two = strstr(line, " or ");

	if (!s)
		return false;
	key = xasprintf("%.*s", (int)(s - line), line);
	if (!settings_is_key(key) || (r->n && strcmp(r->v[r->n - 1].key, key) >= 0))
		return false;
	if (!take(&s, " was ", " set ", &was) || !take(&s, " set ", two ? " or " : NULL, &set))
		return false;
	other = set;
	if (two && (!take(&s, " or ", NULL, &other) || other == set))
		return false;
	settings_record_add(r, key, was, set, other);
	return true;
}

static bool parse_lines(char *s, struct settings_record *r)
{
	char *end;

	for (; (end = strchr(s, '\n')); s = end + 1) {
		*end = '\0';
		if (!strcmp(s, "end"))
			return end[1] == '\0';
		if (!r->boot) {
			if (strncmp(s, "boot ", 5) != 0 || !s[5])
				return false;
			r->boot = xstrdup(s + 5);
		} else if (!parse_line(s, r)) {
			return false;
		}
	}
	return false;
}

int settings_record_parse(const char *text, size_t len, const char *name, struct settings_record *r,
			  struct diag *d)
{
	static const char magic[] = SETTINGS_MAGIC;
	bool good = len == strlen(text) && !strncmp(text, magic, strlen(magic));
	auto_free char *rest = good ? xstrdup(text + strlen(magic)) : NULL;
	struct settings_record new = { 0 };
	auto_free char *again = NULL;

	good = good && parse_lines(rest, &new) && new.boot;
	if (good)
		again = settings_record_print(&new);
	if (good && !strcmp(again, text)) {
		*r = new;
		return 0;
	}
	settings_record_free(&new);
	diag_error(d, NULL, "conntrack-settings", 0,
		   "%s, the record of what the settings of conntrack were, is damaged or was "
		   "written by another version",
		   name);
	diag_cure(d,
		  "remove it: what untrack has set stays as it is then; sysctl -a -r nf_conntrack "
		  "shows the values");
	return -1;
}

int settings_record_load(const struct state_paths *sp, struct settings_record *r, struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *found = NULL, *name = NULL, *boot = NULL;
	size_t len = 0;
	int rc = store_open(&s, sp->run_dir, d);

	*r = (struct settings_record){ 0 };
	if (!rc)
		rc = store_read(&s, SETTINGS_FILE, &found, &len, d);
	if (rc)
		return rc < 0 ? -1 : 0;
	name = xasprintf("%s/" SETTINGS_FILE, sp->run_dir);
	if (settings_record_parse(found, len, name, r, d))
		return -1;
	boot = boot_id();
	if (strcmp(r->boot, boot) != 0)
		settings_record_free(r);
	return 0;
}

int settings_record_save(const struct state_paths *sp, const struct settings_record *r,
			 struct diag *d)
{
	auto_store struct store s = STORE_CLOSED;
	auto_free char *text = NULL;

	if (store_make(&s, sp->run_dir, 0700, d))
		return -1;
	if (!r->n)
		return store_remove(&s, SETTINGS_FILE, d);
	text = settings_record_print(r);
	if (store_write(&s, SETTINGS_NEW, text, strlen(text), false, d))
		return -1;
	return store_rename(&s, SETTINGS_NEW, SETTINGS_FILE, false, d);
}
