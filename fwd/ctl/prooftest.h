/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * otfwctl prooftest: the installed firewall, started once more in network namespaces of its own, is sent PDUs whose verdict is known.
 * Nothing leaves those namespaces, and nothing of a firewall that runs is touched.
 *
 *   prooftest.c        the command, and the record that it leaves
 *   prooftest_lab.c    namespaces, cables, the daemon in them
 *   prooftest_steps.c  what is sent, and what must come of it
 */
#ifndef OTFW_FWD_CTL_PROOFTEST_H
#define OTFW_FWD_CTL_PROOFTEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LAB_PATH    512
#define LAB_DIR     "/run/otfw-prooftest" /* on a tmpfs of its own */
#define LAB_TEXT    200
#define LAB_STEPS   24
#define LAB_FIGURES 6

#define LAB_CLIENT "198.18.1.2" /* networks of RFC 2544, in namespaces that lead nowhere */
#define LAB_CLOSED "198.18.2.2"
#define LAB_OPEN   "198.18.3.2"
#define LAB_SIS_A  "198.18.9.2"
#define LAB_SIS_B  "198.18.9.18"
#define LAB_SAFETY 30010 /* port */

enum lab_end { LAB_AT_FIREWALL, LAB_AT_CLIENT, LAB_AT_SERVER, LAB_ENDS };
enum step_result { STEP_NOT_RUN, STEP_PASS, STEP_FAIL };

/* In memory that the command shares with the process that runs the steps. */
struct step_record {
	char name[32], proves[LAB_TEXT], detail[LAB_TEXT];
	enum step_result result;
	struct {
		char name[32];
		double value;
	} figures[LAB_FIGURES];
	unsigned nfigures;
};
struct lab_record {
	struct step_record steps[LAB_STEPS];
	unsigned nsteps;
	char unable[LAB_TEXT]; /* why it could not run, empty: it ran */
	char backend[16];
};

struct lab {
	char otfwd[LAB_PATH], otfwctl[LAB_PATH], libexec[LAB_PATH], backend[16];
	struct lab_record *record;
	int ns[LAB_ENDS];
	pid_t daemon;    /* 0: none */
	off_t events_at; /* where events since lab_events_mark() begin */
};

/* Unshares this process's network and mounts, lays the cables. 0, or -1 with record->unable set. */
int lab_open(struct lab *l);
/* Starts the daemon and waits for its policy to be in force. 0, or -1 with why. */
int lab_start(struct lab *l, char *why, size_t cap);
/* Kills the daemon with SIGKILL, and waits for its engines to be gone. */
void lab_kill(struct lab *l);
/* otfwctl status of that daemon, or NULL. */
json_t *lab_status(const struct lab *l);
/* Its engine for that failure mode, 0: none. */
pid_t lab_engine(const struct lab *l, const char *failure);
/* Packets of all kernel rules whose comment begins with "otfw LABEL"; -1: the ruleset cannot be read. */
long lab_counted(const struct lab *l, const char *label);
/* From here on; then: is there an event with this in its line, within ms? */
void lab_events_mark(struct lab *l);
bool lab_event(const struct lab *l, const char *what, int ms);
/* A socket in the namespace of an end. -1 with errno. */
int lab_socket(const struct lab *l, enum lab_end end, int type);
int64_t lab_now_us(void);

/* Runs every step into the record. */
void lab_steps(struct lab *l);

/* Runs a program to its end and keeps what it prints, cap - 1 octets at most. Exit status, or -1. */
int lab_run(const char *const *argv, int ns, char *out, size_t cap);

#endif
