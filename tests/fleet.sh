#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The Ansible role against two hosts of our own, which are network namespaces with files and processes
# of their own and an sshd each. build-deb has the package (make deb), UNTRACK_PACKAGES an sshd that
# was not installed (make test-fleet).
here=$(cd "$(dirname "$0")" && pwd)

# host ROOT: what runs in a host.
if [ "${1-}" = host ]; then
	mount -t proc proc "$2/proc" && mount -t tmpfs -o mode=755 run "$2/run" &&
		mount --rbind /dev "$2/dev" && mkdir "$2/run/sshd" &&
		ip link set lo up && exec chroot "$2" /usr/sbin/sshd -D -e -f /etc/ssh/fleet
	exit 1
fi

. "$here/lib.sh"
cd "$here/.." || exit 1
if [ "${1-}" != inside ]; then
	for tool in ansible-playbook ssh nft; do
		command -v $tool >/dev/null || { skip "fleets" "no $tool: make test-fleet" && finish; }
	done
	unshare --net --mount --pid --fork --kill-child --mount-proc "$0" inside
	exit
fi

DEB=${UNTRACK_DEB:-$(echo "$PWD"/build-deb/untrack_[0-9]*.deb)}
HOME=$SCRATCH/home
export HOME ANSIBLE_CONFIG="$SCRATCH/ansible.cfg" LC_ALL=C.UTF-8
unset SSH_AUTH_SOCK SSH_CONNECTION

cleanup() {
	umount -l "$SCRATCH"/*/root "$SCRATCH/one" "$SCRATCH/two" 2>/dev/null
	rm -rf "$SCRATCH"
}
trap cleanup EXIT

controller() {
	mount -t tmpfs -o mode=755 run /run && mkdir "$HOME" && ip link set lo up &&
		ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/key" &&
		cat >"$ANSIBLE_CONFIG" <<-EOF
			[defaults]
			roles_path = $PWD/packaging/ansible/roles
			inventory = $SCRATCH/hosts
			interpreter_python = /usr/bin/python3
			timeout = 5
			[ssh_connection]
			control_path_dir = $SCRATCH/cp
			pipelining = true
			transfer_method = piped
			ssh_args = -F none -i $SCRATCH/key -o UserKnownHostsFile=$SCRATCH/known -o StrictHostKeyChecking=accept-new -o ControlMaster=auto -o ControlPersist=60s
		EOF
}

sshd_files() { # ROOT
	if [ ! -x "$1/usr/sbin/sshd" ]; then
		for p in openssh-server libwrap0; do
			cp -a "$UNTRACK_PACKAGES/$p/usr/." "$1/usr/" || return
		done
	fi
	grep -q '^sshd:' "$1/etc/passwd" ||
		echo 'sshd:x:64999:65534::/run/sshd:/usr/sbin/nologin' >>"$1/etc/passwd"
	sed -i 's/^root:[^:]*:/root:*:/' "$1/etc/shadow"
	cp "$SCRATCH/key.pub" "$1/etc/ssh/fleet.keys"
	ssh-keygen -q -t ed25519 -N '' -f "$1/etc/ssh/fleet.host" </dev/null
	cat >"$1/etc/ssh/fleet" <<-EOF
		Port 2202
		HostKey /etc/ssh/fleet.host
		AuthorizedKeysFile /etc/ssh/fleet.keys
		PidFile none
		UsePAM no
		UseDNS no
		PasswordAuthentication no
	EOF
}

# A firewall by state, so that there are twins.
firewall() { # HOST
	ip netns exec "$1" nft -f - <<-EOF
		table inet fw {
			chain input {
				type filter hook input priority 0; policy drop;
				iif lo accept
				ct state established,related accept
				icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
				tcp dport { 80, 2202 } ct state new accept
			}
		}
	EOF
}

host() { # NAME NUMBER
	root=$SCRATCH/$1/root
	mkdir "$SCRATCH/$1" && mount -t tmpfs "$1" "$SCRATCH/$1" &&
		mkdir "$SCRATCH/$1/upper" "$SCRATCH/$1/work" "$root" && mount -t overlay overlay -o \
		"lowerdir=/,upperdir=$SCRATCH/$1/upper,workdir=$SCRATCH/$1/work" "$root" || return
	rm -rf "$root/etc/untrack" "$root/var/lib/untrack" "$root/usr/local/sbin/untrack"
	sshd_files "$root" && ip netns add "$1" &&
		ip link add "$1" type veth peer name eth0 netns "$1" &&
		ip address add "10.77.$2.1/24" dev "$1" && ip link set "$1" up &&
		ip -n "$1" address add "10.77.$2.2/24" dev eth0 && ip -n "$1" link set eth0 up &&
		firewall "$1" || return
	ip netns exec "$1" unshare --mount --pid --fork --kill-child "$here/fleet.sh" host "$root" \
		</dev/null >"$SCRATCH/$1.sshd" 2>&1 &
	echo "$1 ansible_host=10.77.$2.2 ansible_port=2202 ansible_user=root" >>"$SCRATCH/hosts"
	for _ in $(seq 100); do
		ssh-keyscan -T 1 -p 2202 "10.77.$2.2" 2>/dev/null | grep -q ed25519 && return
		sleep 0.1
	done
	cat "$SCRATCH/$1.sshd"
	return 1
}

# playbook WEB OPTION...: the role with the ports of WEB; what was said is in $SCRATCH/said.
playbook() {
	cat >"$SCRATCH/site.yml" <<-EOF
		- hosts: all
		  gather_facts: false
		  roles:
		    - role: untrack
		      untrack_deb: $DEB
		      untrack_confirm: ${CONFIRM:-60s}
		      untrack_config: |
		        [untrack]
		        family = ipv4, ipv6
		      untrack_rules:
		        web.conf: |
		          [service web]
		          protocol = tcp
		          port = $1
		        web.expect: |
		          [expect web]
		          flow = tcp 198.51.100.7:40000 -> {{ ansible_host }}:80 in eth0
		          result = untracked
	EOF
	shift
	ansible-playbook "$@" "$SCRATCH/site.yml" >"$SCRATCH/said" 2>&1
	code=$?
	cat "$SCRATCH/said"
	return $code
}

# recap HOST WORD...: do the counts of that host have these words, such as changed=0?
recap() {
	line=$(grep "^$1 .*ok=" "$SCRATCH/said")
	shift
	for word; do
		echo "$line" | grep -qE "$word( |\$)" || return
	done
}

exempt() { # HOST
	ip netns exec "$1" nft list table inet untrack 2>/dev/null | grep -q notrack
}

twins() { # HOST
	ip netns exec "$1" nft list table inet fw | grep -q 'untrack:'
}

# What was applied stays, on whatever machine and however slow it is.
confirmed() { # HOST
	address=$(sed -n "s/^$1 ansible_host=\([^ ]*\).*/\1/p" "$SCRATCH/hosts")
	ssh -n -F none -i "$SCRATCH/key" -o UserKnownHostsFile="$SCRATCH/known" -p 2202 "root@$address" \
		untrack confirm 2>&1 | grep 'nothing waits for a confirmation'
}

