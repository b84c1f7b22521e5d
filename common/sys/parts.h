/*  A program of several parts: starts them as children, keeps them running, ends with them.

    bugle-broker is front and core, bugle-node is node and bugle-exec; each part is a program of its own that also runs
    alone (under systemd, a unit each). This is what joins them in the foreground: one ready, one end.

    A part says READY=1 as a service does (notify.h). When all have said so, one line "ready" is logged and passed on to
    the service manager. A part that dies after that is started again at once, with a growing pause while it keeps dying;
    it is given up, and the program ends, when it did not become ready BG_PARTS_TRIES times in a row. A part that ends
    before it was ever ready ends the whole program with its exit code: it has said why on stderr, which is ours. SIGTERM
    and SIGINT end the parts within 10 s, by force at last. Parts have sessions of their own, so that what the terminal
    sends reaches us alone, and end with their keeper (bg_parts_join).

    One thread, no event loop; call it before any thread is started.
*/
#ifndef BUGLE_SYS_PARTS_H
#define BUGLE_SYS_PARTS_H

#include "common/sys/log.h"

#define BG_PARTS_MAX   4
#define BG_PARTS_TRIES 12

typedef struct {
    const char *name;        /*  word for the log ("front")  */
    const char *const *argv; /*  NULL-terminated; argv[0] is a program as in process.h  */
} bg_part;

/*  What is 0 or NULL has a default. All of it is borrowed for bg_parts_run.  */
typedef struct {
    const bg_part *parts;
    size_t count; /*  1 to BG_PARTS_MAX  */
    bg_log *log;
    /*  Writes the line "ready"; default: one without details.  */
    void (*log_ready) (bg_log *log, void *arg);
    void *arg;
    int64_t pause_max_us; /*  between two starts of a part that keeps dying; default 5 s  */
    int64_t end_wait_us;  /*  what parts have to end by themselves; default 8 s  */
} bg_parts;

/*  Runs until a signal or a part that cannot start; *exit_code is what the program should end with. Fails only when
    it cannot even begin (BG_IO, BG_NOT_FOUND); parts that had been started have ended then.  */
bg_result bg_parts_run (const bg_parts *plan, int *exit_code, bg_error *err) BG_CHECKED;

/*  The arguments of a part that is one of our programs, which all know these options.  */
typedef struct {
    const char *argv[10];
} bg_part_command;

typedef struct {
    const char *home; /*  NULL: the system's directories  */
    bool log_json;
    const char *log_level; /*  NULL: its own default  */
} bg_part_options;

/*  program: as in process.h; word: its first argument, NULL: none. Strings are borrowed.  */
bg_part_command bg_part_command_of (
    const char *program, const char *word, const bg_part_options *options);

/*  For a program that starts parts in its own way: what it starts from now on ends with it. They inherit our environment. */
void bg_parts_keep (void);
/*  Called first by a program that may be a part: ties it to its keeper's life. False when it runs alone.  */
bool bg_parts_join (void);

#endif
