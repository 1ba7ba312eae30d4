// SPDX-License-Identifier: GPL-2.0-only
/*
 * init - process 1 of the initramfs in which the tests and the demo run.
 *
 * It mounts the file systems, loads the modules that /lib/modules/order names, runs the
 * programs one after the other, each within its time limit, and powers the machine off.
 * The kernel's command line selects the programs:
 *
 *   dmabuf.run=demo       /bin/demo
 *   dmabuf.run=selftests  every program in /tests, in the order of their names
 *   dmabuf.run=samples    the programs in /tests that test the sample drivers
 *   dmabuf.run=edu        the program in /tests that needs QEMU's edu device
 *   dmabuf.run=nothing    no program; for tests that the kernel runs at boot
 *   dmabuf.run=list       every line of /run-list: SECONDS PROGRAM [ARGUMENT]...
 *   dmabuf.args=A,B,...   more arguments for the demo
 *   dmabuf.timeout=N      time limit in seconds of programs that /run-list does not name
 *   dmabuf.out=DEVICE     device for the output, instead of the console
 *
 * The host parses these lines of the output:
 *
 *   RUN-BEGIN name
 *   RUN-END name rc=N time=MS pass=N fail=N skip=N
 *   RUN-ALL-DONE rc=N
 *
 * A program fails if one of its tests is skipped and /skips does not allow that. A line
 * of /skips is ARCHITECTURE PROGRAM TEST PATH and a reason. The first three are shell
 * patterns. The line does not allow the skip on a machine where PATH exists.
 * The whole run fails if a dma-buf is left after the last program, or if kmemleak
 * reports anything.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define ARGS_MAX	32
#define LINE_LEN	1024
#define SYSLOG_CONSOLE_OFF	6
#define SPACE		" \t\n"

/**
 * struct run - run of one program
 * @name: last component of the program's path
 * @line: unfinished line of its output
 * @len: bytes in @line
 * @pass: number of results "ok"
 * @fail: number of results "not ok"
 * @skip: number of results marked SKIP
 * @unexpected: number of skips that /skips does not allow
 */
struct run {
	const char *name;
	char line[LINE_LEN];
	size_t len;
	unsigned int pass;
	unsigned int fail;
	unsigned int skip;
	unsigned int unexpected;
};

static int out_fd = STDOUT_FILENO;
static char *skip_list;

/* Write each line with one write(), so that no kernel message splits it. */
static __printf(1, 2) void say(const char *fmt, ...)
{
	char buf[LINE_LEN + 128];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, sizeof(buf) - 1, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	if (len > (int)sizeof(buf) - 2)
		len = sizeof(buf) - 2;
	buf[len++] = '\n';
	if (write(out_fd, buf, len) < 0)
		return;
}

/* Return the value of key=value on the kernel's command line, or NULL. */
static const char *cmdline_value(const char *key)
{
	static char *words;
	size_t len = strlen(key);
	char *at;

	if (!words)
		words = file_text("/proc/cmdline");

	for (at = words; at && *at; at += strcspn(at, SPACE), at += strspn(at, SPACE))
		if (!strncmp(at, key, len) && at[len] == '=')
			return strndup(at + len + 1, strcspn(at + len + 1, SPACE));
	return NULL;
}

static void mount_all(void)
{
	static const struct {
		const char *type, *where;
	} table[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "devtmpfs", "/dev" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tmpfs", "/tmp" },
		{ "tmpfs", "/dev/shm" },
		{ "cgroup2", "/sys/fs/cgroup" },
		{ "hugetlbfs", "/dev/hugepages" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		mkdir(table[i].where, 0755);
		if (mount(table[i].type, table[i].where, table[i].type, 0, NULL) &&
		    errno != EBUSY)
			say("# init: %s on %s: %s", table[i].type, table[i].where,
			    strerror(errno));
	}
}

/* If the initramfs has no device nodes, /dev/console exists only after mount_all(). */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int load_module(char *line)
{
	char *file = strsep(&line, " \t");
	char path[PATH_MAX];
	int fd, ret;

	snprintf(path, sizeof(path), "/lib/modules/%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		say("not ok - module %s # %s", file, strerror(errno));
		return 1;
	}
	ret = syscall(SYS_finit_module, fd, line ? line : "", 0);
	if (ret && errno != EEXIST)
		say("not ok - module %s # %s", file, strerror(errno));
	else
		ret = 0;
	close(fd);
	return ret ? 1 : 0;
}

/* A line of /lib/modules/order is FILE [PARAMETERS]. */
static int load_modules(void)
{
	char *text = file_text("/lib/modules/order");
	char *next = text, *line;
	int rc = 0;

	while ((line = strsep(&next, "\n")))
		if (*line && *line != '#')
			rc |= load_module(line);
	free(text);
	return rc;
}

static bool skip_expected(const char *name, const char *result)
{
	char arch[64], program[64], test[256], path[256], pattern[260];
	const char *line = skip_list;
	struct utsname uts;

	uname(&uts);
	for (; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (sscanf(line, " %63s %63s %255s %255s", arch, program, test, path) != 4 ||
		    *arch == '#')
			continue;
		snprintf(pattern, sizeof(pattern), "%s*", test);
		if (!fnmatch(arch, uts.machine, 0) && !fnmatch(program, name, 0) &&
		    !fnmatch(pattern, result, 0) && access(path, F_OK))
			return true;
	}
	return false;
}

/* Skips are "ok 3 name # SKIP why", and "1..0 # SKIP why" of a whole program. */
static void count_result(struct run *run, const char *line)
{
	if (!strncmp(line, "not ok ", 7)) {
		run->fail++;
		return;
	}
	if (strncmp(line, "ok ", 3) && strncmp(line, "1..0 ", 5))
		return;

	line += strcspn(line, " ") + 1;
	if (!strstr(line, "# SKIP")) {
		run->pass++;
		return;
	}
	line += strspn(line, "0123456789 ");
	run->skip++;
	if (skip_expected(run->name, line))
		return;
	run->unexpected++;
	say("not ok - %s: skip that is not expected: %s", run->name, line);
}

static void parse_output(struct run *run, const char *data, size_t size)
{
	for (; size; data++, size--) {
		if (*data != '\n' && run->len < LINE_LEN - 1) {
			run->line[run->len++] = *data;
			continue;
		}
		run->line[run->len] = '\0';
		say("%s", run->line);
		count_result(run, run->line);
		run->len = 0;
		if (*data != '\n')
			run->line[run->len++] = *data;
	}
}

/* Read the output that is there; returns false at the end of the pipe. */
static bool read_output(struct run *run, int fd, int timeout)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char data[4096];
	ssize_t got;

	while (poll(&pfd, 1, timeout) > 0) {
		got = read(fd, data, sizeof(data));
		if (got <= 0)
			return false;
		parse_output(run, data, got);
		timeout = 0;
	}
	return true;
}

