/* SPDX-License-Identifier: Apache-2.0 */
/* porter.c - see porter.h. */
#include "porter.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate.h"

/* Nobody reads this socket: the kernel counts also what does not fit into its queue. */
static int open_counter(void)
{
	const int least = 1, yes = 1;
	struct sock_filter code[GATE_STEPS];
	struct sock_fprog program = {.len = GATE_STEPS, .filter = code};
	struct sockaddr_ll all = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	gate_filter(code, 1, 0);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) == 0 &&
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) == 0 &&
	    bind(fd, (struct sockaddr *)&all, sizeof(all)) == 0)
		return fd;
	close(fd);
	return -1;
}

bool porter_start(struct porter *porter, const char *path)
{
	void *memory = MAP_FAILED;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (ftruncate(fd, sizeof(struct gate)) == 0)
		memory = mmap(NULL, sizeof(struct gate), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		return false;
	*porter = (struct porter){.gate = memory, .hidden_fd = open_counter()};
	return porter->hidden_fd >= 0;
}

void porter_open(struct porter *porter)
{
	atomic_store_explicit(&porter->gate->open, true, memory_order_release);
}

struct porter_counts porter_count(struct porter *porter)
{
	struct tpacket_stats stats = {0};
	socklen_t length = sizeof(stats);
	if (getsockopt(porter->hidden_fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0)
		porter->hidden += stats.tp_packets;
	return (struct porter_counts){.held = atomic_load(&porter->gate->held),
				      .hidden = porter->hidden};
}
