/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.h - messages to the kernel and its answers: attributes, nests, one request at a time.
 *
 * Written here since libnftnl is under the GPL, which programs of the kit must not link, and what
 * is left of libmnl would be these few lines. */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages one behind the other, each with its place as its sequence number; grows. */
struct netlink_batch {
	uint8_t *bytes;
	size_t used, room;
	uint32_t messages;
	uint32_t awaited; /* the message whose answer is the last one */
	size_t newest;    /* where the last message begins */
};

/* `header` is what follows nlmsghdr; returns where the message begins, for netlink_end. */
size_t netlink_begin(struct netlink_batch *batch, uint16_t type, uint16_t flags, const void *header,
		     size_t header_bytes);
void netlink_end(struct netlink_batch *batch, size_t message);
void netlink_put(struct netlink_batch *batch, uint16_t attribute, const void *bytes, size_t count);
/* What is no attribute. */
void netlink_put_raw(struct netlink_batch *batch, const void *bytes, size_t count);
void netlink_put_text(struct netlink_batch *batch, uint16_t attribute, const char *text);
/* In network order, as nftables has them. */
void netlink_put_be32(struct netlink_batch *batch, uint16_t attribute, uint32_t number);
void netlink_put_be64(struct netlink_batch *batch, uint16_t attribute, uint64_t number);
/* Returns where the nest begins, for netlink_close. */
size_t netlink_open(struct netlink_batch *batch, uint16_t attribute);
void netlink_close(struct netlink_batch *batch, size_t nest);
/* Asks for an acknowledgement of the last message. */
void netlink_await(struct netlink_batch *batch);
/* Empties it, and keeps its room. */
void netlink_clear(struct netlink_batch *batch);
void netlink_free(struct netlink_batch *batch);

/* -1 and errno. */
int netlink_socket(int protocol);

/* What the kernel answers; `attributes` of `bytes` lie behind the family's header. */
struct netlink_answer {
	uint16_t type;
	const struct nlattr *attributes;
	size_t bytes;
};

/* Sends the batch and takes the answers, up to that of the message that is awaited or to an error;
 * 0 or that negative errno, with the message that it is about. */
int netlink_ask(int fd, const struct netlink_batch *batch, size_t header_bytes,
		void (*take)(const struct netlink_answer *answer, void *user), void *user,
		uint32_t *ret_message);

/* The attribute of this type; NULL when there is none that is whole and has `least` bytes. */
const void *netlink_find(const void *attributes, size_t bytes, uint16_t attribute, size_t least,
			 size_t *ret_bytes);
