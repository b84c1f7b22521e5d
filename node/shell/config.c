/*  The node's configuration: one schema table, see config.h.  */
#include "node/shell/config.h"

#include "common/base/now.h"
#include "common/job/names.h"
#include "common/job/zone.h"
#include "common/sys/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const bg_conf_key node_keys[] = {
    {"name", BG_CONF_STRING, offsetof (node_config, name), 0, 0, NULL,
        "Name of this target. Default: the one it was enlisted with; at enlistment --name, else "
        "the short host name."},
    {"location", BG_CONF_STRING, offsetof (node_config, location), 0, 0, NULL,
        "Where the machine stands, for people; sent at enlistment."},
    {"zone", BG_CONF_STRING, offsetof (node_config, zone), 0, 0, NULL,
        "IANA time zone of schedules with zone: target. Default: /etc/localtime, else UTC."},
    {"idle.below", BG_CONF_INTEGER, offsetof (node_config, idle_below), 1, 100, "10",
        "Schedules of jobs that wait for idle processors: percent of all processors together that "
        "may be in use."},
    {"idle.for", BG_CONF_DURATION, offsetof (node_config, idle_for_us), BG_SEC (1), BG_DAY (1),
        "10m", "How long it has to be less than that, in a row."},
    {"log.level", BG_CONF_STRING, offsetof (node_config, log_level), 0, 0, "info",
        "error, warning, notice, info or debug."},
    {"log.json", BG_CONF_BOOL, offsetof (node_config, log_json), 0, 0, "false",
        "Log lines as JSON objects."},
};

const bg_conf_schema node_config_schema = {
    .name = "node.yaml",
    .about = "Configuration of bugle-node. Every key has a default; the file may be missing.",
    .keys = node_keys,
    .count = sizeof node_keys / sizeof node_keys[0],
};

static bg_result check (const node_config *config, const char *path, bg_error *err)
{
    bg_log_level level;
    if (config->name && bg_failed (job_target_name_valid (bg_slice_str (config->name), err)))
        return bg_prefix (err, "%s: name", path);
    if (config->zone && !job_zone_name_valid (bg_slice_str (config->zone)))
        return bg_fail (
            err, BG_INVALID, "%s: zone: '%s' is not the name of a time zone", path, config->zone);
    if (bg_failed (bg_log_parse_level (config->log_level, &level, err)))
        return bg_prefix (err, "%s: log.level", path);
    return bg_ok ();
}

bg_result node_config_load (const bg_home *home, node_config *config, bg_error *err)
{
    BG_AUTO_CHAR path = bg_home_path (home, BG_HOME_CONF, "node.yaml");
    bg_conf_defaults (&node_config_schema, config);
    bg_diag *diag = bg_diag_create ();
    bg_result result = bg_conf_load (&node_config_schema, path, false, config, diag, err);
    if (bg_diag_count (diag)) {
        BG_AUTO_BUF text = {0};
        bg_diag_print (diag, &text);
        (void) fputs (bg_buf_cstr (&text), stderr);
    }
    bg_diag_destroy (&diag);
    if (bg_is_ok (result))
        result = check (config, path, err);
    return result;
}

void node_config_fini (node_config *config)
{
    bg_conf_fini (&node_config_schema, config);
}

char *node_default_name (void)
{
    char host[256] = "";
    (void) gethostname (host, sizeof host - 1);
    host[strcspn (host, ".")] = 0;
    for (char *c = host; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char) (*c - 'A' + 'a');
    }
    bool valid = bg_is_ok (job_target_name_valid (bg_slice_str (host), NULL));
    return bg_strdup (valid ? host : "node");
}
