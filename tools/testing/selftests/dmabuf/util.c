// SPDX-License-Identifier: GPL-2.0-only
/*
 * util - files, time, descriptors and modules for the dma-buf programs.
 *
 * Nothing here depends on dma-buf. Failures are returned as negative errnos, which a
 * test compares directly.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

char *file_text(const char *path)
{
	size_t size = 0, capacity = 4096;
	char *text = NULL, *grown;
	ssize_t got = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;

	while (got > 0) {
		grown = realloc(text, capacity);
		if (!grown)
			break;
		text = grown;
		got = read(fd, text + size, capacity - size - 1);
		if (got < 0)
			break;
		size += got;
		text[size] = '\0';
		if (size > capacity / 2)
			capacity *= 2;
	}
	close(fd);
	if (got == 0)
		return text;
	free(text);
	return NULL;
}

int file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

long long file_number(const char *path, const char *key)
{
	char *text = file_text(path);
	char *at = text ? strstr(text, key) : NULL;
	long long number = at ? strtoll(at + strlen(key), NULL, 10) : -1;

	free(text);
	return number;
}

bool cmdline_has(const char *key, const char *text)
{
	char *line = file_text("/proc/cmdline");
	char *at = line ? strstr(line, key) : NULL;
	bool found;

	if (at)
		at[strcspn(at, "\n ")] = '\0';
	found = at && strstr(at, text);
	free(line);
	return found;
}

int fd_info(int fd, const char *key, char *value, size_t size)
{
	char path[64], *text, *at;
	size_t len = strlen(key);

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	text = file_text(path);
	if (!text)
		return -EBADF;

	for (at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, key, len) && !strncmp(at + len, ":\t", 2))
			break;
	if (at)
		snprintf(value, size, "%.*s", (int)strcspn(at + len + 2, "\n"), at + len + 2);
	free(text);
	return at ? 0 : -ENOENT;
}

int fd_link(int fd, char *target, size_t size)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, size - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	return 0;
}

int fds_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	/* opendir()'s own descriptor was counted too. */
	return count - 1;
}

/*
 * RLIMIT_NOFILE limits the highest number of a descriptor and not their count, so the
 * limit has to lie behind the last free number that is allowed.
 */
int fds_exhaust(unsigned int count)
{
	struct rlimit limit;
	rlim_t number;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	for (number = 0; ; number++) {
		if (fcntl(number, F_GETFD) >= 0)
			continue;
		if (!count--)
			break;
	}
	limit.rlim_cur = number;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

int fds_unlimit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

unsigned long long fd_ino(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

int fd_send(int sock, int fd, const void *data, size_t size)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -errno;
}

int fd_receive(int sock, int *fd, void *data, size_t size)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cmsg;
	ssize_t got;

	*fd = -1;
	got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	if (got < 0)
		return -errno;
	if (got != (ssize_t)size)
		return -EPIPE;

	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_type == SCM_RIGHTS && cmsg->cmsg_len == CMSG_LEN(sizeof(*fd)))
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	return 0;
}

int ioctl_once(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int xioctl(int fd, unsigned long cmd, void *arg)
{
	int ret;

	do
		ret = ioctl_once(fd, cmd, arg);
	while (ret == -EINTR);
	return ret;
}

int poll_events(int fd, short events, int timeout)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret = poll(&pfd, 1, timeout);

	if (ret < 0)
		return -errno;
	return ret ? pfd.revents : 0;
}

int touch(const void *at)
{
	int ends[2], ret = 0;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	if (write(ends[1], at, 1) < 0)
		ret = -errno;
	close(ends[0]);
	close(ends[1]);
	return ret;
}

/* The state is the letter after the command's name, which may have blanks in it. */
static int task_state(pid_t tid)
{
	char path[64], *text, *end;
	int state = -ESRCH;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	text = file_text(path);
	end = text ? strrchr(text, ')') : NULL;
	if (end && end[1] == ' ')
		state = end[2];
	free(text);
	return state;
}

/* /proc/TID of a thread is not listed but can be opened. */
int task_asleep(pid_t tid)
{
	long long limit = now_ms() + 20000;
	int state;

	while (now_ms() < limit) {
		state = task_state(tid);
		if (state < 0 || state == 'Z')
			return -ESRCH;
		if (state == 'S')
			return 0;
		sleep_ms(1);
	}
	return -ETIMEDOUT;
}

