/*  bugle-bare: what the libraries alone do with the shape of our traffic, beside the figures of the load lab.

    A broker side and a client side in processes of their own, with our socket options (common/sys/zsocket.h), one CURVE
    key pair a target, one DEALER and one SUB socket a target as a node has. No documents, no signatures, no cores: a
    message is bytes, an acknowledgement is eight bytes, a stored outcome is one row. What is left is what ZeroMQ, CURVE,
    SQLite and the kernel cost.

    The parent gives orders to its children over sockets and waits for their answers; times and samples go through
    memory that all share. Children are forked before any of them opens ZeroMQ.
*/
#ifndef BUGLE_BARE_H
#define BUGLE_BARE_H

#include "common/sys/zsocket.h"

#include <stdatomic.h>

#define BARE_TARGETS_MAX   60000
#define BARE_PROCESSES_MAX 64
#define BARE_SAMPLES_MAX   4000000 /*  later ones are counted, not kept  */
#define BARE_STAMP         8 /*  bytes at the head of a message that come back in its answer  */

typedef struct {
    uint32_t targets;     /*  after what the descriptors allow  */
    uint32_t asked;       /*  before  */
    uint32_t bytes;       /*  of a publication's last frame  */
    uint32_t report;      /*  bytes of one result in a message to the broker side  */
    uint32_t per;         /*  results in a message  */
    uint32_t frames;      /*  of a message; all but the last have 16 bytes  */
    uint32_t rounds;      /*  publications or rounds measured, after one that is not  */
    uint32_t deliveries;  /*  of a burst, over all targets  */
    uint32_t window;      /*  messages without answer a target may have  */
    uint32_t rate;        /*  messages a second over all targets; 0: as fast as the window lets  */
    uint32_t seconds;     /*  of ingest  */
    uint32_t commit_rows; /*  at most so many rows a commit  */
    uint32_t rows;        /*  of mode rows  */
    uint32_t jobs;        /*  rows belong to so many jobs  */
    uint32_t pause_ms;    /*  the broker side is away that long in a storm  */
    uint32_t io_threads;  /*  of the broker side  */
    uint32_t processes;   /*  of the client side; 0: as the descriptors ask for  */
    bool is_shared;       /*  one client socket with a connection a target  */
    const char *store;    /*  file of the rows; NULL: nothing is stored  */
} bare_options;

typedef enum { BARE_DESK, BARE_ORDERS, BARE_SOCKETS } bare_socket;
typedef enum { BARE_RECEIVED, BARE_ANSWERED, BARE_SERIES } bare_series;

typedef enum {
    BARE_CONNECT, /*  client: open all sockets, greet, answer when all greetings are answered  */
    BARE_RECEIVE, /*  client: answer when goal publications have come  */
    BARE_START,   /*  client: the same, a message back for each; answer when all are answered  */
    BARE_ROUND,   /*  client: one message from each; answer when all are answered  */
    BARE_INGEST,  /*  client: messages until the time is up; answer when all are answered  */
    BARE_WAIT,    /*  server: answer when it has so many subscriptions and messages  */
    BARE_PUBLISH, /*  server: goal publications at once  */
    BARE_FIGURES, /*  both: answer at once  */
    BARE_END,     /*  both  */
} bare_verb;

typedef struct {
    bare_verb verb;
    uint64_t goal;
    uint64_t subscriptions; /*  BARE_WAIT  */
    int64_t until_us;       /*  BARE_INGEST: CLOCK_MONOTONIC  */
    bool
        is_absolute; /*  answers are sampled from the board's begun_us, not from when they were asked for  */
} bare_order;

typedef struct {
    bool failed;
    char why[200];
    uint64_t messages;      /*  server: since it started; client: answers of this order  */
    uint64_t publications;  /*  client: of this order  */
    uint64_t subscriptions; /*  server  */
    int64_t last_us;        /*  CLOCK_MONOTONIC of the last of them  */
    int64_t cpu_us;         /*  of the process  */
    int64_t pss_kib;        /*  BARE_FIGURES  */
} bare_answer;

