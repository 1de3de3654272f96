/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts as JSON, straight to the stream: a document of megabytes needs no tree. */
#include <arpa/inet.h>
#include <string.h>
#include "report/facts.h"
#include "report/facts_order.h"
#include "report/facts_table.h"

struct set_place {
	const struct fw_set *set;
	size_t index;
};

struct printer { /* with a buffer of its own: the small pieces are millions */
	FILE *out;
	struct set_place *places; /* of all sets, by their address */
	size_t n_places;
	size_t n;
	char buf[32768];
};

static void flush(struct printer *p)
{
	fwrite(p->buf, 1, p->n, p->out);
	p->n = 0;
}

static void put_bytes(struct printer *p, const void *s, size_t n)
{
	if (n > sizeof(p->buf) - p->n)
		flush(p);
	if (n > sizeof(p->buf)) {
		fwrite(s, 1, n, p->out);
		return;
	}
	memcpy(p->buf + p->n, s, n);
	p->n += n;
}

static void put(struct printer *p, const char *s)
{
	put_bytes(p, s, strlen(s));
}

static void put_number(struct printer *p, uint64_t value)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = '\0';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(p, at);
}

static void put_int(struct printer *p, int64_t value)
{
	if (value < 0)
		put(p, "-");
	put_number(p, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* Bytes of the UTF-8 sequence at s; 0: it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : 0;

	if (*s >= 0xf0 && *s < 0xf5)
		n = 4;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

/* Bytes that stand as they are: nearly all, and printed at once. */
static size_t plain_len(const unsigned char *s)
{
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

/* What is not UTF-8 in a name is shown as "\xff", so that the document can be read at all. */
static void put_text(struct printer *p, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	put_bytes(p, "\"", 1);
	for (;;) {
		size_t plain = plain_len(s), n;
		char escaped[8];

		put_bytes(p, s, plain);
		s += plain;
		if (!*s)
			break;
		n = utf8_len(s);
		if (!n)
			snprintf(escaped, sizeof(escaped), "\\\\x%02x", *s);
		else if (n == 1 && (*s < 0x20 || *s == 0x7f))
			snprintf(escaped, sizeof(escaped), "\\u%04x", *s);
		else
			snprintf(escaped, sizeof(escaped), "%s%.*s", n == 1 ? "\\" : "", (int)n, s);
		put(p, escaped);
		s += n ? n : 1;
	}
	put_bytes(p, "\"", 1);
}

static void put_hex(struct printer *p, const uint8_t *v, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * FW_DATA_MAX + 2];
	size_t n = 0;

	text[n++] = '"';
	for (size_t i = 0; i < len; i++) {
		text[n++] = digits[v[i] >> 4];
		text[n++] = digits[v[i] & 15];
	}
	text[n++] = '"';
	put_bytes(p, text, n);
}

/* Bytes up to the last one that is not zero. */
static size_t used(const uint8_t *data)
{
	static const uint8_t zeros[FW_DATA_MAX];
	size_t n = FW_DATA_MAX;

	if (!data[0] && !memcmp(data, zeros, sizeof(zeros)))
		return 0;
	while (!data[n - 1])
		n--;
	return n;
}

static int by_address(const void *a, const void *b)
{
	const struct set_place *x = a, *y = b;
	uintptr_t s = (uintptr_t)x->set, t = (uintptr_t)y->set;

	return (s > t) - (s < t);
}

static const struct set_place *place_of(struct printer *p, const struct fw_set *set)
{
	const struct set_place key = { .set = set };

	return set && p->n_places ? bsearch(&key, p->places, p->n_places, sizeof(key), by_address)
				  : NULL;
}

static uint64_t number(const struct facts_member *m, const void *at)
{
	switch (m->kind) {
	case FACTS_BOOL:
		return *(const bool *)at;
	case FACTS_U8:
		return *(const uint8_t *)at;
	case FACTS_U16:
		return *(const uint16_t *)at;
	case FACTS_U32:
		return *(const uint32_t *)at;
	case FACTS_U64:
		return *(const uint64_t *)at;
	case FACTS_INT:
		return (uint64_t) * (const int *)at;
	case FACTS_INDEX:
		return (uint64_t)(*(const ssize_t *)at + 1);
	case FACTS_WORD:
		return *(const unsigned *)at;
	case FACTS_TEXT:
		return *(char *const *)at != NULL;
	case FACTS_NAME:
		return *(const char *)at != '\0';
	case FACTS_DATA:
		return used(at);
	case FACTS_SET:
		return *(const struct fw_set *const *)at != NULL;
	case FACTS_KEY:
	case FACTS_KEY_END:
	case FACTS_ADDRESS:
	case FACTS_STRUCT:
	case FACTS_LIST:
	case FACTS_REFS:
	case FACTS_TEXTS:
		break;
	}
	return 0;
}

/* Is it what a reader takes for granted where nothing is said? */
static bool is_default(struct printer *p, const struct facts_member *m, const char *item,
		       const void *parent)
{
	const char *at = item + m->offset;

	switch (m->kind) {
	case FACTS_KEY_END:
		return !memcmp(at, item + m->other, ((const struct fw_set *)parent)->key_len);
	case FACTS_LIST:
	case FACTS_REFS:
	case FACTS_TEXTS:
		return !*(const size_t *)(item + m->other);
	case FACTS_SET:
		return !place_of(p, *(const struct fw_set *const *)at);
	case FACTS_STRUCT:
		return false;
	case FACTS_TEXT:
	case FACTS_NAME:
	case FACTS_BOOL:
	case FACTS_U8:
	case FACTS_U16:
	case FACTS_U32:
	case FACTS_U64:
	case FACTS_INT:
	case FACTS_INDEX:
	case FACTS_WORD:
	case FACTS_ADDRESS:
	case FACTS_DATA:
	case FACTS_KEY:
		break;
	}
	return !m->needed && !number(m, at);
}

static void put_item(struct printer *p, const struct facts_table *t, const void *item,
		     const void *parent);

static void put_list(struct printer *p, const struct facts_member *m, const char *item)
{
	size_t n = *(const size_t *)(item + m->other);
	const char *v = *(const char *const *)(item + m->offset);
	bool lines = m->of && m->of->lines;

	put(p, "[");
	for (size_t i = 0; i < n; i++) {
		put(p, i ? "," : "");
		put(p, lines ? "\n" : "");
		if (m->kind == FACTS_TEXTS)
			put_text(p, ((char *const *)v)[i]);
		else if (m->kind == FACTS_REFS)
			put_item(p, m->of, ((const void *const *)v)[i], item);
		else
			put_item(p, m->of, v + i * m->of->size, item);
	}
	put(p, "]");
}

static void put_address(struct printer *p, const struct facts_member *m, const char *item)
{
	enum family f = *(const enum family *)(item + m->other);
	char text[INET6_ADDRSTRLEN];

	put_text(p, inet_ntop(f == FAMILY_V4 ? AF_INET : AF_INET6, item + m->offset, text,
			      sizeof(text)));
}

static void put_value(struct printer *p, const struct facts_member *m, const char *item,
		      const void *parent)
{
	const char *at = item + m->offset;

	switch (m->kind) {
	case FACTS_TEXT:
		put_text(p, *(char *const *)at ? *(char *const *)at : "");
		break;
	case FACTS_NAME:
		put_text(p, at);
		break;
	case FACTS_BOOL:
		put(p, *(const bool *)at ? "true" : "false");
		break;
	case FACTS_U8:
	case FACTS_U16:
	case FACTS_U32:
	case FACTS_U64:
		put_number(p, number(m, at));
		break;
	case FACTS_INT:
		put_int(p, *(const int *)at);
		break;
	case FACTS_INDEX:
		put_int(p, *(const ssize_t *)at);
		break;
	case FACTS_WORD:
		put_text(p, m->words[number(m, at)]);
		break;
	case FACTS_ADDRESS:
		put_address(p, m, item);
		break;
	case FACTS_DATA:
		put_hex(p, (const uint8_t *)at, used((const uint8_t *)at));
		break;
	case FACTS_KEY:
	case FACTS_KEY_END:
		put_hex(p, (const uint8_t *)at, ((const struct fw_set *)parent)->key_len);
		break;
	case FACTS_SET:
		put_number(p, place_of(p, *(const struct fw_set *const *)at)->index);
		break;
	case FACTS_STRUCT:
		put_item(p, m->of, at, item);
		break;
	case FACTS_LIST:
	case FACTS_REFS:
	case FACTS_TEXTS:
		put_list(p, m, item);
		break;
	}
}

static void put_members(struct printer *p, const struct facts_table *t, const void *item,
			const void *parent, const char *comma, const char *line)
{
	for (size_t i = 0; i < t->n; i++) {
		if (is_default(p, &t->v[i], item, parent))
			continue;
		put(p, comma);
		put(p, line);
		put(p, "\"");
		put(p, t->v[i].name);
		put(p, "\":");
		put_value(p, &t->v[i], item, parent);
		comma = ",";
	}
}

static void put_item(struct printer *p, const struct facts_table *t, const void *item,
		     const void *parent)
{
	put(p, "{");
	put_members(p, t, item, parent, "", "");
	put(p, "}");
}

void facts_print(const struct host *h, FILE *out)
{
	struct printer p;
	struct facts_table t = facts_host;

	p.out = out;
	p.places = NULL;
	p.n_places = p.n = 0;
	for (size_t i = 0; i < h->fw.n_sets; i++)
		*ARRAY_ADD(p.places, p.n_places) = (struct set_place){ h->fw.sets[i], i };
	if (p.n_places)
		qsort(p.places, p.n_places, sizeof(*p.places), by_address);
	if (host_is_unread(h, "firewall"))
		t.n--; /* the last one */
	put(&p, "{\"untrack-facts\":");
	put_number(&p, FACTS_VERSION);
	if (facts_is_big_endian())
		put(&p, ",\n\"big-endian\":true");
	put_members(&p, &t, h, NULL, ",", "\n");
	put(&p, "}\n");
	flush(&p);
	free(p.places);
}
