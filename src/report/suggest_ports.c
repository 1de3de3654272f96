/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services that are known by their port: the same on every host, unlike services(5). */
#include "report/suggest.h"

#include <netinet/in.h>

enum { TCP = 1, UDP = 2, BOTH = 3 };

static const struct {
	uint16_t port;
	unsigned protos;
	const char *name, *text;
	bool peer;
} ports[] = {
	{ 22, TCP, "ssh", NULL, false },
	{ 25, TCP, "smtp", NULL, false },
	{ 53, BOTH, "dns", "questions and answers of DNS", false },
	{ 80, TCP, "http", NULL, false },
	{ 88, BOTH, "kerberos", NULL, false },
	{ 110, TCP, "pop3", NULL, false },
	{ 111, BOTH, "rpcbind", NULL, false },
	{ 123, UDP, "ntp", NULL, false },
	{ 143, TCP, "imap", NULL, false },
	{ 161, UDP, "snmp", NULL, false },
	{ 389, BOTH, "ldap", NULL, false },
	{ 443, TCP, "https", NULL, false },
	{ 443, UDP, "http3", "HTTP/3", false },
	{ 445, TCP, "smb", NULL, false },
	{ 500, UDP, "ike", "IPsec key exchange", true },
	{ 514, BOTH, "syslog", NULL, false },
	{ 587, TCP, "submission", NULL, false },
	{ 636, TCP, "ldaps", NULL, false },
	{ 853, BOTH, "dns-over-tls", NULL, false },
	{ 873, TCP, "rsync", NULL, false },
	{ 993, TCP, "imaps", NULL, false },
	{ 1194, BOTH, "openvpn", NULL, false },
	{ 1812, UDP, "radius", NULL, false },
	{ 1813, UDP, "radius-accounting", NULL, false },
	{ 1883, TCP, "mqtt", NULL, false },
	{ 2049, BOTH, "nfs", NULL, false },
	{ 2379, TCP, "etcd", NULL, false },
	{ 3306, TCP, "mysql", NULL, false },
	{ 3478, BOTH, "stun", NULL, false },
	{ 4500, UDP, "ipsec-nat-t", "IPsec in UDP", true },
	{ 4789, UDP, "vxlan", "tunnels (VXLAN)", true },
	{ 5060, BOTH, "sip", NULL, false },
	{ 5353, UDP, "mdns", NULL, false },
	{ 5432, TCP, "postgresql", NULL, false },
	{ 5672, TCP, "amqp", NULL, false },
	{ 6081, UDP, "geneve", "tunnels (GENEVE)", true },
	{ 6379, TCP, "redis", NULL, false },
	{ 6443, TCP, "kubernetes", NULL, false },
	{ 8080, TCP, "http-alt", NULL, false },
	{ 8125, UDP, "statsd", NULL, false },
	{ 8443, TCP, "https-alt", NULL, false },
	{ 8472, UDP, "vxlan-linux", "tunnels (VXLAN, the port of Linux and flannel)", true },
	{ 9042, TCP, "cassandra", NULL, false },
	{ 9092, TCP, "kafka", NULL, false },
	{ 9200, TCP, "elasticsearch", NULL, false },
	{ 11211, BOTH, "memcached", NULL, false },
	{ 27017, TCP, "mongodb", NULL, false },
	{ 51820, UDP, "wireguard", "tunnels (WireGuard)", true },
};

static size_t find(uint8_t proto, uint16_t port)
{
	const unsigned bit = proto == IPPROTO_TCP ? TCP : proto == IPPROTO_UDP ? UDP : 0;
	size_t i = 0;

	while (i < ARRAY_SIZE(ports) && !(ports[i].port == port && ports[i].protos & bit))
		i++;
	return i;
}

const char *suggest_port_name(uint8_t proto, uint16_t port)
{
	size_t i = find(proto, port);

	return i < ARRAY_SIZE(ports) ? ports[i].name : NULL;
}

const char *suggest_port_text(uint8_t proto, uint16_t port)
{
	size_t i = find(proto, port);

	if (proto == IPPROTO_GRE || proto == IPPROTO_IPIP || proto == IPPROTO_IPV6)
		return "tunnels";
	if (proto == IPPROTO_ESP || proto == IPPROTO_AH)
		return "tunnels (IPsec)";
	return i < ARRAY_SIZE(ports) ? ports[i].text : NULL;
}

bool suggest_port_is_peer(uint8_t proto, uint16_t port)
{
	size_t i = find(proto, port);

	return i < ARRAY_SIZE(ports) && ports[i].peer;
}
