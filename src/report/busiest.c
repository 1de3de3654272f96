/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses that have the most entries, in bounded memory. */
#include "report/busiest.h"

#include <arpa/inet.h>
#include <string.h>
#include "util.h"

#define NOBODY UINT32_MAX

struct slot {
	struct busy_address a;
	uint32_t next;	/* of the same hash chain; NOBODY: the last */
	uint32_t place; /* in the heap */
};

struct busiest {
	size_t n, most, room;
	bool more;	 /* a slot was given to another address */
	uint32_t *heads; /* hash chains; n_heads is a power of two */
	uint32_t n_heads;
	struct slot *slots;
	uint32_t *heap; /* slots, the one with the fewest entries first; made when all are taken */
};

#define ROOM_AT_FIRST 256

struct busiest *busiest_new(size_t most)
{
	struct busiest *b = xcalloc(1, sizeof(*b));

	b->most = most;
	b->n_heads = 64;
	while (b->n_heads < most)
		b->n_heads *= 2;
	b->heads = xcalloc(b->n_heads, sizeof(*b->heads));
	memset(b->heads, 0xff, b->n_heads * sizeof(*b->heads));
	return b;
}

void busiest_free(struct busiest *b)
{
	if (!b)
		return;
	free(b->heads);
	free(b->slots);
	free(b->heap);
	free(b);
}

static size_t length(enum family f)
{
	return f == FAMILY_V4 ? 4 : 16;
}

/* Addresses of one network differ in few bits: all of them must move. */
static uint32_t *head_of(struct busiest *b, enum family f, const uint8_t *addr)
{
	uint64_t words[2] = { 0 }, h;

	memcpy(words, addr, length(f));
	h = (words[0] ^ (uint64_t)f) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 32 ^ words[1]) * 0xd6e8feb86659fd93u;
	return &b->heads[(uint32_t)(h ^ h >> 32) & (b->n_heads - 1)];
}

static struct slot *find(struct busiest *b, enum family f, const uint8_t *addr)
{
	uint32_t i = *head_of(b, f, addr);

	while (i != NOBODY &&
	       (b->slots[i].a.family != f || memcmp(b->slots[i].a.addr, addr, length(f)) != 0))
		i = b->slots[i].next;
	return i == NOBODY ? NULL : &b->slots[i];
}

/* ---- the heap ----------------------------------------------------------------------------------
 */

static uint64_t weight(const struct busiest *b, size_t place)
{
	return b->slots[b->heap[place]].a.entries;
}

static void put(struct busiest *b, size_t place, uint32_t slot)
{
	b->heap[place] = slot;
	b->slots[slot].place = (uint32_t)place;
}

/* The slot at place has more entries than before. */
static void sink(struct busiest *b, size_t place)
{
	for (;;) {
		size_t least = place, child = 2 * place + 1;
		uint32_t slot = b->heap[place];

		for (size_t c = child; c < child + 2 && c < b->n; c++)
			if (weight(b, c) < weight(b, least))
				least = c;
		if (least == place)
			return;
		put(b, place, b->heap[least]);
		put(b, least, slot);
		place = least;
	}
}

static void make_heap(struct busiest *b)
{
	b->heap = xcalloc(b->n, sizeof(*b->heap));
	for (size_t i = 0; i < b->n; i++)
		put(b, i, (uint32_t)i);
	for (size_t i = b->n / 2; i > 0; i--)
		sink(b, i - 1);
}

/* ---- counting ----------------------------------------------------------------------------------
 */

static void chain(struct busiest *b, struct slot *s, enum family f, const uint8_t *addr)
{
	uint32_t *head = head_of(b, f, addr);

	s->a.family = f;
	memset(s->a.addr, 0, sizeof(s->a.addr));
	memcpy(s->a.addr, addr, length(f));
	s->next = *head;
	*head = (uint32_t)(s - b->slots);
}

static struct slot *add_slot(struct busiest *b, enum family f, const uint8_t *addr)
{
	struct slot *s;

	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : ROOM_AT_FIRST;
		struct slot *slots = xcalloc(room, sizeof(*slots));

		if (b->n)
			memcpy(slots, b->slots, b->n * sizeof(*slots));
		free(b->slots);
		b->slots = slots;
		b->room = room;
	}
	s = &b->slots[b->n++];
	chain(b, s, f, addr);
	return s;
}

static void unchain(struct busiest *b, const struct slot *s)
{
	uint32_t *at = head_of(b, s->a.family, s->a.addr), i = (uint32_t)(s - b->slots);

	while (*at != i)
		at = &b->slots[*at].next;
	*at = s->next;
}

/* The address with the fewest entries gives way to one that is not counted yet. That one may have
 * had as many before, when it had to give way itself. */
static struct slot *take_over(struct busiest *b, enum family f, const uint8_t *addr)
{
	struct slot *s;

	if (!b->heap)
		make_heap(b);
	s = &b->slots[b->heap[0]];
	unchain(b, s);
	b->more = true;
	s->a.surplus = s->a.entries;
	s->a.as_source = s->a.as_destination = 0;
	chain(b, s, f, addr);
	return s;
}

void busiest_add(struct busiest *b, enum family f, const uint8_t *addr, unsigned roles)
{
	struct slot *s = find(b, f, addr);

	if (!s)
		s = b->n < b->most ? add_slot(b, f, addr) : take_over(b, f, addr);
	s->a.entries++;
	s->a.as_source += roles & BUSY_SOURCE ? 1 : 0;
	s->a.as_destination += roles & BUSY_DESTINATION ? 1 : 0;
	if (b->heap)
		sink(b, s->place);
}

size_t busiest_addresses(const struct busiest *b, bool *more)
{
	*more = b->more;
	return b->n;
}

static bool is_before(const struct busy_address *a, const struct busy_address *b)
{
	if (a->entries != b->entries)
		return a->entries > b->entries;
	if (a->family != b->family)
		return a->family < b->family;
	return memcmp(a->addr, b->addr, sizeof(a->addr)) < 0;
}

size_t busiest_top(const struct busiest *b, struct busy_address *out, size_t n)
{
	size_t got = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct busy_address *a = &b->slots[i].a;
		size_t at = got;

		while (at > 0 && is_before(a, &out[at - 1]))
			at--;
		if (at == n)
			continue;
		got += got < n;
		memmove(&out[at + 1], &out[at], (got - 1 - at) * sizeof(*out));
		out[at] = *a;
	}
	return got;
}

const char *busy_address_text(const struct busy_address *a, char *text)
{
	return inet_ntop(a->family == FAMILY_V4 ? AF_INET : AF_INET6, a->addr, text,
			 INET6_ADDRSTRLEN);
}
