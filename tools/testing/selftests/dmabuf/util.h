/* SPDX-License-Identifier: GPL-2.0-only */
/* util - files, time, descriptors and modules for the dma-buf programs */
#ifndef SELFTEST_DMABUF_UTIL_H
#define SELFTEST_DMABUF_UTIL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../kselftest.h"

/*
 * Unless the comment at a function says otherwise, it returns 0 or a non-negative
 * result on success and a negative errno on failure, so that a test compares the
 * return value with -EINVAL and the like and never reads errno.
 */

long long now_ms(void);
void sleep_ms(unsigned int ms);

/* file_text() - return a whole file as a string that the caller frees, or NULL */
char *file_text(const char *path);
int file_put(const char *path, const char *text);

/* file_number() - return the number after the first @key in a file, -1 if it is missing */
long long file_number(const char *path, const char *key);

/* fd_info() - copy the value of fdinfo line @key; -ENOENT if there is no such line */
int fd_info(int fd, const char *key, char *value, size_t size);
/* fd_link() - read the link /proc/self/fd/@fd */
int fd_link(int fd, char *target, size_t size);
/* fds_open() - count the open descriptors of this process */
int fds_open(void);
/* fds_exhaust() - lower RLIMIT_NOFILE so that only @count descriptors are free */
int fds_exhaust(unsigned int count);
/* fds_unlimit() - raise the soft RLIMIT_NOFILE to the hard limit */
int fds_unlimit(void);
/* fd_ino() - return the inode number, 0 on failure */
unsigned long long fd_ino(int fd);

/* fd_send() - send @size bytes and, unless @fd is -1, one descriptor with them */
int fd_send(int sock, int fd, const void *data, size_t size);
/* fd_receive() - receive such a message; *@fd is -1 if it carried no descriptor */
int fd_receive(int sock, int *fd, void *data, size_t size);

/* xioctl() - call ioctl(), again after EINTR; return -errno on failure */
int xioctl(int fd, unsigned long cmd, void *arg);
/* ioctl_once() - call ioctl(); return -errno on failure, -EINTR included */
int ioctl_once(int fd, unsigned long cmd, void *arg);
/* poll_events() - poll one descriptor; return its revents, 0 after @timeout ms */
int poll_events(int fd, short events, int timeout);

/* touch() - let the kernel read one byte; -EFAULT instead of a fatal signal */
int touch(const void *at);

/* task_asleep() - wait until task @tid sleeps interruptibly; -ETIMEDOUT after 20 s */
int task_asleep(pid_t tid);

/**
 * struct blocking_call - a system call that one thread sleeps in
 * @call: makes the call with @fd and @arg; returns its result or a negative errno
 * @fd: first argument of @call
 * @arg: second argument of @call
 * @result: what @call returned, valid once @returned is set
 * @tid: the thread; 0 until it is about to make the call
 * @returned: @call has returned
 * @thread: the thread
 */
struct blocking_call {
	int (*call)(int fd, int arg);
	int fd;
	int arg;
	int result;
	pid_t tid;
	int returned;
	pthread_t thread;
};

/*
 * blocking_call_start() - make a call in a new thread and wait until it sleeps there
 *
 * So no test passes because its thread began too late. Returns -EALREADY if the call
 * returned instead of sleeping; the thread has to be joined in this case too.
 */
int blocking_call_start(struct blocking_call *blocking);
/* blocking_call_sleeps() - return whether the call has not returned and sleeps again */
bool blocking_call_sleeps(struct blocking_call *blocking);
/* blocking_call_join() - wait for the thread; return the call's result */
int blocking_call_join(struct blocking_call *blocking);
/* A @call that polls @fd for the events @arg, without a timeout. */
int call_poll(int fd, int arg);

/**
 * struct hammer - a thread that repeats the same calls for some time
 * @round: makes the calls of one round; returns how many have failed
 * @dev: descriptor for @round
 * @fd: another one
 * @context: anything else for @round
 * @number: number of the thread, for @round
 * @rounds: how many rounds are done
 * @errors: how many calls have failed
 * @limit: time in ms at which the thread ends
 * @thread: the thread
 */
struct hammer {
	unsigned int (*round)(const struct hammer *hammer);
	int dev;
	int fd;
	void *context;
	unsigned int number;
	unsigned int rounds;
	unsigned int errors;
	long long limit;
	pthread_t thread;
};

/* hammer_start() - start threads that end after @ms, and after one round at least */
int hammer_start(struct hammer *hammers, size_t count, unsigned int ms);
/* hammer_join() - wait for threads; return how many of their calls have failed */
long hammer_join(struct hammer *hammers, size_t count);

/* slab_frees_delayed() - return whether KASAN or kmemleak keeps freed objects allocated */
bool slab_frees_delayed(void);
/* slab_objects() - count the objects in use of each slab cache, to be freed; or NULL */
struct slab_count *slab_objects(void);
/*
 * slab_growth() - return how many objects the cache that grew most has gained since
 *
 * Waits up to 5 s until no cache has gained @limit objects, because closed files are freed
 * after an RCU grace period. Copies the name of the cache to @name.
 */
long slab_growth(const struct slab_count *since, long limit, char *name, size_t size);

/* mem_free() - return the bytes of free memory, MemAvailable of /proc/meminfo */
long long mem_free(void);
/*
 * mem_lost() - return how many bytes of free memory are missing since @before
 *
 * Waits up to 5 s until less than @limit bytes are missing.
 */
long long mem_lost(long long before, long long limit);

/* cmdline_has() - return whether the kernel's command line has @key with @text in its value */
bool cmdline_has(const char *key, const char *text);

/* child_killed() - kill a child with SIGKILL; return after how many ms it was gone */
int child_killed(pid_t pid, int timeout);

/*
 * memlock_limit() - give up all privileges, and let this process lock @bytes of memory
 *
 * Privileged processes may lock memory without a limit.
 */
int memlock_limit(size_t bytes);

/* dma_debug() - return whether the kernel checks how drivers use the DMA API */
bool dma_debug(void);
/* dma_mapped() - count the segments that DMA debugging lists as mapped; -1 without it */
long long dma_mapped(void);

/* Modules are files NAME.ko in the folder DMABUF_MODULES, or else /lib/modules. */
int module_load(const char *name, const char *params);
int module_unload(const char *name);
/* module_unload_idle() - unload; retry for 5 s while the module is in use */
int module_unload_idle(const char *name);
bool module_present(const char *name);

#endif /* SELFTEST_DMABUF_UTIL_H */
