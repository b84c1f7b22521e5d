/*  Leaving a broker: with its knowledge (signed, answered) or, with force, without.  */
#include "node/core/rooms.h"

#include "proto/frame.h"

static bg_result mark (node_core *self, node_leaving_mark value, bg_error *err)
{
    const node_store *store = self->ports.store;
    if (self->leaving_mark == (uint64_t) value)
        return bg_ok ();
    BG_TRY (store->number_put (store->ctx, NODE_NUMBER_LEAVING, (uint64_t) value, err));
    self->leaving_mark = (uint64_t) value;
    return bg_ok ();
}

static void end (node_core *self)
{
    self->defect = (node_defection){0};
    node_timer_off (self, NODE_TIMER_DEFECT_END);
}

static void fail (node_core *self, const bg_error *why)
{
    const node_defection was = self->defect;
    end (self);
    if (!was.answered)
        node_reply_error (self, was.control, why);
}

static bg_result leave_now (node_core *self, uint64_t control, bool answered, bg_error *err)
{
    wire_control_answer answer = {.code = bg_slice_str ("ok")};
    node_control_describe (self, &answer, false);
    for (size_t i = 0; i < self->jobs.count; i++)
        answer.removed_jobs += !((const node_job *) self->jobs.items[i])->local;
    answer.name = bg_arena_copy (&self->scratch, answer.name);
    answer.broker = bg_arena_copy (&self->scratch, answer.broker);
    answer.enlisted = false;
    answer.connected = false;
    if (self->outbox.rows > 0) {
        answer.warnings_count = 0;
        answer.warnings[answer.warnings_count++] = bg_arena_printf (&self->scratch,
            "%llu outcomes were not handed over; they stay in the local history",
            (unsigned long long) self->outbox.rows);
    } else {
        answer.warnings_count = 0;
    }
    BG_TRY (mark (self, NODE_LEAVING_NOT, err));
    BG_TRY (node_forget (self, err));
    node_log (self, NODE_LOG_INFO, "defected", "broker=%.*s jobs=%llu",
        BG_SLICE_ARG (answer.broker), (unsigned long long) answer.removed_jobs);
    if (!answered)
        node_reply (self, control, &answer);
    return bg_ok ();
}

/*  Who only asks to be enlisted stops asking.  */
static bg_result withdraw (node_core *self, uint64_t control, bg_error *err)
{
    wire_control_answer answer = {.code = bg_slice_str ("ok"), .warnings_count = 0};
    node_control_describe (self, &answer, false);
    answer.name = bg_arena_copy (&self->scratch, answer.name);
    answer.broker = bg_arena_copy (&self->scratch, answer.broker);
    BG_TRY (node_pending_withdraw (self, false, err));
    node_reply (self, control, &answer);
    return bg_ok ();
}

bg_result node_defect_begin (
    node_core *self, uint64_t control, const wire_control_defect *wanted, bg_error *err)
{
    bg_error why = {0};
    if (node_pending_is (self) && self->enlist.answered && !self->full)
        return withdraw (self, control, err);
    if (self->full)
        bg_ignore (bg_fail (&why, BG_STORAGE_FULL, "no space is left in the node's store"));
    else if (!self->enlisted)
        bg_ignore (bg_fail (&why, BG_NOT_ENLISTED, "this node is not enlisted with any broker"));
    else if (self->defect.wanted || self->enlist.phase != NODE_ENLIST_NONE)
        bg_ignore (
            bg_fail (&why, BG_BUSY, "another enlistment or defection of this node is going on"));
    if (why.code != BG_OK) {
        node_reply_error (self, control, &why);
        return bg_ok ();
    }
    if (wanted->force)
        return leave_now (self, control, false, err);
    self->defect = (node_defection){.wanted = true, .control = control};
    node_timer_in (self, NODE_TIMER_DEFECT_END,
        wanted->timeout_us > 0 ? wanted->timeout_us : NODE_CONTROL_TIMEOUT_US);
    /*  A node that must not go on as it is may still leave.  */
    if (self->session.state == NODE_SESSION_OFF)
        return node_session_open (self, err);
    return bg_ok ();
}

bg_result node_defect_pump (node_core *self, bg_error *err)
{
    if (!self->defect.wanted || self->defect.sent || self->full || !node_session_is_up (self))
        return bg_ok ();
    BG_TRY (mark (self, NODE_LEAVING_ASKED, err));
    const wire_leave leave = {.installation = self->identity.installation,
        .target = self->identity.target,
        .time_us = self->now.utc_us};
    BG_AUTO_BUF bytes = {0};
    WIRE_ENCODE (leave, &leave, &bytes);
    wire_sig sig;
    self->ports.sign (
        self->ports.ctx, WIRE_TYPE_LEAVE, self->identity.installation, bg_buf_slice (&bytes), &sig);
    const wire_defect message = {.has_leave = true,
        .leave = {.type = WIRE_TYPE_LEAVE,
            .bytes = bg_buf_slice (&bytes),
            .sigs = &sig,
            .sigs_count = 1}};
    self->defect.sent = true;
    self->defect.request = node_say (self, NODE_LINK_DESK, WIRE_DEFECT, &message);
    return bg_ok ();
}

void node_defect_recover (node_core *self)
{
    if (!self->enlisted || self->leaving_mark != NODE_LEAVING_ASKED)
        return;
    self->defect = (node_defection){.wanted = true, .answered = true};
    node_timer_in (self, NODE_TIMER_DEFECT_END, NODE_CONTROL_TIMEOUT_US);
}

bg_result node_defect_unadmitted (node_core *self, bool *left, bg_error *err)
{
    *left = self->enlisted && !self->full && self->leaving_mark != NODE_LEAVING_NOT;
    return *left ? node_defect_by_membership (self, err) : bg_ok ();
}

bg_result node_defected (node_core *self, const wire_header *header, bg_error *err)
{
    if (!self->defect.wanted || !bg_id_equal (header->request, self->defect.request)) {
        node_count (self, NODE_COUNT_UNEXPECTED);
        return bg_ok ();
    }
    const node_defection was = self->defect;
    end (self);
    return leave_now (self, was.control, was.answered, err);
}

bg_result node_defect_by_membership (node_core *self, bg_error *err)
{
    const node_defection was = self->defect;
    end (self);
    return leave_now (self, was.control, !was.wanted || was.answered, err);
}

bg_result node_defect_refused (node_core *self, const wire_error *error, bg_error *err)
{
    bg_error why = {0};
    bg_ignore (wire_error_to (error, &why));
    fail (self, &why);
    return self->full ? bg_ok () : mark (self, NODE_LEAVING_NOT, err);
}

bg_result node_defect_timeout (node_core *self, bg_error *err)
{
    if (!self->defect.wanted)
        return bg_ok ();
    if (self->leaving_mark == NODE_LEAVING_ASKED && !self->full)
        BG_TRY (mark (self, NODE_LEAVING_DOUBTED, err));
    bg_error why = {0};
    bg_ignore (bg_fail (&why, BG_UNREACHABLE, "the broker \"%.*s\" does not answer",
        BG_SLICE_ARG (self->identity.broker)));
    bg_ignore (bg_hint (&why, "bugle-node defect --force leaves without it; an administrator then "
                              "removes the target there"));
    fail (self, &why);
    return bg_ok ();
}
