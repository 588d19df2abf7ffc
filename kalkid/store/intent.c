/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store/intent.c - see intent.h. */
#include "store/intent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define DEVICE_COLUMNS                                                                     \
	"number, name, type, description, port, mac, ips, groups, tags, multicast, file, " \
	"addresses, learnt, shadow, parameters, telemetry_factor"
#define MACHINE_COLUMNS                                                                 \
	"device, state, generation, entered_us, last_alert_us, decided_event, manual, " \
	"manual_until_us, manual_back, manual_reason, quarantined, quarantine_reason, " \
	"unused, shadowed, in_force"
#define COUNTER_COLUMNS "counter, next"
#define CLOCK_COLUMNS   "one, boot_id, offset_us, last_us"

enum { LEARNT_TEXT_BYTES = IP_TEXT_BYTES + 64 };

const char INTENT_SCHEMA[] =
	"CREATE TABLE devices (number INTEGER PRIMARY KEY, name TEXT, type TEXT, description TEXT,"
	" port TEXT, mac TEXT, ips TEXT, groups TEXT, tags TEXT, multicast INTEGER, file TEXT,"
	" digest TEXT);"
	"CREATE TABLE machines (device INTEGER PRIMARY KEY, state TEXT, generation INTEGER,"
	" entered_us INTEGER, last_alert_us INTEGER, decided_event INTEGER, manual INTEGER,"
	" manual_until_us INTEGER, manual_back TEXT, manual_reason TEXT, quarantined INTEGER,"
	" quarantine_reason TEXT, unused TEXT, digest TEXT);"
	"CREATE TABLE counters (counter INTEGER PRIMARY KEY, next INTEGER, digest TEXT);"
	"CREATE TABLE clock (one INTEGER PRIMARY KEY, boot_id TEXT, offset_us INTEGER,"
	" last_us INTEGER, digest TEXT);";

static const struct {
	const char *table, *columns;
} TABLES[] = {
	{"devices", DEVICE_COLUMNS},
	{"machines", MACHINE_COLUMNS},
	{"counters", COUNTER_COLUMNS},
	{"clock", CLOCK_COLUMNS},
};

/* Rows that were as they were written stay so; damaged ones stay damaged. */
#define DEVICE_COLUMNS_1 \
	"number, name, type, description, port, mac, ips, groups, tags, multicast, file"
#define DEVICE_COLUMNS_3 DEVICE_COLUMNS_1 ", addresses, learnt"
#define DEVICE_COLUMNS_4 DEVICE_COLUMNS_3 ", shadow"
#define SEAL_DEVICES(columns, before)                                                            \
	"UPDATE devices SET digest = row_digest(" columns ") WHERE digest IS row_digest(" before \
	");"

const char INTENT_ADDRESSES_SCHEMA[] =
	"ALTER TABLE devices ADD COLUMN addresses TEXT DEFAULT 'standard';"
	"ALTER TABLE devices ADD COLUMN learnt TEXT DEFAULT '';" SEAL_DEVICES(DEVICE_COLUMNS_3,
									      DEVICE_COLUMNS_1);

const char INTENT_SHADOW_SCHEMA[] =
	"ALTER TABLE devices ADD COLUMN shadow INTEGER DEFAULT 0;"
	"ALTER TABLE machines ADD COLUMN shadowed INTEGER DEFAULT 0;"
	"ALTER TABLE machines ADD COLUMN in_force TEXT DEFAULT '';" SEAL_DEVICES(
		DEVICE_COLUMNS_4,
		DEVICE_COLUMNS_3) "UPDATE machines SET digest = row_digest(" MACHINE_COLUMNS
				  ") WHERE digest IS row_digest("
				  "device, state, generation, entered_us, last_alert_us, decided_event, manual,"
				  " manual_until_us, manual_back, manual_reason, quarantined, quarantine_reason, unused);";

