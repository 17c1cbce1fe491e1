/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client side of the chaos test, one thread each: pollers that keep their session whatever happens, attackers that never send anything
 * but what must not arrive (together with what may), and a safety controller whose datagrams are numbered.
 *
 *   chaos_clients SEED LOG HMI ATTACKER CLOSED OPEN SAFETY SAFETY_PEER SAFETY_PORT
 *
 * CLOSED and OPEN are Modbus servers. A line of standard input is a command, answered by one line:
 *
 *   pause             everyone ends what is under way and rests; prints the account:
 *                     "NAME ANSWERS LOST WRONG" of each poller, "attack TRIED ANSWERED", "safety SENT LOST DISORDER", joined by ", ",
 *                     and "busy NAME" first where one does not come to rest
 *   resume
 *   advance N         waits until each poller over TCP has N more answers: "ok", or "stuck NAME" after ADVANCE_S
 *
 * LOST are sessions, with time and reason in LOG. A session is given up after PATIENCE_S without an answer. ANSWERED: attacks to which the
 * server gave an answer. Which attack is which stands at forbidden(). The same SEED, the same attacks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PORT       502
#define POLLERS    4
#define ATTACKERS  6
#define EVERY_US   4000
#define SAFETY_US  2000
#define PATIENCE_S 20
#define ADVANCE_S  10
#define REST_S     25
#define PRIORITY   10
#define READ_LEN   12

static _Atomic bool resting;
static FILE *log_file;
static struct in_addr hmi, attacker_at, closed_plc, open_plc, safety_a, safety_b;
static uint16_t safety_port;

/* Each thread's account. */
struct account {
	const char *name;
	struct in_addr to;
	bool udp;
	_Atomic bool at_rest;
	_Atomic unsigned long answers, lost, wrong;
	uint64_t random;
};
static struct account pollers[POLLERS + 1] = {{.name = "closed-1"},
					      {.name = "closed-2"},
					      {.name = "open-1"},
					      {.name = "open-2"},
					      {.name = "closed-udp", .udp = true}};
static struct account attackers[ATTACKERS] = {{.name = "attack-1"}, {.name = "attack-2"},
					      {.name = "attack-3"}, {.name = "attack-4"},
					      {.name = "attack-5"}, {.name = "attack-6"}};
static struct account safety = {.name = "safety"};
static _Atomic unsigned long tried, answered, safe_sent, safe_back, safe_disorder;

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void tell(const struct account *a, const char *what)
{
	struct timeval t;

	gettimeofday(&t, NULL);
	fprintf(log_file, "%lld %s %s\n", (long long)t.tv_sec * 1000 + t.tv_usec / 1000, a->name, what);
}

static uint32_t random_of(struct account *a, uint32_t n)
{
	a->random ^= a->random << 13;
	a->random ^= a->random >> 7;
	a->random ^= a->random << 17;
	return (uint32_t)(a->random >> 20) % n;
}

static void rest(struct account *a)
{
	while (atomic_load(&resting)) {
		atomic_store(&a->at_rest, true);
		usleep(1000);
	}
	atomic_store(&a->at_rest, false);
}

static size_t put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

/* A request; its length. */
static size_t request(uint8_t *p, unsigned id, unsigned unit, unsigned function, unsigned first,
		      unsigned second)
{
	put16(p, id);
	put16(p + 2, 0);
	put16(p + 4, 6);
	p[6] = (uint8_t)unit;
	p[7] = (uint8_t)function;
	put16(p + 8, first);
	put16(p + 10, second);
	return READ_LEN;
}

/* A session, or -1 with errno. ms: how long to wait for it. */
static int dial(struct in_addr from, struct in_addr to, bool udp, int ms)
{
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr = from};
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr = to, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1,
	    e = 0;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(e);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)
		e = errno;
	else if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0 && errno != EINPROGRESS)
		e = errno;
	else if (!udp && poll(&p, 1, ms) == 0)
		e = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	if (e) {
		close(fd);
		errno = e;
		return -1;
	}
	if (!udp) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		/* A segment that was dropped comes again every 0.2 s: an outage of a second is over a second later. */
		setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &on, sizeof(on));
	}
	return fd;
}

