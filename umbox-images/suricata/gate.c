/* SPDX-License-Identifier: Apache-2.0 */
/* gate.c - see gate.h. */
#include "gate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct gate *gate;

static __attribute__((constructor)) void find_gate(void)
{
	const char *path = getenv("UMBOX_GATE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *memory = mmap(NULL, sizeof(*gate), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory != MAP_FAILED)
		gate = memory;
	close(fd);
}

/* Suricata binds its packet sockets before it asks for a ring. */
int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	struct sock_filter code[GATE_STEPS];
	struct sock_fprog program = {.len = GATE_STEPS, .filter = code};
	gate_filter(code, 0, UINT32_MAX);
	if (address->sa_family == AF_PACKET &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -1;
	return (int)syscall(SYS_bind, fd, address, length);
}

/* It sends frames by this, and nothing else to an address; the address has no family that could be
 * looked at.  What is held is said to have been sent. */
ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *address,
	       socklen_t length)
{
	if (address && !(gate && atomic_load_explicit(&gate->open, memory_order_acquire))) {
		if (gate)
			atomic_fetch_add(&gate->held, 1);
		return (ssize_t)count;
	}
	return syscall(SYS_sendto, fd, bytes, count, flags, address, length);
}
