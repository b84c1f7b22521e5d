/*  Memberships changed in bulk: one admin, many targets, one signed document each.

    A change is a function over a copy of the verified membership. What it leaves as it was is not posted. Documents go out
    64 at a time, each against the version that was seen; what somebody else changed meanwhile is looked at and changed
    once more.
*/
#ifndef BUGLE_CTL_MEMBERS_H
#define BUGLE_CTL_MEMBERS_H

#include "ctl/choose.h"

/*  Changes body, a copy of member->body without its token; slices it puts in live in the run's arena.  */
typedef bg_result ctl_member_edit (
    void *ctx, ctl_run *run, const ctl_member *member, wire_membership *body, bg_error *err);

typedef struct {
    ctl_member_edit *edit;
    void *ctx;
    const char *outcome; /*  of who was changed: "changed", "defected"  */
    const char *
        question; /*  what is done to %s, without the sign: "Remove %s from this broker"; NULL: asked only for
                              more than 100: "Change %s"  */
    bool countersigns; /*  a provisional membership is changed by being signed  */
    bool cut;          /*  the key is refused at once  */
    bool is_agreed;    /*  the command has asked already  */
    bool removes;      /*  so that those who have left stay as they are  */
} ctl_member_change;

typedef struct {
    const ctl_member *member;
    bg_slice name;       /*  after the change  */
    const char *outcome; /*  change->outcome, "unchanged", "not done"  */
} ctl_member_result;

/*  Asks, signs, posts (or has it checked, with --dry-run) and fills results, one for each member. Failing on the way, what
    was done before stands in results: the caller prints them when *done is not 0. Targets that have left are
    unchanged by what removes, and refused by all else.  */
bg_result ctl_members_change (ctl_run *run, const ctl_members *members,
    const ctl_member_change *change, ctl_member_result *results, size_t *done,
    bg_error *err) BG_CHECKED;
/*  For edit functions of labels and variables: sets a pair among the count ones, or removes it by its key; there is
    room for one more. Returns how many there are then.  */
size_t ctl_pairs_change (wire_pair *pairs, size_t count, const wire_pair *change, bool removes);
/*  A line for each outcome with folded names, or a row for each target. kind: of the JSON.  */
void ctl_members_print (
    ctl_run *run, const char *kind, const ctl_member_result *results, size_t count);
/*  Both: what most commands do.  */
bg_result ctl_members_apply (ctl_run *run, const ctl_members *members,
    const ctl_member_change *change, const char *kind, bg_error *err) BG_CHECKED;

#endif