/* Ends with a RST: no session stays half open on a way that may be cut. */
static void hang_up(int fd)
{
	struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* ---- pollers ---- */

/* What came for a read of `count` registers from `first`. */
static bool right(const uint8_t *q, const uint8_t *a, size_t len, unsigned first, unsigned count)
{
	if (len != 9 + 2 * count || memcmp(a, q, 4) != 0 || a[6] != q[6] || a[7] != 3 || a[8] != 2 * count)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (a[9 + 2 * i] != (uint8_t)((first + i) >> 8) || a[10 + 2 * i] != (uint8_t)(first + i))
			return false;
	return true;
}

/* One request and its answer. NULL: right; "wrong", or why the session is over. */
static const char *poll_once(struct account *a, int fd, unsigned id)
{
	unsigned first = random_of(a, 180), count = 1 + random_of(a, 20);
	uint8_t q[READ_LEN], r[300];
	size_t want = 9 + 2 * count, got = 0;
	int64_t until = now_us() + PATIENCE_S * 1000000ll;

	request(q, id, 1, 3, first, count);
	if (send(fd, q, sizeof(q), MSG_NOSIGNAL) < 0)
		return a->udp ? NULL : strerror(errno);
	while (got < want) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until - now_us();
		ssize_t n;

		if (left <= 0)
			return "no answer";
		if (poll(&p, 1, a->udp ? 50 : (int)(left / 1000) + 1) == 0) {
			if (a->udp)
				return NULL; /* a datagram may be lost */
			continue;
		}
		n = recv(fd, r + got, sizeof(r) - got, 0);
		if (n <= 0)
			return a->udp ? NULL : n == 0 ? "closed" : strerror(errno);
		if (a->udp && memcmp(r, q, 2) != 0)
			continue; /* the answer to one that was given up */
		got += (size_t)n;
		if (a->udp || (got >= 9 && (r[7] != 3 || r[8] != 2 * count)))
			break;
	}
	if (!right(q, r, got, first, count))
		return "wrong";
	atomic_fetch_add(&a->answers, 1);
	return NULL;
}

static void *poller(void *arg)
{
	struct account *a = arg;
	unsigned id = 0;
	int fd = -1;

	for (;;) {
		rest(a);
		if (fd < 0 && (fd = dial(hmi, a->to, a->udp, PATIENCE_S * 1000)) < 0) {
			tell(a, strerror(errno));
			usleep(100000);
			continue;
		}
		const char *why = poll_once(a, fd, ++id & 0xffff);

		if (why) {
			tell(a, why);
			atomic_fetch_add(strcmp(why, "wrong") == 0 ? &a->wrong : &a->lost, 1);
			hang_up(fd);
			fd = -1;
		}
		usleep(EVERY_US);
	}
	return NULL;
}

/* ---- attackers ---- */

enum attack {
	WRITE,
	WRITE_MANY,
	EMBEDDED,
	BEYOND,
	ACROSS,
	OPAQUE,
	STATION,
	BAD_LENGTH,
	BAD_PROTOCOL,
	NO_FUNCTION,
	WIDE,
	ATTACKS
};

/*
 * One PDU that the closed zone must not let pass. WIDE reads what one of the two policies allows: whether it may arrive depends on when.
 */
static size_t forbidden(struct account *a, enum attack kind, uint8_t *p)
{
	unsigned id = random_of(a, 65536), at = random_of(a, 200);

	switch (kind) {
	case WRITE: return request(p, id, 1, 6, at, 4711);
	case WRITE_MANY:
		request(p, id, 1, 16, at, 10);
		put16(p + 4, 27);
		p[12] = 20;
		memset(p + 13, 0x5a, 20);
		return 33;
	case EMBEDDED: /* its last octets are an allowed request */
		request(p, id, 1, 16, at, 6);
		put16(p + 4, 19);
		p[12] = 12;
		request(p + 13, id ^ 0x4000, 1, 3, at % 100, 1);
		return 25;
	case BEYOND: return request(p, id, 1, 3, 1000 + at, 1);
	case ACROSS: return request(p, id, 1, 3, 290 + at % 10, 20);
	case OPAQUE: return request(p, id, 1, 90, 16, 0);
	case STATION: return request(p, id, 2, 3, at, 1);
	case BAD_LENGTH:
		request(p, id, 1, 3, at % 100, 1);
		put16(p + 4, 6 + 1 + random_of(a, 200));
		memset(p + 12, 0, 6 + 207 - 12);
		return 6 + ((size_t)p[4] << 8 | p[5]);
	case BAD_PROTOCOL:
		request(p, id, 1, 3, at % 100, 1);
		put16(p + 2, 1 + random_of(a, 9));
		return READ_LEN;
	case NO_FUNCTION: return request(p, id, 1, 0, at, 1);
	default: return request(p, id, 1, 3, 200 + at % 100, 1);
	}
}

