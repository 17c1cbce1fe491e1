#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The first process of the test machine: mounts what the tests need, runs the tests that vm.env names, says how it ended, and
# switches the machine off. Its last line on the console is "vm: status N".
export PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm /dev/pts
ln -sfn /proc/self/fd /dev/fd
for d in /tmp /run /dev/shm; do mount -t tmpfs -o mode=1777 tmp $d; done
echo 1 >/proc/sys/kernel/printk
ip link set lo up
cd /otfw || exit 1
set -a
. ./vm.env
set +a
echo "vm: Linux $(uname -r), $(nproc) processors, $(nft --version)"
tests/run $VM_TESTS
echo "vm: status $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
