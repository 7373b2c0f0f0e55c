/* The other side of a measurement: sends prepared frames over TCP or a Unix socket and times every answer.
 *
 *   load [-s] ADDRESS CONNECTIONS OUTSTANDING REQUESTS RATE FRAMES [OFFSET [HELLO]]
 *
 * -s          sleep between the moments of an open loop instead of watching the clock: for a core that others share
 * ADDRESS     host:port (IPv4) or the path of a Unix socket
 * OUTSTANDING requests in flight on each connection (closed loop); ignored when RATE is not 0
 * RATE        0, or requests a second over all connections (open loop: latency counts from the intended moment)
 * FRAMES      a file: 8-byte count, then per frame: 4-byte length, 2-byte place of the 8-byte id, 2-byte place of a
 *             12-digit number in the call id (0: none), then the frame. All numbers big-endian.
 * OFFSET      number of the first call
 * HELLO       a file with one whole frame that every connection says first, untimed
 *
 * Frame i is request i modulo the count, with id and call number i + OFFSET written into it. Prints one JSON object.
 * SIGTERM: ask no more, wait for what is on the way, print. No answer for 30 s is an error, and so is a closed connection.
 * late_*: how far behind an intended moment of the open loop this program itself was: what of a latency is not the
 * server's. max_at_ns: when (CLOCK_MONOTONIC) the longest answer came.
 * One thread on one core; it must cost a request less than the server does, which is why it is C.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, RING = 1 << 16 };
static const uint64_t SILENCE_NS_MAX = 30000000000u;

struct frame { uint32_t length; uint16_t id_at, number_at; unsigned char *bytes; };
struct connection {
    int fd;
    size_t in_used, out_used, out_sent;
    unsigned char *in, *out;
    uint64_t *sent_at; /* ring of send moments, oldest at head */
    uint32_t head, tail;
};

static struct frame *frames;
static uint64_t frame_count, requests, asked, answered, offset;
static uint64_t granted, refused, errors;
static uint32_t *latencies, *lates; /* ns, at most 4.29 s */
static uint32_t longest;
static uint64_t longest_at;
static volatile sig_atomic_t told_to_stop;

static void stop(int number) {
    (void)number;
    told_to_stop = 1;
}

static uint32_t ns32(uint64_t ns) {
    return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void read_frames(const char *path) {
    FILE *file = fopen(path, "rb");
    uint64_t count_be;
    if (!file || fread(&count_be, 8, 1, file) != 1) fail(path);
    frame_count = __builtin_bswap64(count_be);
    frames = calloc(frame_count, sizeof *frames);
    for (uint64_t i = 0; i < frame_count; i++) {
        unsigned char head[8];
        if (fread(head, 8, 1, file) != 1) fail(path);
        frames[i].length = (uint32_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
        frames[i].id_at = (uint16_t)(head[4] << 8 | head[5]);
        frames[i].number_at = (uint16_t)(head[6] << 8 | head[7]);
        frames[i].bytes = malloc(frames[i].length);
        if (fread(frames[i].bytes, frames[i].length, 1, file) != 1) fail(path);
    }
    fclose(file);
}

static int dial(const char *address) {
    const char *colon = strrchr(address, ':');
    int fd, one = 1;
    if (colon && !strchr(address, '/')) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
        char host[64] = {0};
        memcpy(host, address, (size_t)(colon - address));
        inet_pton(AF_INET, host, &to.sin_addr);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail(address);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    } else {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        strncpy(to.sun_path, address, sizeof to.sun_path - 1);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail(address);
    }
    return fd;
}

static void put(struct connection *c, uint64_t moment) {
    uint64_t number = asked + offset;
    struct frame *f = &frames[asked % frame_count];
    unsigned char *at = c->out + c->out_used;
    memcpy(at, f->bytes, f->length);
    for (int i = 0; i < 8; i++) at[f->id_at + i] = (unsigned char)(number >> (56 - 8 * i));
    if (f->number_at) {
        uint64_t rest = number;
        for (int i = 11; i >= 0; i--, rest /= 10) at[f->number_at + i] = (unsigned char)('0' + rest % 10);
    }
    c->out_used += f->length;
    c->sent_at[c->tail++ % RING] = moment;
    asked++;
}

static void flush(struct connection *c) {
    while (c->out_sent < c->out_used) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_used - c->out_sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EAGAIN) return;
            fail("send");
        }
        c->out_sent += (size_t)n;
    }
    c->out_sent = c->out_used = 0;
}

/* Say the hello and take its answer whole. */
static void say_hello(int fd, const char *path) {
    unsigned char hello[4096];
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(hello, 1, sizeof hello, file) : 0, got = 0, wanted = 4;
    if (!length || send(fd, hello, length, MSG_NOSIGNAL) != (ssize_t)length) fail(path);
    fclose(file);
    while (got < wanted) {
        ssize_t n = recv(fd, hello + got, sizeof hello - got, 0);
        if (n <= 0) fail("hello");
        got += (size_t)n;
        if (got >= 4) wanted = 4 + ((size_t)hello[2] << 8 | hello[3]);
    }
}

