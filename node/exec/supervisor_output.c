/*  Head, tail and kept output: see supervisor_output.h. Invariant: as long as total <= head_max
    + tail_max, head and tail together are everything.  */
#include "node/exec/supervisor_output.h"

#include "common/sys/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void step_output_init (step_output *self, size_t head_max, size_t tail_max, int dir_fd,
    const char *name, size_t keep_max)
{
    *self = (step_output){.head = bg_alloc (head_max + 1),
        .head_max = head_max,
        .tail = bg_alloc (tail_max + 1),
        .tail_max = tail_max,
        .dir_fd = dir_fd,
        .keep_fd = -1,
        .keep_left = keep_max};
    snprintf (self->name, sizeof self->name, "%s", name);
}

void step_output_fini (step_output *self)
{
    free (self->head);
    free (self->tail);
    bg_fd_close (&self->keep_fd);
}

void step_output_reset (step_output *self)
{
    self->head_size = 0;
    self->tail_size = 0;
    self->tail_at = 0;
    self->total = 0;
}

/*  Kept output is a convenience: a disk that is full ends it and nothing else.  */
static void keep (step_output *self, bg_slice bytes)
{
    if (bytes.size > self->keep_left)
        bytes.size = self->keep_left;
    if (bytes.size == 0)
        return;
    if (self->keep_fd < 0)
        self->keep_fd = openat (
            self->dir_fd, self->name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    self->keep_left -= bytes.size;
    if (self->keep_fd < 0 || bg_failed (bg_fd_write (self->keep_fd, self->name, bytes, NULL)))
        self->keep_left = 0;
}

static void put_tail (step_output *self, bg_slice bytes)
{
    if (self->tail_max == 0)
        return;
    if (bytes.size > self->tail_max)
        bytes = bg_slice_of (bytes.data + (bytes.size - self->tail_max), self->tail_max);
    size_t first = self->tail_max - self->tail_at;
    first = bytes.size < first ? bytes.size : first;
    memcpy (self->tail + self->tail_at, bytes.data, first);
    memcpy (self->tail, bytes.data + first, bytes.size - first);
    self->tail_at = (self->tail_at + bytes.size) % self->tail_max;
    self->tail_size = self->tail_size + bytes.size < self->tail_max ? self->tail_size + bytes.size
                                                                    : self->tail_max;
}

void step_output_add (step_output *self, bg_slice bytes)
{
    uint64_t room = self->head_max + self->tail_max;
    if (self->total + bytes.size > room) {
        if (self->total <= room) {
            keep (self, step_output_head (self));
            keep (self, step_output_tail (self));
        }
        keep (self, bytes);
    }
    self->total += bytes.size;
    size_t to_head = self->head_max - self->head_size;
    to_head = bytes.size < to_head ? bytes.size : to_head;
    if (to_head)
        memcpy (self->head + self->head_size, bytes.data, to_head);
    self->head_size += to_head;
    if (bytes.size > to_head)
        put_tail (self, bg_slice_of (bytes.data + to_head, bytes.size - to_head));
}

bg_slice step_output_head (const step_output *self)
{
    return bg_slice_of (self->head, self->head_size);
}

/*  Turns the ring so that it begins at its start.  */
bg_slice step_output_tail (step_output *self)
{
    if (self->tail_size == self->tail_max && self->tail_at != 0) {
        uint8_t *turned = bg_alloc (self->tail_max + 1);
        memcpy (turned, self->tail + self->tail_at, self->tail_max - self->tail_at);
        memcpy (turned + (self->tail_max - self->tail_at), self->tail, self->tail_at);
        free (self->tail);
        self->tail = turned;
        self->tail_at = 0;
    }
    return bg_slice_of (self->tail, self->tail_size);
}
