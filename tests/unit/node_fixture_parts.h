/*  What the files of node_fixture share, for nobody else.  */
#ifndef BUGLE_TESTS_NODE_FIXTURE_PARTS_H
#define BUGLE_TESTS_NODE_FIXTURE_PARTS_H

#include "node_fixture.h"

#define START_US INT64_C (1700000000000000)

typedef enum { SAID_DESK, SAID_ENLIST, SAID_EXEC, SAID_REPLY } said_what;

/*  One thing that the core said, in the order of saying.  */
struct node_said {
    node_said *next;
    said_what what;
    bg_buf header;
    bg_buf body;
};

/*  node_fixture_ports.c: the ports, and what came through them.  */
void node_fixture_open_ports (node_fixture *self);
void node_fixture_close_ports (void);
node_said *node_fixture_say (node_fixture *self, said_what what);
void node_said_free (node_said *said);
void node_fixture_drop_said (node_fixture *self);
void node_fixture_random (void *ctx, void *bytes, size_t size);
bg_id node_fixture_new_id (node_fixture *self);

/*  node_fixture.c: the event's transaction, before it and after it with its result.  */
void node_fixture_begin (node_fixture *self);
void node_fixture_end (node_fixture *self, bg_result result, const bg_error *why);

/*  One event of the core in its transaction; call may name event_err.  */
#define EVENT(self, call)                                                                          \
    do {                                                                                           \
        bg_error event_err = {0};                                                                  \
        node_fixture_begin (self);                                                                 \
        const bg_result event_result = (call);                                                     \
        node_fixture_end (self, event_result, &event_err);                                         \
    } while (0)

/*  The others hear what the core said, and answer at once.  */
void node_fixture_exec_hears (node_fixture *self, bg_slice blob);
void node_fixture_desk_hears (node_fixture *self, const wire_header *header, const void *body);
void node_fixture_enlist_hears (node_fixture *self, const wire_header *header, const void *body);

/*  node_fixture_enlist.c: the token that the broker has given away.  */
void node_fixture_make_token (node_fixture *self);

#endif
