/*  Head, tail and kept output: see supervisor_output.h. Invariant: as long as total <= head_max
    + tail_max, head and tail together are everything.  */
#include "node/exec/supervisor_output.h"

#include "common/sys/file.h"
#include "node/exec/kept_output.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_EVERY ((size_t) 1 << 20)
#define DISK_LEFT  (UINT64_C (64) << 20)

void step_output_init (step_output *self, int dir_fd, const char *run)
{
    *self = (step_output){.dir_fd = dir_fd, .keep_fd = -1};
    snprintf (self->run, sizeof self->run, "%s", run);
}

void step_output_fini (step_output *self)
{
    free (self->head);
    free (self->tail);
    bg_fd_close (&self->keep_fd);
}

static uint64_t bit_of (const step_output *self)
{
    return UINT64_C (1) << ((self->step - 1) % 64);
}

static void resize (uint8_t **room, size_t *max, size_t wanted)
{
    if (*room && *max == wanted)
        return;
    free (*room);
    *room = bg_alloc (wanted + 1);
    *max = wanted;
}

void step_output_reset (step_output *self, size_t step, const step_output_sizes *sizes)
{
    self->step = step;
    resize (&self->head, &self->head_max, sizes->head);
    resize (&self->tail, &self->tail_max, sizes->tail);
    self->keep_max = sizes->keep;
    self->head_size = 0;
    self->tail_size = 0;
    self->tail_at = 0;
    self->total = 0;
    self->keep_left = self->keep_max;
    self->keep_unseen = 0;
    self->is_kept = false;
    bg_fd_close (&self->keep_fd);
    if (self->has_file & bit_of (self)) {
        kept_output_name name = kept_output_name_of (self->run, step);
        (void) unlinkat (self->dir_fd, name.text, 0);
        self->has_file &= ~bit_of (self);
    }
}

/*  The disk is the one that bugle-exec's own log is on, without which nothing starts, and a job may ask for gigabytes.
    Of a small disk a tenth has to be left.  */
static bool has_room (step_output *self, size_t size)
{
    struct statvfs disk;
    if (size < self->keep_unseen) {
        self->keep_unseen -= size;
        return true;
    }
    self->keep_unseen = LOOK_EVERY;
    if (fstatvfs (self->keep_fd, &disk) < 0)
        return true;
    const uint64_t tenth = (uint64_t) disk.f_blocks * disk.f_frsize / 10;
    return (uint64_t) disk.f_bavail * disk.f_frsize >= (tenth < DISK_LEFT ? tenth : DISK_LEFT);
}

/*  Kept output is a convenience: a disk that is nearly full ends it and nothing else.  */
static void keep (step_output *self, bg_slice bytes)
{
    if (bytes.size > self->keep_left)
        bytes.size = self->keep_left;
    if (self->keep_fd < 0 || bytes.size == 0)
        return;
    if (!has_room (self, bytes.size)) {
        self->keep_left = 0;
        return;
    }
    self->keep_left -= bytes.size;
    if (bg_failed (bg_fd_write (self->keep_fd, self->run, bytes, NULL)))
        self->keep_left = 0;
}

static void tell_total (const step_output *self)
{
    if (self->keep_fd >= 0)
        kept_output_total (self->keep_fd, self->total);
}

void step_output_keep (step_output *self)
{
    if (self->is_kept || self->keep_max == 0)
        return;
    bg_assert (self->total <= self->head_max + self->tail_max);
    kept_output_name name = kept_output_name_of (self->run, self->step);
    self->is_kept = true;
    self->keep_fd = openat (
        self->dir_fd, name.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->keep_fd < 0)
        return;
    self->has_file |= bit_of (self);
    if (bg_failed (kept_output_begin (self->keep_fd)))
        self->keep_left = 0;
    keep (self, step_output_head (self));
    keep (self, step_output_tail (self));
    tell_total (self);
}

bool step_output_is_loose (const step_output *self)
{
    return !self->is_kept && self->total > 0 && self->keep_max > 0;
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
    if (self->total + bytes.size > self->head_max + self->tail_max)
        step_output_keep (self);
    keep (self, bytes);
    self->total += bytes.size;
    tell_total (self);
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
