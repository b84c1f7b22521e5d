/*  The children: forked before ZeroMQ is opened anywhere, told what to do over a socket each, ended with the parent.

    Not here: what is measured (modes.c).

    Invariant: every order that asks for an answer is followed by waiting for exactly one.  */
#include "tests/load/bare/bare.h"

#include "common/sys/clock.h"
#include "common/sys/process.h"

#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SPARE = 200,        /*  descriptors for all but the targets  */
    CLIENT_EACH = 4,    /*  two connections, two descriptors to wake up by  */
    SHARED_EACH = 2,    /*  two connections  */
    SERVER_EACH = 2,    /*  likewise  */
    HOLDERS_MAX = 30000 /*  sockets in a ZeroMQ context end at 65,535  */
};
#define ANSWER_MS 180000

/*  ---- descriptors ----  */

static uint64_t raise_limit (uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_max < wanted) {
        struct rlimit more = {.rlim_cur = wanted, .rlim_max = wanted};
        if (setrlimit (RLIMIT_NOFILE, &more) == 0)
            return wanted;
    }
    limit.rlim_cur = limit.rlim_max;
    bg_assert (setrlimit (RLIMIT_NOFILE, &limit) == 0);
    return limit.rlim_max;
}

void bare_family_fit (bare_options *options, uint32_t *processes)
{
    uint64_t each = options->is_shared ? SHARED_EACH : CLIENT_EACH;
    uint64_t limit = raise_limit (each * options->targets + SPARE);
    uint64_t fits = limit > SPARE ? (limit - SPARE) / SERVER_EACH : 1;
    if (options->targets > fits) {
        options->targets = (uint32_t) fits;
        fprintf (stderr,
            "bugle-bare: %u targets instead of %u: the descriptor limit is %llu and the broker "
            "side needs two a target; raise it with: ulimit -Hn %u\n",
            options->targets, options->asked, (unsigned long long) limit,
            options->asked * SERVER_EACH + SPARE);
    }
    uint64_t holds = (limit - SPARE) / each;
    if (holds > HOLDERS_MAX && !options->is_shared)
        holds = HOLDERS_MAX;
    uint32_t least = (uint32_t) ((options->targets + holds - 1) / holds);
    *processes = options->processes > least ? options->processes : least;
    if (*processes > BARE_PROCESSES_MAX)
        *processes = BARE_PROCESSES_MAX;
    if (*processes > options->targets)
        *processes = options->targets;
}

/*  ---- children ----  */

/*  In the child: the other descriptors of the parent are not ours to hold open.  */
static void close_others (const bare_family *self, const bare_child *own)
{
    const bare_child *all[BARE_PROCESSES_MAX + 1] = {&self->server};
    for (uint32_t i = 0; i < self->client_count; i++)
        all[i + 1] = &self->clients[i];
    for (uint32_t i = 0; i <= self->client_count; i++)
        if (all[i] != own && all[i]->pid != 0)
            close (all[i]->fd);
}

/*  count is 0 for the server.  */
static bg_result start_child (
    bare_family *self, bare_child *child, uint32_t first, uint32_t count, bg_error *err)
{
    int pair[2];
    if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return bg_fail_errno (err, BG_IO, "cannot make a socket pair");
    fflush (stdout);
    pid_t parent = getpid (), pid = fork ();
    if (pid < 0)
        return bg_fail_errno (err, BG_OVERLOADED, "cannot start a process");
    if (pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        if (getppid () != parent)
            _exit (1);
        close_others (self, child);
        close (pair[0]);
        _exit (count ? bare_client_run (self->options, self->board, first, count, pair[1])
                     : bare_server_run (self->options, self->board, pair[1]));
    }
    close (pair[1]);
    *child = (bare_child){.pid = pid, .fd = pair[0]};
    return bg_ok ();
}

bg_result bare_family_serve (bare_family *self, bg_error *err)
{
    bare_answer answer;
    BG_TRY (start_child (self, &self->server, 0, 0, err));
    return bare_child_wait (&self->server, &answer, err);
}

bg_result bare_family_start (bare_family *self, uint32_t processes, bg_error *err)
{
    const uint32_t targets = self->options->targets;
    bare_target_key (UINT32_MAX, &self->board->server_public, &self->board->server_secret);
    BG_TRY (bare_family_serve (self, err));
    for (uint32_t i = 0, first = 0; i < processes; i++) {
        uint32_t count = targets / processes + (i < targets % processes);
        BG_TRY (start_child (self, &self->clients[i], first, count, err));
        self->client_count = i + 1;
        first += count;
    }
    bare_answer answer;
    BG_TRY (bare_server_figures (self, &answer, err));
    self->base_kib = answer.pss_kib;
    return bg_ok ();
}

static void end_child (bare_child *child)
{
    if (child->pid == 0)
        return;
    bare_order_give (child, &(bare_order){.verb = BARE_END});
    close (child->fd);
    waitpid (child->pid, NULL, 0);
    *child = (bare_child){0};
}

void bare_family_end (bare_family *self)
{
    for (uint32_t i = 0; i < self->client_count; i++)
        end_child (&self->clients[i]);
    end_child (&self->server);
}

/*  ---- orders and answers ----  */

void bare_order_give (const bare_child *child, const bare_order *order)
{
    /*  A child that has gone is noticed when its answer is waited for.  */
    (void) !send (child->fd, order, sizeof *order, MSG_NOSIGNAL);
}

bg_result bare_child_wait (const bare_child *child, bare_answer *answer, bg_error *err)
{
    struct pollfd item = {.fd = child->fd, .events = POLLIN};
    if (poll (&item, 1, ANSWER_MS) <= 0)
        return bg_fail (err, BG_TIMEOUT, "a process did not get ready within %d s: messages lost?",
            ANSWER_MS / 1000);
    if (recv (child->fd, answer, sizeof *answer, 0) != (ssize_t) sizeof *answer)
        return bg_fail (err, BG_IO, "a process ended by itself");
    return answer->failed ? bg_fail (err, BG_IO, "%s", answer->why) : bg_ok ();
}

void bare_clients_order (const bare_family *self, const bare_order *order)
{
    for (uint32_t i = 0; i < self->client_count; i++)
        bare_order_give (&self->clients[i], order);
}

bg_result bare_clients_wait (const bare_family *self, bare_answer *sum, bg_error *err)
{
    *sum = (bare_answer){0};
    for (uint32_t i = 0; i < self->client_count; i++) {
        bare_answer one;
        BG_TRY (bare_child_wait (&self->clients[i], &one, err));
        sum->messages += one.messages;
        sum->publications += one.publications;
        sum->cpu_us += one.cpu_us;
        sum->pss_kib += one.pss_kib;
        if (one.last_us > sum->last_us)
            sum->last_us = one.last_us;
    }
    return bg_ok ();
}

bg_result bare_server_figures (const bare_family *self, bare_answer *answer, bg_error *err)
{
    bare_order_give (&self->server, &(bare_order){.verb = BARE_FIGURES});
    return bare_child_wait (&self->server, answer, err);
}
