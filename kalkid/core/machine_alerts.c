/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/machine_alerts.c - the alerts and transitions that a machine keeps for windows. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/machine_internal.h"

static const unsigned ALERTS_AT_FIRST = 8;

static void forget_oldest(struct machine *machine)
{
	const struct machine_alert *oldest = machine_alert_at(machine, 0);
	machine->alerts_forgotten += !oldest->used;
	machine->forgotten_us = oldest->time_us;
	machine->alert_first = (machine->alert_first + 1) % MACHINE_ALERTS_MAX;
	machine->alert_count--;
}

/* Room for one more: most devices never need the whole ring. */
static void make_room(struct machine *machine)
{
	unsigned room = max_of(ALERTS_AT_FIRST, 2 * machine->alert_room);
	if (machine->alert_count < machine->alert_room)
		return;
	if (machine->alert_room == MACHINE_ALERTS_MAX) {
		forget_oldest(machine);
		return;
	}
	struct machine_alert *alerts = mem_alloc_array(room, sizeof(*alerts));
	struct machine_alert_detail *details = mem_alloc_array(room, sizeof(*details));
	for (unsigned i = 0; i < machine->alert_count; i++) {
		alerts[i] = *machine_alert_at(machine, i);
		details[i] = *machine_alert_detail_at(machine, i);
	}
	machine_done_alerts(machine);
	machine->alerts = alerts;
	machine->alert_details = details;
	machine->alert_room = room;
	machine->alert_first = 0;
}

/* 0 for none only. */
static uint32_t address_hash(const struct ip *address)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	if (!address->family)
		return 0;
	for (size_t i = 0; i < sizeof(address->octet); i++)
		hash = (hash ^ address->octet[i]) * 16777619u;
	return hash ? hash : 1;
}

void machine_remember(struct machine *machine, const struct alert *alert, bool used)
{
	make_room(machine);
	unsigned index = machine->alert_count++;
	struct machine_alert_detail *detail = machine_alert_detail_at(machine, index);
	uint64_t type = alert_type_hash(alert->type);
	*machine_alert_at(machine, index) = (struct machine_alert){
		.id = alert->id,
		.time_us = alert->time_us,
		.type = type,
		.count = alert->count,
		.source_hash = address_hash(&alert->source),
		.target_hash = address_hash(&alert->target),
		.severity = (uint8_t)alert->severity,
		.used = used,
	};
	*detail = (struct machine_alert_detail){.source = alert->source, .target = alert->target};
	TEXT_COPY(detail->type, alert->type);
	TEXT_COPY(detail->hop, alert->hop);
	machine->last_alert_us = max_of(machine->last_alert_us, alert->time_us);
	machine_touch_alerts(machine, expression_alert_bit(type));
}

void machine_done_alerts(struct machine *machine)
{
	free(machine->alerts);
	free(machine->alert_details);
}

void machine_use_up_all(struct machine *machine)
{
	for (unsigned i = 0; i < machine->alert_count; i++)
		machine_alert_at(machine, i)->used = true;
	machine_touch_alerts(machine, UINT64_MAX);
}

void machine_recall_move(struct machine *machine, int64_t at_us)
{
	machine->moves_us[machine->move_next] = at_us;
	machine->move_next = (machine->move_next + 1) % MACHINE_MOVES_MAX;
	machine->move_count = min_of(machine->move_count + 1, (unsigned)MACHINE_MOVES_MAX);
}