/*
 * How it is sent: whole; in parts; in two with so long between that a fault or a reload may come in; octet by octet; behind an allowed read
 * in one segment; between two of them, cut anywhere.
 */
enum way { WHOLE, PARTS, SLOWLY, OCTETS, BEHIND, BETWEEN, WAYS };

static bool push(int fd, const uint8_t *p, size_t len, size_t at_once, useconds_t pause)
{
	for (size_t i = 0; i < len; i += at_once) {
		size_t n = len - i < at_once ? len - i : at_once;

		if (send(fd, p + i, n, MSG_NOSIGNAL) < 0)
			return false;
		if (i + n < len)
			usleep(pause);
	}
	return true;
}

/* What the server said within `ms`: did it answer with the forbidden request's id? */
static bool hears(int fd, const uint8_t *bad, int ms)
{
	uint8_t r[1024];
	int64_t until = now_us() + ms * 1000ll;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int left = (int)((until - now_us()) / 1000);
		ssize_t n;

		if (left <= 0 || poll(&p, 1, left) <= 0)
			return false;
		n = recv(fd, r, sizeof(r), 0);
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i + 8 <= n; i += 6 + ((ssize_t)r[i + 4] << 8 | r[i + 5]))
			if (memcmp(r + i, bad, 2) == 0)
				return true;
	}
}

static void attack_once(struct account *a)
{
	static const int stay_ms[] = {5, 20, 60, 450}; /* the last: until its own TCP has sent it again */
	enum attack kind = (enum attack)random_of(a, ATTACKS);
	enum way way = (enum way)random_of(a, WAYS);
	bool udp = random_of(a, 5) == 0;
	uint8_t bad[300], all[400];
	size_t len = forbidden(a, kind, bad), n = 0;
	int stay = stay_ms[random_of(a, 4)], fd = dial(attacker_at, closed_plc, udp, 300);
	unsigned good = (unsigned)(bad[0] << 8 | bad[1]) ^ 0x8000;

	if (fd < 0)
		return;
	if (!udp && way >= BEHIND)
		n = request(all, good, 1, 3, 7, 1);
	memcpy(all + n, bad, len);
	n += len;
	if (!udp && way == BETWEEN)
		n += request(all + n, good + 1, 1, 3, 8, 1);
	size_t at_once = udp || way == WHOLE || way == BEHIND ? n
			 : way == OCTETS                      ? 1
							      : 1 + random_of(a, (uint32_t)n - 1);

	atomic_fetch_add(&tried, 1);
	if (push(fd, all, n, at_once, 500 + random_of(a, 3000)) && hears(fd, bad, stay) && kind != WIDE) {
		atomic_fetch_add(&answered, 1);
		tell(a, "an answer to what is forbidden");
	}
	hang_up(fd);
}

static void *attacker(void *arg)
{
	struct account *a = arg;

	for (;;) {
		rest(a);
		attack_once(a);
		usleep(2000 + random_of(a, 8000));
	}
	return NULL;
}

/* ---- the safety controller ---- */

static void safety_take(int fd, uint32_t *last)
{
	uint32_t n;

	while (recv(fd, &n, sizeof(n), MSG_DONTWAIT) == (ssize_t)sizeof(n)) {
		if (n != *last + 1)
			atomic_fetch_add(&safe_disorder, 1);
		*last = n;
		atomic_fetch_add(&safe_back, 1);
	}
}

static void *safety_run(void *arg)
{
	struct account *a = arg;
	struct sched_param fifo = {.sched_priority = PRIORITY};
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr = safety_a};
	struct sockaddr_in peer = {
		.sin_family = AF_INET, .sin_addr = safety_b, .sin_port = htons(safety_port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20;
	uint32_t sent = 0, last = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0 ||
	    connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo) != 0) {
		perror("chaos_clients: safety");
		exit(2);
	}
	for (;;) {
		if (atomic_load(&resting)) {
			/* Who is not back within a second is lost. */
			for (int i = 0; i < 1000 && atomic_load(&safe_back) < sent; i++) {
				safety_take(fd, &last);
				usleep(1000);
			}
			rest(a);
		}
		sent++;
		atomic_store(&safe_sent, sent);
		if (send(fd, &sent, sizeof(sent), 0) < 0)
			tell(a, strerror(errno));
		usleep(SAFETY_US);
		safety_take(fd, &last);
	}
	return NULL;
}

