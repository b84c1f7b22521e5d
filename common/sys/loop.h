/*  Event loop of one thread: descriptors, timers, signals, children, deferred work and ZeroMQ
    sockets over sd-event.

    One loop belongs to one thread. Every watch is an object of its own that its maker destroys;
    destroying a watch, also from inside its own callback, ends its calls at once. Watches are
    destroyed before the loop. A watch does not own its descriptor: destroy the watch first, close
    the descriptor after that.

    Callbacks are called in the order in which their events came, one event a turn, so nobody
    starves as long as each callback does bounded work. Times are microseconds of CLOCK_MONOTONIC.
*/
#ifndef BUGLE_SYS_LOOP_H
#define BUGLE_SYS_LOOP_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct bg_loop bg_loop;

/*  Fails with BG_IO when the kernel gives no descriptor.  */
bg_result bg_loop_create (bg_loop **loop, bg_error *err) BG_CHECKED;
void bg_loop_destroy (bg_loop **self_p);
/*  Runs callbacks until bg_loop_stop; exit_code (may be NULL) is what was given to it. A stopped
    loop is finished: it cannot be run again.  */
bg_result bg_loop_run (bg_loop *self, int *exit_code, bg_error *err) BG_CHECKED;
/*  One turn: waits at most timeout_us (-1: without limit) and calls at most one callback; called
    (may be NULL) says whether it did. For tests and for tools that wait for one answer.  */
bg_result bg_loop_turn (bg_loop *self, int64_t timeout_us, bool *called, bg_error *err) BG_CHECKED;
/*  The loop ends after the running callback; the first exit code counts.  */
void bg_loop_stop (bg_loop *self, int exit_code);
bool bg_loop_is_stopped (const bg_loop *self);
/*  How often it has slept and was woken since it was made: what an idle process costs.  */
uint64_t bg_loop_wakeups (const bg_loop *self);
/*  When this turn woke up, CLOCK_MONOTONIC; the same value for everything in one turn.  */
int64_t bg_loop_now_us (bg_loop *self);

/*  Descriptors.  */

typedef struct bg_fd_watch bg_fd_watch;

/*  BG_FD_HANGUP is only reported, never asked for: error or hang-up. Read until end of file as
    well.  */
enum { BG_FD_READ = 1, BG_FD_WRITE = 2, BG_FD_HANGUP = 4 };

/*  events: what is true now. Level-triggered: it is called again until the cause is gone.  */
typedef void bg_fd_fn (int fd, unsigned events, void *arg);

/*  events: BG_FD_READ, BG_FD_WRITE, both, or 0 to begin asleep. Fails with BG_IO, also for regular
    files.  */
bg_result bg_fd_watch_create (bg_loop *loop, int fd, unsigned events, bg_fd_fn *fn, void *arg,
    bg_fd_watch **watch, bg_error *err) BG_CHECKED;
void bg_fd_watch_destroy (bg_fd_watch **self_p);
/*  Changes what is waited for; 0 sleeps (hang-ups are not reported then either).  */
void bg_fd_watch_set (bg_fd_watch *self, unsigned events);

/*  Timers.  */

typedef struct bg_timer bg_timer;
typedef void bg_timer_fn (void *arg);

/*  A one-shot timer, not armed yet. Re-arm from inside the callback for a period.  */
bg_result bg_timer_create (
    bg_loop *loop, bg_timer_fn *fn, void *arg, bg_timer **timer, bg_error *err) BG_CHECKED;
void bg_timer_destroy (bg_timer **self_p);
/*  Fires once after delay_us from now (<= 0: next turn); replaces an earlier setting.  */
void bg_timer_arm (bg_timer *self, int64_t delay_us);
/*  The same with an absolute CLOCK_MONOTONIC time.  */
void bg_timer_arm_at (bg_timer *self, int64_t mono_us);
void bg_timer_disarm (bg_timer *self);
bool bg_timer_is_armed (const bg_timer *self);

/*  Alarms: times of the wall clock.  */

typedef struct bg_alarm bg_alarm;
/*  was_set: the wall clock was set since the last call, however little; the alarm may be due or
    not.  */
typedef void bg_alarm_fn (bool was_set, void *arg);

/*  Waits for a time of CLOCK_REALTIME and for the clock being set, without ever looking at it; made
    so that it is called for the latter only. Time in suspend passes. BG_IO when the kernel gives no
    descriptor.  */
