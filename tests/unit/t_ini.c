/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ini: every trap of inih, as items with positions or as findings. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include "config/ini.h"
#include "util.h"

/* One line for each item: "LINE:COL [section]" or "LINE:COL key LINE:COL <value>". */
static void write_item(void *ctx, const struct ini_item *it, struct diag *d)
{
	struct text *t = ctx;

	(void)d;
	assert_string_equal(it->key_at.file, "f");
	text_add(t, "%u:%u ", it->key_at.line, it->key_at.col);
	if (!it->key)
		text_add(t, "[%s] %u\n", it->section, it->value_at.col);
	else
		text_add(t, "%s.%s %u:%u <%s>\n", it->section, it->key, it->value_at.line,
			 it->value_at.col, it->value);
}

/* Items, then findings. */
static char *read_bytes(const char *bytes, size_t n)
{
	FILE *in = fmemopen((void *)(uintptr_t)bytes, n, "r"), *out;
	struct text items = { 0 };
	struct diag d = { 0 };
	char *findings = NULL;
	size_t len;
	int rc;

	assert_non_null(in);
	text_add(&items, "%s", "");
	rc = ini_read(in, "f", write_item, &items, &d);
	fclose(in);
	assert_int_equal(rc, d.errors ? -1 : 0);
	out = open_memstream(&findings, &len);
	assert_non_null(out);
	sources_free(&d.sources); /* the lines themselves are not of interest */
	diag_print(&d, out, SEVERITY_NOTE, false);
	fclose(out);
	diag_free(&d);
	text_add(&items, "%s", findings);
	free(findings);
	return items.s;
}

static void check_bytes(const char *in, size_t n, const char *want)
{
	char *got = read_bytes(in, n);

	assert_string_equal(got, want);
	free(got);
}

#define CHECK(in, want) check_bytes("" in "", sizeof(in) - 1, want)

static void test_items_and_positions(void **state)
{
	(void)state;
	CHECK("", "");
	CHECK("\n \n\t\n", "");
	CHECK("[a]\nk = v\nlonger\t=  w x \n\n[b]\nz=y", "1:1 [a] 1\n"
							 "2:1 a.k 2:5 <v>\n"
							 "3:1 a.longer 3:11 <w x>\n"
							 "5:1 [b] 1\n"
							 "6:1 b.z 6:3 <y>\n");
	CHECK("[a]\nk = a=b:c\n", "1:1 [a] 1\n2:1 a.k 2:5 <a=b:c>\n");
	CHECK("[a]\nk = ::1, eth0\n", "1:1 [a] 1\n2:1 a.k 2:5 <::1, eth0>\n");
	CHECK("[a]\nk =\n", "1:1 [a] 1\n2:1 a.k 2:4 <>\n");
	CHECK("[a]\nk k = v\n", "1:1 [a] 1\n2:1 a.k k 2:7 <v>\n");
	CHECK("[a]\nk = v\nk = w\n", "1:1 [a] 1\n2:1 a.k 2:5 <v>\n3:1 a.k 3:5 <w>\n");
	CHECK("[a]\n[a]\n", "1:1 [a] 1\n2:1 [a] 1\n");
}

static void test_headers(void **state)
{
	(void)state;
	CHECK("[service web]\n", "1:1 [service web] 10\n");
	CHECK("[ \tservice \t web\t]  \n", "1:1 [service web] 14\n");
	CHECK("[a] ; comment\n[b]# text\n",
	      "1:1 [a] 1\n"
	      "f:2:4: error: text after the ']' of a header [config]\n"
	      "  cure: remove it; the settings up to the next section "
	      "header are ignored until then\n");
	CHECK("[1234567890123456789012345678901234567890123456789]\nk=v\n",
	      "1:1 [1234567890123456789012345678901234567890123456789] 1\n"
	      "2:1 1234567890123456789012345678901234567890123456789.k 2:3 <v>\n");
}

#define IGNORED "the settings up to the next section header are ignored until then\n"

