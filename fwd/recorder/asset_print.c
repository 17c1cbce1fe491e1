/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inventory as JSON, for otfwctl. */
#include <stdio.h>
#include <string.h>

#include "fwd/recorder/asset_part.h"
#include "fwd/recorder/recorder.h"

#define ANSWER_PART (JSONL_MAX / 2) /* one asset, with all its roles and identification, fits into the rest */
#define MAC_COUNTED "100" /* addresses of one MAC: all of a large network may be behind one router */

void asset_mac_print(const uint8_t mac[6], char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void print_roles(struct asset_db *a, sqlite3_stmt *q, int64_t id, struct jsonl *j)
{
	jsonl_array(j, "roles");
	sqlite3_bind_int64(q, 1, id);
	while (db_step(&a->db, q) == SQLITE_ROW) {
		const char *proto = (const char *)sqlite3_column_text(q, 3);

		jsonl_object(j, NULL);
		jsonl_str(j, "role", sqlite3_column_int(q, 0) == SIGHT_SERVER ? "server" : "client");
		jsonl_str(j, "protocol", proto && *proto ? proto : NULL);
		jsonl_str(j, "transport", sqlite3_column_int(q, 1) == 6 ? "tcp" : "udp");
		jsonl_int(j, "port", sqlite3_column_int(q, 2));
		jsonl_time(j, "first", sqlite3_column_int64(q, 4));
		jsonl_time(j, "last", sqlite3_column_int64(q, 5));
		jsonl_object_end(j);
	}
	sqlite3_reset(q);
	jsonl_array_end(j);
}

static void print_blob(struct jsonl *j, const char *key, sqlite3_stmt *q, int column)
{
	if (sqlite3_column_type(q, column) == SQLITE_NULL)
		jsonl_null(j, key);
	else
		jsonl_strn(j, key, sqlite3_column_blob(q, column), (size_t)sqlite3_column_bytes(q, column));
}

static void print_idents(struct asset_db *a, sqlite3_stmt *q, int64_t id, const struct policy *p,
			 const uint8_t ip[16], struct jsonl *j)
{
	jsonl_array(j, "identification");
	sqlite3_bind_int64(q, 1, id);
	while (db_step(&a->db, q) == SQLITE_ROW) {
		jsonl_object(j, NULL);
		jsonl_str(j, "protocol", (const char *)sqlite3_column_text(q, 0));
		int64_t unit = sqlite3_column_int64(q, 1);
		if (unit == ASSET_NO_UNIT)
			jsonl_null(j, "unit");
		else
			jsonl_int(j, "unit", unit);
		jsonl_str(j, "station", p && unit != ASSET_NO_UNIT ? policy_host_name(p, ip, unit) : NULL);
		jsonl_str(j, "kind", (const char *)sqlite3_column_text(q, 2));
		print_blob(j, "value", q, 3);
		jsonl_int(j, "changes", sqlite3_column_int64(q, 5));
		print_blob(j, "before", q, 4);
		jsonl_time(j, "first", sqlite3_column_int64(q, 6));
		jsonl_time(j, "since", sqlite3_column_int64(q, 7));
		jsonl_time(j, "last", sqlite3_column_int64(q, 8));
		jsonl_object_end(j);
	}
	sqlite3_reset(q);
	jsonl_array_end(j);
}

struct asking {
	sqlite3_stmt *assets, *roles, *idents;
};

static void print_one(struct asset_db *a, const struct asking *q, const struct policy *p, struct jsonl *j)
{
	const char *zone = (const char *)sqlite3_column_text(q->assets, 1);
	char addr[ADDRESS_TEXT], mac[18];
	uint8_t ip[16] = {0};

	if (sqlite3_column_bytes(q->assets, 2) == sizeof(ip))
		memcpy(ip, sqlite3_column_blob(q->assets, 2), sizeof(ip));
	jsonl_object(j, NULL);
	jsonl_str(j, "address", address_print(ip, addr));
	jsonl_str(j, "name", p ? policy_host_name(p, ip, -1) : NULL);
	jsonl_str(j, "zone", zone && *zone ? zone : NULL);
	if (sqlite3_column_bytes(q->assets, 3) == 6) {
		asset_mac_print(sqlite3_column_blob(q->assets, 3), mac);
		jsonl_str(j, "mac", mac);
	} else {
		jsonl_null(j, "mac");
	}
	jsonl_int(j, "mac-addresses", sqlite3_column_int64(q->assets, 4));
	jsonl_time(j, "first", sqlite3_column_int64(q->assets, 5));
	jsonl_time(j, "last", sqlite3_column_int64(q->assets, 6));
	print_roles(a, q->roles, sqlite3_column_int64(q->assets, 0), j);
	print_idents(a, q->idents, sqlite3_column_int64(q->assets, 0), p, ip, j);
	jsonl_object_end(j);
}

void asset_print(struct asset_db *a, const struct policy *p, const struct asset_query *ask, struct jsonl *j)
{
	struct asking q = {
		.assets = db_prepare(
			&a->db,
			"SELECT id, zone, ip, mac, (SELECT count(*) FROM (SELECT 1 FROM asset AS o WHERE o.mac = asset.mac LIMIT " MAC_COUNTED
			")), first, last"
			" FROM asset WHERE id >= ?1 AND last >= ?2 AND (?3 IS NULL OR zone = ?3) ORDER BY id"),
		.roles = db_prepare(
			&a->db,
			"SELECT role, ipproto, port, proto, first, last FROM role WHERE asset = ?1 ORDER BY role DESC, proto, port"),
		.idents = db_prepare(
			&a->db,
			"SELECT proto, unit, kind, value, before, changes, first, since, last FROM ident WHERE asset = ?1"
			" ORDER BY proto, unit, kind")};
	bool known = q.assets && q.roles && q.idents;
	int64_t next = 0;

	jsonl_bool(j, "assets-known", known);
	jsonl_uint(j, "assets-total", a->rows);
	jsonl_uint(j, "assets-lost", a->lost);
	jsonl_array(j, "assets");
	if (known) {
		sqlite3_bind_int64(q.assets, 1, ask->from);
		sqlite3_bind_int64(q.assets, 2, ask->since_us);
		if (ask->zone)
			sqlite3_bind_text(q.assets, 3, ask->zone, -1, SQLITE_STATIC);
	}
	while (known && db_step(&a->db, q.assets) == SQLITE_ROW) {
		if (j->len >= ANSWER_PART) {
			next = sqlite3_column_int64(q.assets, 0);
			break;
		}
		print_one(a, &q, p, j);
	}
	jsonl_array_end(j);
	if (next)
		jsonl_int(j, "next", next);
	else
		jsonl_null(j, "next");
	sqlite3_finalize(q.assets);
	sqlite3_finalize(q.roles);
	sqlite3_finalize(q.idents);
}