static pid_t spawn(char **argv, int *out)
{
	int pipefd[2];
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(pipefd[1], STDOUT_FILENO);
		dup2(pipefd[1], STDERR_FILENO);
		execv(argv[0], argv);
		dprintf(STDERR_FILENO, "not ok - %s # %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(pipefd[1]);
	*out = pipefd[0];
	return pid;
}

/* Reap zombies, also orphans that process 1 has inherited; returns true if @pid was one. */
static bool reap(pid_t pid, int *status)
{
	int any;
	pid_t got;

	while ((got = waitpid(-1, &any, WNOHANG)) > 0) {
		if (got != pid)
			continue;
		*status = any;
		return true;
	}
	return false;
}

/* Kill all processes after a timeout; sysrq-w logs those in uninterruptible sleep. */
static bool kill_after_timeout(const char *name, unsigned int seconds, pid_t pid, int *status)
{
	long long limit = now_ms() + 10000;

	say("not ok - %s # timeout after %u s", name, seconds);
	file_put("/proc/sysrq-trigger", "w");
	kill(-1, SIGKILL);
	while (now_ms() < limit) {
		if (reap(pid, status))
			return true;
		sleep_ms(20);
	}
	say("not ok - %s # cannot be killed", name);
	return false;
}

static int exit_code(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return 128 + WTERMSIG(status);
}

/* Compute the result of a program from its exit status and its output. */
static int verdict(const struct run *run, int rc)
{
	if (run->fail || run->unexpected)
		return rc && rc != KSFT_SKIP ? rc : 1;
	if (rc == KSFT_SKIP)
		return run->skip ? 0 : 1;
	return rc;
}

static int run_program(unsigned int seconds, char **argv)
{
	struct run run = { .name = argv[0] };
	long long began = now_ms();
	bool done = false, open = true;
	int out, rc, status = 0;
	pid_t pid;

	if (strrchr(argv[0], '/'))
		run.name = strrchr(argv[0], '/') + 1;
	say("RUN-BEGIN %s", run.name);
	pid = spawn(argv, &out);
	if (pid < 0) {
		say("RUN-END %s rc=126 time=0 pass=0 fail=1 skip=0", run.name);
		return 1;
	}

	while (!done && now_ms() - began < seconds * 1000LL) {
		if (open)
			open = read_output(&run, out, 20);
		else
			sleep_ms(20);
		done = reap(pid, &status);
	}

	if (done)
		rc = exit_code(status);
	else
		rc = kill_after_timeout(run.name, seconds, pid, &status) ? 124 : 125;
	kill(-1, SIGKILL);
	read_output(&run, out, 0);
	if (run.len)
		parse_output(&run, "\n", 1);
	close(out);
	reap(-1, &status);

	rc = verdict(&run, rc);
	say("RUN-END %s rc=%d time=%lld pass=%u fail=%u skip=%u", run.name, rc,
	    now_ms() - began, run.pass, run.fail, run.skip);
	return rc ? 1 : 0;
}

static unsigned int default_seconds(void)
{
	const char *value = cmdline_value("dmabuf.timeout");

	return value ? strtoul(value, NULL, 0) : 300;
}

static int run_demo(void)
{
	const char *value = cmdline_value("dmabuf.args");
	char *argv[ARGS_MAX] = { "/bin/demo" };
	char *rest = value ? strdup(value) : NULL;
	int argc = 1;

	while (rest && argc < ARGS_MAX - 1)
		argv[argc++] = strsep(&rest, ",");
	return run_program(default_seconds(), argv);
}

static int run_folder(const char *folder, const char *pattern)
{
	unsigned int seconds = default_seconds();
	struct dirent **list;
	char path[PATH_MAX];
	char *argv[2] = { path, NULL };
	struct stat st;
	int i, count, rc = 0;

	count = scandir(folder, &list, NULL, alphasort);
	if (count < 0) {
		say("not ok - %s # %s", folder, strerror(errno));
		return 1;
	}
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		if (!fnmatch(pattern, list[i]->d_name, 0) && !stat(path, &st) &&
		    S_ISREG(st.st_mode) && st.st_mode & 0111)
			rc |= run_program(seconds, argv);
		free(list[i]);
	}
	free(list);
	return rc;
}

