/* SPDX-License-Identifier: Apache-2.0 */
/* porter.h - the other side of the gate (gate.h): makes it, opens it, counts whom it keeps out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct porter {
	struct gate *gate;
	int hidden_fd; /* counts frames that Suricata is not given */
	uint64_t hidden;
};

/* Makes the gate, closed, as a file; false with errno. */
bool porter_start(struct porter *porter, const char *path);
void porter_open(struct porter *porter);

struct porter_counts {
	uint64_t held;   /* taken by Suricata, and not sent: the gate was closed */
	uint64_t hidden; /* not given to it */
};
struct porter_counts porter_count(struct porter *porter);
