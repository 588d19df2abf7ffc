/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane_bed.h - a whole data plane in namespaces, for the tests against the kernel.
 *
 * Two device ports, a network port, a host leg; devices A (port0) and B (port1) with fixed
 * addresses, and C (port1) with none. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "testbed.h"

enum { WAIT_MS = 60000, PORT = 7777 };

#define IP_A    "10.9.0.11"
#define IP_B    "10.9.0.12"
#define IP_NET  "10.9.0.2"
#define IP_HOST "10.9.0.1"
#define IP6_A   "fd09::11"
#define IP6_B   "fd09::12"
#define IP6_NET "fd09::2"

struct plane_bed {
	struct data_plane plane;
	struct nft_options options;
	int devices, network; /* namespaces */
	int at_port[2], at_network, at_host;
	struct link *link;
	struct nft *nft;
	struct device_identity a, b, c;
	struct mac gateway;
	uint32_t tag;
};

#define assert_done(call)                                    \
	do {                                                 \
		struct error err = {0};                      \
		int result_ = (call);                        \
		if (result_ < 0)                             \
			fail_msg("%s: %s", #call, err.text); \
	} while (0)

/* Set-up functions: of a kernel as it is, and as Debian 12's is. `*state` is a struct plane_bed. */
int plane_open(void **state);
int plane_open_old(void **state);
/* All MTUs are 9000. */
int plane_open_jumbo(void **state);
/* As with an access point: EAPOL goes up at port0, port1 sends back out where it came from. */
int plane_open_wireless(void **state);
int plane_close(void **state);

/* What a start of the daemon does; plane_leave is its end without a teardown. */
void plane_enter(struct plane_bed *bed);
void plane_leave(struct plane_bed *bed);

void plane_enrol(struct plane_bed *bed, const struct device_identity *device);
void plane_route(struct plane_bed *bed, const struct device_identity *device, unsigned count,
		 const uint32_t *ids);
#define ROUTE(bed, device, ...) \
	plane_route(bed, device, ARRAY_SIZE(((uint32_t[]){__VA_ARGS__})), (uint32_t[]){__VA_ARGS__})

/* All three devices behind one umbox each, ids 0x10 to 0x12, marks 1 to 3. */
void plane_route_all(struct plane_bed *bed, struct bed_umbox umboxes[3]);
void plane_close_all(struct plane_bed *bed, struct bed_umbox umboxes[3]);

/* Sends one UDP frame between devices and network, each with its own addresses, and says how many
 * copies arrived and what marks the last of them carries. */
unsigned plane_pass(struct plane_bed *bed, int from, const struct mac *from_mac, int to,
		    const struct mac *to_mac, unsigned *ret_marks);
/* What was dropped for the reason since the last call for any. */
uint64_t plane_dropped(struct plane_bed *bed, enum nft_drop drop);
