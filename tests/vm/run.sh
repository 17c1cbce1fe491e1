#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/vm/run.sh [TEST...]: tests of tests/netns on Debian's own kernel, in a machine that qemu emulates (no KVM: it runs anywhere). That kernel has what
# others lack: nft's `queue`, and nft on a bridge. There is no iptables in the machine, so the nft backend is what is tested. Its root is a
# memory file system made of the programs of this host and of what is built in $B.
#
# Prints a line a test and the total. Exit status 0: all passed; 1: not; 77: no qemu or no kernel to be had, the last line says why.
cd "$(dirname "$0")/../.." || exit 2
set -u
B=${B:-build/release}
KERNEL=${VM_KERNEL:-linux-image-cloud-amd64} # a Debian package
MEMORY=${VM_MEMORY:-1536}
SECONDS_MAX=${VM_SECONDS:-2400}
VM=$B/vm
ROOT=$VM/root
# What such a machine, some five times slower, can show in its time; others by name. Repetitions are fewer.
TESTS=(tests/netns/modbus_allow.sh tests/netns/modbus_segments.sh tests/netns/modbus_drop.sh tests/netns/modbus_udp.sh
	tests/netns/modbus_reset.sh tests/netns/modbus_kill.sh tests/netns/modbus_reload.sh tests/netns/guardian_safety.sh
	tests/netns/guardian_failure.sh tests/netns/guardian_bridge.sh tests/netns/guardian_restart.sh tests/netns/promise_p6_ledger.sh
	tests/netns/commit_trial.sh tests/netns/shadow_candidate.sh tests/netns/unlock_rule.sh tests/netns/assets.sh)
[ $# -gt 0 ] && TESTS=("$@")
PROGRAMS=(bash sh env cat cp mv rm ls ln mkdir mkfifo mktemp rmdir chmod chown date sleep sed awk grep head tail cut tr sort uniq wc tac xargs find
	od seq nproc id timeout setsid taskset chrt nsenter mount umount ip bridge nft sysctl ps pgrep readlink dirname basename touch stat dmesg modprobe true
	false test printf echo sync diff cmp comm tee uname ss expr dd df truncate fallocate flock paste python3)

skip() {
	echo "skipped: $*"
	exit 77
}
fail() {
	echo "vm: $*" >&2
	exit 2
}

command -v qemu-system-x86_64 >/dev/null || skip 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)'
for p in cpio depmod dpkg-deb; do command -v $p >/dev/null || skip "$p is not installed"; done
[ -x "$B/otfwd" ] && [ -x "$B/tests/netns/tools/modbus_client" ] || fail "$B is not built (make all tools)"
mkdir -p "$VM"