const char INTENT_PARAMETERS_SCHEMA[] =
	"ALTER TABLE devices ADD COLUMN parameters TEXT DEFAULT '';" SEAL_DEVICES(
		DEVICE_COLUMNS_4 ", parameters", DEVICE_COLUMNS_4);

const char INTENT_FACTOR_SCHEMA[] =
	"ALTER TABLE devices ADD COLUMN telemetry_factor TEXT DEFAULT '0';" SEAL_DEVICES(
		DEVICE_COLUMNS, DEVICE_COLUMNS_4 ", parameters");

void intent_done(struct intent *intent)
{
	free(intent->items);
	*intent = (struct intent){0};
}

/* Lists stand as words with a space between: neither names nor addresses have one. */
static void read_names(char names[][NAME_BYTES], unsigned *count, sqlite3_stmt *row, int column)
{
	char text[DEVICE_LABELS_MAX * NAME_BYTES];
	sql_copy_text(text, sizeof(text), row, column);
	char *rest = text, *word;
	while (*count < DEVICE_LABELS_MAX && (word = strsep(&rest, " "))) {
		if (*word)
			text_copy(names[(*count)++], NAME_BYTES, word);
	}
}

static int read_addresses(struct device *device, sqlite3_stmt *row, struct error *err)
{
	char text[DEVICE_IPS_MAX * IP_TEXT_BYTES];
	sql_copy_text(text, sizeof(text), row, 5);
	int result = mac_parse(&device->mac, text, err);
	sql_copy_text(text, sizeof(text), row, 6);
	char *rest = text, *word;
	while (result == 0 && device->ip_count < DEVICE_IPS_MAX && (word = strsep(&rest, " "))) {
		if (*word)
			result = ip_parse(&device->ips[device->ip_count++], word, err);
	}
	return result < 0 ? -EUCLEAN : 0;
}

/* "<ip>/<how>/<lease in microseconds>/<since>/<1: it is over>" each. */
static int read_learnt(struct device *device, sqlite3_stmt *row, struct error *err)
{
	char text[DEVICE_IPS_MAX * LEARNT_TEXT_BYTES];
	sql_copy_text(text, sizeof(text), row, 12);
	char *rest = text, *word;
	while (device->learnt_count < DEVICE_IPS_MAX && (word = strsep(&rest, " "))) {
		struct learnt_address learnt = {0};
		const char *ip = strsep(&word, "/"), *how = word ? strsep(&word, "/") : "";
		int expired = 0;
		if (!*ip)
			continue;
		while (learnt.how < LEARNT_HOW_COUNT &&
		       !text_equal(LEARNT_HOW_NAMES[learnt.how], how))
			learnt.how++;
		if (learnt.how == LEARNT_HOW_COUNT || ip_parse(&learnt.ip, ip, err) < 0 || !word ||
		    sscanf(word, "%" SCNd64 "/%" SCNd64 "/%d", &learnt.lease_us,
			   &learnt.since_wall_us, &expired) != 3)
			return -EUCLEAN;
		learnt.expired = expired;
		device->learnt[device->learnt_count++] = learnt;
	}
	return 0;
}

static enum device_addresses read_addresses_word(sqlite3_stmt *row)
{
	char text[NAME_BYTES];
	sql_copy_text(text, sizeof(text), row, 11);
	for (enum device_addresses word = 0; word < DEVICE_ADDRESSES_COUNT; word++)
		if (text_equal(DEVICE_ADDRESSES_NAMES[word], text))
			return word;
	return DEVICE_ADDRESSES_STANDARD;
}

