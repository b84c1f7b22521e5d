/*  The machine's own policy: what bugle-exec may start here, whatever a signature says.

        # lines that begin with # say nothing
        [default]
        account = bugle-job        # steps run as this local account
        root = no                  # yes: the account may be root
        maximum_run_time = 12h     # a run that takes longer is ended; left out: no limit
        hours = 22:00-06:00        # runs begin only then, by the machine's zone

        [limits]
        runs = 100                 # so many runs at a time; further ones wait for their turn
        lease = 30d                # by schedule only so long after the broker was heard last

        [proxy postgres]           # what a step may ask for with "as: postgres"
        account = postgres
        groups = databases         # instead of the account's own supplementary groups
        kinds = run, script        # kinds of steps; left out: all
        logins = anna, ben         # who signed the job; left out: anybody who may post jobs
        root = no                  # yes: the account may be root
        enabled = yes

    Root owns the file; only its owner may write it (the shell checks that). Pure parser over
    bytes.
*/
#ifndef BUGLE_EXEC_POLICY_H
#define BUGLE_EXEC_POLICY_H

#include "common/base/slice.h"

#define EXEC_POLICY_BYTES   65536
#define EXEC_POLICY_PROXIES 64
#define EXEC_POLICY_WORDS   8192 /*  bytes of all lists together  */
#define EXEC_POLICY_RUNS    100  /*  at a time, when [limits] does not say  */

/*  A list of words: count of them, each ended by NUL, in the policy's words.  */
typedef struct {
    uint16_t at;
    uint16_t count;
} exec_words;

typedef struct {
    char name[129];
    char account[65];
    bool root;         /*  account may have uid 0  */
    bool disabled;     /*  enabled = no  */
    uint32_t kinds;    /*  bit 1 << WIRE_STEP_*; 0: all  */
    exec_words groups; /*  none: those of the account  */
    exec_words logins; /*  none: all  */
    unsigned line;     /*  of its [proxy NAME]  */
} exec_proxy;

typedef struct {
    char account[65];            /*  of [default]; never empty  */
    bool root;                   /*  account may have uid 0  */
    int64_t maximum_run_time_us; /*  0: none  */
    bool has_hours;
    uint16_t hours_from; /*  minutes since midnight  */
    uint16_t hours_to;   /*  before this minute; smaller than from: over midnight  */
    uint32_t runs;       /*  at a time, at least 1  */
    int64_t lease_us;    /*  0: none  */
    exec_proxy proxies[EXEC_POLICY_PROXIES];
    size_t proxy_count;
    char words[EXEC_POLICY_WORDS];
    size_t words_used;
} exec_policy;

/*  Reads a policy. file is for the sentence. BG_INVALID or BG_TOO_LARGE as "FILE:LINE: what is
    wrong", the first one only; *policy is filled on success.  */
bg_result exec_policy_parse (
    bg_slice text, const char *file, exec_policy *policy, bg_error *err) BG_CHECKED;
/*  True when a run may begin at this minute of the day.  */
bool exec_policy_open_at (const exec_policy *self, int minute);
/*  The proxy of this name, without regard to case; NULL when there is none.  */
const exec_proxy *exec_policy_proxy (const exec_policy *self, bg_slice name);
/*  Word number i of a list, borrowed.  */
const char *exec_policy_word (const exec_policy *self, exec_words list, size_t i);
/*  Whether the list has the word, without regard to case.  */
bool exec_policy_lists (const exec_policy *self, exec_words list, bg_slice word);
/*  The text of the default policy for an account. is_root: the account is root and may be.  */
void exec_policy_default (const char *account, bool is_root, bg_buf *out);

#endif
