/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON strings and documents. */
#include "report/json.h"

#include <string.h>
#include "utf8.h"
#include "util.h"

json_t *json_bytes(const char *s, size_t n)
{
	json_t *value = json_stringn(s, n);
	auto_free char *text = NULL;

	if (value)
		return value;
	text = xmemdup(s, n);
	for (size_t i = 0; i < n;) {
		size_t length = utf8_length(text + i, n - i);

		if (!length)
			text[i] = '?';
		i += length ? length : 1;
	}
	return json_stringn(text, n);
}

json_t *json_text(const char *s)
{
	return s ? json_bytes(s, strlen(s)) : json_null();
}

void json_print(json_t *root, FILE *out)
{
	json_dumpf(root, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	fputc('\n', out);
	json_decref(root);
}