static void *blocking_call_thread(void *arg)
{
	struct blocking_call *blocking = arg;

	/* The thread makes no other system call from here to the one in question. */
	__atomic_store_n(&blocking->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	blocking->result = blocking->call(blocking->fd, blocking->arg);
	__atomic_store_n(&blocking->returned, 1, __ATOMIC_RELEASE);
	return NULL;
}

int blocking_call_start(struct blocking_call *blocking)
{
	int ret;

	blocking->tid = 0;
	blocking->returned = 0;
	ret = pthread_create(&blocking->thread, NULL, blocking_call_thread, blocking);
	if (ret)
		return -ret;
	while (!__atomic_load_n(&blocking->tid, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	return blocking_call_sleeps(blocking) ? 0 : -EALREADY;
}

bool blocking_call_sleeps(struct blocking_call *blocking)
{
	int ret = task_asleep(blocking->tid);

	return !ret && !__atomic_load_n(&blocking->returned, __ATOMIC_ACQUIRE);
}

int blocking_call_join(struct blocking_call *blocking)
{
	pthread_join(blocking->thread, NULL);
	return blocking->result;
}

int call_poll(int fd, int arg)
{
	return poll_events(fd, arg, -1);
}

static void *hammer_thread(void *arg)
{
	struct hammer *hammer = arg;

	do {
		hammer->errors += hammer->round(hammer);
		hammer->rounds++;
	} while (now_ms() < hammer->limit);
	return NULL;
}

int hammer_start(struct hammer *hammers, size_t count, unsigned int ms)
{
	size_t i;
	int ret;

	for (i = 0; i < count; i++) {
		hammers[i].number = i;
		hammers[i].limit = now_ms() + ms;
		ret = pthread_create(&hammers[i].thread, NULL, hammer_thread, &hammers[i]);
		if (ret)
			return -ret;
	}
	return 0;
}

long hammer_join(struct hammer *hammers, size_t count)
{
	long errors = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		pthread_join(hammers[i].thread, NULL);
		errors += hammers[i].errors;
	}
	return errors;
}

#define SLAB_CACHES	512

/**
 * struct slab_count - objects in use of one slab cache
 * @name: of the cache; empty behind the last one
 * @objects: objects in use
 */
struct slab_count {
	char name[48];
	long objects;
};

/*
 * KASAN delays frees by its quarantine, and kmemleak has an object of its own for each
 * object. The debug kernel has both.
 */
bool slab_frees_delayed(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

struct slab_count *slab_objects(void)
{
	struct slab_count *counts = calloc(SLAB_CACHES + 1, sizeof(*counts));
	char *text = file_text("/proc/slabinfo");
	char *next = text, *line;
	size_t i = 0;

	/* The two lines of the heading do not match. */
	while (counts && i < SLAB_CACHES && (line = strsep(&next, "\n")))
		i += sscanf(line, "%47s %ld", counts[i].name, &counts[i].objects) == 2;
	if (counts)
		counts[i].name[0] = '\0';
	free(text);
	if (i)
		return counts;
	free(counts);
	return NULL;
}

static long slab_count_of(const struct slab_count *counts, const char *name)
{
	for (; counts->name[0]; counts++)
		if (!strcmp(counts->name, name))
			return counts->objects;
	return 0;
}

static long slab_growth_now(const struct slab_count *since, char *name, size_t size)
{
	struct slab_count *counts = slab_objects(), *count;
	long growth, most = 0;

	if (!counts)
		return -EIO;
	for (count = counts; count->name[0]; count++) {
		growth = count->objects - slab_count_of(since, count->name);
		if (growth <= most)
			continue;
		most = growth;
		snprintf(name, size, "%s", count->name);
	}
	free(counts);
	return most;
}

long slab_growth(const struct slab_count *since, long limit, char *name, size_t size)
{
	long growth = slab_growth_now(since, name, size);
	int tries;

	for (tries = 0; tries < 100 && growth >= limit; tries++) {
		sleep_ms(50);
		growth = slab_growth_now(since, name, size);
	}
	return growth;
}

long long mem_free(void)
{
	return file_number("/proc/meminfo", "MemAvailable:") * 1024;
}

long long mem_lost(long long before, long long limit)
{
	int tries;

	for (tries = 0; tries < 100 && before - mem_free() >= limit; tries++) {
		/* CPUs keep freed pages for themselves; a refresh gives some of them back. */
		file_put("/proc/sys/vm/stat_refresh", "1");
		sleep_ms(50);
	}
	return before - mem_free();
}

int child_killed(pid_t pid, int timeout)
{
	long long began = now_ms();
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_ms() - began > timeout)
			return -ETIMEDOUT;
		sleep_ms(1);
	}
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return -ECHILD;
	return now_ms() - began;
}

int memlock_limit(size_t bytes)
{
	const struct rlimit limit = { bytes, bytes };
	const uid_t nobody = 65534;

	/* Without the ids of root a process has no capabilities. */
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresgid(nobody, nobody, nobody) ||
	    setresuid(nobody, nobody, nobody))
		return -errno;
	return 0;
}

#define DMA_DEBUG	"/sys/kernel/debug/dma-api"

bool dma_debug(void)
{
	return !access(DMA_DEBUG, F_OK);
}

long long dma_mapped(void)
{
	if (!dma_debug())
		return -1;
	return file_number(DMA_DEBUG "/nr_total_entries", "") -
	       file_number(DMA_DEBUG "/num_free_entries", "");
}

int module_load(const char *name, const char *params)
{
	const char *folder = getenv("DMABUF_MODULES");
	char path[PATH_MAX];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s.ko", folder ? folder : "/lib/modules", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, params, 0))
		ret = -errno;
	close(fd);
	return ret;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

int module_unload_idle(const char *name)
{
	int tries, ret = -EAGAIN;

	for (tries = 0; tries < 100 && ret == -EAGAIN; tries++) {
		ret = module_unload(name);
		if (ret)
			sleep_ms(50);
	}
	return ret;
}

bool module_present(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return !access(path, F_OK);
}
