/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.c - see netlink.h. */
#include "netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 64 * 1024, BUFFER_BYTES = 1024 * 1024 };

static void *extend(struct netlink_batch *batch, size_t count)
{
	size_t padded = NLMSG_ALIGN(count);
	if (batch->used + padded > batch->room) {
		batch->room = (batch->used + padded) * 2;
		batch->bytes = realloc(batch->bytes, batch->room);
		if (!batch->bytes)
			abort();
	}
	void *place = batch->bytes + batch->used;
	memset(place, 0, padded);
	batch->used += padded;
	return place;
}

void netlink_put_raw(struct netlink_batch *batch, const void *bytes, size_t count)
{
	memcpy(extend(batch, count), bytes, count);
}

size_t netlink_begin(struct netlink_batch *batch, uint16_t type, uint16_t flags, const void *header,
		     size_t header_bytes)
{
	size_t message = batch->used;
	struct nlmsghdr start = {.nlmsg_type = type,
				 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
				 .nlmsg_seq = batch->messages};
	if (flags & (NLM_F_ACK | NLM_F_DUMP))
		batch->awaited = batch->messages;
	batch->messages++;
	batch->newest = message;
	memcpy(extend(batch, sizeof(start)), &start, sizeof(start));
	netlink_put_raw(batch, header, header_bytes);
	return message;
}

void netlink_end(struct netlink_batch *batch, size_t message)
{
	uint32_t length = (uint32_t)(batch->used - message);
	memcpy(batch->bytes + message, &length, sizeof(length));
}

void netlink_put(struct netlink_batch *batch, uint16_t attribute, const void *bytes, size_t count)
{
	struct nlattr start = {.nla_len = (uint16_t)(NLA_HDRLEN + count), .nla_type = attribute};
	uint8_t *place = extend(batch, NLA_HDRLEN + count);
	memcpy(place, &start, sizeof(start));
	memcpy(place + NLA_HDRLEN, bytes, count);
}

void netlink_put_text(struct netlink_batch *batch, uint16_t attribute, const char *text)
{
	netlink_put(batch, attribute, text, strlen(text) + 1);
}

void netlink_put_be32(struct netlink_batch *batch, uint16_t attribute, uint32_t number)
{
	number = htonl(number);
	netlink_put(batch, attribute, &number, sizeof(number));
}

void netlink_put_be64(struct netlink_batch *batch, uint16_t attribute, uint64_t number)
{
	number = htobe64(number);
	netlink_put(batch, attribute, &number, sizeof(number));
}

size_t netlink_open(struct netlink_batch *batch, uint16_t attribute)
{
	size_t nest = batch->used;
	netlink_put(batch, attribute | NLA_F_NESTED, "", 0);
	return nest;
}

void netlink_close(struct netlink_batch *batch, size_t nest)
{
	uint16_t length = (uint16_t)(batch->used - nest);
	memcpy(batch->bytes + nest, &length, sizeof(length));
}

void netlink_await(struct netlink_batch *batch)
{
	struct nlmsghdr start;
	memcpy(&start, batch->bytes + batch->newest, sizeof(start));
	start.nlmsg_flags |= NLM_F_ACK;
	memcpy(batch->bytes + batch->newest, &start, sizeof(start));
	batch->awaited = start.nlmsg_seq;
}

void netlink_clear(struct netlink_batch *batch)
{
	batch->used = 0;
	batch->messages = 0;
}

void netlink_free(struct netlink_batch *batch)
{
	free(batch->bytes);
	*batch = (struct netlink_batch){.bytes = NULL};
}

int netlink_socket(int protocol)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int room = BUFFER_BYTES;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -1;
	/* More than a long list of elements takes; without the privilege the usual size remains. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct conversation {
	uint32_t last; /* the message whose answer ends it */
	bool ended;
	int result;
	uint32_t failed;
	size_t header_bytes;
	void (*take)(const struct netlink_answer *answer, void *user);
	void *user;
};

static void take_error(struct conversation *talk, const struct nlmsghdr *message)
{
	struct nlmsgerr error;
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(error.error)))
		return;
	memcpy(&error.error, NLMSG_DATA(message), sizeof(error.error));
	if (error.error && !talk->result) {
		talk->result = error.error;
		talk->failed = message->nlmsg_seq;
	}
	talk->ended |= message->nlmsg_seq == talk->last || error.error;
}

static void take_message(struct conversation *talk, const struct nlmsghdr *message)
{
	size_t header = NLMSG_HDRLEN + NLMSG_ALIGN(talk->header_bytes);
	if (message->nlmsg_type == NLMSG_ERROR) {
		take_error(talk, message);
	} else if (message->nlmsg_type == NLMSG_DONE) {
		talk->ended = true;
	} else if (talk->take && message->nlmsg_len >= header) {
		struct netlink_answer answer = {
			.type = message->nlmsg_type,
			.attributes = (const void *)((const uint8_t *)message + header),
			.bytes = message->nlmsg_len - header,
		};
		talk->take(&answer, talk->user);
	}
}

int netlink_ask(int fd, const struct netlink_batch *batch, size_t header_bytes,
		void (*take)(const struct netlink_answer *answer, void *user), void *user,
		uint32_t *ret_message)
{
	static _Alignas(struct nlmsghdr) uint8_t room[ANSWER_BYTES];
	struct conversation talk = {
		.last = batch->awaited, .header_bytes = header_bytes, .take = take, .user = user};
	/* What an earlier, failed batch has left. */
	while (recv(fd, room, sizeof(room), MSG_DONTWAIT) > 0)
		continue;
	if (send(fd, batch->bytes, batch->used, 0) < 0)
		return -errno;
	while (!talk.ended) {
		ssize_t bytes = recv(fd, room, sizeof(room), 0);
		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return -errno;
		size_t left = (size_t)bytes;
		for (struct nlmsghdr *at = (void *)room; NLMSG_OK(at, left);
		     at = NLMSG_NEXT(at, left))
			take_message(&talk, at);
	}
	if (ret_message)
		*ret_message = talk.failed;
	return talk.result;
}

const void *netlink_find(const void *attributes, size_t bytes, uint16_t attribute, size_t least,
			 size_t *ret_bytes)
{
	const uint8_t *at = attributes;
	struct nlattr start;
	while (bytes >= NLA_HDRLEN) {
		memcpy(&start, at, sizeof(start));
		if (start.nla_len < NLA_HDRLEN || start.nla_len > bytes)
			return NULL;
		if ((start.nla_type & NLA_TYPE_MASK) == attribute &&
		    start.nla_len >= NLA_HDRLEN + least) {
			if (ret_bytes)
				*ret_bytes = start.nla_len - NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		size_t padded = NLA_ALIGN(start.nla_len);
		if (padded > bytes)
			return NULL;
		at += padded;
		bytes -= padded;
	}
	return NULL;
}
