#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# untrack completion: what bash, zsh and fish offer at a point of a command line, asked of the shells
# themselves, is what the help texts name.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
untrack=$(realpath "${UNTRACK:-$here/../../build/untrack}")
cd "$SCRATCH" || exit 1

# The words of the line go to bash as readline would cut them, '=' being a word of its own.
cat >ask.bash <<'END'
source "$1"
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
_untrack
printf '%s\n' "${COMPREPLY[@]}" | sed 's/ *$//'
END

# zsh completes in its line editor only: one in a terminal of its own lists the choices.
cat >ask.zsh <<'END'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1='go> '; TERM=dumb; LISTMAX=9999; stty columns 200 rows 200; autoload -Uz compinit" \
	"&& compinit -D -u && source $1; bindkey '^I' list-choices; print REA''DY"
zpty -r shell out '*READY*go> '
zpty -n -w shell "$2"$'\t'
zpty -n -w shell $'\x15exit\n'
while zpty -r shell out; do print -rn -- $out; done
END

from_bash() { # WORD...
	bash --norc ask.bash bash.completion "$@" | sort
}

from_fish() { # LINE
	HOME=$SCRATCH fish -N -c "source fish.completion; complete -C '$1'" | cut -f 1 | sort
}

from_zsh() { # LINE
	timeout 60 zsh -f ask.zsh ./zsh.completion "$1" </dev/null | tr -d '\r'
}

lines() { # WORD...
	printf '%s\n' "$@" | sort
}

commands() {
	"$untrack" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' | sort
}

# The long options of every command and of this one.
options() { # COMMAND
	"$untrack" help "$1" | sed -n 's/^ .\{5\}\(--[a-z-]*\).*/\1/p' | sort
}

bash_offers() { # "WORD..." LINE-WORD...
	# shellcheck disable=SC2086
	lines $1 >want
	shift
	from_bash "$@" >got
	diff -u want got
}

bash_knows_all() {
	commands >want
	from_bash untrack "" | diff -u want - || return 1
	from_bash untrack --color never --config=x -q help "" | diff -u want - || return 1
	for c in $(commands); do
		[ "$c" != help ] || continue
		options "$c" >want
		from_bash untrack "$c" -- | diff -u want - || return 1
	done
}

bash_finds_files() {
	bash_offers "rules of.conf" untrack check ru && return 1 # one name, not two words
	[ "$(from_bash untrack check ru)" = "rules of.conf" ] &&
		[ "$(from_bash untrack check --facts = ru)" = "rules of.conf" ] &&
		[ "$(from_bash untrack check --facts x "rules of.conf" su)" = sub ] &&
		[ "$(from_bash untrack --config "")" = sub ] &&
		[ -z "$(from_bash untrack apply ru)" ] && [ -z "$(from_bash untrack rollback "")" ]
}

fish_knows_all() {
	commands >want
	from_fish "untrack " | diff -u want - || return 1
	for c in $(commands); do
		[ "$c" != help ] || continue
		options "$c" >want
		from_fish "untrack $c --" | diff -u want - || return 1
	done
}

fish_offers() { # "WORD..." LINE
	# shellcheck disable=SC2086
	lines $1 >want
	from_fish "$2" >got
	diff -u want got
}

fish_finds_files() {
	[ "$(from_fish "untrack check ru")" = "rules of.conf" ] &&
		[ "$(from_fish "untrack --config s")" = sub/ ] &&
		[ -z "$(from_fish "untrack apply ru")" ]
}

zsh_knows_all() {
	from_zsh "untrack " >got
	for c in $(commands); do
		grep -q "^$c " got || { echo "no $c in:" && cat got; return 1; }
	done
	for c in $(commands); do
		[ "$c" != help ] || continue
		for o in $(options "$c"); do
			grep -q -- "'.*${o}[]=[{'}]" zsh.completion || { echo "no $o"; return 1; }
		done
	done
}

zsh_offers() { # "WORD..." LINE
	from_zsh "$2" >got
	for w in $1; do
		grep -qw -e "$w" got || { cat -v got; return 1; }
	done
	! grep -qw expire got
}

refused() {
	"$untrack" completion "$@" >said 2>&1
	[ $? = 2 ] && grep -q 'bash, zsh or fish' said
}

for shell in bash zsh fish; do
	claim "$shell" "$untrack" completion $shell
	"$untrack" completion $shell >$shell.completion
done
claim "no shell" refused
claim "another shell" refused csh
touch "rules of.conf"
mkdir sub

claim "bash: every command, every option" bash_knows_all
claim "bash: begins of words" bash_offers "check" untrack ch
claim "bash: choices" bash_offers "nft" untrack show --as n
claim "bash: choices behind =" bash_offers "nftables iptables auto" untrack --backend =
claim "bash: a part behind =" bash_offers "nftables" untrack --backend = n
claim "bash: = within the word" bash_offers "--as=nft" untrack show --as=nf
claim "bash: operands that are choices" bash_offers "bash fish zsh" untrack completion ""
claim "bash: an option of another command has no choices" bash_offers "" untrack apply --as n
claim "bash: files, directories, blanks in names" bash_finds_files
if command -v fish >/dev/null; then
	claim "fish: every command, every option" fish_knows_all
	claim "fish: choices" fish_offers "nft" "untrack show --as n"
	claim "fish: operands that are choices" fish_offers "bash fish zsh" "untrack completion "
	claim "fish: files" fish_finds_files
else
	skip "fish" "no fish here: make deps-test"
fi
if command -v zsh >/dev/null; then
	claim "zsh: every command, every option" zsh_knows_all
	claim "zsh: options of the command" zsh_offers "--kernel --facts --backend" "untrack check --"
	claim "zsh: choices" zsh_offers "ip6tables json nft" "untrack show --as "
	claim "zsh: operands that are choices" zsh_offers "fish" "untrack completion "
	claim "zsh: files" zsh_offers "of.conf" "untrack check ./"
else
	skip "zsh" "no zsh here: make deps-test"
fi
finish
