/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_dns.c - arbitrary bytes as a DNS message. */
#include <assert.h>
#include <string.h>

#include "umbox_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name)
{
	assert(strlen(name) < UMBOX_DNS_NAME_BYTES);
	assert(name[0] != '.' && !strstr(name, ".."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct umbox_dns dns;
	struct umbox_dns_record record;
	if (!umbox_dns_open(&dns, data, size))
		return 0;
	check_name(dns.name);
	assert(umbox_dns_is("*", dns.name));
	while (umbox_dns_next(&dns, &record) > 0) {
		check_name(record.name);
		check_name(record.target);
		assert(!record.address.family || record.type == UMBOX_DNS_A ||
		       record.type == UMBOX_DNS_AAAA);
		assert(dns.at <= size);
	}
	return 0;
}
