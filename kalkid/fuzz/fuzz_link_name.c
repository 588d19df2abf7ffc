/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_link_name.c - interface names: one that is read as ours is exactly the one that we
 * print. */
#include <assert.h>
#include <string.h>

#include "core/ids.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[LINK_NAME_BYTES] = "", printed[LINK_NAME_BYTES];
	uint32_t number;
	enum leg_side side;
	memcpy(name, data, size < sizeof(name) - 1 ? size : sizeof(name) - 1);
	unsigned read = 0;
	if (leg_name_parse(name, &number, &side)) {
		leg_name(printed, number, side);
		assert(strcmp(name, printed) == 0);
		read++;
	}
	if (slot_name_parse(name, &number)) {
		slot_name(printed, number);
		assert(strcmp(name, printed) == 0 && number <= DEVICE_NUMBER_MAX);
		read++;
	}
	if (slot_peer_name_parse(name, &number)) {
		slot_peer_name(printed, number);
		assert(strcmp(name, printed) == 0 && number <= DEVICE_NUMBER_MAX);
		read++;
	}
	assert(read <= 1);
	return 0;
}
