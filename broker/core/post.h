/*  The rooms of POST: planning by type (post_documents.c, post_members.c) and carrying out (post_apply.c), for post.c, which
    has the order of things. Nobody else needs it.  */
#ifndef BUGLE_BROKER_CORE_POST_H
#define BUGLE_BROKER_CORE_POST_H

#include "broker/core/rooms.h"

/*  One item, checked and not yet done.  */
typedef struct {
    const wire_post_item *item;
    wire_verified verified;
    uint64_t type;
    bg_slice name;
    wire_keyring *keyring;   /*  of an authority  */
    broker_target *target;   /*  of a membership  */
    broker_pending *pending; /*  of the membership of a machine that asks  */
    broker_document *old;    /*  what is here under this key; NULL when nothing ever was  */
    uint8_t content_hash[32];
    uint64_t outcome;
    uint64_t revision;
    uint32_t targets;
} broker_post_plan;

/*  What is here under the key of an item.  */
typedef struct {
    uint64_t held; /*  0 = nothing was ever here  */
    bool live;     /*  what is held is no withdrawal  */
    const uint8_t *hash;
    const uint8_t *content_hash; /*  NULL: nothing to compare  */
} broker_held_version;

/*  The rules of design.md section 6. *unchanged: it is here already, nothing is to be done.  */
bg_result broker_post_check_version (const broker_request *request, const broker_post_plan *plan,
    broker_held_version held, bool *unchanged, bg_error *err) BG_CHECKED;

/*  ---- plans: verified already; outcome, revision and targets are filled ----  */

/*  Jobs, schedules, calendars, switches, withdrawals. before: the plans of the items before it.  */
bg_result broker_post_plan_document (broker_request *request, broker_post_plan *plan,
    const broker_post_plan *before, size_t before_count, bg_error *err) BG_CHECKED;
bg_result broker_post_plan_membership (broker_request *request, broker_post_plan *plan,
    const broker_post_plan *before, size_t before_count, bg_error *err) BG_CHECKED;
/*  Verifies as well: an authority is checked against the one before it.  */
bg_result broker_post_plan_authority (
    broker_request *request, broker_post_plan *plan, bg_error *err) BG_CHECKED;
/*  The membership of a target that is here, whatever its version.  */
bg_result broker_post_check_membership (
    const broker_core *self, const broker_post_plan *plan, bg_error *err) BG_CHECKED;
/*  The body of a schedule or calendar.  */
bg_result broker_post_check_shared (const wire_verified *verified, bg_error *err) BG_CHECKED;

/*  ---- carrying out: only the store can fail ----  */

bg_result broker_post_apply_document (
    broker_request *request, broker_post_plan *plan, bg_error *err) BG_CHECKED;
bg_result broker_post_apply_membership (
    broker_request *request, broker_post_plan *plan, bg_error *err) BG_CHECKED;

#endif
