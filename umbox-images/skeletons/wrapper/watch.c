/* watch - in place of the program that is to be wrapped: writes a line for each connection to
 * telnet. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

enum { TELNET = 23 };

static void look(const unsigned char *packet, size_t length)
{
	char source[INET_ADDRSTRLEN], target[INET_ADDRSTRLEN];
	struct iphdr ip;
	struct tcphdr tcp;
	if (length < sizeof(ip))
		return;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.protocol != IPPROTO_TCP || ntohs(ip.frag_off) & IP_OFFMASK ||
	    length < ip.ihl * 4u + sizeof(tcp))
		return;
	memcpy(&tcp, packet + ip.ihl * 4u, sizeof(tcp));
	if (!tcp.syn || tcp.ack || ntohs(tcp.dest) != TELNET)
		return;
	inet_ntop(AF_INET, &ip.saddr, source, sizeof(source));
	inet_ntop(AF_INET, &ip.daddr, target, sizeof(target));
	printf("TELNET %s:%u -> %s:%u\n", source, ntohs(tcp.source), target, TELNET);
}

int main(void)
{
	static unsigned char packet[65536];
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	struct sockaddr_ll out = {.sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = (int)if_nametoindex("out")};
	if (fd < 0 || bind(fd, (struct sockaddr *)&out, sizeof(out)) < 0) {
		perror("out");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	puts("watching");
	for (;;) {
		struct sockaddr_ll from = {0};
		socklen_t size = sizeof(from);
		ssize_t length = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from,
					  &size);
		if (length < 0 && errno != EINTR && errno != ENETDOWN)
			break;
		if (length >= 0 && from.sll_pkttype != PACKET_OUTGOING)
			look(packet, (size_t)length);
	}
	perror("recvfrom");
	return 1;
}