static int read_device(struct device *device, sqlite3_stmt *row, struct error *err)
{
	device->number = (uint32_t)sqlite3_column_int64(row, 0);
	sql_copy_text(device->name, sizeof(device->name), row, 1);
	sql_copy_text(device->type, sizeof(device->type), row, 2);
	sql_copy_text(device->description, sizeof(device->description), row, 3);
	sql_copy_text(device->port, sizeof(device->port), row, 4);
	read_names(device->groups, &device->group_count, row, 7);
	read_names(device->tags, &device->tag_count, row, 8);
	device->multicast = sqlite3_column_int(row, 9);
	sql_copy_text(device->file, sizeof(device->file), row, 10);
	device->addresses = read_addresses_word(row);
	device->shadow = sqlite3_column_int(row, 13);
	sql_copy_text(device->parameters, sizeof(device->parameters), row, 14);
	device->telemetry_factor = sqlite3_column_double(row, 15);
	int result = read_learnt(device, row, err);
	return result < 0 ? result : read_addresses(device, row, err);
}

/* Numbers with a space between. */
static void read_unused(struct machine_record *record, sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	while (text && *text && record->unused_count < MACHINE_ALERTS_MAX) {
		char *end;
		record->unused[record->unused_count++] = strtoull(text, &end, 10);
		text = *end ? end + 1 : end;
	}
}

static char *print_unused(const struct machine_record *record)
{
	struct buffer text = {0};
	buffer_print(&text, "%s", "");
	for (unsigned i = 0; i < record->unused_count; i++)
		buffer_print(&text, "%s%" PRIu64, i ? " " : "", record->unused[i]);
	return text.bytes;
}

static void read_machine(struct machine_record *record, sqlite3_stmt *row)
{
	record->device = (uint32_t)sqlite3_column_int64(row, 0);
	sql_copy_text(record->state, sizeof(record->state), row, 1);
	record->generation = (uint32_t)sqlite3_column_int64(row, 2);
	record->entered_us = sqlite3_column_int64(row, 3);
	record->last_alert_us = sqlite3_column_int64(row, 4);
	record->decided_event = (uint64_t)sqlite3_column_int64(row, 5);
	record->manual = sqlite3_column_int(row, 6);
	record->manual_until_us = sqlite3_column_int64(row, 7);
	sql_copy_text(record->manual_back, sizeof(record->manual_back), row, 8);
	sql_copy_text(record->manual_reason, sizeof(record->manual_reason), row, 9);
	record->quarantined = sqlite3_column_int(row, 10);
	sql_copy_text(record->quarantine_reason, sizeof(record->quarantine_reason), row, 11);
	read_unused(record, row, 12);
	record->shadowed = sqlite3_column_int(row, 13);
	sql_copy_text(record->in_force, sizeof(record->in_force), row, 14);
}

static int check_table(sqlite3 *connection, const char *table, const char *columns,
		       struct error *err)
{
	char sql[1024];
	cleanup_statement sqlite3_stmt *check = NULL;
	snprintf(sql, sizeof(sql), "PRAGMA quick_check(%s)", table);
	int result = sql_prepare(connection, &check, sql, err);
	if (result == 0)
		result = sql_step(check, err);
	if (result < 0)
		return result;
	const char *said = result ? (const char *)sqlite3_column_text(check, 0) : "";
	if (!text_equal(said, "ok"))
		return error_set(err, -EUCLEAN, "table %s: %s", table, said);

	int64_t wrong = 0;
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE digest IS NOT row_digest(%s)",
		 table, columns);
	result = sql_read_number(connection, sql, &wrong, err);
	if (result == 0 && wrong)
		return error_set(err, -EUCLEAN,
				 "table %s: %" PRId64 " rows are not as they were written", table,
				 wrong);
	return result;
}

static int read_devices(sqlite3 *connection, struct intent *intent, struct error *err)
{
	cleanup_statement sqlite3_stmt *row = NULL;
	int result = sql_prepare(connection, &row,
				 "SELECT " DEVICE_COLUMNS " FROM devices ORDER BY number", err);
	unsigned room = 0;
	while (result == 0 && (result = sql_step(row, err)) == 1) {
		if (intent->count == room) {
			room = room ? room * 2 : 16;
			intent->items = mem_resize(intent->items, room, sizeof(*intent->items));
		}
		struct intent_item *item = &intent->items[intent->count++];
		*item = (struct intent_item){0};
		result = read_device(&item->device, row, err);
	}
	return result;
}