/* ---- commands ---- */

static struct account *restless(void)
{
	for (int i = 0; i < POLLERS + 1; i++)
		if (!atomic_load(&pollers[i].at_rest))
			return &pollers[i];
	for (int i = 0; i < ATTACKERS; i++)
		if (!atomic_load(&attackers[i].at_rest))
			return &attackers[i];
	return atomic_load(&safety.at_rest) ? NULL : &safety;
}

static bool anybody_rests(void)
{
	for (int i = 0; i < POLLERS + 1; i++)
		if (atomic_load(&pollers[i].at_rest))
			return true;
	for (int i = 0; i < ATTACKERS; i++)
		if (atomic_load(&attackers[i].at_rest))
			return true;
	return atomic_load(&safety.at_rest);
}

static void print_account(void)
{
	struct account *busy;
	int64_t until = now_us() + REST_S * 1000000ll;

	atomic_store(&resting, true);
	while ((busy = restless()) && now_us() < until)
		usleep(1000);
	if (busy)
		printf("busy %s, ", busy->name);
	for (int i = 0; i < POLLERS + 1; i++)
		printf("%s %lu %lu %lu, ", pollers[i].name, atomic_load(&pollers[i].answers),
		       atomic_load(&pollers[i].lost), atomic_load(&pollers[i].wrong));
	printf("attack %lu %lu, safety %lu %lu %lu\n", atomic_load(&tried), atomic_load(&answered),
	       atomic_load(&safe_sent), atomic_load(&safe_sent) - atomic_load(&safe_back),
	       atomic_load(&safe_disorder));
	fflush(log_file);
}

static void advance(unsigned long n)
{
	unsigned long goal[POLLERS];
	int64_t until = now_us() + ADVANCE_S * 1000000ll;

	for (int i = 0; i < POLLERS; i++)
		goal[i] = atomic_load(&pollers[i].answers) + n;
	for (int i = 0; i < POLLERS; i++)
		while (atomic_load(&pollers[i].answers) < goal[i]) {
			if (now_us() > until) {
				printf("stuck %s\n", pollers[i].name);
				return;
			}
			usleep(1000);
		}
	puts("ok");
}

static bool address(const char *text, struct in_addr *a)
{
	return inet_pton(AF_INET, text, a) == 1;
}

int main(int argc, char **argv)
{
	char line[64];
	unsigned long n;
	pthread_t t;

	if (argc != 10 || !address(argv[3], &hmi) || !address(argv[4], &attacker_at) ||
	    !address(argv[5], &closed_plc) || !address(argv[6], &open_plc) || !address(argv[7], &safety_a) ||
	    !address(argv[8], &safety_b)) {
		fprintf(stderr,
			"usage: chaos_clients SEED LOG HMI ATTACKER CLOSED OPEN SAFETY SAFETY_PEER SAFETY_PORT\n");
		return 2;
	}
	safety_port = (uint16_t)atoi(argv[9]);
	if (!(log_file = fopen(argv[2], "a"))) {
		perror(argv[2]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(log_file, NULL, _IOLBF, 0);
	for (int i = 0; i < POLLERS + 1; i++) {
		pollers[i].to = i == 2 || i == 3 ? open_plc : closed_plc;
		pollers[i].random = strtoull(argv[1], NULL, 10) * 100 + 1 + (unsigned)i;
		pthread_create(&t, NULL, poller, &pollers[i]);
	}
	for (int i = 0; i < ATTACKERS; i++) {
		attackers[i].random = strtoull(argv[1], NULL, 10) * 100 + 51 + (unsigned)i;
		pthread_create(&t, NULL, attacker, &attackers[i]);
	}
	pthread_create(&t, NULL, safety_run, &safety);
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "pause\n") == 0) {
			print_account();
		} else if (strcmp(line, "resume\n") == 0) {
			atomic_store(&resting, false);
			while (anybody_rests())
				usleep(500);
			puts("ok");
		} else if (sscanf(line, "advance %lu", &n) == 1) {
			advance(n);
		} else {
			puts("not understood");
		}
	}
	return 0;
}
