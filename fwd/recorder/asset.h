/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * assets.db: who was seen, by zone and address: MAC, roles with their protocols, and what devices said of themselves, each with first and last
 * time. What is new and what has changed is an event, so many a second. Its size is bounded in every direction; what finds no room is counted and
 * said. Times are the engines' wall clock.
 *
 * What is new is on the disk with the turn that brings it; that something goes on being seen is written every ASSET_WRITE_US, so that a plant at
 * rest wears out no flash memory. A recorder that is killed reads the rings on from where its last transaction ended.
 */
#ifndef OTFW_FWD_RECORDER_ASSET_H
#define OTFW_FWD_RECORDER_ASSET_H

#include "fwd/common/asset.h"
#include "fwd/common/jsonl.h"
#include "fwd/recorder/db.h"

#define ASSET_ROWS       20000u  /* assets, */
#define ASSET_ZONE_ROWS  5000u   /* of one zone: one that is flooded leaves room for the others */
#define ASSET_ROLES      64u     /* of one asset */
#define ASSET_IDENTS     256u    /* of one asset */
#define ASSET_PARTS      200000u /* roles and identifications of all of them */
#define ASSET_ZONES      256u    /* zones that are counted by themselves */
#define ASSET_ZONE_NAME  64u
#define ASSET_A_TURN     512u /* sightings of one queue */
#define ASSET_EVENTS     10u  /* a second; more are one event with their number */
#define ASSET_WRITE_US   INT64_C(30000000)
#define ASSET_TELL_US    INT64_C(3600000000) /* between two events that the same thing of an asset has changed */
#define ASSET_STATEMENTS 16u
#define ASSET_VALUE      (4 * SIGHT_TEXT) /* octets of a value as text */

struct log;
struct asset_db {
	struct db db;
	sqlite3_stmt *st[ASSET_STATEMENTS];
	struct log *log; /* where events go; NULL: nowhere */
	struct {
		char name[ASSET_ZONE_NAME];
		uint64_t rows;
	} zones[ASSET_ZONES];
	unsigned nzones;
	uint64_t rows, parts; /* assets; roles and identifications */
	uint64_t lost;        /* new ones for which there was no room, or no database */
	uint64_t unknown;     /* of generations whose names are gone, or in no zone */
	int64_t begun_us;     /* of the transaction; 0: none */
	bool fresh;           /* there is news in it */
	bool told;            /* that it is full */
	int64_t second;
	uint32_t said, unsaid; /* events: in this second, and not written since the last that were */
};

/* One engine's ring. */
struct asset_reader {
	struct assets *assets;
	uint64_t epoch, tail;
	uint64_t lost; /* overwritten before they were read */
};

void asset_open(struct asset_db *a, struct log *log);
/* In memory only, for captures. */
bool asset_open_memory(struct asset_db *a);
void asset_close(struct asset_db *a);

void asset_begin(struct asset_db *a, struct asset_reader *in, struct assets *assets, uint64_t epoch);
/* Keeps what is new in it, ASSET_A_TURN at most. policy_of: the image of a generation, or NULL. */
void asset_drain(struct asset_db *a, struct asset_reader *in,
		 const struct policy *(*policy_of)(void *ctx, uint32_t generation), void *ctx);
/* One sighting in a zone ("": without a policy), as an engine told it: nothing in it is believed. p names hosts, and may be NULL. */
void asset_keep(struct asset_db *a, const struct policy *p, const char *zone, const struct sighting *told);
/* Ends the transaction where it is time, and says how many events were left out. */
void asset_flush(struct asset_db *a, int64_t now_us);

struct asset_query {
	int64_t from;     /* number of an asset, */
	int64_t since_us; /* last seen then or later */
	const char *zone; /* NULL: all */
};
/*
 * Members of an answer: "assets", those of the query with names from p (NULL: none), as many as fit; "assets-known" is false without a database;
 * "assets-total"; "assets-lost"; "next", the number to go on with, null at the end.
 */
void asset_print(struct asset_db *a, const struct policy *p, const struct asset_query *q, struct jsonl *j);

#endif
