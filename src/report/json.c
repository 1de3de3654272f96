/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON strings and documents. */
#include "report/json.h"

#include "util.h"

json_t *json_text(const char *s)
{
	json_t *value = s ? json_string(s) : json_null();
	auto_free char *ascii = NULL;

	if (value)
		return value;
	ascii = xstrdup(s);
	for (char *c = ascii; *c; c++)
		if (*c & 0x80)
			*c = '?';
	return json_string(ascii);
}

void json_print(json_t *root, FILE *out)
{
	json_dumpf(root, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	fputc('\n', out);
	json_decref(root);
}
