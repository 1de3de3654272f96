/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink attributes: reading without trust in a length, and values that are written once. */
#include "kernel/nft_attr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <string.h>

#define UDATA_RULE_COMMENT 0 /* libnftnl/udata.h: type, length, then that many bytes */

void nft_attrs_read(struct nft_attrs *t, const void *data, size_t len)
{
	const struct nlattr *attr;

	memset(t, 0, sizeof *t);
	if (!data)
		return;
	mnl_attr_for_each_payload(data, len)
	{
		if (mnl_attr_get_type(attr) < NFT_ATTR_TYPES)
			t->v[mnl_attr_get_type(attr)] = attr;
	}
}

void nft_attrs_nested(struct nft_attrs *t, const struct nlattr *nest)
{
	nft_attrs_read(t, nest ? mnl_attr_get_payload(nest) : NULL, nft_attr_len(nest));
}

size_t nft_attr_len(const struct nlattr *a)
{
	return a ? mnl_attr_get_payload_len(a) : 0;
}

uint32_t nft_attr_u32(const struct nlattr *a, uint32_t fallback)
{
	uint32_t v;

	if (nft_attr_len(a) < sizeof v)
		return fallback;
	memcpy(&v, mnl_attr_get_payload(a), sizeof v);
	return ntohl(v);
}

uint64_t nft_attr_u64(const struct nlattr *a, uint64_t fallback)
{
	uint64_t v;

	if (nft_attr_len(a) < sizeof v)
		return fallback;
	memcpy(&v, mnl_attr_get_payload(a), sizeof v);
	return be64toh(v);
}

bool nft_attr_is(const struct nlattr *a, const char *s)
{
	size_t len = strlen(s);

	return nft_attr_len(a) >= len && memcmp(mnl_attr_get_payload(a), s, len) == 0 &&
	       strnlen(mnl_attr_get_payload(a), nft_attr_len(a)) == len;
}

static char *string_of(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *copy = xcalloc(1, len + 1);

	memcpy(copy, s, len);
	return copy;
}

char *nft_attr_string(const struct nlattr *a)
{
	return a ? string_of(mnl_attr_get_payload(a), nft_attr_len(a)) : NULL;
}

char *nft_attr_comment(const struct nlattr *a)
{
	const uint8_t *v = a ? mnl_attr_get_payload(a) : NULL;
	size_t left = nft_attr_len(a);

	while (left >= 2 && left - 2 >= v[1]) {
		if (v[0] == UDATA_RULE_COMMENT)
			return string_of((const char *)v + 2, v[1]);
		left -= 2 + (size_t)v[1];
		v += 2 + (size_t)v[1];
	}
	return NULL;
}

static uint8_t *blob_room(struct blob *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;

	while (cap - b->n < len)
		cap *= 2;
	if (cap != b->cap) {
		uint8_t *v = xgrow(NULL, 0, cap); /* not zeroed: all of it is written */

		if (b->n)
			memcpy(v, b->v, b->n);
		free(b->v);
		b->v = v;
		b->cap = cap;
	}
	b->n += len;
	return b->v + b->n - len;
}

void blob_add(struct blob *b, const void *data, size_t len)
{
	if (len)
		memcpy(blob_room(b, len), data, len);
}

void blob_attr(struct blob *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type };

	blob_add(b, &a, sizeof a);
	blob_add(b, data, len);
	memset(blob_room(b, NLA_ALIGN(len) - len), 0, NLA_ALIGN(len) - len);
}

size_t blob_nest(struct blob *b, uint16_t type)
{
	size_t at = b->n;

	blob_attr(b, type, NULL, 0);
	return at;
}

void blob_nest_end(struct blob *b, size_t nest)
{
	struct nlattr a;

	memcpy(&a, b->v + nest, sizeof a);
	a.nla_len = (uint16_t)(b->n - nest);
	memcpy(b->v + nest, &a, sizeof a);
}

void text_hex(struct text *t, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *v = data;
	char out[512];

	while (len) {
		size_t n = len < sizeof out / 2 ? len : sizeof out / 2;

		for (size_t i = 0; i < n; i++) {
			out[2 * i] = digits[v[i] >> 4];
			out[2 * i + 1] = digits[v[i] & 15];
		}
		text_put(t, out, 2 * n);
		v += n;
		len -= n;
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool blob_unhex(struct blob *b, const char *hex, size_t len)
{
	uint8_t *out;

	if (len % 2)
		return false;
	if (!len)
		return true;
	out = blob_room(b, len / 2);
	for (size_t i = 0; i < len; i += 2) {
		int hi = hex_digit(hex[i]), lo = hex_digit(hex[i + 1]);

		if (hi < 0 || lo < 0) {
			b->n -= len / 2;
			return false;
		}
		*out++ = (uint8_t)(hi << 4 | lo);
	}
	return true;
}
