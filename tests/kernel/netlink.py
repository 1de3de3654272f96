# SPDX-License-Identifier: GPL-2.0-or-later
"""Two questions to the kernel without any tool: conntrack entries, and nft's generation id."""

import collections
import ipaddress
import socket
import struct

NETLINK_NETFILTER = 12  # not in Python 3.11
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE = 1 << 8 | 1, 1 << 8 | 2
NFT_MSG_GETGEN = 10 << 8 | 16
CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_TUPLE_PROTO = 1, 1, 2
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
NFTA_GEN_ID = 1

Entry = collections.namedtuple("Entry", "proto src sport dst dport")


def attributes(data):
    """{type: payload} of a run of netlink attributes."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def ask(host, kind, flags, family):
    """The attributes of every message that answers one nfnetlink request."""
    with host:
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    with s:
        s.send(struct.pack("=IHHIIBBH", 20, kind, NLM_F_REQUEST | flags, 1, 0, family, 0, 0))
        while True:
            data = s.recv(1 << 17)
            while len(data) >= 16:
                length, kind, _, _, _ = struct.unpack_from("=IHHII", data)
                if kind == NLMSG_ERROR:
                    error = -struct.unpack_from("=i", data, 16)[0]
                    if error:
                        raise OSError(error, "netlink")
                    return
                if kind == NLMSG_DONE:
                    return
                yield attributes(data[20:length])
                if not flags & NLM_F_DUMP:
                    return
                data = data[(length + 3) & ~3:]


def decode_entry(message):
    tuple_ = attributes(message[CTA_TUPLE_ORIG])
    ends = attributes(tuple_[CTA_TUPLE_IP])
    proto = attributes(tuple_[CTA_TUPLE_PROTO])
    src, dst = [str(ipaddress.ip_address(ends[k])) for k in sorted(ends)]
    sport, dport = [int.from_bytes(proto.get(k, b""), "big")
                    for k in (CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT)]
    return Entry(proto[CTA_PROTO_NUM][0], src, sport, dst, dport)


def entries(host):
    """Every conntrack entry of a host, both families."""
    return [decode_entry(m) for family in (socket.AF_INET, socket.AF_INET6)
            for m in ask(host, IPCTNL_MSG_CT_GET, NLM_F_DUMP, family)]


def flush(host):
    """Drops every conntrack entry of a host."""
    list(ask(host, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, 0))


def generation(host):
    """nft's generation id: it moves with every commit."""
    for message in ask(host, NFT_MSG_GETGEN, 0, 0):
        return int.from_bytes(message[NFTA_GEN_ID], "big")
