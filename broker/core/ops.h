/*  The download list as people see it: one row for each instruction and target. Shared by the
    questions about it (query_ops.c), its changes (op_events.c) and what may be done with a row
    (op_requests.c); nobody else needs it.

    An instruction is a document, a membership or a deed. Rows are made when they are asked for, from
    the bitmaps of documents and executions and the notes of the store.
*/
#ifndef BUGLE_BROKER_CORE_OPS_H
#define BUGLE_BROKER_CORE_OPS_H

#include "broker/core/rooms.h"

#define BROKER_OP_DEED_US BG_DAY (7) /*  deeds are in the list that long  */

/*  One instruction: exactly one of the three is set.  */
typedef struct {
    const broker_document *document;
    const broker_target *member; /*  whose membership it is  */
    const broker_execution *deed;
} broker_op;

/*  What an OP_QUERY asks for, read once. Everything in the request's arena but the set.  */
typedef struct {
    broker_request *request;
    uint64_t states; /*  bits 1 << WIRE_DELIVERY_*  */
    uint64_t type;
    uint64_t operation;
    int64_t since_us;
    int64_t until_us;
    bool has_job;
    bg_id job_key;
    bool has_targets;
    broker_bitmap targets;
} broker_op_filter;

/*  BG_NOT_FOUND for a job, target or group that is not there, BG_INVALID for a selector that is
    none. To be ended with fini in any case.  */
bg_result broker_op_filter_init (broker_op_filter *self, broker_request *request,
    const wire_op_query *query, bg_error *err) BG_CHECKED;
void broker_op_filter_fini (broker_op_filter *self);
/*  Whether rows of the instruction are wanted, apart from targets and states.  */
bool broker_op_is_wanted (const broker_op_filter *self, const broker_op *op);
bool broker_op_target_is_wanted (const broker_op_filter *self, uint32_t number);
bool broker_op_state_is_wanted (const broker_op_filter *self, uint64_t state);

bg_id broker_op_key (const broker_op *op);
/*  When it was posted: the order of the list. Of a deed the time in its id.  */
int64_t broker_op_posted_us (const broker_op *op);

/*  The row of one target; *row->state is 0 when there is none. with_note: what the store has to say
    about it is read.  */
bg_result broker_op_row (broker_request *request, const broker_op *op, const broker_target *target,
    bool with_note, wire_op_row *row, bg_error *err) BG_CHECKED;

/*  Reads a deed of the store that is not in memory, as far as rows need it. The caller owns it
    (broker_op_deed_free), its texts live in the arena.  */
bg_result broker_op_deed_load (const broker_execution_record *record, bg_arena *arena,
    broker_execution **deed, bg_error *err) BG_CHECKED;
void broker_op_deed_free (broker_execution *deed);

/*  A version as it goes over the wire: 1 for one that is older than all that are told apart.  */
uint64_t broker_op_told_version (uint64_t held);

#endif
