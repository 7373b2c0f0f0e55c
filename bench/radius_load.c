/* The other side of the RADIUS bench: sends prepared packets from one UDP socket and times every answer.
 *
 *   radius_load SOURCE HOST:PORT OUTSTANDING PACKETS ANSWERS
 *
 * SOURCE      the address it sends from (which client of the server it is)
 * OUTSTANDING packets in flight, at most 128 (closed loop: each answer lets the next one go)
 * PACKETS     a file: 4-byte count, then per packet a 2-byte length and the packet. All numbers big-endian.
 * ANSWERS     is written: per packet 2-byte length and the answer, length 0 where none came
 *
 * Packet n has n modulo 256 as its identifier, and an answer belongs to the packet in flight with its identifier; it
 * waits until that identifier is free, as a switch must. Nothing is hashed here: packets are signed before, and
 * answers are judged afterwards, every one of them, by who started this. A packet without an answer for a second is
 * lost: it is counted and not sent again. `strays` are answers to nothing in flight. Prints one JSON object.
 * One thread on one core; it must cost a packet less than the server does, hence C and many datagrams a system call.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IDENTIFIERS = 256, BATCH = 128, ANSWER_MAX = 4096, BUFFER = 4 << 20 };
static const uint64_t LOST_NS = 1000000000u;
static const uint32_t NONE = UINT32_MAX;

struct packet { uint16_t length, answer_length; unsigned char *bytes, *answer; };

static struct packet *packets;
static uint32_t count, asked, answered, lost, in_flight;
static uint32_t flying[IDENTIFIERS]; /* the packet in flight with this identifier */
static uint64_t sent_at[IDENTIFIERS];
static uint64_t strays;
static uint32_t *latencies; /* ns, at most 4.29 s */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void read_packets(const char *path) {
    FILE *file = fopen(path, "rb");
    unsigned char head[4];
    if (!file || fread(head, 4, 1, file) != 1) fail(path);
    count = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
    packets = calloc(count, sizeof *packets);
    for (uint32_t i = 0; i < count; i++) {
        if (fread(head, 2, 1, file) != 1) fail(path);
        packets[i].length = (uint16_t)(head[0] << 8 | head[1]);
        packets[i].bytes = malloc(packets[i].length);
        if (fread(packets[i].bytes, packets[i].length, 1, file) != 1) fail(path);
    }
    fclose(file);
}

static void write_answers(const char *path) {
    FILE *file = fopen(path, "wb");
    if (!file) fail(path);
    for (uint32_t i = 0; i < count; i++) {
        unsigned char head[2] = {(unsigned char)(packets[i].answer_length >> 8), (unsigned char)packets[i].answer_length};
        fwrite(head, 2, 1, file);
        fwrite(packets[i].answer, packets[i].answer_length, 1, file);
    }
    if (fclose(file)) fail(path);
}

static struct sockaddr_in address(const char *host, uint16_t port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1) { fprintf(stderr, "not an address: %s\n", host); exit(2); }
    return at;
}

static int dial(const char *source, char *to) {
    char *colon = strchr(to, ':');
    if (!colon) { fprintf(stderr, "not HOST:PORT: %s\n", to); exit(2); }
    *colon = 0;
    struct sockaddr_in here = address(source, 0), there = address(to, (uint16_t)atoi(colon + 1));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&here, sizeof here)) fail(source);
    if (connect(fd, (struct sockaddr *)&there, sizeof there)) fail(to);
    return fd;
}

/* Send what the window and free identifiers allow, all in one system call. */
static void send_next(int fd, uint32_t outstanding) {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    unsigned ready = 0;
    uint64_t moment = now_ns();
    while (ready < BATCH && in_flight < outstanding && asked < count && flying[asked % IDENTIFIERS] == NONE) {
        struct packet *p = &packets[asked];
        parts[ready] = (struct iovec){.iov_base = p->bytes, .iov_len = p->length};
        messages[ready] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[ready], .msg_iovlen = 1}};
        flying[asked % IDENTIFIERS] = asked;
        sent_at[asked % IDENTIFIERS] = moment;
        ready++, asked++, in_flight++;
    }
    for (unsigned sent = 0; sent < ready;) {
        int n = sendmmsg(fd, messages + sent, ready - sent, 0);
        if (n < 0 && errno == EAGAIN) continue;
        if (n < 0) fail("send");
        sent += (unsigned)n;
    }
}

static void take(int fd) {
    static unsigned char buffers[BATCH][ANSWER_MAX];
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    for (unsigned i = 0; i < BATCH && !parts[i].iov_base; i++) { /* the first time */
        parts[i] = (struct iovec){.iov_base = buffers[i], .iov_len = ANSWER_MAX};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) fail("nobody listens there");
    uint64_t moment = now_ns();
    for (int i = 0; i < n; i++) {
        unsigned length = messages[i].msg_len;
        uint32_t number = length >= 2 ? flying[buffers[i][1]] : NONE;
        if (number == NONE) { strays++; continue; }
        uint64_t took = moment - sent_at[number % IDENTIFIERS];
        flying[number % IDENTIFIERS] = NONE;
        latencies[answered++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
        in_flight--;
        packets[number].answer_length = (uint16_t)length;
        packets[number].answer = malloc(length);
        memcpy(packets[number].answer, buffers[i], length);
    }
}

static void give_up(void) {
    uint64_t moment = now_ns();
    for (unsigned i = 0; i < IDENTIFIERS; i++)
        if (flying[i] != NONE && moment - sent_at[i] > LOST_NS) flying[i] = NONE, in_flight--, lost++;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double at(uint64_t thousandths) {
    return answered ? latencies[answered * thousandths / 1000 - (thousandths == 1000)] / 1e3 : 0;
}

int main(int argc, char **argv) {
    if (argc != 6 || atoi(argv[3]) < 1 || atoi(argv[3]) > BATCH) { fprintf(stderr, "see the head of radius_load.c\n"); return 2; }
    uint32_t outstanding = (uint32_t)atoi(argv[3]);
    read_packets(argv[4]);
    latencies = malloc(count * sizeof *latencies);
    for (unsigned i = 0; i < IDENTIFIERS; i++) flying[i] = NONE;
    int fd = dial(argv[1], argv[2]);
    uint64_t began = now_ns(), looked = began;
    while (answered + lost < count) {
        send_next(fd, outstanding);
        struct pollfd awaited = {.fd = fd, .events = POLLIN};
        int n = poll(&awaited, 1, 100);
        if (n > 0) take(fd);
        if (n == 0 || now_ns() - looked > LOST_NS) give_up(), looked = now_ns();
    }
    double seconds = (double)(now_ns() - began) / 1e9;
    write_answers(argv[5]);
    qsort(latencies, answered, sizeof *latencies, ascending);
    printf("{\"packets\":%u,\"seconds\":%.6f,\"per_second\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,"
           "\"lost\":%u,\"strays\":%llu}\n",
           count, seconds, answered / seconds, at(500), at(990), at(1000), lost, (unsigned long long)strays);
    return 0;
}
