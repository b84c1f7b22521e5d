/*  Targets chosen on a command line as the targets themselves: what an audience means now, with the signed membership of
    each, verified.

    The parts of a choice are joined by or: names, each group, the selector. A selector may ask for facts (fact.os=debian);
    who matches is then the broker's word, and only what is signed about each target is verified here.
*/
#ifndef BUGLE_CTL_CHOOSE_H
#define BUGLE_CTL_CHOOSE_H

#include "ctl/target.h"

/*  A target with its verified membership.  */
typedef struct {
    const wire_target_row *row;
    wire_membership body;
    uint64_t version;    /*  of the signed document  */
    bool is_provisional; /*  signed by a token, no login has countersigned it  */
} ctl_member;

/*  By ascending number, each once.  */
typedef struct {
    ctl_member *items; /*  in the run's arena  */
    size_t count;
} ctl_members;

/*  The choice of a command that changes targets: words are names as arguments (host lists, @FILE, -), beside -t, -g, -l and
    --all as far as the command takes them. Nothing chosen is BG_USAGE; a name, group or selector that matches nothing
    BG_NOT_FOUND. Names of targets that have left are found too, the latest that had the name. filter: restricts what groups, the selector and --all
    choose; NULL: nothing.  */
bg_result ctl_choose (ctl_run *run, const char *const *words, size_t word_count,
    const wire_target_query *filter, ctl_members *out, bg_error *err) BG_CHECKED;
/*  The same from an audience.  */
bg_result ctl_choose_audience (ctl_run *run, const wire_audience *audience,
    const wire_target_query *filter, ctl_members *out, bg_error *err) BG_CHECKED;

/*  The choice of a command line as an audience, for what is signed and sent now: words and options as for ctl_choose, at
    most 128 names, each checked with the broker; facts are resolved.  */
bg_result ctl_audience_arg (ctl_run *run, const char *const *words, size_t word_count,
    wire_audience *audience, bg_error *err) BG_CHECKED;

/*  Whom the selector of an audience chooses by facts is put into it by number, for what is signed and sent now: the
    selector is taken out. Nothing when it asks for no facts. BG_TOO_LARGE when the numbers lie too far apart.  */
bg_result ctl_targets_resolve (ctl_run *run, wire_audience *audience, bg_error *err) BG_CHECKED;

/*  An audience of exactly these members: by number those whose membership a login has signed, by id those that are
    provisional. BG_TOO_LARGE when that is too much for one command.  */
bg_result ctl_members_audience (ctl_run *run, const ctl_member *members, size_t count,
    wire_audience *out, bg_error *err) BG_CHECKED;

/*  The membership of a row that was asked for with memberships or details. BG_BAD_SIGNATURE when it is not what a login or
    token of this installation has signed for that target.  */
bg_result ctl_member_verify (
    ctl_run *run, const wire_target_row *row, ctl_member *member, bg_error *err) BG_CHECKED;

#endif
