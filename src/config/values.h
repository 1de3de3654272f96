/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reads the value of one key. All have the signature of option.parse. */
#ifndef UNTRACK_VALUES_H
#define UNTRACK_VALUES_H

#include "config/section.h"

/* The type of *out stands behind each. */
int value_word(const struct value *v, void *out, void *out_not);  /* an enum, from option.words */
int value_bool(const struct value *v, void *out, void *out_not);  /* bool */
int value_count(const struct value *v, void *out, void *out_not); /* unsigned */
int value_time(const struct value *v, void *out, void *out_not);  /* unsigned, in seconds */
int value_description(const struct value *v, void *out, void *out_not); /* char *, fresh */
int value_flow(const struct value *v, void *out, void *out_not);	/* struct flow */
int value_exemption(const struct value *v, void *out, void *out_not);	/* char *, fresh: a name */

/* May a section be called so? A letter, then letters, digits, '_', '.' or '-', 32 at most. */
bool is_section_name(const char *s);
#define SECTION_NAME_BYTES 32

/* Lists. */
int value_families(const struct value *v, void *out, void *out_not); /* unsigned, FAMILIES_* */
int value_protos(const struct value *v, void *out, void *out_not);   /* struct protos */
int value_ports(const struct value *v, void *out, void *out_not);    /* struct ports */
int value_ifaces(const struct value *v, void *out, void *out_not);   /* struct ifaces, twice */
int value_addrs(const struct value *v, void *out, void *out_not);    /* struct addrs, twice */

/* An error at value[offset]; returns -1. The text should begin with the key: use VALUE_ERROR. */
int value_error(const struct value *v, size_t offset, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The position in option.words, or -1 with a finding at value[offset]. */
int word_find(const struct value *v, size_t offset, const char *word);

/* Lists by commas or blanks; '!' before an item excludes it. */
struct list_item {
	const char *text; /* without the '!' */
	size_t start;	  /* offset of text in the value */
	bool excluded;
};
struct list {
	struct list_item *v;
	size_t n;
	char *texts; /* of all items, also of those that somebody takes out of v */
};
/* 0, or -1 with findings: an empty item. The items that could be read are in l all the same. */
int list_split(const struct value *v, struct list *l);
void list_free(struct list *l);
#define auto_list __attribute__((cleanup(list_free)))

#endif
