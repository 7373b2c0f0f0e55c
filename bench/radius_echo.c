/* The limit of the RADIUS bench: a UDP server that sends back what it reads, and does nothing else. radius_echo PORT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)(argc > 1 ? atoi(argv[1]) : 0))};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t length = sizeof at;
    static char buffer[1 << 16];
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&at, sizeof at)) return perror("bind"), 1;
    getsockname(fd, (struct sockaddr *)&at, &length);
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    for (;;) {
        struct sockaddr_in from;
        length = sizeof from;
        ssize_t got = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);
        if (got > 0) sendto(fd, buffer, (size_t)got, 0, (struct sockaddr *)&from, length);
    }
}