bg_result bg_alarm_create (
    bg_loop *loop, bg_alarm_fn *fn, void *arg, bg_alarm **alarm, bg_error *err) BG_CHECKED;
void bg_alarm_destroy (bg_alarm **self_p);
/*  Fires once at that time (a past one: next turn); replaces an earlier setting, and is over after
    each call. INT64_MAX: only when the clock is set.  */
void bg_alarm_arm_at (bg_alarm *self, int64_t utc_us);

/*  Signals.  */

typedef struct bg_signal_watch bg_signal_watch;
typedef void bg_signal_fn (int signo, void *arg);

/*  Blocks signo in this thread (threads started later inherit that) and delivers it through the
    loop. Call it before any thread is started. The signal stays blocked when the watch goes: a late
    one must not kill a process that is ending tidily. Fails with BG_EXISTS when signo is watched
    already.  */
bg_result bg_signal_watch_create (bg_loop *loop, int signo, bg_signal_fn *fn, void *arg,
    bg_signal_watch **watch, bg_error *err) BG_CHECKED;
void bg_signal_watch_destroy (bg_signal_watch **self_p);

/*  Children.  */

typedef struct bg_child_watch bg_child_watch;
/*  exit_code: of a normal end, else -1; signo: that killed it, else 0. The child is reaped; called
    once.  */
typedef void bg_child_fn (pid_t pid, int exit_code, int signo, void *arg);

/*  Watches a child of this process through its pidfd, which stays the caller's. Reaps only this
    child.  */
bg_result bg_child_watch_create (bg_loop *loop, pid_t pid, int pidfd, bg_child_fn *fn, void *arg,
    bg_child_watch **watch, bg_error *err) BG_CHECKED;
void bg_child_watch_destroy (bg_child_watch **self_p);

/*  Deferred work.  */

typedef struct bg_defer bg_defer;
typedef void bg_defer_fn (void *arg);

/*  NEXT: in turn with all other events, for work cut into pieces. IDLE: once nothing else is
    waiting, for the commit after a batch. The caller bounds the batch and does the work himself
    when it is full, because under load "nothing else" may be far away.  */
typedef enum { BG_DEFER_NEXT, BG_DEFER_IDLE } bg_defer_kind;

bg_result bg_defer_create (bg_loop *loop, bg_defer_kind kind, bg_defer_fn *fn, void *arg,
    bg_defer **defer, bg_error *err) BG_CHECKED;
void bg_defer_destroy (bg_defer **self_p);
/*  Called once; arming an armed one changes nothing.  */
void bg_defer_arm (bg_defer *self);
void bg_defer_disarm (bg_defer *self);

/*  ZeroMQ sockets.

    ZMQ_FD is edge-triggered and every call on the socket may eat the edge, so a readable socket can
    look silent for ever. The watch therefore asks ZMQ_EVENTS after each wake-up of the descriptor,
    after each of its own calls, and after bg_zmq_watch_touch, which must follow every send or
    receive that is made outside the readable callback (bg_zsocket does this by itself). That costs
    nothing for idle sockets; asking all sockets before every wait, the usual way, would make each
    event cost O(sockets), and a load generator has tens of thousands.
*/

typedef struct bg_zmq_watch bg_zmq_watch;

/*  Takes at most one message; returns false when a receive found none, and only then. Called up to BG_ZMQ_WATCH_BATCH
    times in a row, then the other sources have their turn.  */
typedef bool bg_zmq_readable_fn (void *arg);

#define BG_ZMQ_WATCH_BATCH 64

/*  socket: a libzmq socket of this thread; borrowed.  */
bg_result bg_zmq_watch_create (bg_loop *loop, void *socket, bg_zmq_readable_fn *fn, void *arg,
    bg_zmq_watch **watch, bg_error *err) BG_CHECKED;
void bg_zmq_watch_destroy (bg_zmq_watch **self_p);
void bg_zmq_watch_touch (bg_zmq_watch *self);
/*  While paused fn is not called and messages wait inside libzmq up to its high-water mark: this is
    how a full queue behind us slows the senders down. Resuming finds everything that came
    meanwhile.  */
void bg_zmq_watch_pause (bg_zmq_watch *self, bool is_paused);

#endif
