/*  The looks of bugle doctor: each adds rows to a list, none ends it. A row is {state, area, name, found, advice}, as those
    of bugle-node check: state is ok, warning or problem, area is cli or broker.
*/
#ifndef BUGLE_CTL_DOCTOR_H
#define BUGLE_CTL_DOCTOR_H

#include "ctl/run.h"
#include "proto/wire.h"

typedef enum { CTL_DOCTOR_OK, CTL_DOCTOR_WARNING, CTL_DOCTOR_PROBLEM } ctl_doctor_state;

typedef struct {
    ctl_run *run;
    json_t *rows;
    size_t counts[3];    /*  by state  */
    ctl_client *client;  /*  NULL: the broker was not reached  */
    wire_status *status; /*  with client  */
} ctl_doctoring;

/*  advice "": nothing to do.  */
void ctl_doctor_say (ctl_doctoring *self, ctl_doctor_state state, const char *area,
    const char *name, const char *advice, const char *format, ...) BG_PRINTF (6, 7);
void ctl_doctor_failed (ctl_doctoring *self, ctl_doctor_state state, const char *area,
    const char *name, const bg_error *err);

/*  All looks; rows is a new array. What fails is a row.  */
void ctl_doctor_run (ctl_run *run, ctl_doctoring *self);
void ctl_doctor_fini (ctl_doctoring *self);

/*  doctor_cli.c: files and permissions, context, name, port, key, login, authority, clock, versions.  */
void ctl_doctor_cli (ctl_doctoring *self);
/*  doctor_broker.c: what its status and its targets say.  */
void ctl_doctor_broker (ctl_doctoring *self);

#endif
