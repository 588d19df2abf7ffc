/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trial/port.c - see port.h. */
#include "trial/port.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/lone_port.h"

enum { TURN_BYTES = 4096 };

int port_open(struct port *port, int netns, struct error *err)
{
	int fd = lone_port_listen(netns, LEGACY_PORT, PORT_REQUESTS_MAX, err);
	if (fd < 0)
		return fd;
	port->listener = fd;
	return 0;
}

static void hang_up(struct port_request *request)
{
	request->open = false;
	close(request->fd);
}

void port_close(struct port *port)
{
	for (unsigned i = 0; i < PORT_REQUESTS_MAX; i++)
		if (port->requests[i].open)
			hang_up(&port->requests[i]);
	if (port->listener >= 0)
		close(take_fd(port->listener));
}

static struct port_request *find_place(struct port *port)
{
	for (unsigned i = 0; i < PORT_REQUESTS_MAX; i++)
		if (!port->requests[i].open)
			return &port->requests[i];
	return NULL;
}

unsigned port_ends(const struct port *port, struct pollfd ends[static PORT_ENDS_MAX])
{
	unsigned count = 0;
	bool room = false;
	for (unsigned i = 0; i < PORT_REQUESTS_MAX; i++) {
		const struct port_request *request = &port->requests[i];
		room = room || !request->open;
		if (request->open)
			ends[count++] = (struct pollfd){.fd = request->fd, .events = POLLIN};
	}
	if (room)
		ends[count++] = (struct pollfd){.fd = port->listener, .events = POLLIN};
	return count;
}

static void take_connections(struct port *port)
{
	struct port_request *place;
	while (port->listener >= 0 && (place = find_place(port))) {
		int fd = accept4(port->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		place->open = true;
		place->fd = fd;
		legacy_request_begin(&place->request);
	}
}

/* False: nothing more is there. */
static bool read_more(struct port_request *place,
		      int (*hear)(void *data, const struct legacy_request *request), void *data)
{
	char bytes[TURN_BYTES], text[LEGACY_ANSWER_BYTES];
	ssize_t count = recv(place->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (count > 0 && !legacy_request_take(&place->request, bytes, (size_t)count))
		return true;
	if (count > 0) {
		size_t length = legacy_answer_print(text, hear(data, &place->request));
		(void)!send(place->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	hang_up(place);
	return false;
}

void port_read(struct port *port, int (*hear)(void *data, const struct legacy_request *request),
	       void *data)
{
	take_connections(port);
	for (unsigned i = 0; i < PORT_REQUESTS_MAX; i++)
		while (port->requests[i].open && read_more(&port->requests[i], hear, data))
			;
}
