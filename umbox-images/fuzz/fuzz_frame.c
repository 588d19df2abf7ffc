/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_frame.c - any bytes as a frame: what the parser says lies within the frame. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "umbox_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct umbox_headers headers;
	char text[UMBOX_IP_TEXT_BYTES];
	bool whole = umbox_parse(&headers, data, size);
	assert(headers.network < size || !size);
	assert(headers.transport < size || !size);
	assert((uint64_t)headers.payload + headers.payload_bytes <= size);
	assert(!headers.payload || headers.payload > headers.transport);
	assert(!headers.transport || headers.network);
	assert(!whole || headers.ether_type != 0x0800 || headers.source.family == 4);
	assert(!headers.fragment_later || (headers.fragment && !headers.transport));
	/* What cannot be judged is never told as whole TCP to be judged. */
	assert(!headers.evasive || !headers.transport);
	umbox_ip_print(text, &headers.source);
	umbox_ip_print(text, &headers.target);
	return 0;
}
