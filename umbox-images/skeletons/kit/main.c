/* @name@ - lets nobody connect to some ports of the device, and tells who tries. */
#include <netinet/in.h>
#include <umbox.h>

enum { PORTS_MAX = 16 };

struct program {
	int64_t ports[PORTS_MAX];
	size_t port_count;
	uint64_t *denied;
};

static bool is_denied(const struct program *program, const struct umbox_headers *headers)
{
	if (!headers->transport || headers->protocol != IPPROTO_TCP)
		return false;
	for (size_t i = 0; i < program->port_count; i++)
		if (headers->target_port == program->ports[i])
			return true;
	return false;
}

/* Once for each frame, from either side. */
static enum umbox_verdict on_frame(struct umbox *umbox, struct umbox_frame *frame, void *user)
{
	struct program *program = user;
	struct umbox_headers headers;
	umbox_parse(&headers, frame->bytes, frame->length);
	if (headers.evasive)
		return UMBOX_DROP;
	if (frame->from != UMBOX_OUT || !is_denied(program, &headers))
		return UMBOX_PASS;
	++*program->denied;
	umbox_alert(umbox, &(struct umbox_alert){.type = "denied-port",
						 .severity = UMBOX_MEDIUM,
						 .source = headers.source,
						 .source_port = headers.source_port,
						 .target = headers.target,
						 .target_port = headers.target_port});
	return UMBOX_DROP;
}

int main(void)
{
	struct umbox *umbox = umbox_open();
	struct program program = {.ports = {23}, .denied = umbox_counter(umbox, "denied")};
	program.port_count = umbox_integers(umbox, "ports", program.ports, 1, PORTS_MAX, 1, 65535);
	return umbox_run(umbox, &(struct umbox_handler){.on_frame = on_frame, .user = &program});
}
