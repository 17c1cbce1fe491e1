/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages between the guardian and its children, over an inherited AF_UNIX SOCK_SEQPACKET pair. A message is one struct
 * msg, with at most one descriptor beside it. Descriptors a child starts with are fixed numbers.
 */
#ifndef OTFW_FWD_COMMON_MSG_H
#define OTFW_FWD_COMMON_MSG_H

#include <stdint.h>

#include "fwd/common/island.h"
#include "fwd/common/meta.h"

/* Engine: argv[0], and these. */
#define FD_QUEUE   3 /* the NFQUEUE netlink socket, bound and configured */
#define FD_SHM     4 /* memfd of struct shm */
#define FD_CHANNEL 5 /* seqpacket pair */
/* Recorder: FD_CHANNEL, FD_LOG when it writes to a file, FD_STATE where there is one; everything else comes as messages. */
#define FD_LOG   6 /* the event log, opened for appending by the guardian: the recorder may lack the right */
#define FD_TRACK 8 /* /proc/net/nf_conntrack, where the kernel has it: only root may open it */
#define FD_STATE 7 /* the directory of its own files, in the guardian's state directory */

enum msg_type {
	MSG_NONE,
	MSG_IMAGE,  /* guardian -> engine, recorder: a sealed memfd with a policy image; generation */
	MSG_SHM,    /* guardian -> recorder: memfd of a queue's shared memory; arg = queue number */
	MSG_RELOAD, /* recorder -> guardian: compile and load the policy file again; arg = request number; policy: who asks, number 1: also where it takes back a promotion */
	MSG_RELOADED, /* guardian -> recorder: a request is answered: arg = its number, status 0 or 1, generation; memfd with words for whoever asked */
	MSG_ISLAND,   /* recorder -> guardian: arg = request number, island; answered by MSG_RELOADED */
	MSG_ISLANDS, /* guardian -> recorder: memfd with what is isolated and overridden, as islands_print() has it */
	MSG_MIRROR,      /* guardian -> recorder: memfd of the mirror's shared memory */
	MSG_STOP,        /* guardian -> recorder: write what is left and end */
	MSG_LEDGER,      /* recorder -> guardian: read the ledger; arg = request number, not 0 */
	MSG_LEDGER_BASE, /* guardian -> recorder: memfd with the first reading of this run */
	MSG_LEDGER_READ, /* guardian -> recorder: arg = request number, status 0 or 1; memfd with the counters as text */
	MSG_POLICY, /* recorder -> guardian: arg = request number, policy, for POLICY_CANDIDATE the caller's memfd; answered by MSG_RELOADED */
	MSG_CANDIDATE, /* guardian -> engine, recorder: a sealed memfd with the candidate's image; none: there is no candidate. To an engine arg CANDIDATE_GUARD: it
			  is the confirmed policy, while another is on trial with a guard */
	MSG_LEND, /* recorder -> guardian: arg = request number; memfd with a struct lend_request (fwd/common/overlay.h); answered by MSG_RELOADED */
	MSG_LENT, /* guardian -> recorder: memfd with what is lent, as overlay_print() has it */
	MSG_CHANGE, /* guardian -> recorder: a sealed memfd with the policy before (arg 0), then with the one after (arg 1) a change that an EVENT_AUDIT tells of */
	MSG_POLICY_STATE, /* guardian -> recorder: state: which policy is in force and what waits for confirmation */
};

enum msg_island_act { ISLAND_ISOLATE, ISLAND_RELEASE, ISLAND_OVERRIDE, ISLAND_OVERRIDE_END };
struct msg_island {
	uint32_t act;    /* enum msg_island_act */
	uint32_t uid;    /* who asks, by the peer credentials of the control socket */
	uint32_t safety; /* ISLAND_ISOLATE: 1: the safety lanes as well */
	uint32_t login;  /* who logged in, where that is another than uid */
	int64_t for_us;  /* ISLAND_OVERRIDE */
	char zone[ISLAND_ZONE], reason[ISLAND_REASON]; /* terminated, and filled up with zeros */
};

/*
 * The caller's memfd for POLICY_CANDIDATE: struct candidate_head, the image, the source (rules/source.h; may be empty). Sealed by the
 * caller, and the caller's own by its owner: whoever passes it on can neither change nor make one.
 */
#define CANDIDATE_MAGIC "otfw-cnd"
struct candidate_head {
	char magic[8];
	uint32_t image, source; /* octets */
};

#define CANDIDATE_GUARD 1u

enum msg_policy_act { POLICY_CANDIDATE, POLICY_DROP, POLICY_COMMIT, POLICY_CONFIRM, POLICY_ROLLBACK };
struct msg_policy {
	uint32_t act;        /* enum msg_policy_act */
	uint32_t uid, login; /* who asks, by the peer credentials of the control socket; who logged in */
	uint32_t number;     /* POLICY_ROLLBACK: to which of the history; 0: to the one before */
	uint32_t guard;      /* POLICY_COMMIT, when guarded is 1 */
	uint32_t guarded;
	int64_t confirm_us;            /* POLICY_COMMIT: to be confirmed within; 0: at once */
	uint8_t digest[POLICY_DIGEST]; /* POLICY_COMMIT: of the candidate that was meant */
	char reason[ISLAND_REASON], ticket[META_TICKET],
		name[META_NAME]; /* terminated, filled up with zeros */
};

struct msg_policy_state {
	uint32_t running;   /* number in the history; 0: not kept (yet) */
	uint32_t confirmed; /* the one that a boot brings; 0: the file's */
	uint32_t trial;     /* waits for confirmation; 0: none does */
	uint32_t guarded, guard, guard_denied;
	int64_t deadline_boot_us; /* CLOCK_BOOTTIME */
};

struct msg {
	uint32_t type;
	uint32_t generation;
	uint32_t arg;
	int32_t status;
	union {
		struct msg_island island;      /* MSG_ISLAND */
		struct msg_policy policy;      /* MSG_POLICY */
		struct msg_policy_state state; /* MSG_POLICY_STATE */
	};
};

/* Sends m with fd (-1: none). 0 or -1 with errno. Never blocks: EAGAIN when the other end does not read. */
int msg_send(int sock, const struct msg *m, int fd);
/* 1: one message read, *fd set (-1: none). 0: the other end is gone. -1 with errno (EAGAIN: nothing there). */
int msg_recv(int sock, struct msg *m, int *fd);
/* The first descriptor that came beside what recvmsg() has read, -1: none. The rest is closed. */
struct msghdr;
int msg_take_fd(struct msghdr *h);

#endif
