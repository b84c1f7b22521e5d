/*  What the people sign and ask for, one function for each wish: people.c chooses among them.

    Each makes the one request that is on its way then; there must be none before it. What is signed
    lives as long as the people.  */
#ifndef BUGLE_SIM_PEOPLE_PAPERS_H
#define BUGLE_SIM_PEOPLE_PAPERS_H

#include "tests/sim/world.h"

/*  people.c: the broker's clock.  */
int64_t sim_people_us (const sim_people *self);

/*  people_papers.c: parts of documents.  */
bg_slice sim_people_text (sim_people *self, const char *value);
uint64_t sim_people_next_version (const sim_people *self, uint64_t last);
wire_signed sim_people_sign (sim_people *self, const wire_document *fixed, const void *body);
/*  job NULL: a withdrawal.  */
void sim_people_remember_job (
    sim_people *self, const wire_document *document, const wire_job *job, const wire_signed *item);
/*  Some audience: all, a group, a label, names.  */
void sim_people_make_audience (sim_people *self, wire_audience *out);
void sim_people_make_steps (sim_people *self, wire_job *job);

/*  Documents about jobs, and the authority.  */
void sim_people_post (sim_people *self, const wire_signed *document, uint64_t seen);
void sim_people_post_job (sim_people *self, int which, bool scheduled);
void sim_people_withdraw (sim_people *self, int which);
void sim_people_turn (sim_people *self, int which, bool disabled, int64_t until_us);
void sim_people_post_authority (sim_people *self);

/*  people_shared.c: schedules and calendars that jobs share.  */
void sim_people_init_shared (sim_people *self);
/*  After an error: what does the broker have of them?  */
void sim_people_look_at_shared (sim_people *self);
/*  Posts, edits, withdraws or switches one.  */
void sim_people_mind_shared (sim_people *self);
/*  After the chaos each is posted once more, so that nothing waits for what a restore has lost; false: all are.  */
bool sim_people_close_shared (sim_people *self);
/*  The request about one was stored.  */
void sim_people_shared_posted (sim_people *self);
/*  A schedule of a job may use one, or name a calendar; what is named is added to the needs.  */
void sim_people_use_shared (sim_people *self, wire_job_schedule *schedule, wire_needs *needs);

/*  people_targets.c: those with a machine are false when the broker has no live target of its name.  */
bool sim_people_knows (sim_people *self, const char *name, bg_id target);
void sim_people_make_groups (sim_people *self, wire_membership *body);
bool sim_people_post_membership (sim_people *self, int machine, bool leaves);
/*  How often it polls.  */
bool sim_people_set_poll (sim_people *self, int machine);

/*  people_deeds.c.  */
void sim_people_issue (sim_people *self, int which, uint64_t what);
/*  bugle run: a job of its own inside the START.  */
void sim_people_run_once (sim_people *self);
/*  bugle exec cancel, of any START there ever was; false: there is none that it can be of.  */
bool sim_people_cancel (sim_people *self);
void sim_people_resync (sim_people *self);
void sim_people_resume (sim_people *self);
void sim_people_make_token (sim_people *self);
void sim_people_token_made (sim_people *self, const wire_token_created *created);

#endif