/*  Memory of all processes.  */
typedef struct {
    char endpoint[BARE_SOCKETS][BG_ENDPOINT_MAX]; /*  once bound  */
    bg_key server_public, server_secret;
    _Atomic int64_t begun_us; /*  when what is measured began  */
    _Atomic uint64_t taken[BARE_SERIES];
    uint32_t samples[BARE_SERIES][BARE_SAMPLES_MAX]; /*  microseconds  */
} bare_board;

/*  ---- board.c ----  */

/*  Never fails: without memory the process ends with a sentence.  */
bare_board *bare_board_create (void);
void bare_board_reset (bare_board *self);
void bare_sample (bare_board *self, bare_series series, int64_t us);
/*  Sorts what was taken; percentile 0 to 100.  */
uint64_t bare_sort (bare_board *self, bare_series series);
int64_t bare_percentile (const bare_board *self, bare_series series, double percentile);
/*  The keys of target number index, always the same.  */
void bare_target_key (uint32_t index, bg_key *public_key, bg_key *secret_key);
/*  CPU of this process so far; its share of memory.  */
int64_t bare_cpu_us (void);
int64_t bare_pss_kib (void);
/*  Appends a message of options->frames frames: stamp and filler in the last one.  */
size_t bare_frames (
    const bare_options *options, int64_t stamp, uint32_t size, uint8_t *space, bg_slice *frames);
#define BARE_SPACE (256 * 1024)

/*  ---- store.c ----  */

typedef struct bare_store bare_store;
bg_result bare_store_open (
    const bare_options *options, bare_store **store, bg_error *err) BG_CHECKED;
void bare_store_close (bare_store **self_p);
/*  Adds rows of one result each to the open transaction; begins one when there is none.  */
bg_result bare_store_add (bare_store *self, uint32_t rows, bg_error *err) BG_CHECKED;
/*  Rows that are not committed yet.  */
uint32_t bare_store_open_rows (const bare_store *self);
bg_result bare_store_commit (bare_store *self, bg_error *err) BG_CHECKED;

/*  ---- server.c, client.c: what a child does; the result is its exit code ----  */

int bare_server_run (const bare_options *options, bare_board *board, int orders);
/*  Holds the targets from first on.  */
int bare_client_run (
    const bare_options *options, bare_board *board, uint32_t first, uint32_t count, int orders);

/*  ---- family.c: the children of the parent ----  */

typedef struct {
    pid_t pid; /*  0: none  */
    int fd;
} bare_child;

typedef struct {
    const bare_options *options;
    bare_board *board;
    bare_child server;
    bare_child clients[BARE_PROCESSES_MAX];
    uint32_t client_count;
    int64_t base_kib; /*  of the server before anybody connected  */
} bare_family;

/*  Raises the descriptor limit and cuts options->targets down to what fits.  */
void bare_family_fit (bare_options *options, uint32_t *processes);
bg_result bare_family_start (bare_family *self, uint32_t processes, bg_error *err) BG_CHECKED;
bg_result bare_family_serve (bare_family *self, bg_error *err) BG_CHECKED; /*  starts the server  */
void bare_family_end (bare_family *self);
void bare_order_give (const bare_child *child, const bare_order *order);
/*  The answers of all clients together.  */
void bare_clients_order (const bare_family *self, const bare_order *order);
bg_result bare_clients_wait (const bare_family *self, bare_answer *sum, bg_error *err) BG_CHECKED;
bg_result bare_child_wait (const bare_child *child, bare_answer *answer, bg_error *err) BG_CHECKED;
bg_result bare_server_figures (
    const bare_family *self, bare_answer *answer, bg_error *err) BG_CHECKED;

/*  ---- modes.c ----  */

/*  Runs the modes named; a line of JSON on stdout for each.  */
bg_result bare_modes_run (const bare_options *options, uint32_t processes, char **modes, int count,
    bg_error *err) BG_CHECKED;
/*  False when there is no such mode.  */
bool bare_mode_is_known (const char *word);
/*  The lines of --help.  */
void bare_modes_print (void);

/*  ---- rows.c ----  */
bg_result bare_rows_run (const bare_options *options, bg_error *err) BG_CHECKED;

#endif
