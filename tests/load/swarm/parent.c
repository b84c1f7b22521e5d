/*  The parent of the swarm: it starts children, asks them, and ends with a report. It has no targets of its own.

    Children are copies made before any thread exists; each holds its targets until the parent says stop or is gone.  */
#include "tests/load/swarm/parent.h"

#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/unixsock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE_BYTES ((size_t) 64 << 20)

typedef struct {
    swarm_parent *parent;
    pid_t pid;
    size_t count;
    bg_frames *frames;
    bg_fd_watch *watch;
    bool is_done; /*  it has said its last word  */
    bool is_gone;
} child;

struct swarm_parent {
    const swarm_options *options;
    size_t targets;
    child children[SWARM_CHILDREN_MAX];
    size_t child_count;
    bg_loop *loop;
    swarm_control *control;
    bg_signal_watch *term;
    bg_signal_watch *interrupt;
    bg_timer *until;
    uint64_t last_number;
    swarm_question *questions;
    bool is_ending;
    bool is_broken; /*  a child ended by itself  */
    int64_t began_us;
    swarm_counts final;
    bool was_quiet; /*  when it ended  */
    bool has_final;
};

size_t swarm_parent_targets (const swarm_parent *self)
{
    return self->targets;
}

size_t swarm_parent_children (const swarm_parent *self)
{
    return self->child_count;
}

/*  ---- questions ----  */

static void finish_question (swarm_parent *self, swarm_question *question)
{
    for (swarm_question **at = &self->questions; *at; at = &(*at)->next) {
        if (*at != question)
            continue;
        *at = question->next;
        break;
    }
    BG_AUTO_BUF json = {0};
    swarm_merged_json (question, self->options, &json);
    if (question->order.word == SWARM_STOP) {
        self->final = question->merged.counts;
        self->was_quiet = question->merged.ok;
        self->has_final = true;
    }
    if (question->fn)
        question->fn (question->ctx, bg_buf_slice (&json), question->merged.ok);
    swarm_samples_fini (&question->samples);
    free (question);
}

void swarm_parent_ask (swarm_parent *self, const swarm_order *order, swarm_answered *fn, void *ctx)
{
    swarm_question *question = bg_alloc (sizeof *question);
    question->order = *order;
    question->order.number = ++self->last_number;
    question->order.rate = order->rate / (double) self->child_count;
    question->merged.ok = true;
    question->fn = fn;
    question->ctx = ctx;
    question->next = self->questions;
    self->questions = question;
    for (size_t i = 0; i < self->child_count; i++) {
        child *to = &self->children[i];
        const bg_slice bytes = bg_slice_of (&question->order, sizeof question->order);
        if (to->is_gone || bg_failed (bg_frames_send (to->frames, bytes, NULL)) ||
            bg_failed (bg_frames_flush_wait (to->frames, 5000, NULL)))
            question->merged.ok = false;
        else
            question->waiting_for++;
    }
    if (question->waiting_for == 0)
        finish_question (self, question);
}

void swarm_parent_forget (swarm_parent *self, const void *ctx)
{
    for (swarm_question *question = self->questions; question; question = question->next)
        if (question->ctx == ctx)
            question->fn = NULL;
}

static void take_answer (swarm_parent *self, child *from, bg_slice payload)
{
    swarm_answer answer;
    if (payload.size < sizeof answer)
        return;
    memcpy (&answer, payload.data, sizeof answer);
    bg_assert (payload.size == sizeof answer + answer.sample_count * sizeof (int64_t));
    from->is_done = from->is_done || answer.word == SWARM_STOP;
    swarm_samples samples = {0};
    for (uint64_t i = 0; i < answer.sample_count; i++) {
        int64_t value;
        memcpy (&value, payload.data + sizeof answer + i * sizeof value, sizeof value);
        swarm_samples_add (&samples, value);
    }
    for (swarm_question *question = self->questions; question; question = question->next) {
        if (question->order.number != answer.number)
            continue;
        swarm_merge (question, &answer, samples.items);
        if (--question->waiting_for == 0)
            finish_question (self, question);
        break;
    }
    swarm_samples_fini (&samples);
}

/*  ---- the end ----  */

static void on_final (void *ctx, bg_slice json, bool ok)
{
    (void) json;
    (void) ok;
    bg_loop_stop (((swarm_parent *) ctx)->loop, 0);
}

void swarm_parent_end (swarm_parent *self)
{
    if (self->is_ending)
        return;
    self->is_ending = true;
    const swarm_order order = {
        .word = SWARM_STOP, .what = SWARM_QUIET, .timeout_us = self->options->grace_us};
    swarm_parent_ask (self, &order, on_final, self);
}

