/*  The zone files of this machine, for checking names and showing when a job runs next.  */
#ifndef BUGLE_CTL_ZONES_H
#define BUGLE_CTL_ZONES_H

#include "common/job/body.h"
#include "common/job/yaml_job.h"

/*  Zones that were loaded; they live as long as this.  */
typedef struct {
    job_zone **items;
    size_t count;
} ctl_zones;

void ctl_zones_fini (ctl_zones *self);

/*  False when this machine has no zone files at all; then no name can be checked. $TZDIR, else /usr/share/zoneinfo.  */
bool ctl_zones_are_here (void);
/*  For job_yaml_ports: ctx is not used.  */
bool ctl_zone_exists (void *ctx, const char *name);
/*  For job_body_schedules: ctx is a ctl_zones. An empty name is UTC. BG_NOT_FOUND and what job_zone_load says.  */
const job_zone *ctl_zone_lookup (void *ctx, bg_slice name, bg_error *err);

#endif