/* Take what has come; the number of whole answers. */
static unsigned take(struct connection *c) {
    unsigned whole = 0;
    ssize_t n = recv(c->fd, c->in + c->in_used, BUFFER - c->in_used, 0);
    if (n < 0 && errno == EAGAIN) return 0;
    if (n <= 0) { fprintf(stderr, "the server closed a connection\n"); exit(1); }
    uint64_t moment = now_ns();
    c->in_used += (size_t)n;
    size_t at = 0;
    while (c->in_used - at >= 4) {
        unsigned char *p = c->in + at;
        size_t length = (size_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        if (c->in_used - at < 4 + length) break;
        if (answered < requests) {
            uint32_t latency = ns32(moment - c->sent_at[c->head % RING]);
            if (latency > longest) longest = latency, longest_at = moment;
            latencies[answered] = latency;
        }
        c->head++;
        answered++;
        whole++;
        if (memmem(p, 4 + length, "\xa5grant", 6)) granted++;
        else if (memmem(p, 4 + length, "\xa5" "error", 6)) errors++;
        else refused++;
        at += 4 + length;
    }
    memmove(c->in, c->in + at, c->in_used - at);
    c->in_used -= at;
    return whole;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double at(const uint32_t *sorted, uint64_t count, uint64_t thousandths) {
    return count ? sorted[count * thousandths / 1000 - (thousandths == 1000)] / 1e3 : 0;
}

int main(int argc, char **argv) {
    int sleeps = argc > 1 && !strcmp(argv[1], "-s");
    argc -= sleeps;
    argv += sleeps;
    signal(SIGTERM, stop);
    if (argc < 7) { fprintf(stderr, "see the head of load.c\n"); return 2; }
    unsigned connections = (unsigned)atoi(argv[2]), outstanding = (unsigned)atoi(argv[3]);
    requests = strtoull(argv[4], NULL, 10);
    double rate = atof(argv[5]);
    read_frames(argv[6]);
    offset = argc > 7 ? strtoull(argv[7], NULL, 10) : 0;
    latencies = malloc(requests * sizeof *latencies);
    lates = malloc(requests * sizeof *lates);
    struct connection *all = calloc(connections, sizeof *all);
    int poller = epoll_create1(0);
    for (unsigned i = 0; i < connections; i++) {
        struct connection *c = &all[i];
        c->fd = dial(argv[1]);
        if (argc > 8) say_hello(c->fd, argv[8]);
        fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
        c->in = malloc(BUFFER);
        c->out = malloc(BUFFER);
        c->sent_at = malloc(RING * sizeof *c->sent_at);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
    }
    uint64_t began = now_ns(), heard = began;
    if (rate == 0)
        for (unsigned i = 0; i < connections; i++) {
            for (unsigned k = 0; k < outstanding && asked < requests; k++) put(&all[i], now_ns());
            flush(&all[i]);
        }
    while (answered < requests) {
        struct epoll_event events[256];
        uint64_t due = 0, moment;
        if (told_to_stop && answered == (requests = asked)) break;
        if (rate != 0)
            while (asked < requests) {
                due = began + (uint64_t)((double)asked * 1e9 / rate);
                if (due > (moment = now_ns())) break;
                struct connection *c = &all[asked % connections];
                if (c->tail - c->head >= RING - 1 || c->out_used > BUFFER / 2) break;
                lates[asked] = ns32(moment - due);
                put(c, due);
                flush(c);
            }
        if (rate != 0 && sleeps) {
            moment = now_ns();
            uint64_t left = asked == requests ? 1000000000u : due > moment ? due - moment : 0;
            struct timespec rest = {.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
            struct pollfd awaited = {.fd = poller, .events = POLLIN};
            ppoll(&awaited, 1, &rest, NULL);
        }
        int n = epoll_wait(poller, events, 256, rate != 0 ? 0 : 1000);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            unsigned whole = take(c);
            if (rate == 0)
                for (unsigned k = 0; k < whole && asked < requests; k++) put(c, now_ns());
            flush(c);
        }
        if (n > 0) heard = now_ns();
        else if (asked > answered && now_ns() - heard > SILENCE_NS_MAX) {
            fprintf(stderr, "no answer for 30 s\n");
            return 1;
        }
    }
    double seconds = (double)(now_ns() - began) / 1e9;
    qsort(latencies, requests, sizeof *latencies, ascending);
    uint64_t timed = rate != 0 ? requests : 0;
    qsort(lates, timed, sizeof *lates, ascending);
    printf("{\"requests\":%llu,\"seconds\":%.6f,\"per_second\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
           "\"max_us\":%.1f,\"max_at_ns\":%llu,\"late_p99_us\":%.1f,\"late_max_us\":%.1f,"
           "\"granted\":%llu,\"refused\":%llu,\"errors\":%llu}\n",
           (unsigned long long)requests, seconds, (double)requests / seconds, at(latencies, requests, 500),
           at(latencies, requests, 990), at(latencies, requests, 999), at(latencies, requests, 1000),
           (unsigned long long)longest_at, at(lates, timed, 990), at(lates, timed, 1000),
           (unsigned long long)granted, (unsigned long long)refused, (unsigned long long)errors);
    return 0;
}