# ---- the kernel: a package, unpacked and never installed ----
if ! [ -e "$VM/kernel/done" ]; then
	rm -rf "$VM/kernel"
	mkdir -p "$VM/kernel"
	package=$(apt-cache depends "$KERNEL" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
	[ -n "$package" ] || skip "no package $KERNEL is known here (apt-get update)"
	(cd "$VM/kernel" && apt-get download "$package") >"$VM/apt.log" 2>&1 || skip "$package cannot be downloaded: $(tail -n 1 "$VM/apt.log")"
	dpkg-deb -x "$VM/kernel/"linux-image-*.deb "$VM/kernel" || skip "$package cannot be unpacked"
	touch "$VM/kernel/done"
fi
IMAGE=$(echo "$VM"/kernel/boot/vmlinuz-*)
VERSION=${IMAGE##*/vmlinuz-}

# ---- its root ----
# put FILE...: with the libraries that it is linked to, under the same path.
put() {
	local f lib
	for f in "$@"; do
		[ -e "$ROOT$f" ] && continue
		mkdir -p "$ROOT${f%/*}"
		cp -L "$f" "$ROOT$f" || fail "cannot copy $f"
		for lib in $(ldd "$f" 2>/dev/null | grep -o '/[^ ]*'); do
			[ -e "$ROOT$lib" ] && continue
			mkdir -p "$ROOT${lib%/*}"
			cp -L "$lib" "$ROOT$lib"
		done
	done
}
rm -rf "$ROOT"
mkdir -p "$ROOT"/{usr/{bin,sbin,lib,lib64},proc,sys,dev,tmp,run,root,etc,var/lib,otfw/tests}
for d in bin sbin lib lib64; do ln -s usr/$d "$ROOT/$d"; done
for p in "${PROGRAMS[@]}"; do
	at=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin type -P "$p") || fail "this host has no $p"
	put "/usr/${at#/usr/}"
done
python=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))') || fail 'no /usr/bin/python3'
mkdir -p "$ROOT$python"
cp -r "$python/." "$ROOT$python/"
(cd "$ROOT$python" && rm -rf test tests idlelib lib2to3 tkinter pydoc_data ensurepip dist-packages config-*)
for so in "$ROOT$python"/lib-dynload/*.so; do
	for lib in $(ldd "$so" | grep -o '/[^ ]*'); do put "$lib"; done
done
for d in pymodbus serial serial_asyncio; do
	[ -d /usr/lib/python3/dist-packages/$d ] || continue
	mkdir -p "$ROOT/usr/lib/python3/dist-packages"
	cp -r /usr/lib/python3/dist-packages/$d "$ROOT/usr/lib/python3/dist-packages/"
done
printf '%s\n' root:x:0:0::/root:/bin/bash nobody:x:65534:65534::/:/bin/false >"$ROOT/etc/passwd"
printf '%s\n' root:x:0: nogroup:x:65534: >"$ROOT/etc/group"
printf 'passwd: files\ngroup: files\n' >"$ROOT/etc/nsswitch.conf"
# Loaded by the kernel as they are asked for.
for d in net lib crypto drivers/net/veth.ko drivers/net/dummy.ko; do
	mkdir -p "$(dirname "$ROOT/lib/modules/$VERSION/kernel/$d")"
	cp -r "$VM/kernel/lib/modules/$VERSION/kernel/$d" "$ROOT/lib/modules/$VERSION/kernel/$d"
done
cp "$VM/kernel/lib/modules/$VERSION"/modules.{builtin,builtin.modinfo,order} "$ROOT/lib/modules/$VERSION/"
depmod -b "$ROOT" "$VERSION" || fail 'depmod'
cp -r tests/netns tests/run "$ROOT/otfw/tests/"
mkdir -p "$ROOT/otfw/$B/tests"
cp "$B"/otfw* "$ROOT/otfw/$B/"
cp -r "$B/tests/netns" "$B/tests/bench" "$B/tests/chaos" "$ROOT/otfw/$B/tests/"
for f in "$B"/otfw* "$B"/tests/netns/tools/*; do
	[ -x "$f" ] || continue
	for lib in $(ldd "$f" 2>/dev/null | grep -o '/[^ ]*'); do put "$lib"; done
done
cp tests/vm/init.sh "$ROOT/init"
chmod 755 "$ROOT/init"
cat >"$ROOT/otfw/vm.env" <<END
B=$B
VM_TESTS="${TESTS[*]}"
OTFW_TEST_LIMIT=400
REPS=3
CLOSED_REPS=2
READY_WITHIN=60
RELOADS=5
SLOWER=5
END
(cd "$ROOT" && find . -print0 | cpio -0 -o -H newc --quiet) >"$VM/initrd" || fail 'cpio'

# ---- the machine ----
# Its clock counts instructions (2 ns each) and leaps where nothing is to be done: what this host does besides cannot stop a processor of it for a
# while, which no guardian could tell from an engine that is stuck. That goes with one processor only.
LOG=$VM/console.log
timeout "$SECONDS_MAX" qemu-system-x86_64 -accel tcg,thread=single -icount shift=1,sleep=off -rtc clock=vm -cpu Nehalem -smp 1 -m "$MEMORY" -nographic -no-reboot -nodefaults -serial stdio -monitor none \
	-kernel "$IMAGE" -initrd "$VM/initrd" -append 'console=ttyS0 quiet panic=-1 preempt=full' </dev/null 2>&1 | stdbuf -oL tr -d '\r' | tee "$LOG" | grep --line-buffered -v '^\['
status=$(sed -n 's/^vm: status \([0-9]*\)$/\1/p' "$LOG")
[ -n "$status" ] || fail "the machine did not come to its end within $SECONDS_MAX s: $(tail -n 1 "$LOG")"
[ "$status" -eq 0 ]
