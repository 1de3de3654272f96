#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The pipelines of the README and the hooks of pre-commit: their command lines, taken out of these
# files and run as they stand, in a repository with a rules.d; first as it should be, then with a
# fault. What needs a network is not run: apt-get, git clone of an address, actions of others.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib.sh"
root=$(realpath "$here/../..")
untrack=$(realpath "${UNTRACK:-$root/build/untrack}")
unset MAKEFLAGS MAKELEVEL MFLAGS
cd "$SCRATCH" || exit 1

# The yaml block of the README with these words in it.
block() { # WORDS
	awk -v words="$1" '/^```yaml$/ { inside = 1; text = ""; next }
		/^```$/ && inside { inside = 0; if (index(text, words)) printf "%s", text }
		inside { text = text $0 "\n" }' "$root/README.md"
}

github_commands() {
	block "runs-on:" | sed -n 's/^ *- run: //p'
}

gitlab_commands() {
	block "before_script:" | sed -n 's/^    - //p'
}

# The command line of a hook, as pre-commit puts it together.
hook() { # ID
	awk -v id="$1" '$1 == "-" { inside = $3 == id }
		inside && $1 == "entry:" { sub(/^ *entry: /, ""); entry = $0 }
		inside && $1 == "args:" { sub(/^ *args: \[/, ""); sub(/\]$/, ""); print entry, $0 }' \
		"$root/.pre-commit-hooks.yaml"
}

hook_files() { # ID
	awk -v id="$1" '$1 == "-" { inside = $3 == id } inside && $1 == "files:" { print $2 }' \
		"$root/.pre-commit-hooks.yaml"
}

# Runs each line of standard input as a runner would, in the repository; says which one fails.
run_lines() {
	while IFS= read -r line; do
		echo "\$ $line"
		(cd repository && bash -e -o pipefail -c "$line") </dev/null || {
			echo "status $? of: $line"
			return 1
		}
	done
}

# The build that is tested is the one that the pipeline makes: nothing of it is built again.
builds() { # COMMANDS
	"$1" | grep 'make -C' >lines && [ "$(wc -l <lines)" -ge 3 ] && run_lines <lines &&
		[ -x image/usr/local/sbin/untrack ]
}

# As runners of GitLab check out: everybody may write, and root refuses to read that.
files_are_closed() {
	chmod -R a+w repository/rules.d
	gitlab_commands | grep '^chmod' | run_lines
	! find repository/rules.d -perm /022 | grep .
}

commands_pass() { # COMMANDS
	"$1" | grep '^untrack' >lines && [ "$(wc -l <lines)" -ge 2 ] && run_lines <lines
}

# Each command fails, but for those of the second list.
commands_fail() { # COMMANDS
	"$1" | grep '^untrack' >lines
	while IFS= read -r line; do
		! echo "$line" | run_lines || { echo "no failure: $line"; return 1; }
	done <lines
}

all_are_run() { # COMMANDS NOT-RUN
	"$1" >all
	[ -s all ] && ! grep -vE "^(sudo )?make -C|^untrack|^chmod|$2" all
}

annotated() {
	github_commands | grep 'format github' | run_lines >said
	cat said
	grep -qE '^::error file=rules.d/web.conf,line=4' said
}

sarif_is_uploaded() {
	name=$(block "runs-on:" | sed -n 's/^ *sarif_file: //p')
	[ -n "$name" ] || return 1
	python3 - "repository/$name" <<-'END'
		import json, sys
		with open(sys.argv[1], encoding="utf-8") as f:
		    results = json.load(f)["runs"][0]["results"]
		where = results[0]["locations"][0]["physicalLocation"]
		assert results[0]["ruleId"] == "config", results
		assert where["artifactLocation"]["uri"].endswith("rules.d/web.conf"), where
		assert where["region"]["startLine"] == 4, where
	END
}

junit_is_reported() {
	name=$(block "before_script:" | sed -n 's/^ *junit: //p')
	[ -n "$name" ] && python3 -c 'import sys, xml.etree.ElementTree as e
assert list(e.parse(sys.argv[1]).iter("testcase"))' "repository/$name"
}

hook_passes() { # ID
	hook "$1" >lines && [ -s lines ] && run_lines <lines
}

hook_fails() { # ID
	hook "$1" | run_lines
	[ $? = 1 ]
}

hook_looks_at() { # ID FILE...
	pattern=$(hook_files "$1")
	shift
	for f; do
		echo "$f" | grep -qP -- "$pattern" || { echo "not at $f"; return 1; }
	done
	! echo rules.d/README.md | grep -qP -- "$pattern"
}

readme_names_the_hooks() {
	block "repos:" | sed -n 's/^ *- id: //p' | sort >named
	sed -n 's/^- id: //p' "$root/.pre-commit-hooks.yaml" | sort | diff -u - named
}

yaml_is_valid() {
	for words in "runs-on:" "before_script:" "repos:"; do
		block "$words" | grep -q . || { echo "no block with $words"; return 1; }
	done
	! { block "runs-on:"; block "before_script:"; block "repos:"; cat "$root/.pre-commit-hooks.yaml"; } |
		grep -nP '\t'
}

mkdir -p repository bin image
cp -r "$root/rules.d" repository
ln -s "$root" repository/.untrack
printf '#!/bin/sh\nexec "$@"\n' >bin/sudo
chmod 755 bin/sudo
PATH=$SCRATCH/bin:$SCRATCH/image/usr/local/sbin:$PATH
export PATH

claim "the README has the pipelines" yaml_is_valid
claim "GitHub: every command is run here" all_are_run github_commands '^$'
claim "GitLab: every command is run here, but for the network's" all_are_run gitlab_commands \
	'^apt-get |^git clone '
# Asked of another directory: a build with other flags (asan) would be made anew, so it is only used.
built=$(dirname "$untrack")
make -n -C "$root" B="$SCRATCH/flags" all >/dev/null 2>&1
if cmp -s "$SCRATCH/flags/flags" "$built/flags"; then
	MAKEFLAGS="B=$built DESTDIR=$SCRATCH/image"
	export MAKEFLAGS
	claim "GitHub: it is built and installed" builds github_commands
	rm -rf image/*
	claim "GitLab: it is built and installed" builds gitlab_commands
	unset MAKEFLAGS
else
	ln -s "$untrack" bin/untrack
fi
claim "GitHub: the commands pass" commands_pass github_commands
claim "GitLab: the rules are root's alone" files_are_closed
claim "GitLab: the commands pass" commands_pass gitlab_commands
claim "GitLab: the report of tests is there" junit_is_reported
for id in untrack-check untrack-test; do
	claim "pre-commit: $id passes" hook_passes $id
done
claim "pre-commit: changes that untrack-check looks at" hook_looks_at untrack-check \
	rules.d/web.conf etc/untrack/untrack.conf
claim "pre-commit: changes that untrack-test looks at" hook_looks_at untrack-test \
	rules.d/web.conf rules.d/web.expect
claim "pre-commit: the README names the hooks" readme_names_the_hooks

printf '[service web]\nprotocol = tcp\n\nport = 80, 99999\n' >repository/rules.d/web.conf
claim "GitHub: a fault fails" commands_fail github_commands
claim "GitHub: a fault is on its line" annotated
claim "GitHub: a fault is in what is uploaded" sarif_is_uploaded
claim "GitLab: a fault fails" commands_fail gitlab_commands
for id in untrack-check untrack-test; do
	claim "pre-commit: $id fails" hook_fails $id
done
finish
