/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts from JSON. The file may come from anywhere: nothing in it is believed unseen. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include "report/facts.h"
#include "report/facts_check.h"
#include "report/facts_order.h"

/* Values in one file. Jansson takes up to 250 bytes for one of two bytes in the file. */
#define VALUES_MAX 4000000

struct frame { /* where we are, from the inside out */
	const struct frame *up;
	const char *name; /* NULL: the item of that index */
	size_t index;
};

struct reader {
	const char *file;
	struct fw *fw;
	struct diag *d;
};

static void put_path(const struct frame *f, struct text *t)
{
	if (!f)
		return;
	put_path(f->up, t);
	if (f->name)
		text_add(t, "%s%s", t->len ? "." : "", f->name);
	else
		text_add(t, "[%zu]", f->index);
}

/* "firewall.chains[3].name: what"; -1. */
static int refuse(const struct reader *r, const struct frame *at, const char *what)
{
	struct origin origin = { .file = r->file };
	struct text path = { 0 };

	put_path(at, &path);
	if (!path.len)
		what += *what == '.' || *what == ':';
	diag_error(r->d, &origin, "facts", 0, "%s%s%s", path.s ? path.s : "",
		   path.len && *what != '.' && *what != ':' ? ": " : "", what);
	diag_cure(r->d, "this is nothing that 'untrack facts' writes: write it anew on its host");
	free(path.s);
	return -1;
}

static int read_item(const struct reader *r, const struct frame *at, const struct facts_table *t,
		     json_t *json, void *item, const void *parent);

/* A whole number from least to most. */
static int read_number(const struct reader *r, const struct frame *at, json_t *json, int64_t least,
		       int64_t most, int64_t *out)
{
	auto_free char *what = NULL;

	if (json_is_integer(json) && json_integer_value(json) >= least &&
	    json_integer_value(json) <= most) {
		*out = json_integer_value(json);
		return 0;
	}
	what = xasprintf("not a whole number from %lld to %lld", (long long)least, (long long)most);
	return refuse(r, at, what);
}

static void set_number(enum facts_kind kind, void *to, int64_t value)
{
	if (kind == FACTS_U8)
		*(uint8_t *)to = (uint8_t)value;
	else if (kind == FACTS_U16)
		*(uint16_t *)to = (uint16_t)value;
	else if (kind == FACTS_U32)
		*(uint32_t *)to = (uint32_t)value;
	else if (kind == FACTS_U64)
		*(uint64_t *)to = (uint64_t)value;
	else if (kind == FACTS_INT)
		*(int *)to = (int)value;
	else
		*(ssize_t *)to = (ssize_t)value;
}

static int read_limited(const struct reader *r, const struct frame *at,
			const struct facts_member *m, json_t *json, void *to)
{
	int64_t least = m->kind == FACTS_INT ? INT32_MIN : 0;
	int64_t most = m->kind == FACTS_U8    ? UINT8_MAX
		       : m->kind == FACTS_U16 ? UINT16_MAX
		       : m->kind == FACTS_U32 ? UINT32_MAX
		       : m->kind == FACTS_U64 ? INT64_MAX
					      : INT32_MAX;
	int64_t value;

	if (read_number(r, at, json, least, most, &value))
		return -1;
	set_number(m->kind, to, value);
	return 0;
}

static int read_word(const struct reader *r, const struct frame *at, const struct facts_member *m,
		     json_t *json, unsigned *to)
{
	const char *s = json_string_value(json);
	auto_free char *what = NULL;

	for (unsigned i = 0; s && i < m->n_words; i++)
		if (!strcmp(s, m->words[i])) {
			*to = i;
			return 0;
		}
	what = s ? xasprintf("'%.40s' is none of the words for it", s) : xstrdup("not a string");
	return refuse(r, at, what);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* want: so many bytes and no others; 0: any number up to FW_DATA_MAX. */
static int read_hex(const struct reader *r, const struct frame *at, json_t *json, size_t want,
		    uint8_t *to)
{
	const char *s = json_string_value(json);
	size_t len = s ? json_string_length(json) : 0;
	bool good = s && len % 2 == 0 && len / 2 <= FW_DATA_MAX && (!want || len / 2 == want);
	auto_free char *what = NULL;

	for (size_t i = 0; good && i < len; i += 2) {
		int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);

		good = high >= 0 && low >= 0;
		to[i / 2] = good ? (uint8_t)(high << 4 | low) : 0;
	}
	if (good)
		return 0;
	what = xasprintf("not %s%zu bytes as hexadecimal digits", want ? "" : "up to ",
			 want ? want : (size_t)FW_DATA_MAX);
	return refuse(r, at, what);
}

