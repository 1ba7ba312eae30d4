// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo_pair - the camera in one process, the display in another.
 *
 * The processes share only a Unix socket. The camera's process sends the buffers once,
 * and a note for each picture. The display's process answers each note with the fence
 * of the buffer that leaves the screen.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"
#include "fence.h"

#define KEPT	(BUFFERS - 1)

enum note_kind {
	NOTE_BUFFER,	/* import a buffer; the answer has its inode */
	NOTE_FRAME,	/* show a picture; the answer has the previous one and its fence */
	NOTE_END,	/* no more pictures; the answer has the number of correct ones */
	NOTE_FAILED,	/* answer of a process that cannot go on */
};

/**
 * struct note - a message between the two processes
 * @kind: &enum note_kind
 * @index: index of the buffer
 * @sequence: number of the picture; in the answer to NOTE_END the number of correct ones
 * @ino: inode number of the buffer in the receiver's process
 * @mark: byte that the receiver wrote to the start of the buffer
 * @why: reason of NOTE_FAILED
 */
struct note {
	__u32 kind;
	__u32 index;
	__u32 sequence;
	__u32 mark;
	__u64 ino;
	char why[96];
};

static int note_send(int sock, const struct note *note, int fd)
{
	return fd_send(sock, fd, note, sizeof(*note));
}

/* Receive the answer to a note of the same kind, or the failure of the other process. */
static int note_receive(int sock, struct note *note, int *fd, struct row *row)
{
	__u32 due = note->kind;
	int ret = fd_receive(sock, fd, note, sizeof(*note));

	if (ret)
		return row_fails(row, "socket: %s", strerror(-ret));
	if (note->kind == NOTE_FAILED)
		return row_fails(row, "%s", note->why);
	return note->kind == due ? 0 : row_fails(row, "the other process is out of step");
}

/* In the display's process: import a buffer, write a mark to it and fill in the answer. */
static int take_buffer(struct sink *sink, struct note *note, int buf, struct row *row)
{
	unsigned char *map;

	if (sink_import(sink, note->index, buf, row))
		return -1;
	map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, sink->fds[note->index], 0);
	if (map == MAP_FAILED)
		return row_fails(row, "the buffer cannot be mapped in the other process");
	buf_sync(sink->fds[note->index], DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_START);
	note->mark = 0x80 + note->index;
	map[0] = note->mark;
	buf_sync(sink->fds[note->index], DMA_BUF_SYNC_WRITE | DMA_BUF_SYNC_END);
	munmap(map, 1);
	note->ino = fd_ino(sink->fds[note->index]);
	/* The last buffer is the first one on the screen. */
	return note->index == KEPT ? sink_start(sink, KEPT, row) : 0;
}

static int answer(struct sink *sink, int sock, struct note *note, int fd, struct row *row)
{
	struct note back = *note;
	int fence = -1, ret = 0;

	switch (note->kind) {
	case NOTE_BUFFER:
		ret = take_buffer(sink, &back, fd, row);
		return ret ? ret : note_send(sock, &back, -1);
	case NOTE_FRAME:
		back.index = sink->shown;
		if (sink_show(sink, note->index, &fence, row))
			return -1;
		ret = note_send(sock, &back, fence);
		close(fence);
		if (!ret)
			ret = sink_check(sink, note->sequence, row);
		row->frames += !ret;
		return ret;
	default:
		back.sequence = row->frames;
		return note_send(sock, &back, -1);
	}
}

static void display_process(int sock, const struct options *opt)
{
	struct note note = { .kind = NOTE_FAILED };
	struct row row = { .name = "display" };
	struct sink sink;
	int fd, failed;

	failed = sink_open(&sink, DISPLAY_DRIVER, opt, &row);
	while (!failed && !fd_receive(sock, &fd, &note, sizeof(note))) {
		failed = answer(&sink, sock, &note, fd, &row);
		if (fd >= 0)
			close(fd);
	}
	if (failed) {
		note.kind = NOTE_FAILED;
		memcpy(note.why, row.why, sizeof(note.why));
		note_send(sock, &note, -1);
	}
	sink_close(&sink);
	_exit(failed != 0);
}

static int give_buffers(struct source *src, int sock, struct row *row)
{
	struct note note = { .kind = NOTE_BUFFER };
	unsigned char *map;
	int fd, same;

	for (note.index = 0; note.index < BUFFERS; note.index++) {
		if (note_send(sock, &note, src->bufs[note.index]) ||
		    note_receive(sock, &note, &fd, row))
			return -1;
		if (note.ino != fd_ino(src->bufs[note.index]))
			return row_fails(row, "another inode in the other process");
		map = camera_map(&src->cam, note.index);
		if (!map)
			return row_fails(row, "the camera's buffer cannot be mapped");
		buf_sync(src->bufs[note.index], DMA_BUF_SYNC_READ | DMA_BUF_SYNC_START);
		same = map[0] == note.mark;
		buf_sync(src->bufs[note.index], DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END);
		munmap(map, src->cam.size);
		if (!same)
			return row_fails(row, "a byte of the other process is not read here");
	}
	return 0;
}

static int give_frames(struct source *src, int sock, const struct options *opt,
		       struct row *row)
{
	struct census census = { 0 };
	unsigned int i;
	struct note note;
	int fence;

	for (i = 0; i < opt->frames; i++) {
		if (i == warm_up(opt))
			census_take(&census);
		note = (struct note) { .kind = NOTE_FRAME };
		if (source_next(src, &note.index, &note.sequence, row))
			return -1;
		row->lost = note.sequence - i;
		if (note_send(sock, &note, -1))
			return row_fails(row, "the other process is gone");
		if (note_receive(sock, &note, &fence, row) ||
		    source_release(src, note.index, fence, row))
			return -1;
	}
	if (prove_no_new_pages(&census, opt->frames - warm_up(opt), src->cam.size, row))
		return -1;

	note = (struct note) { .kind = NOTE_END };
	if (note_send(sock, &note, -1) || note_receive(sock, &note, &fence, row))
		return -1;
	row->frames = note.sequence;
	return row->frames == opt->frames ? 0 : row_fails(row, "only %u were right", row->frames);
}

static void camera_process(int sock, const struct options *opt, struct row *row)
{
	struct source src;
	long long began;

	row->buffers = BUFFERS;
	if (!source_open(&src, opt, row) && !source_export(&src, row) &&
	    !give_buffers(&src, sock, row)) {
		began = now_ms();
		if (!source_start(&src, KEPT, row))
			give_frames(&src, sock, opt, row);
		row->ms = now_ms() - began;
	}
	source_close(&src);
}

void flow_two_processes(const struct options *opt, struct row *row)
{
	int socks[2], status = -1;
	pid_t pid;

	/* SOCK_SEQPACKET keeps each note together with its descriptor. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks)) {
		row_fails(row, "socketpair: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (pid == 0) {
		close(socks[0]);
		display_process(socks[1], opt);
	}
	close(socks[1]);
	if (pid < 0)
		row_fails(row, "fork: %s", strerror(errno));
	else
		camera_process(socks[0], opt, row);
	close(socks[0]);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status))
		row_fails(row, "the display's process ended with status %#x", status);
}
