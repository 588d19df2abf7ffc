/* SPDX-License-Identifier: Apache-2.0 */
/* xdp.c - forwards between `in` and `out` by AF_XDP, for the benchmark of the kit: one memory for
 * both legs, so that a frame is copied by nobody but the kernel.
 *
 * usage: xdp skb|drv        the mode of XDP on the legs; says `ready`.  For root. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	FRAME_BYTES = 2048,
	RING = 2048,       /* places in each ring */
	FRAMES = 4 * RING, /* half of them for each leg */
	BATCH = 64,
};

struct ring {
	uint32_t *producer, *consumer;
	void *places;
};

struct leg {
	int fd, ifindex;
	struct ring receive, send, fill, done;
};

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "xdp: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int bpf(int command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* Each frame of the leg goes to its socket. */
static void attach(const struct leg *leg, uint32_t mode)
{
	int map = bpf(BPF_MAP_CREATE, &(union bpf_attr){.map_type = BPF_MAP_TYPE_XSKMAP,
							.key_size = 4,
							.value_size = 4,
							.max_entries = 1});
	need(map >= 0, "map");
	need(bpf(BPF_MAP_UPDATE_ELEM, &(union bpf_attr){.map_fd = (uint32_t)map,
							.key = (uintptr_t) & (uint32_t){0},
							.value = (uintptr_t)&leg->fd}) == 0,
	     "map element");
	const struct bpf_insn program[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct xdp_md, rx_queue_index)},
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map},
		{.code = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int loaded = bpf(BPF_PROG_LOAD,
			 &(union bpf_attr){.prog_type = BPF_PROG_TYPE_XDP,
					   .insns = (uintptr_t)program,
					   .insn_cnt = sizeof(program) / sizeof(program[0]),
					   .license = (uintptr_t) "Apache-2.0"});
	need(loaded >= 0, "program");
	union bpf_attr link = {0};
	link.link_create.prog_fd = (uint32_t)loaded;
	link.link_create.target_ifindex = (uint32_t)leg->ifindex;
	link.link_create.attach_type = BPF_XDP;
	link.link_create.flags = mode;
	need(bpf(BPF_LINK_CREATE, &link) >= 0, "attaching the program");
}

static void map_ring(struct ring *ring, int fd, uint64_t page, const struct xdp_ring_offset *at,
		     size_t place_bytes)
{
	uint8_t *memory = mmap(NULL, at->desc + RING * place_bytes, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_POPULATE, fd, (off_t)page);
	need(memory != MAP_FAILED, "ring");
	*ring = (struct ring){.producer = (void *)(memory + at->producer),
			      .consumer = (void *)(memory + at->consumer),
			      .places = memory + at->desc};
}

static void set(int fd, int option, const void *value, size_t bytes)
{
	need(setsockopt(fd, SOL_XDP, option, value, (socklen_t)bytes) == 0, "setsockopt");
}

static void open_leg(struct leg *leg, const char *name, const struct xdp_umem_reg *memory,
		     const struct leg *shared, uint32_t mode)
{
	static const int rings[] = {XDP_RX_RING, XDP_TX_RING, XDP_UMEM_FILL_RING,
				    XDP_UMEM_COMPLETION_RING};
	struct xdp_mmap_offsets at;
	socklen_t bytes = sizeof(at);
	leg->ifindex = (int)if_nametoindex(name);
	leg->fd = socket(AF_XDP, SOCK_RAW, 0);
	need(leg->fd >= 0 && leg->ifindex, name);
	if (!shared)
		set(leg->fd, XDP_UMEM_REG, memory, sizeof(*memory));
	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		set(leg->fd, rings[i], &(int){RING}, sizeof(int));
	need(getsockopt(leg->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &bytes) == 0, "offsets");
	map_ring(&leg->receive, leg->fd, XDP_PGOFF_RX_RING, &at.rx, sizeof(struct xdp_desc));
	map_ring(&leg->send, leg->fd, XDP_PGOFF_TX_RING, &at.tx, sizeof(struct xdp_desc));
	map_ring(&leg->fill, leg->fd, XDP_UMEM_PGOFF_FILL_RING, &at.fr, sizeof(uint64_t));
	map_ring(&leg->done, leg->fd, XDP_UMEM_PGOFF_COMPLETION_RING, &at.cr, sizeof(uint64_t));
	struct sockaddr_xdp address = {.sxdp_family = AF_XDP,
				       .sxdp_ifindex = (uint32_t)leg->ifindex,
				       .sxdp_flags = shared ? XDP_SHARED_UMEM : XDP_COPY,
				       .sxdp_shared_umem_fd = shared ? (uint32_t)shared->fd : 0};
	need(bind(leg->fd, (void *)&address, sizeof(address)) == 0, "bind");
	attach(leg, mode);
}

/* Places that are taken. */
static uint32_t taken(const struct ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

static void give(struct ring *fill, uint64_t frame)
{
	uint32_t at = *fill->producer;
	((uint64_t *)fill->places)[at % RING] = frame;
	__atomic_store_n(fill->producer, at + 1, __ATOMIC_RELEASE);
}

/* What was sent may be received into again. */
static void take_back(struct leg *to, struct leg *from)
{
	for (uint32_t left = taken(&to->done); left; left--) {
		uint32_t at = *to->done.consumer;
		uint64_t frame = ((uint64_t *)to->done.places)[at % RING];
		__atomic_store_n(to->done.consumer, at + 1, __ATOMIC_RELEASE);
		give(&from->fill, frame & ~(uint64_t)(FRAME_BYTES - 1));
	}
}

/* False when there is nothing left to do. */
static bool forward(struct leg *from, struct leg *to)
{
	uint32_t count = taken(&from->receive), room = RING - taken(&to->send);
	if (count > room)
		count = room;
	if (count > BATCH)
		count = BATCH;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = *from->receive.consumer, next = *to->send.producer;
		((struct xdp_desc *)to->send.places)[next % RING] =
			((struct xdp_desc *)from->receive.places)[at % RING];
		__atomic_store_n(to->send.producer, next + 1, __ATOMIC_RELEASE);
		__atomic_store_n(from->receive.consumer, at + 1, __ATOMIC_RELEASE);
	}
	if (taken(&to->send))
		(void)!sendto(to->fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
	take_back(to, from);
	return count || taken(&to->send);
}

int main(int argc, char **argv)
{
	struct leg in, out;
	size_t bytes = (size_t)FRAMES * FRAME_BYTES;
	uint32_t mode = argc == 2 && strcmp(argv[1], "drv") == 0 ? XDP_FLAGS_DRV_MODE
								 : XDP_FLAGS_SKB_MODE;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	need(memory != MAP_FAILED, "memory");
	const struct xdp_umem_reg registered = {
		.addr = (uintptr_t)memory, .len = bytes, .chunk_size = FRAME_BYTES};
	open_leg(&in, "in", &registered, NULL, mode);
	open_leg(&out, "out", &registered, &in, mode);
	for (uint64_t i = 0; i < RING; i++) {
		give(&in.fill, i * FRAME_BYTES);
		give(&out.fill, (RING + i) * FRAME_BYTES);
	}
	printf("ready\n");
	fflush(stdout);
	struct pollfd polled[] = {{.fd = in.fd, .events = POLLIN},
				  {.fd = out.fd, .events = POLLIN}};
	for (;;) {
		bool busy = forward(&in, &out);
		busy |= forward(&out, &in);
		if (!busy)
			poll(polled, 2, -1);
	}
}