static void test_a_broken_header_hides_what_follows(void **state)
{
	(void)state;
	CHECK("[a]\nk=1\n[b\nk=2\n  3\n[c]\nk=4\n",
	      "1:1 [a] 1\n2:1 a.k 2:3 <1>\n6:1 [c] 1\n7:1 c.k 7:3 <4>\n"
	      "f:3:3: error: section header without ']' [config]\n"
	      "  cure: close the header; " IGNORED);
	CHECK("[a] b\nk=2\n", "f:1:5: error: text after the ']' of a header [config]\n"
			      "  cure: remove it; " IGNORED);
	CHECK("[a]]\n", "f:1:4: error: text after the ']' of a header [config]\n"
			"  cure: remove it; " IGNORED);
	CHECK("[c ; d]\n", "f:1:3: error: section header without ']' [config]\n"
			   "  cure: close the header; " IGNORED);
	CHECK("[]\nk=v\n", "f:1:2: error: empty section header [config]\n"
			   "  cure: name the section; " IGNORED);
	CHECK("[ ]\n", "f:1:2: error: empty section header [config]\n"
		       "  cure: name the section; " IGNORED);
	CHECK("[12345678901234567890123456789012345678901234567890]\nk=v\n",
	      "f:1:2: error: section name of more than 49 bytes [config]\n"
	      "  cure: shorten it; " IGNORED);
	CHECK("[a]\nk=1\n [b]\nk=2\n", "1:1 [a] 1\n2:1 a.k 2:3 <1>\n"
				       "f:3:2: error: indented section header [config]\n"
				       "  cure: remove the indent; " IGNORED);
	CHECK("[a]\n[b\x01]\nk=2\n", "1:1 [a] 1\n"
				     "f:2:3: error: control character 0x01 [config]\n"
				     "  cure: remove it\n");
}

static void test_lines_that_are_neither(void **state)
{
	(void)state;
	CHECK("[a]\nk=1\nport 80\n  81\nl=2\n",
	      "1:1 [a] 1\n2:1 a.k 2:3 <1>\n5:1 a.l 5:3 <2>\n"
	      "f:3:1: error: neither a setting nor a section header [config]\n"
	      "  cure: write KEY = VALUE, or indent a line that continues a list\n");
	CHECK("[a]\nk: v\n", "1:1 [a] 1\n"
			     "f:2:2: error: ':' where '=' is expected [config]\n"
			     "  cure: write KEY = VALUE\n");
	CHECK("[a]\nfe80::1 = v\n", "1:1 [a] 1\n"
				    "f:2:5: error: ':' where '=' is expected [config]\n"
				    "  cure: write KEY = VALUE\n");
	CHECK("[a]\n= v\n", "1:1 [a] 1\n"
			    "f:2:1: error: no key before the '=' [config]\n"
			    "  cure: write KEY = VALUE\n");
	CHECK("k = v\n w\nl = x\n[a]\nm = y\n",
	      "4:1 [a] 1\n5:1 a.m 5:5 <y>\n"
	      "f:1:1: error: setting before the first section header [config]\n"
	      "  cure: put it under a header such as [service NAME]; the settings up to the first "
	      "header are ignored until then\n");
}

static void test_comments(void **state)
{
	(void)state;
	CHECK("# c\n; c\n  # c\n\t; c\n[a]\nk = v ; c\nl = w # c\nm = x;y#z\n",
	      "5:1 [a] 1\n6:1 a.k 6:5 <v>\n7:1 a.l 7:5 <w>\n8:1 a.m 8:5 <x;y#z>\n");
	CHECK("[a]\nk = ;c\nl = #\nm =;v\n",
	      "1:1 [a] 1\n2:1 a.k 2:4 <>\n3:1 a.l 3:4 <>\n4:1 a.m 4:4 <;v>\n");
	CHECK("[a]\nk = 1, ; c\n # c\n  2, # c\n\n  3;4\n", "1:1 [a] 1\n2:1 a.k 2:5 <1, 2, 3;4>\n");
	CHECK("[a]\nport ; = 80\n",
	      "1:1 [a] 1\n"
	      "f:2:1: error: neither a setting nor a section header [config]\n"
	      "  cure: write KEY = VALUE, or indent a line that continues a "
	      "list\n");
}

/* A comment of 306 bytes forges a setting in inih alone. */
static void test_comments_of_any_length(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_add(&t, "[a]\n; %0193dmode=off\n%0190d # %0200d\nk = v ; %0500dmode=off\n", 1, 0, 0,
		 0);
	memcpy(strstr(t.s, "mode=off\n") + 9, "x=", 2);
	for (char *s = strstr(t.s, "\nx=") + 3; *s == '0'; s++)
		*s = '7';
	char *got = read_bytes(t.s, t.len);

	assert_non_null(strstr(got, "1:1 [a] 1\n3:1 a.x 3:3 <77777"));
	assert_non_null(strstr(got, "7>\n4:1 a.k 4:5 <v>\n"));
	assert_null(strstr(got, "mode"));
	assert_null(strstr(got, "error"));
	free(got);
	free(t.s);
}

