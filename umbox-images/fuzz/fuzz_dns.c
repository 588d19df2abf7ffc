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
	struct umbox_ip ip;
	if (!umbox_dns_open(&dns, data, size))
		return 0;
	check_name(dns.name);
	assert(umbox_dns_is("*", dns.name));
	while (umbox_dns_next(&dns, &record) > 0) {
		check_name(record.name);
		check_name(record.target);
		while (umbox_dns_address(&record, &ip)) {
			assert(ip.family == 4 || ip.family == 6);
			assert(record.addresses <= record.end && record.end <= data + size);
		}
		assert(dns.at <= size);
	}
	return 0;
}