static int read_key(const struct reader *r, const struct frame *at, json_t *json,
		    const struct fw_set *set, uint8_t *to)
{
	if (!set->key_len || set->key_len > FW_DATA_MAX)
		return refuse(r, at, "a key, and the set's key-len is out of range");
	return read_hex(r, at, json, set->key_len, to);
}

static int read_address(const struct reader *r, const struct frame *at, json_t *json, uint8_t *addr,
			enum family *family)
{
	const char *s = json_string_value(json);

	if (s && inet_pton(AF_INET, s, addr) == 1)
		*family = FAMILY_V4;
	else if (s && inet_pton(AF_INET6, s, addr) == 1)
		*family = FAMILY_V6;
	else
		return refuse(r, at, "not an address");
	return 0;
}

static int read_text(const struct reader *r, const struct frame *at, json_t *json, char **to)
{
	if (!json_is_string(json))
		return refuse(r, at, "not a string");
	*to = xstrdup(json_string_value(json));
	return 0;
}

static int read_name(const struct reader *r, const struct frame *at, json_t *json, char *to)
{
	if (!json_is_string(json) || json_string_length(json) >= IFNAMSIZ)
		return refuse(r, at, "not the name of an interface");
	memcpy(to, json_string_value(json), json_string_length(json));
	return 0;
}

static int read_set(const struct reader *r, const struct frame *at, json_t *json,
		    const struct fw_set **to)
{
	int64_t index;

	if (!r->fw->n_sets)
		return refuse(r, at, "a set, and there are none");
	if (read_number(r, at, json, 0, (int64_t)r->fw->n_sets - 1, &index))
		return -1;
	*to = r->fw->sets[index];
	return 0;
}

/* Room for one more, in the array or as a value of its own. */
static void *add_item(const struct facts_member *m, void **v, size_t n)
{
	size_t size = m->kind == FACTS_LIST ? m->of->size : sizeof(void *);
	char *slot;

	*v = xgrow(*v, n, size);
	slot = (char *)*v + n * size;
	memset(slot, 0, size);
	if (m->kind == FACTS_REFS)
		*(void **)(void *)slot = xcalloc(1, m->of->size);
	return m->kind == FACTS_REFS ? *(void **)(void *)slot : slot;
}

static int read_list(const struct reader *r, const struct frame *up, const struct facts_member *m,
		     json_t *json, char *item)
{
	void **v = (void **)(void *)(item + m->offset);
	size_t *n = (size_t *)(void *)(item + m->other);

	if (!json_is_array(json))
		return refuse(r, up, "not a list");
	for (size_t i = 0; i < json_array_size(json); i++) {
		struct frame at = { .up = up, .index = i };
		json_t *value = json_array_get(json, i);
		void *to;
		int rc;

		if (m->kind == FACTS_TEXTS && !json_is_string(value))
			return refuse(r, &at, "not a string");
		to = add_item(m, v, *n);
		++*n;
		rc = m->kind == FACTS_TEXTS ? read_text(r, &at, value, to)
					    : read_item(r, &at, m->of, value, to, item);
		if (rc)
			return -1;
	}
	return 0;
}

static int read_member(const struct reader *r, const struct frame *at, const struct facts_member *m,
		       json_t *json, char *item, const void *parent)
{
	void *to = item + m->offset;

	switch (m->kind) {
	case FACTS_TEXT:
		return read_text(r, at, json, to);
	case FACTS_NAME:
		return read_name(r, at, json, to);
	case FACTS_BOOL:
		*(bool *)to = json_is_true(json);
		return json_is_boolean(json) ? 0 : refuse(r, at, "neither true nor false");
	case FACTS_U8:
	case FACTS_U16:
	case FACTS_U32:
	case FACTS_U64:
	case FACTS_INT:
	case FACTS_INDEX:
		return read_limited(r, at, m, json, to);
	case FACTS_WORD:
		return read_word(r, at, m, json, to);
	case FACTS_ADDRESS:
		return read_address(r, at, json, to, (enum family *)(void *)(item + m->other));
	case FACTS_DATA:
		return read_hex(r, at, json, 0, to);
	case FACTS_KEY:
	case FACTS_KEY_END:
		return read_key(r, at, json, parent, to);
	case FACTS_SET:
		return read_set(r, at, json, to);
	case FACTS_STRUCT:
		return read_item(r, at, m->of, json, to, item);
	case FACTS_LIST:
	case FACTS_REFS:
	case FACTS_TEXTS:
		return read_list(r, at, m, json, item);
	}
	return -1;
}

static int read_absent(const struct reader *r, const struct frame *at, const struct facts_member *m,
		       char *item)
{
	if (m->needed)
		return refuse(r, at, "missing");
	if (m->kind == FACTS_INDEX)
		*(ssize_t *)(void *)(item + m->offset) = -1;
	if (m->kind == FACTS_KEY_END)
		memcpy(item + m->offset, item + m->other, FW_DATA_MAX);
	return 0;
}

