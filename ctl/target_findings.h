/*  What is wrong with a target, from what the broker believes of it and what it believes itself. Pure.  */
#ifndef BUGLE_CTL_TARGET_FINDINGS_H
#define BUGLE_CTL_TARGET_FINDINGS_H

#include "common/base/arena.h"
#include "proto/wire.h"

#include <jansson.h>

/*  What is known. state NULL: the target was not asked or did not answer; why says so.  */
typedef struct {
    const wire_target_row *row; /*  with details  */
    uint64_t authority;         /*  version at the broker  */
    int64_t now_us;             /*  broker time  */
    const wire_node_state *state;
    const wire_belief *beliefs;
    size_t belief_count;
    const char *why;
    bg_arena *arena;
} ctl_both_sides;

/*  One thing that is wrong (is_wrong) or worth knowing, and the command that cures it (NULL: none is needed).  */
typedef struct {
    bool is_wrong;
    const char *what;
    const char *cure;
} ctl_finding;

/*  All findings, what is wrong first; in the arena.  */
size_t ctl_target_find (const ctl_both_sides *self, ctl_finding **findings);
/*  Rows {what, broker, target} of both sides' beliefs, same: false where they differ and should not. New reference.  */
json_t *ctl_target_sides (const ctl_both_sides *self);

#endif
