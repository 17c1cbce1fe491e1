/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the running firewall, over the recorder's control socket. */
#ifndef OTFW_FWD_CTL_ASK_H
#define OTFW_FWD_CTL_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/un.h>

#include "fwd/ctl/ctl.h"

struct ask {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	bool json;
};

/* [--json] [--run-dir DIR | --control SOCKET] and nothing else. False after having said what is wrong. */
bool ask_options(const struct command *cmd, int argc, char **argv, struct ask *a);
/* The same options with arguments behind them, which are left to the caller. */
bool ask_options_some(const struct command *cmd, int argc, char **argv, struct ask *a);
/* Sends a request about policies, which it takes, with a descriptor (-1: none), and prints the answer's text. Exit status. */
int policy_ask(const struct command *cmd, const struct ask *a, json_t *request, int passed);
/* The socket: control, or the one in dir (NULL: where it is installed). False after having said that its path is too long. */
bool ask_path(const struct command *cmd, const char *dir, const char *control, struct ask *a);
/* The answer's line, malloc'ed, or NULL after having said why. */
char *ask_text(const struct command *cmd, const struct ask *a, const char *request, int timeout_s);
/* The same; *fd is the descriptor that came beside the answer, -1: none did. */
char *ask_text_fd(const struct command *cmd, const struct ask *a, const char *request, int timeout_s,
		  int *fd);
/* The same with a descriptor beside the request, which stays the caller's; -1: none. */
char *ask_text_with(const struct command *cmd, const struct ask *a, const char *request, int passed,
		    int timeout_s, int *fd);
/* Parses the answer. NULL after having said what is wrong with it. */
json_t *ask_answer(const struct command *cmd, const struct ask *a, const char *text);
/* All rules of the running firewall with what each allowed ("rules" of as many answers as it takes), or NULL after having said why. */
json_t *ask_rules(const struct command *cmd, const struct ask *a);
/* For what is printed for people: in every string of it, what would steer a terminal becomes '?'. Ends of lines stay. */
void ask_plain(json_t *o);
/* A number of an answer, 0 where there is none. */
long long ask_number(const json_t *o, const char *key);
/* One line of those that are not 0, for people: "inspected 12, released 3". Nothing where all are. */
void ask_numbers_print(const char *title, const json_t *o);
/* A user by name, "uid 1234" where it has none, "otfw itself" for null; a time in seconds as people read it. Both return buf or a constant. */
const char *ask_who(const json_t *uid, char *buf, size_t cap);
const char *ask_when(const json_t *seconds, char *buf, size_t cap);
/* "lent" of a status, for people. */
void lent_text(const json_t *status);
/* Which policy a status says is in force, for people; a status' text, with a word about the policy file added. */
void policies_text(const struct command *cmd, const json_t *status);
void policies_json(const struct command *cmd, const json_t *status, const char *text);
/* "islands" of a status, for people. */
void islands_text(const json_t *status);

#endif