static int refuse_unknown(const struct reader *r, const struct frame *up,
			  const struct facts_table *t, json_t *json)
{
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		struct frame at = { .up = up, .name = key };
		size_t i = 0;

		while (i < t->n && strcmp(t->v[i].name, key) != 0)
			i++;
		if (i == t->n)
			return refuse(r, &at, "this version knows no such member");
	}
	return 0;
}

static int read_item(const struct reader *r, const struct frame *at, const struct facts_table *t,
		     json_t *json, void *item, const void *parent)
{
	auto_free char *fault = NULL;
	size_t found = 0;

	if (!json_is_object(json))
		return refuse(r, at, "not an object");
	for (size_t i = 0; i < t->n; i++) {
		const struct facts_member *m = &t->v[i];
		struct frame inside = { .up = at, .name = m->name };
		json_t *value = json_object_get(json, m->name);

		found += value != NULL;
		if (value ? read_member(r, &inside, m, value, item, parent)
			  : read_absent(r, &inside, m, item))
			return -1;
	}
	if (found != json_object_size(json) && refuse_unknown(r, at, t, json))
		return -1;
	fault = facts_fault(t->check, item, parent);
	return fault ? refuse(r, at, fault) : 0;
}

static int read_version(const struct reader *r, json_t *root)
{
	const struct origin at = { .file = r->file };
	json_t *version = json_object_get(root, "untrack-facts");

	if (!json_is_integer(version)) {
		diag_error(r->d, &at, "facts", 0, "this is not a file of facts");
		diag_cure(r->d, "write one on the host with 'untrack facts'");
		return -1;
	}
	if (json_integer_value(version) != FACTS_VERSION) {
		diag_error(r->d, &at, "facts", 0,
			   "facts of format %lld; this version reads format %d",
			   (long long)json_integer_value(version), FACTS_VERSION);
		diag_cure(r->d, "use one version of untrack on both hosts");
		return -1;
	}
	return json_object_del(root, "untrack-facts");
}

/* Of the machine that the facts are of: only one that is big-endian says so. */
static int read_order(const struct reader *r, json_t *root, bool *big_endian)
{
	const struct frame at = { .name = "big-endian" };
	json_t *said = json_object_get(root, at.name);

	*big_endian = json_is_true(said);
	if (!said)
		return 0;
	return json_is_boolean(said) ? json_object_del(root, at.name)
				     : refuse(r, &at, "neither true nor false");
}

static int read_host(const struct reader *r, json_t *root, struct host *h)
{
	const struct frame firewall = { .name = "firewall" };
	bool big_endian = false;
	int rc = read_version(r, root);

	if (!rc)
		rc = read_order(r, root, &big_endian);
	if (!rc)
		rc = read_item(r, NULL, &facts_host, root, h, NULL);
	if (!rc && !json_object_get(root, "firewall") && !host_is_unread(h, "firewall"))
		rc = refuse(r, &firewall, "missing, and not among what is unread");
	if (!rc && big_endian != facts_is_big_endian())
		facts_swap(&h->fw);
	return rc;
}

/* How many values are in it, at most? Jansson builds all of them before anyone can look. */
static size_t count_values(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return n;
}

int facts_parse(struct host *h, const char *text, size_t len, const char *file, struct diag *d)
{
	struct reader r = { .file = file, .fw = &h->fw, .d = d };
	struct origin at = { .file = file };
	json_error_t error;
	json_t *root;
	int rc;

	*h = (struct host){ 0 };
	if (count_values(text, len) > VALUES_MAX)
		return diag_error(d, &at, "facts", 0, "more than %d values", VALUES_MAX);
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		at.line = error.line > 0 ? (unsigned)error.line : 0;
		at.col = error.column > 0 ? (unsigned)error.column : at.line ? 1 : 0;
		diag_error(d, &at, "facts", 0, "not JSON: %s", error.text);
		diag_cure(d, "is the file complete? write it anew with 'untrack facts'");
		return -1;
	}
	rc = read_host(&r, root, h);
	json_decref(root);
	return rc;
}

int facts_load(struct host *h, const char *path, struct diag *d)
{
	const struct origin at = { .file = path };
	size_t len;
	auto_free char *text = read_file(AT_FDCWD, path, &len);

	*h = (struct host){ 0 };
	if (!text) {
		diag_error(d, &at, "facts", errno, "cannot be read");
		diag_cure(d, "name a file that 'untrack facts' wrote: untrack facts >FILE");
		return -1;
	}
	return facts_parse(h, text, len, path, d);
}
