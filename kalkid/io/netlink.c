/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io/netlink.c - see netlink.h. */
#include "io/netlink.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "codec/netlink_message.h"
#include "io/namespace.h"

enum {
	/* The kernel sends at most 32 KiB of a dump at a time. */
	REPLY_BYTES_MAX = 64 * 1024,
	/* A transaction of every element of every device is one datagram. */
	SOCKET_BUFFER_BYTES = 32 * 1024 * 1024,
	DUMP_ROUNDS_MAX = 8,
	/* For answers only: they are there when the question was sent. */
	ANSWER_TIMEOUT_S = 10,
};

int netlink_open(struct netlink *ret, int netns, int protocol, struct error *err)
{
	const int type = SOCK_RAW | SOCK_CLOEXEC, size = SOCKET_BUFFER_BYTES, one = 1;
	cleanup_close int fd = netns < 0 ? socket(AF_NETLINK, type, protocol)
					 : namespace_socket(netns, AF_NETLINK, type, protocol, err);
	if (fd < 0)
		return netns < 0 ? error_errno(err, -errno, "netlink socket") : fd;

	/* Best effort: without the privilege the defaults stay, and only large batches fail. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));

	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	socklen_t length = sizeof(address);
	if (bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return error_errno(err, -errno, "netlink socket");
	*ret = (struct netlink){.port = address.nl_pid, .sequence = 1};
	ret->fd = take_fd(fd);
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->fd >= 0)
		close(netlink->fd);
	*netlink = NETLINK_NONE;
}

static int send_all(struct netlink *netlink, const void *messages, size_t bytes, struct error *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent = sendto(netlink->fd, messages, bytes, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	return sent < 0 ? error_errno(err, -errno, "netlink send") : 0;
}

/* 0 when nothing is there (without `wait`), else the length or a negative errno. */
static ssize_t receive(struct netlink *netlink, void *buffer, bool wait)
{
	if (wait) {
		const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
		setsockopt(netlink->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	}
	for (;;) {
		struct sockaddr_nl from = {0};
		socklen_t length = sizeof(from);
		ssize_t received = recvfrom(netlink->fd, buffer, REPLY_BYTES_MAX,
					    wait ? 0 : MSG_DONTWAIT, (struct sockaddr *)&from,
					    &length);
		if (received >= 0 && from.nl_pid)
			continue; /* not from the kernel: anybody may send to a socket */
		if (received >= 0)
			return received;
		if (errno == EAGAIN)
			return wait ? -ETIMEDOUT : 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* The kernel's words behind an error, or NULL. */
static const char *error_words(const struct nlmsghdr *message)
{
	const struct nlattr *attribute;
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	/* With NETLINK_CAP_ACK the request is not repeated behind the header. */
	mnl_attr_for_each(attribute, message, sizeof(struct nlmsgerr))
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attribute);
	return NULL;
}

/* The errno in an error message; sets the words when it is one. */
static int reply_result(const struct nlmsghdr *message, struct error *err)
{
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nlmsgerr))
		return error_set(err, -EBADMSG, "a truncated answer from the kernel");
	const struct nlmsgerr *reply = mnl_nlmsg_get_payload(message);
	if (!reply->error)
		return 0;
	const char *words = error_words(message);
	return words ? error_errno(err, reply->error, "%s", words)
		     : error_errno(err, reply->error, "the kernel refused");
}

int netlink_send(struct netlink *netlink, const void *messages, size_t bytes, struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[REPLY_BYTES_MAX];
	bool answered = false;
	int result = send_all(netlink, messages, bytes, err);
	if (result < 0)
		return result;
	for (;;) {
		ssize_t received = receive(netlink, buffer, false);
		if (received < 0)
			return error_errno(err, (int)received, "netlink receive");
		if (!received)
			break;
		int left = (int)received;
		const struct nlmsghdr *message;
		netlink_for_each_message(message, buffer, left) {
			if (message->nlmsg_type != NLMSG_ERROR)
				continue;
			answered = true;
			/* Of a refused batch the good messages answer 0 all the same. */
			if (result == 0)
				result = reply_result(message, err);
		}
	}
	return answered ? result : error_set(err, -ETIMEDOUT, "the kernel did not answer");
}

static int ask_once(struct netlink *netlink, const struct nlmsghdr *question, char *buffer,
		    void (*on_answer)(void *data, const struct nlmsghdr *message), void *data,
		    bool *disturbed, struct error *err)
{
	int r = send_all(netlink, question, question->nlmsg_len, err);
	if (r < 0)
		return r;
	for (;;) {
		ssize_t received = receive(netlink, buffer, true);
		if (received < 0)
			return error_errno(err, (int)received, "netlink receive");
		int left = (int)received;
		const struct nlmsghdr *message;
		netlink_for_each_message(message, buffer, left) {
			if (message->nlmsg_seq != question->nlmsg_seq)
				continue;
			if (message->nlmsg_flags & NLM_F_DUMP_INTR)
				*disturbed = true;
			if (message->nlmsg_type == NLMSG_ERROR)
				return reply_result(message, err);
			if (message->nlmsg_type == NLMSG_DONE)
				return 0;
			if (message->nlmsg_type >= NLMSG_MIN_TYPE)
				on_answer(data, message);
		}
	}
}

int netlink_ask(struct netlink *netlink, struct nlmsghdr *question,
		void (*on_answer)(void *data, const struct nlmsghdr *message),
		void (*restart)(void *data), void *data, struct error *err)
{
	cleanup_free char *buffer = mem_alloc(REPLY_BYTES_MAX);
	for (unsigned round = 0; round < DUMP_ROUNDS_MAX; round++) {
		bool disturbed = false;
		if (round && restart)
			restart(data);
		question->nlmsg_seq = netlink->sequence++;
		int r = ask_once(netlink, question, buffer, on_answer, data, &disturbed, err);
		if (r < 0 || !disturbed)
			return r;
	}
	return error_set(err, -EAGAIN, "what was asked changes faster than it can be read");
}

int netlink_join(struct netlink *netlink, unsigned group, struct error *err)
{
	if (setsockopt(netlink->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return error_errno(err, -errno, "netlink group %u", group);
	return 0;
}

int netlink_read(struct netlink *netlink,
		 void (*on_message)(void *data, const struct nlmsghdr *message), void *data,
		 struct error *err)
{
	cleanup_free char *buffer = mem_alloc(REPLY_BYTES_MAX);
	int lost = 0;
	for (;;) {
		ssize_t received = receive(netlink, buffer, false);
		if (received == -ENOBUFS) {
			lost = 1;
			continue;
		}
		if (received < 0)
			return error_errno(err, (int)received, "netlink receive");
		if (!received)
			return lost;
		int left = (int)received;
		const struct nlmsghdr *message;
		netlink_for_each_message(message, buffer, left)
			on_message(data, message);
	}
}