static void on_end (void *arg)
{
    swarm_parent_end (arg);
}

static void on_signal (int signo, void *arg)
{
    (void) signo;
    swarm_parent_end (arg);
}

/*  What is known to be wrong at the end, in one line; NULL: nothing is.  */
static const char *verdict_of (const swarm_parent *self)
{
    const swarm_counts *counts = &self->final;
    if (self->is_broken || !self->has_final)
        return "a process of the swarm ended by itself";
    if (counts->doubled)
        return "a start ran twice on a target";
    if (counts->store_failures)
        return "a target's store failed";
    if (counts->open_runs)
        return "runs have no outcome";
    if (counts->outbox)
        return "outcomes were not taken by the broker";
    if (counts->refused_items)
        return "the broker refused outcomes";
    if (counts->not_in_groups)
        return "targets are not in the groups that were asked for";
    if (counts->enlist_failures || counts->enlisted < counts->targets)
        return "not all targets are enlisted";
    return NULL;
}

static void build_report (const swarm_parent *self, const char *verdict, bg_buf *out)
{
    bg_buf_printf (out, "{\"ok\": %s, \"verdict\": \"%s\", ", verdict ? "false" : "true",
        verdict ? verdict : "nothing lost, nothing doubled");
    bg_buf_printf (out,
        "\"version\": \"%s\", \"asked_targets\": %zu, \"processes\": %zu, \"seed\": %" PRIu64
        ", \"seconds\": %.3f, ",
        BUGLE_VERSION, self->options->targets, self->child_count, self->options->seed,
        (double) (bg_clock_mono_us () - self->began_us) / 1e6);
    swarm_counts_json (&self->final, self->options, out);
    bg_buf_append_str (out,
        ", \"note\": \"verdicts of signature checks are shared inside a process: so many machines "
        "would make them on so many processors\"}\n");
}

static int report (const swarm_parent *self)
{
    const char *verdict = verdict_of (self);
    BG_AUTO_BUF text = {0};
    build_report (self, verdict, &text);
    bg_error err = {0};
    int exit_code = verdict ? 1 : 0;
    const char *path = self->options->report_path;
    if (path && bg_failed (bg_file_replace (path, bg_buf_slice (&text), 0644, &err))) {
        fprintf (stderr, "bugle-swarm: %s\n", err.message);
        exit_code = 1;
    }
    const swarm_counts *counts = &self->final;
    printf ("%s: %" PRIu64 " targets enlisted, %" PRIu64 " runs begun, %" PRIu64
            " outcomes, %" PRIu64 " not taken, %" PRIu64 " signatures asked, %" PRIu64
            " computed\n",
        verdict ? verdict : "nothing lost, nothing doubled", counts->enlisted, counts->begun,
        counts->outcomes, counts->outbox, counts->verify_asked, counts->verify_computed);
    return exit_code;
}

/*  ---- children ----  */

static void on_child (int fd, unsigned events, void *arg)
{
    (void) fd;
    (void) events;
    child *from = arg;
    swarm_parent *self = from->parent;
    for (;;) {
        bg_slice payload;
        const bg_result result = bg_frames_next (from->frames, &payload, NULL);
        if (result.code == BG_AGAIN)
            return;
        if (bg_is_ok (result)) {
            take_answer (self, from, payload);
            continue;
        }
        from->is_gone = true;
        bg_fd_watch_destroy (&from->watch);
        if (from->is_done)
            return;
        self->is_broken = true;
        bg_loop_stop (self->loop, 1);
        return;
    }
}

static bg_result start_child (swarm_parent *self, size_t first, size_t count, bg_error *err)
{
    int fds[2];
    child *made = &self->children[self->child_count];
    BG_TRY (bg_unix_pair (fds, err));
    (void) fflush (NULL);
    const pid_t pid = fork ();
    if (pid < 0)
        return bg_fail_errno (err, BG_OVERLOADED, "cannot make process %zu", self->child_count + 1);
    if (pid == 0) {
        (void) close (fds[0]);
        for (size_t i = 0; i < self->child_count; i++)
            bg_frames_destroy (&self->children[i].frames);
        exit (swarm_child_run (self->options, first, count, fds[1]));
    }
    (void) close (fds[1]);
    *made = (child){.parent = self, .pid = pid, .count = count};
    made->frames = bg_frames_create (fds[0], MESSAGE_BYTES, MESSAGE_BYTES);
    self->child_count++;
    return bg_ok ();
}

