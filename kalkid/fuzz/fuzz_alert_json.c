/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_alert_json.c - the lines of a umbox, own form and EVE. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/alert_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct umbox_line line;
	struct error err = {0};
	if (umbox_line_read(&line, (const char *)data, size, &err) < 0) {
		assert(err.code == -EINVAL && err.text[0]);
		return 0;
	}
	assert(line.kind < UMBOX_LINE_KIND_COUNT);
	assert(line.kind != UMBOX_LINE_RECORD || line.json);
	assert(line.kind == UMBOX_LINE_RECORD || line.kind == UMBOX_LINE_HEARTBEAT || !line.json);
	if (line.kind == UMBOX_LINE_ALERT) {
		assert(line.alert.count && line.alert.severity < ALERT_SEVERITY_COUNT);
		assert(name_check("type", line.alert.type, NULL) == 0);
		assert(memchr(line.alert.detail, '\0', ALERT_DETAIL_BYTES));
		for (const char *c = line.alert.detail; *c; c++)
			assert((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
	free(line.json);
	return 0;
}