# What a host is, apart from counters.
state() { # HOST
	ip netns exec "$1" nft -s list ruleset
	(cd "$SCRATCH/$1/root" && find etc/untrack var/lib/untrack usr/sbin/untrack -type f \
		-exec cksum {} + 2>&1 | sort)
}

keep() {
	for h in one two; do state $h >"$SCRATCH/$h.before"; done
}

as_before() {
	for h in one two; do
		state $h >"$SCRATCH/$h.now"
		diff -u "$SCRATCH/$h.before" "$SCRATCH/$h.now" || return
	done
}

bare_check() {
	keep
	playbook 80 --check && as_before && grep -q 'The package is not installed' "$SCRATCH/said" &&
		recap one 'changed=[1-9][0-9]*'
}

first() {
	playbook 80 --diff && for h in one two; do
		recap $h 'changed=[1-9][0-9]*' 'failed=0' && confirmed $h && exempt $h && twins $h ||
			return
	done
	grep -q '^+port = 80' "$SCRATCH/said" && grep -q '+ prerouting notrack web' "$SCRATCH/said"
}

second() {
	keep
	playbook 80 --diff && recap one 'changed=0' && recap two 'changed=0' && as_before
}

checked() {
	keep
	playbook 80,443 --check --diff && as_before && recap one 'changed=2' &&
		grep -q '+ prerouting notrack web protocol tcp dport 80,443' "$SCRATCH/said" &&
		grep -q '^+port = 80,443' "$SCRATCH/said"
}

broken() { # MODE...: a port that is none, then an expectation that does not come true
	keep
	! playbook 80,70000 "$@" && as_before && grep -q 'web.conf:3:11: error' "$SCRATCH/said" &&
		! playbook 443 "$@" && as_before && recap one 'changed=0' 'failed=1'
}

# What somebody has taken away is a change again.
repaired() {
	ip netns exec one nft delete table inet untrack
	playbook 80 && recap one 'changed=1' && recap two 'changed=0' && exempt one
}

# With the new rules host two hears no new connection any more; those that are there go on.
lock_out() {
	mv "$SCRATCH/two/root/usr/sbin/untrack" "$SCRATCH/two/root/usr/sbin/untrack.real"
	cat >"$SCRATCH/two/root/usr/sbin/untrack" <<-'EOF'
		#!/bin/sh
		untrack.real "$@" || exit
		case "$*" in *apply*) nft 'table inet deaf { chain input {
			type filter hook input priority -400;
			tcp dport 2202 tcp flags & (syn | ack) == syn drop; }; }' ;; esac
	EOF
	chmod 755 "$SCRATCH/two/root/usr/sbin/untrack"
}

let_in() {
	ip netns exec two nft delete table inet deaf
	mv "$SCRATCH/two/root/usr/sbin/untrack.real" "$SCRATCH/two/root/usr/sbin/untrack"
}

has_443() { # HOST
	ip netns exec "$1" nft list table inet untrack | grep -q 443
}

goes_back() {
	keep
	lock_out
	CONFIRM=20s
	! playbook 80,443 && recap two 'unreachable=1' && recap one 'changed=[1-9]' && has_443 one &&
		exempt two || return
	for _ in $(seq 600); do
		has_443 two || break
		sleep 0.1
	done
	let_in
	! has_443 two && twins two && state two >"$SCRATCH/two.now" &&
		grep -v generation "$SCRATCH/two.before" >"$SCRATCH/two.b" &&
		grep -v generation "$SCRATCH/two.now" | diff -u "$SCRATCH/two.b" -
}

once_more() {
	CONFIRM=
	playbook 80,443 && recap one 'changed=0' && recap two 'changed=[1-9]' && has_443 two
}

claim "a controller" controller
claim "two hosts" eval 'host one 1 && host two 2'
claim "check mode before the package is there" bare_check
claim "first run: changed" first
claim "second run: not changed" second
claim "check mode says what would change, and changes nothing" checked
claim "a configuration that is wrong fails before anything is touched" broken
claim "the same in check mode" broken --check
claim "rules that somebody has taken away come back, as one change" repaired
claim "no new connection: the host goes back by itself, and its files never changed" goes_back
claim "once it answers, it follows" once_more
finish