/*  The limit of descriptors of one process, raised to what it may be.  */
static size_t fds_allowed (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    (void) setrlimit (RLIMIT_NOFILE, &limit);
    (void) getrlimit (RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > (1u << 20) ? 1u << 20 : (size_t) limit.rlim_cur;
}

/*  How many children there are and how many targets fit. The first line says both.  */
static bg_result divide (swarm_parent *self, size_t *children, bg_error *err)
{
    const swarm_options *options = self->options;
    const size_t fds = fds_allowed ();
    const size_t takes = SWARM_FDS_TARGET + (options->store_dir ? SWARM_FDS_STORE : 0);
    const size_t each = fds > SWARM_FDS_CHILD ? (fds - SWARM_FDS_CHILD) / takes : 0;
    const size_t most = options->processes ? options->processes : SWARM_CHILDREN_MAX;
    if (each == 0) {
        bg_ignore (
            bg_fail (err, BG_OVERLOADED, "%zu descriptors are not enough for one target", fds));
        return bg_hint (err, "raise the limit: ulimit -n");
    }
    self->targets = options->targets < most * each ? options->targets : most * each;
    const size_t wanted = each < SWARM_CHILD_TARGETS ? each : SWARM_CHILD_TARGETS;
    const size_t enough = (self->targets + wanted - 1) / wanted;
    *children = options->processes            ? options->processes
                : enough < SWARM_CHILDREN_MAX ? enough
                                              : SWARM_CHILDREN_MAX;
    if (*children > self->targets)
        *children = self->targets;
    if (self->targets < options->targets)
        printf ("%zu targets of %zu asked for, in %zu processes: the limit of descriptors is %zu, "
                "and each target "
                "takes %zu (ulimit -n raises it)\n",
            self->targets, options->targets, *children, fds, takes);
    else
        printf ("%zu targets in %zu %s\n", self->targets, *children,
            *children == 1 ? "process" : "processes");
    (void) fflush (stdout);
    return bg_ok ();
}

static bg_result open_parent (swarm_parent *self, bg_error *err)
{
    size_t children = 0;
    BG_TRY (divide (self, &children, err));
    for (size_t i = 0, first = 0; i < children; i++) {
        const size_t count = (self->targets - first) / (children - i);
        BG_TRY (start_child (self, first, count, err));
        first += count;
    }
    BG_TRY (bg_loop_create (&self->loop, err));
    BG_TRY (bg_signal_watch_create (self->loop, SIGTERM, on_signal, self, &self->term, err));
    BG_TRY (bg_signal_watch_create (self->loop, SIGINT, on_signal, self, &self->interrupt, err));
    for (size_t i = 0; i < self->child_count; i++)
        BG_TRY (bg_fd_watch_create (self->loop, bg_frames_fd (self->children[i].frames), BG_FD_READ,
            on_child, &self->children[i], &self->children[i].watch, err));
    if (self->options->control_path)
        BG_TRY (swarm_control_create (
            self, self->loop, self->options->control_path, &self->control, err));
    BG_TRY (bg_timer_create (self->loop, on_end, self, &self->until, err));
    if (self->options->for_us)
        bg_timer_arm (self->until, self->options->for_us);
    return bg_ok ();
}

static void close_parent (swarm_parent *self)
{
    swarm_control_destroy (&self->control);
    for (size_t i = 0; i < self->child_count; i++) {
        child *one = &self->children[i];
        bg_fd_watch_destroy (&one->watch);
        bg_frames_destroy (&one->frames);
        int status = 0;
        if (waitpid (one->pid, &status, 0) == one->pid && status != 0)
            self->is_broken = true;
    }
    while (self->questions) {
        swarm_question *question = self->questions;
        self->questions = question->next;
        swarm_samples_fini (&question->samples);
        free (question);
    }
    bg_timer_destroy (&self->until);
    bg_signal_watch_destroy (&self->interrupt);
    bg_signal_watch_destroy (&self->term);
    bg_loop_destroy (&self->loop);
}

int swarm_parent_run (const swarm_options *options)
{
    swarm_parent *self = bg_alloc (sizeof *self);
    self->options = options;
    self->began_us = bg_clock_mono_us ();
    bg_error err = {0};
    int exit_code = 0;
    bg_result result = open_parent (self, &err);
    if (bg_is_ok (result))
        result = bg_loop_run (self->loop, &exit_code, &err);
    close_parent (self);
    if (bg_failed (result)) {
        fprintf (stderr, "bugle-swarm: %s\n", err.message);
        if (err.hint[0])
            fprintf (stderr, "  %s\n", err.hint);
        exit_code = bg_code_exit (err.code);
    } else {
        exit_code = report (self);
    }
    free (self);
    return exit_code;
}