static void test_long_lines(void **state)
{
	(void)state;
	for (int n = 150; n < 900; n++) {
		struct text in = { 0 }, want = { 0 };

		text_add(&in, "[a]\nk=%0*d\n l\n m = n\n%*s\nz = 1\n", n - 2, 7, n, "m");
		in.s[strlen("[a]\nk=") + (size_t)n - 2] = '\n';
		text_add(&want, "1:1 [a] 1\n");
		if (n <= 198)
			text_add(&want, "2:1 a.k 2:3 <%0*d l m>\n", n - 2, 7);
		text_add(&want, "6:1 a.z 6:5 <1>\n");
		if (n > 198)
			text_add(
				&want,
				"f:2:199: error: line of %d bytes, at most 198 can be read "
				"[config]\n  cure: continue the value on further, indented lines\n",
				n);
		text_add(&want, "f:4:2: error: indented setting: it would continue the value above "
				"[config]\n  cure: remove the indent\n");
		if (n > 198)
			text_add(
				&want,
				"f:5:199: error: line of %d bytes, at most 198 can be read "
				"[config]\n  cure: continue the value on further, indented lines\n",
				n);
		check_bytes(in.s, in.len, want.s);
		free(in.s);
		free(want.s);
	}
}

static void test_continuation(void **state)
{
	(void)state;
	CHECK("[a]\nk = 1,\n   2,\n\t3\nl = 4\n", "1:1 [a] 1\n"
						  "2:1 a.k 2:5 <1, 2, 3>\n"
						  "5:1 a.l 5:5 <4>\n");
	CHECK("[a]\nk =\n  1\n  2\n", "1:1 [a] 1\n2:1 a.k 3:3 <1 2>\n");
	CHECK("[a]\nk = 1\n  b:c\n", "1:1 [a] 1\n2:1 a.k 2:5 <1 b:c>\n");
	CHECK("[a]\nk = 1\n  =c\n", "1:1 [a] 1\n2:1 a.k 2:5 <1 =c>\n");
	CHECK("[a]\n  k\n  l\n", "1:1 [a] 1\n"
				 "f:2:3: error: indented, but no value above it [config]\n"
				 "  cure: remove the indent\n");
	CHECK("[a]\n  k = v\n  l-m=v\n",
	      "1:1 [a] 1\n"
	      "f:2:3: error: indented setting: it would continue the value above [config]\n"
	      "  cure: remove the indent\n"
	      "f:3:3: error: indented setting: it would continue the value above [config]\n"
	      "  cure: remove the indent\n");
	CHECK("[a]\nk = 1\n[b]\n 2\n", "1:1 [a] 1\n2:1 a.k 2:5 <1>\n3:1 [b] 1\n"
				       "f:4:2: error: indented, but no value above it [config]\n"
				       "  cure: remove the indent\n");
}

