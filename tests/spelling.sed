# SPDX-License-Identifier: GPL-2.0-or-later
# A listing of nft as nft 1.0.6 (Debian 12) spells it, but for its lines: nft lists the same rules in
# other words from version to version, and tests compare listings. Everything of the kind is here.

# 1.0.6: tcp flags syn / fin,syn,rst,ack      tcp flags != syn / fin,syn,rst,ack
# 1.1.3: tcp flags & (fin | syn | rst | ack) == syn      tcp flags & (fin | syn | rst | ack) != syn
:flags
s/\(tcp flags & ([a-z,]*\) | /\1,/
t flags
s/tcp flags & (\([a-z,]*\)) == \([a-z][a-z]*\)/tcp flags \2 \/ \1/g
s/tcp flags & (\([a-z,]*\)) != \([a-z][a-z]*\)/tcp flags != \2 \/ \1/g

# The burst that a limit has when none is said: 1.0.6 leaves it out, 1.1.3 does not.
s/\(limit rate [a-z0-9 \/]*[a-z]\) burst 5 packets/\1/g

# Elements of maps: 1.0.6 writes several on a line, 1.1.3 one. Here: all on one line.
:elements
/elements = {[^}]* : [^}]*$/{
	N
	s/,\n[ \t]*/, /
	b elements
}
