/*  The supervisor's connection to bugle-exec. It is there to hear STOP and to be quick; a run
    needs it for nothing else, so every failure only means to try again later.  */
#include "common/sys/clock.h"
#include "common/sys/unixsock.h"
#include "node/exec/supervisor_private.h"

#include <stdio.h>
#include <unistd.h>

#define CONNECT_WAIT_MIN_US BG_MS (50)
#define CONNECT_WAIT_MAX_US BG_SEC (2)
#define MESSAGE_BYTES       65536

static void hang_up (supervisor *self)
{
    bg_frames_destroy (&self->link);
    self->connect_wait_us = CONNECT_WAIT_MIN_US;
    self->connect_due_us = bg_clock_mono_us () + self->connect_wait_us;
}

static void say (supervisor *self, wire_kind kind, const void *message)
{
    BG_AUTO_BUF blob = {0};
    wire_inner_encode (kind, (bg_id){{0}}, message, &blob);
    if (bg_failed (bg_frames_send (self->link, bg_buf_slice (&blob), NULL)) ||
        bg_failed (bg_frames_flush (self->link, NULL)))
        hang_up (self);
}

void supervisor_link_poll (supervisor *self)
{
    int64_t now_us = bg_clock_mono_us ();
    if (self->link || now_us < self->connect_due_us)
        return;
    int fd = -1;
    if (bg_failed (bg_unix_connect (self->socket_path, &fd, NULL))) {
        int64_t wait_us = self->connect_wait_us ? self->connect_wait_us * 2 : CONNECT_WAIT_MIN_US;
        self->connect_wait_us = wait_us < CONNECT_WAIT_MAX_US ? wait_us : CONNECT_WAIT_MAX_US;
        self->connect_due_us = now_us + self->connect_wait_us;
        return;
    }
    self->link = bg_frames_create (fd, MESSAGE_BYTES, MESSAGE_BYTES * 4);
    wire_supervisor_hello hello = {.run = self->plan->run, .pid = (uint64_t) getpid ()};
    say (self, WIRE_SUPERVISOR_HELLO, &hello);
}

static void take_stop (supervisor *self, const wire_supervisor_stop *message)
{
    if (!bg_id_equal (message->run, self->plan->run) || self->end != END_NONE)
        return;
    self->end = END_STOP;
    (void) snprintf (
        self->stop_reason, sizeof self->stop_reason, "%.*s", BG_SLICE_ARG (message->reason));
}

void supervisor_link_read (supervisor *self)
{
    while (self->link) {
        bg_slice blob;
        bg_result result = bg_frames_next (self->link, &blob, NULL);
        if (result.code == BG_AGAIN)
            return;
        if (bg_failed (result)) {
            hang_up (self);
            return;
        }
        BG_AUTO_ARENA arena = {0};
        wire_header header;
        void *value = NULL;
        if (bg_is_ok (wire_inner_decode (blob, &arena, &header, &value, NULL)) &&
            header.kind == WIRE_SUPERVISOR_STOP)
            take_stop (self, value);
    }
}

void supervisor_link_end (supervisor *self)
{
    wire_supervisor_end message = {self->plan->run};
    if (self->link)
        say (self, WIRE_SUPERVISOR_END, &message);
    bg_frames_destroy (&self->link);
}