static int run_line(char *line)
{
	char *argv[ARGS_MAX] = { NULL };
	unsigned int seconds;
	int argc = 0;
	char *word;

	while ((word = strsep(&line, " \t")) && argc < ARGS_MAX - 1)
		if (*word)
			argv[argc++] = word;
	if (!argc || *argv[0] == '#')
		return 0;

	seconds = strtoul(argv[0], NULL, 0);
	if (!seconds || argc < 2) {
		say("not ok - run-list: not a line of SECONDS PROGRAM: %s", argv[0]);
		return 1;
	}
	return run_program(seconds, argv + 1);
}

static int run_list(const char *path)
{
	char *text = file_text(path);
	char *next = text, *line;
	int rc = 0;

	if (!text) {
		say("not ok - %s # cannot be read", path);
		return 1;
	}
	while ((line = strsep(&next, "\n")))
		rc |= run_line(line);
	free(text);
	return rc;
}

static int run_selected(void)
{
	const char *what = cmdline_value("dmabuf.run");

	if (!what || !strcmp(what, "list"))
		return run_list("/run-list");
	if (!strcmp(what, "nothing"))
		return 0;
	if (!strcmp(what, "demo"))
		return run_demo();
	if (!strcmp(what, "selftests"))
		return run_folder("/tests", "*");
	if (!strcmp(what, "samples"))
		return run_folder("/tests", "dmabuf_sample*");
	if (!strcmp(what, "edu"))
		return run_folder("/tests", "dmabuf_edu");
	say("not ok - dmabuf.run=%s # not one of demo, selftests, samples, edu, nothing, list",
	    what);
	return 1;
}

/* Return the number of dma-bufs in the last line of bufinfo, 0 without the file. */
static unsigned int buffers_listed(void)
{
	char *text = file_text("/sys/kernel/debug/dma_buf/bufinfo");
	char *at = text ? strstr(text, " objects,") : NULL;
	unsigned int count;

	while (at && at > text && at[-1] != ' ')
		at--;
	count = at ? strtoul(at, NULL, 10) : 0;
	free(text);
	return count;
}

/* Retry for 5 s, because a worker may drop the last reference after close(). */
static int check_buffers(void)
{
	unsigned int tries, count = 0;

	for (tries = 0; tries < 50; tries++) {
		count = buffers_listed();
		if (!count)
			return 0;
		sleep_ms(100);
	}
	say("not ok - %u dma-bufs not released", count);
	return 1;
}

/* kmemleak reports no objects younger than five seconds, so scan twice. */
static int check_kmemleak(void)
{
	const char *path = "/sys/kernel/debug/kmemleak";
	char *text, *next, *line;
	int rc = 0;

	if (file_put(path, "scan"))
		return 0;
	sleep_ms(6000);
	file_put(path, "scan");
	text = file_text(path);
	next = text;
	while ((line = strsep(&next, "\n"))) {
		if (!*line)
			continue;
		say("# kmemleak: %s", line);
		rc = 1;
	}
	free(text);
	say("%s - kmemleak", rc ? "not ok" : "ok");
	return rc;
}

int main(void)
{
	const char *out;
	int rc;

	mount_all();
	open_console();
	setenv("PATH", "/bin:/tests", 1);
	out = cmdline_value("dmabuf.out");
	if (out)
		out_fd = open(out, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (out_fd < 0)
		out_fd = STDOUT_FILENO;
	skip_list = file_text("/skips");

	/* Keep messages below KERN_WARNING off the console: they would split lines of output. */
	file_put("/proc/sys/kernel/printk", "5");
	/* Without this the DMA debugging reports only its first error. */
	file_put("/sys/kernel/debug/dma-api/all_errors", "1");
	rc = load_modules();
	rc |= run_selected();
	rc |= check_buffers();
	rc |= check_kmemleak();
	/* The host waits for this line, so no kernel message may split it. */
	sleep_ms(200);
	klogctl(SYSLOG_CONSOLE_OFF, NULL, 0);
	say("RUN-ALL-DONE rc=%d", rc);

	sync();
	/* Give the host time to read the output before the machine is gone. */
	sleep_ms(300);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
