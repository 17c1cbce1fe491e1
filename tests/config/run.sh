#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# YAML in, located errors or the normal form out. For each cases/NAME.yaml there is
#   NAME.err   `check` exits 1 and says exactly this, or
#   NAME.norm  `check` exits 0, `fmt` prints exactly this, and NAME.warn is what `check` says (nothing when it is not there).
# The normal form of the normal form is itself, and compiles to the same image. The examples are held to the same, without
# a warning. OTFW_CONFIG_WRITE=1 writes the expected files from what comes out: to be read before they are committed.
set -u
cd "$(dirname "$0")/../.." || exit 2
B=${B:-build/release}
ctl=$PWD/$B/otfwctl
[ -x "$ctl" ] || { echo "no $B/otfwctl: build it first"; exit 1; }
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
failed=0 passed=0
fail() {
	echo "FAIL $1: $2"
	failed=$((failed + 1))
}
same() { # NAME EXPECTED ACTUAL
	if [ -n "${OTFW_CONFIG_WRITE:-}" ]; then
		cp "$3" "$2"
	elif ! diff -u "$2" "$3"; then
		fail "$1" "differs from $2"
		return 1
	fi
}
digest() { # POLICY: of its image, with the files it includes
	"$ctl" compile "$1" -o "$tmp/image" >"$tmp/digest" 2>"$tmp/compile.err" || { cat "$tmp/compile.err"; return 1; }
	sha256sum <"$tmp/image"
}
normal() { # NAME FILE: fmt of fmt is fmt, and both compile to the same image
	local dir base
	dir=$(dirname "$2") base=$(basename "$2")
	"$ctl" fmt "$2" >"$tmp/norm" || { fail "$1" "fmt exits $?"; return 1; }
	"$ctl" fmt "$tmp/norm" >"$tmp/norm2" || { fail "$1" "fmt of its normal form exits $?"; return 1; }
	diff -u "$tmp/norm" "$tmp/norm2" || { fail "$1" 'the normal form of the normal form differs'; return 1; }
	[ -n "${3:-}" ] && return 0
	rm -rf "$tmp/tree"
	cp -r "$dir" "$tmp/tree"
	cp "$tmp/norm" "$tmp/tree/$base"
	local a b
	a=$(digest "$2") && b=$(digest "$tmp/tree/$base") && [ "$a" = "$b" ] && return 0
	fail "$1" 'the normal form compiles to another image'
	return 1
}

cd tests/config/cases || exit 2
for f in *.yaml; do
	n=${f%.yaml}
	"$ctl" check "$f" >"$tmp/out" 2>"$tmp/err"
	rc=$?
	if [ -e "$n.err" ] || { [ -n "${OTFW_CONFIG_WRITE:-}" ] && [ $rc -eq 1 ]; }; then
		[ $rc -eq 1 ] || { fail "$n" "check exits $rc, not 1"; continue; }
		same "$n" "$n.err" "$tmp/err" || continue
	elif [ -e "$n.norm" ] || [ -n "${OTFW_CONFIG_WRITE:-}" ]; then
		[ $rc -eq 0 ] || { cat "$tmp/err"; fail "$n" "check exits $rc, not 0"; continue; }
		if [ -e "$n.warn" ] || { [ -n "${OTFW_CONFIG_WRITE:-}" ] && [ -s "$tmp/err" ]; }; then
			same "$n" "$n.warn" "$tmp/err" || continue
		elif [ -s "$tmp/err" ]; then
			cat "$tmp/err"
			fail "$n" 'check warns'
			continue
		fi
		normal "$n" "$f" || continue
		same "$n" "$n.norm" "$tmp/norm" || continue
	else
		fail "$n" "neither $n.err nor $n.norm is there"
		continue
	fi
	passed=$((passed + 1))
done
cd ../../.. || exit 2
while read -r f; do
	n=${f#examples/}
	case $f in
	*/cells/* | */parts/*) # belongs to another file
		normal "$n" "$f" part || continue
		;;
	*)
		"$ctl" check "$f" >"$tmp/out" 2>"$tmp/err" || { cat "$tmp/err"; fail "$n" 'is not valid'; continue; }
		[ ! -s "$tmp/err" ] || { cat "$tmp/err"; fail "$n" 'check warns'; continue; }
		normal "$n" "$f" || continue
		;;
	esac
	passed=$((passed + 1))
done < <(find examples -name '*.yaml' | sort)
# What otfwctl init writes compiles, without a warning.
for how in --bridge --routed; do
	"$ctl" init $how eth0 eth1 >"$tmp/init.yaml" && "$ctl" check "$tmp/init.yaml" >"$tmp/out" 2>"$tmp/err" && [ ! -s "$tmp/err" ] ||
		{ cat "$tmp/err"; fail "init $how" 'is not valid, or warns'; continue; }
	mkdir -p "$tmp/init" && cp "$tmp/init.yaml" "$tmp/init/" && normal "init $how" "$tmp/init/init.yaml" && passed=$((passed + 1))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