static void test_bytes(void **state)
{
	(void)state;
	CHECK("\xef\xbb\xbf[a]\r\nk=v\r\n  w\r\n", "1:1 [a] 1\n2:1 a.k 2:3 <v w>\n");
	CHECK("\xef\xbb\xbf", "");
	CHECK("[a]\n\xef\xbb\xbf[b]\n",
	      "1:1 [a] 1\n"
	      "f:2:1: error: neither a setting nor a section header [config]\n"
	      "  cure: write KEY = VALUE, or indent a line that continues a list\n");
	CHECK("[a]\nk=\x7f\n", "1:1 [a] 1\n"
			       "f:2:3: error: control character 0x7f [config]\n"
			       "  cure: remove it\n");
	CHECK("[a]\nk=a\0b=c\nl=1\n", "1:1 [a] 1\n3:1 a.l 3:3 <1>\n"
				      "f:2:4: error: NUL byte [config]\n"
				      "  cure: save the file as plain UTF-8 text\n");
	CHECK("# a\0b\n", "f:1:4: error: NUL byte [config]\n"
			  "  cure: save the file as plain UTF-8 text\n");
	CHECK("[a]\rk=v\rl=w\r", "f:1:4: error: carriage return that does not end a line [config]\n"
				 "  cure: end lines with a newline, or with CR LF\n");
	CHECK("[a]\nk=v\r\r\nl=w\r", "1:1 [a] 1\n"
				     "f:2:4: error: carriage return that does not end a line "
				     "[config]\n"
				     "  cure: end lines with a newline, or with CR LF\n"
				     "f:3:4: error: carriage return that does not end a line "
				     "[config]\n"
				     "  cure: end lines with a newline, or with CR LF\n");
	CHECK("[a]\nk=gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80\n",
	      "1:1 [a] 1\n2:1 a.k 2:3 <gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80>\n");
	CHECK("[a]\nk=gr\xfc\n# gr\xfc is no harm\n",
	      "1:1 [a] 1\n"
	      "f:2:5: error: byte 0xfc is not UTF-8 [config]\n"
	      "  cure: save the file as UTF-8\n");
	CHECK("[a]\nk=\033[2J\n", "1:1 [a] 1\n"
				  "f:2:3: error: control character 0x1b [config]\n"
				  "  cure: remove it\n");
}

static void test_utf8_is_checked_strictly(void **state)
{
	static const char *const wrong[] = { "\x80",
					     "\xc0\xaf",
					     "\xc3",
					     "\xe0\x80\x80",
					     "\xed\xa0\x80",
					     "\xe2\x82",
					     "\xf0\x80\x80\x80",
					     "\xf4\x90\x80\x80",
					     "\xff" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char *in = xasprintf("[a]\nk=%s\n", wrong[i]), *got = read_bytes(in, strlen(in));

		assert_non_null(strstr(got, "f:2:3: error: byte 0x"));
		free(got);
		free(in);
	}
}

static void test_directory_is_an_error(void **state)
{
	FILE *f = fopen("/", "r");
	struct diag d = { 0 };

	(void)state;
	assert_non_null(f);
	assert_int_equal(ini_read(f, "/", write_item, NULL, &d), -1);
	assert_string_equal(d.v[0].text, "cannot read: Is a directory");
	diag_free(&d);
	fclose(f);
}

/* Positions of every byte of a list over several lines. */
static void check_positions(void *ctx, const struct ini_item *it, struct diag *d)
{
	static const char *const lines[] = { "", "", "k =  11, 22,", "", "    33 44", "\t55" };
	int *seen = ctx;

	(void)d;
	if (!it->key)
		return;
	for (size_t i = 0; it->value[i]; i++) {
		struct origin at = ini_value_at(it, i);

		if (it->value[i] != ' ')
			assert_int_equal(lines[at.line][at.col - 1], it->value[i]);
		(*seen)++;
	}
}

static void test_positions_in_lists(void **state)
{
	static const char in[] = "[a]\nk =  11, 22,\n# c\n    33 44\n\t55\n";
	FILE *f = fmemopen((void *)(uintptr_t)in, sizeof in - 1, "r");
	struct diag d = { 0 };
	int seen = 0;

	(void)state;
	assert_int_equal(ini_read(f, "f", check_positions, &seen, &d), 0);
	assert_int_equal(seen, 16);
	diag_free(&d);
	fclose(f);
}

/* 200,000 bytes of value and 20,000 errors take no noticeable time. */
static void test_large_inputs(void **state)
{
	struct text t = { 0 };
	char *got;

	(void)state;
	text_add(&t, "[a]\nk =\n");
	for (int i = 0; i < 20000; i++)
		text_add(&t, "  %08d\n", i);
	for (int i = 0; i < 20000; i++)
		text_add(&t, "broken\n");
	got = read_bytes(t.s, t.len);
	assert_non_null(strstr(got, "00019998 00019999>\n"));
	assert_non_null(strstr(got, "f:40002:1: error: neither"));
	free(got);
	free(t.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_and_positions),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_a_broken_header_hides_what_follows),
		cmocka_unit_test(test_lines_that_are_neither),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_comments_of_any_length),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_continuation),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_utf8_is_checked_strictly),
		cmocka_unit_test(test_directory_is_an_error),
		cmocka_unit_test(test_positions_in_lists),
		cmocka_unit_test(test_large_inputs),
	};

	return cmocka_run_group_tests_name("ini", tests, NULL, NULL);
}
