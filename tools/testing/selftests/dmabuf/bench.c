// SPDX-License-Identifier: GPL-2.0
/*
 * bench - init of a guest that measures operations.
 *
 * It loads dma_buf_bench.ko with one set of parameters after another, times a read of
 * debugfs dma_buf/bufinfo while the module holds buffers, and reboots. With
 * "bench.threads" on the kernel's command line it makes the runs with several threads,
 * which are timed; with "bench.memory" or "bench.negotiation" it runs bench_memory; without, it
 * makes those whose instructions are counted.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MODULE	"/dma_buf_bench.ko"
#define BUFINFO	"/sys/kernel/debug/dma_buf/bufinfo"

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Load the module in a child process, whose exit closes the descriptor of the file. */
static int module_load(const char *parameters)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		int fd = open(MODULE, O_RDONLY | O_CLOEXEC);

		_exit(syscall(SYS_finit_module, fd, parameters, 0) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	if (status)
		printf("BENCH-FAILED to load with %s\n", parameters);
	return status;
}

static int module_unload(void)
{
	long ret = syscall(SYS_delete_module, "dma_buf_bench", O_NONBLOCK);

	if (ret)
		printf("BENCH-FAILED to unload: %m\n");
	return ret;
}

/* Return the bytes read, or -1. */
static long read_bufinfo(void)
{
	static char text[65536];
	long total = 0, n;
	int fd = open(BUFINFO, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while ((n = read(fd, text, sizeof(text))) > 0)
		total += n;
	close(fd);
	return n < 0 ? -1 : total;
}

static int run(const char *parameters)
{
	return module_load(parameters) || module_unload();
}

static int run_bufinfo(unsigned int buffers)
{
	char parameters[32];
	long long begin;

	snprintf(parameters, sizeof(parameters), "hold=%u", buffers);
	if (module_load(parameters))
		return 1;
	begin = now();
	if (read_bufinfo() > 0)
		printf("BENCH bufinfo of %u %lld\n", buffers, now() - begin);
	return module_unload();
}

static int command_line_has(const char *word)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "r");

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return !!strstr(line, word);
}

static int run_program(const char *path, const char *argument)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execl(path, path, argument, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return !!status;
}

int main(void)
{
	int rc;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);

	if (command_line_has("bench.memory") || command_line_has("bench.negotiation")) {
		mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
		rc = run_program("/bench_memory", command_line_has("bench.negotiation") ?
				 "negotiation" : NULL);
	} else if (command_line_has("bench.threads")) {
		rc = run("threads=1") | run("threads=2") | run("threads=4");
	} else {
		rc = run("ops=1") | run_bufinfo(1000) | run_bufinfo(10000) |
		     run_bufinfo(100000) | run_bufinfo(1000000);
	}

	printf("BENCH-DONE rc=%d\n", rc);
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	return rc;
}
