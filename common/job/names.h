/*  Names: what they may be, when two are the same, lists and patterns of them.

    Jobs, steps and schedules have names for people; targets, groups and proxies have names for
    machines. All are unique without regard to case, where case means that of ASCII: the key of a
    name is the name with A-Z in lower case, and other letters are compared as they are. (Full case
    folding would tie stored names to a version of Unicode.)

    A host list writes many names as one: web[001-003,7]x is web001x, web002x, web003x and web7x.
    The width of a range's first number, when it begins with 0, is that of all its numbers.
*/
#ifndef BUGLE_JOB_NAMES_H
#define BUGLE_JOB_NAMES_H

#include "common/base/slice.h"

#define JOB_NAME_MAX     128  /*  characters of an object's name, bytes of a target's  */
#define JOB_HOSTLIST_MAX 4096 /*  bytes of the text of a host list  */
#define JOB_PATTERN_MAX  1024 /*  bytes of a pattern of names  */

/*  Jobs, steps, schedules: 1 to 128 characters of UTF-8, no control characters (bg_has_control), no
    `%` and no `/`, no blank at either end. BG_INVALID says which of them.  */
bg_result job_object_name_valid (bg_slice name, bg_error *err) BG_CHECKED;
/*  Jobs of one machine alone: local/NAME, the only `/` in a name. job_name_is_local says whether it is meant as one,
    job_local_name_valid whether it is one.  */
#define JOB_LOCAL_PREFIX "local/"
bool job_name_is_local (bg_slice name);
bg_result job_local_name_valid (bg_slice name, bg_error *err) BG_CHECKED;
/*  Targets: [A-Za-z0-9][A-Za-z0-9._-]{0,127}; all, local and broker (in any case) are reserved.  */
bg_result job_target_name_valid (bg_slice name, bg_error *err) BG_CHECKED;
/*  Groups and proxies: the same rules.  */
bg_result job_group_name_valid (bg_slice name, bg_error *err) BG_CHECKED;
bg_result job_proxy_name_valid (bg_slice name, bg_error *err) BG_CHECKED;
/*  Brokers, and the contexts called after them: the same characters, nothing reserved: many a broker's machine is called
    "broker".  */
bg_result job_broker_name_valid (bg_slice name, bg_error *err) BG_CHECKED;

/*  Appends the key under which the name is unique.  */
void job_name_key (bg_slice name, bg_buf *key);
/*  <0, 0, >0 by the order of the keys; 0 means the same name.  */
int job_name_compare (bg_slice a, bg_slice b);

typedef struct {
    char **items;
    size_t count;
} job_names;

/*  Expands host lists, several may be separated by commas, into an empty list, in the order
    written, repetitions kept. More than limit names are BG_TOO_LARGE, other mistakes BG_INVALID;
    names is then left alone.  */
bg_result job_names_expand (
    bg_slice text, size_t limit, job_names *names, bg_error *err) BG_CHECKED;
void job_names_fini (job_names *self);
/*  Appends the names as one host list, ordered by the text around their last number, then by the
    number; repeated names once. Expanding it gives the same set of names.  */
void job_names_fold (char *const *names, size_t count, bg_buf *out);

/*  Patterns: `*` any characters, `?` one, [a-z] or [!a-z] one of (not of) these, [001-040,7] one of
    these numbers (when the brackets hold digits, commas and dashes only), and a comma outside
    brackets means or. Without regard to case. BG_INVALID or BG_TOO_LARGE say what is
    wrong with one.  */
bg_result job_name_pattern_valid (bg_slice pattern, bg_error *err) BG_CHECKED;
/*  False also for a pattern that is not valid and for names of more than 128 bytes.  */
bool job_name_matches (bg_slice pattern, bg_slice name);

#endif
