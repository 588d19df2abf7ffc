/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_eve.c - any bytes in the place of what Suricata says. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "eve.h"
#include "setup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct eve eve;
	struct rules_seen seen = {0};
	char *text = malloc(count + 1);
	if (!text)
		return 0;
	memcpy(text, bytes, count);
	text[count] = '\0';
	eve_read(&eve, text, count);
	if (eve.kind == EVE_ALERT) {
		assert(eve.alert.type == eve.type && strlen(eve.type) > 0);
		assert(strlen(eve.type) < EVE_TYPE_BYTES && strlen(eve.detail) < EVE_DETAIL_BYTES);
	}
	rules_look(&seen, text);
	assert(seen.count <= 1);
	free(text);
	return 0;
}