/* Both are in the order of numbers. */
static int read_machines(sqlite3 *connection, struct intent *intent, struct error *err)
{
	cleanup_statement sqlite3_stmt *row = NULL;
	int result = sql_prepare(connection, &row,
				 "SELECT " MACHINE_COLUMNS " FROM machines ORDER BY device", err);
	unsigned at = 0;
	while (result == 0 && (result = sql_step(row, err)) == 1) {
		struct machine_record record = {0};
		read_machine(&record, row);
		while (at < intent->count && intent->items[at].device.number < record.device)
			at++;
		if (at < intent->count && intent->items[at].device.number == record.device) {
			intent->items[at].has_machine = true;
			intent->items[at].machine = record;
		}
		result = 0;
	}
	return result;
}

static int read_counters(sqlite3 *connection, struct intent *intent, struct error *err)
{
	cleanup_statement sqlite3_stmt *row = NULL;
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		intent->counters[i] = 1;
	int result = sql_prepare(connection, &row, "SELECT " COUNTER_COLUMNS " FROM counters", err);
	while (result == 0 && (result = sql_step(row, err)) == 1) {
		int64_t counter = sqlite3_column_int64(row, 0);
		if (counter >= 0 && counter < COUNTER_COUNT)
			intent->counters[counter] = (uint64_t)sqlite3_column_int64(row, 1);
		result = 0;
	}
	return result;
}

static int read_clock(sqlite3 *connection, struct intent *intent, struct error *err)
{
	cleanup_statement sqlite3_stmt *row = NULL;
	int result = sql_prepare(connection, &row, "SELECT " CLOCK_COLUMNS " FROM clock", err);
	if (result == 0)
		result = sql_step(row, err);
	if (result <= 0)
		return result;
	sql_copy_text(intent->clock.boot_id, sizeof(intent->clock.boot_id), row, 1);
	intent->clock.offset_us = sqlite3_column_int64(row, 2);
	intent->clock.last_us = sqlite3_column_int64(row, 3);
	return 0;
}

int intent_read(sqlite3 *connection, struct intent *ret, struct error *err)
{
	struct intent intent = {0};
	int result = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(TABLES) && result == 0; i++)
		result = check_table(connection, TABLES[i].table, TABLES[i].columns, err);
	if (result == 0)
		result = read_devices(connection, &intent, err);
	if (result == 0)
		result = read_machines(connection, &intent, err);
	if (result == 0)
		result = read_counters(connection, &intent, err);
	if (result == 0)
		result = read_clock(connection, &intent, err);
	if (result < 0) {
		intent_done(&intent);
		return result;
	}
	*ret = intent;
	return 0;
}

int intent_write(sqlite3 *connection, const struct intent *intent, struct error *err)
{
	int result = 0;
	for (unsigned i = 0; i < intent->count && result == 0; i++) {
		result = intent_put_device(connection, &intent->items[i].device, err);
		if (result == 0 && intent->items[i].has_machine)
			result = intent_put_machine(connection, &intent->items[i].machine, err);
	}
	for (unsigned i = 0; i < COUNTER_COUNT && result == 0; i++)
		result = intent_put_counter(connection, i, intent->counters[i], err);
	if (result == 0)
		result = intent_put_clock(connection, &intent->clock, err);
	return result;
}

static char *join_names(const char names[][NAME_BYTES], unsigned count)
{
	struct buffer text = {0};
	buffer_print(&text, "%s", "");
	for (unsigned i = 0; i < count; i++)
		buffer_print(&text, "%s%s", i ? " " : "", names[i]);
	return text.bytes;
}

