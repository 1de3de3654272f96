/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flood INTERFACE MAC SRC DST PORT PACKETS: sends that many small UDP packets past every queue, so
 * that the receiver's whole path over a veth runs in our time; prints ns per packet. */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define PAYLOAD 20

struct packet {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	char payload[PAYLOAD];
} __attribute__((packed));

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint16_t ip_checksum(const void *ip)
{
	uint16_t words[sizeof(struct iphdr) / 2];
	uint32_t sum = 0;

	memcpy(words, ip, sizeof words);
	for (size_t i = 0; i < sizeof words / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void packet_init(struct packet *p, char **argv)
{
	const struct ether_addr *mac = ether_aton(argv[2]);

	memset(p, 0, sizeof *p);
	if (mac)
		memcpy(p->ether.ether_dhost, mac, sizeof *mac);
	p->ether.ether_type = htons(ETHERTYPE_IP);
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.ttl = 64;
	p->ip.protocol = IPPROTO_UDP;
	p->ip.tot_len = htons(sizeof *p - sizeof p->ether);
	p->ip.saddr = inet_addr(argv[3]);
	p->ip.daddr = inet_addr(argv[4]);
	p->ip.check = ip_checksum(&p->ip);
	p->udp.source = htons(1024);
	p->udp.dest = htons((uint16_t)strtoul(argv[5], NULL, 10));
	p->udp.len = htons(sizeof p->udp + PAYLOAD);
}

int main(int argc, char **argv)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IP) };
	struct packet p;
	struct iovec io = { &p, sizeof p };
	struct mmsghdr batch[BATCH];
	long long start, sent = 0, want;
	int s, n, one = 1;

	if (argc != 7)
		return 2;
	packet_init(&p, argv);
	want = strtoll(argv[6], NULL, 10);
	at.sll_ifindex = (int)if_nametoindex(argv[1]);
	s = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_IP));
	if (s < 0 || setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) ||
	    bind(s, (struct sockaddr *)&at, sizeof at)) {
		perror("flood");
		return 1;
	}
	memset(batch, 0, sizeof batch);
	for (n = 0; n < BATCH; n++) {
		batch[n].msg_hdr.msg_iov = &io;
		batch[n].msg_hdr.msg_iovlen = 1;
	}
	start = now();
	while (sent < want) {
		n = sendmmsg(s, batch, BATCH, 0);
		if (n > 0)
			sent += n;
	}
	printf("%.1f\n", (double)(now() - start) / (double)sent);
	return 0;
}