static char *join_learnt(const struct device *device)
{
	struct buffer text = {0};
	buffer_print(&text, "%s", "");
	for (unsigned i = 0; i < device->learnt_count; i++) {
		const struct learnt_address *learnt = &device->learnt[i];
		char ip[IP_TEXT_BYTES];
		ip_print(ip, &learnt->ip);
		buffer_print(&text, "%s%s/%s/%" PRId64 "/%" PRId64 "/%d", i ? " " : "", ip,
			     LEARNT_HOW_NAMES[learnt->how], learnt->lease_us, learnt->since_wall_us,
			     learnt->expired);
	}
	return text.bytes;
}

int intent_put_device(sqlite3 *connection, const struct device *device, struct error *err)
{
	cleanup_buffer struct buffer ips = {0};
	buffer_print(&ips, "%s", "");
	for (unsigned i = 0; i < device->ip_count; i++) {
		char ip[IP_TEXT_BYTES];
		ip_print(ip, &device->ips[i]);
		buffer_print(&ips, "%s%s", i ? " " : "", ip);
	}
	char mac[MAC_TEXT_BYTES];
	mac_print(mac, &device->mac);
	cleanup_free char *groups = join_names(device->groups, device->group_count);
	cleanup_free char *tags = join_names(device->tags, device->tag_count);
	cleanup_free char *learnt = join_learnt(device);
	cleanup_free char *factor = mem_printf("%.9g", device->telemetry_factor);
	return sql_write(
		connection, err,
		"INSERT OR REPLACE INTO devices (" DEVICE_COLUMNS ", digest) VALUES"
		" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, row_digest("
		"?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16))",
		"issssssssisssiss", (int64_t)device->number, device->name, device->type,
		device->description, device->port, mac, ips.bytes, groups, tags,
		(int64_t)device->multicast, device->file, DEVICE_ADDRESSES_NAMES[device->addresses],
		learnt, (int64_t)device->shadow, device->parameters, factor);
}

int intent_put_machine(sqlite3 *connection, const struct machine_record *record, struct error *err)
{
	cleanup_free char *unused = print_unused(record);
	return sql_write(
		connection, err,
		"INSERT OR REPLACE INTO machines (" MACHINE_COLUMNS ", digest) VALUES"
		" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, row_digest("
		"?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15))",
		"isiiiiiississis", (int64_t)record->device, record->state,
		(int64_t)record->generation, record->entered_us, record->last_alert_us,
		(int64_t)record->decided_event, (int64_t)record->manual, record->manual_until_us,
		record->manual_back, record->manual_reason, (int64_t)record->quarantined,
		record->quarantine_reason, unused, (int64_t)record->shadowed, record->in_force);
}

int intent_delete_device(sqlite3 *connection, uint32_t number, struct error *err)
{
	return sql_write(connection, err, "DELETE FROM devices WHERE number = ?1", "i",
			 (int64_t)number);
}

int intent_delete_machine(sqlite3 *connection, uint32_t number, struct error *err)
{
	return sql_write(connection, err, "DELETE FROM machines WHERE device = ?1", "i",
			 (int64_t)number);
}

int intent_put_counter(sqlite3 *connection, enum counter counter, uint64_t next, struct error *err)
{
	return sql_write(connection, err,
			 "INSERT OR REPLACE INTO counters (" COUNTER_COLUMNS ", digest) VALUES"
			 " (?1, ?2, row_digest(?1, ?2))",
			 "ii", (int64_t)counter, (int64_t)next);
}

int intent_put_clock(sqlite3 *connection, const struct clock_record *record, struct error *err)
{
	return sql_write(connection, err,
			 "INSERT OR REPLACE INTO clock (" CLOCK_COLUMNS ", digest) VALUES"
			 " (1, ?1, ?2, ?3, row_digest(1, ?1, ?2, ?3))",
			 "sii", record->boot_id, record->offset_us, record->last_us);
}
