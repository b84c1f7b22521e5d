/*  Which CURVE keys are known in which ZAP domain: a hash table with a secret seed. Keys come from
    strangers, who could otherwise choose them to collide. Pure: no threads, no sockets; the owner
    locks.  */
#ifndef BUGLE_SYS_ZAP_TABLE_H
#define BUGLE_SYS_ZAP_TABLE_H

#include "common/sys/zap.h"

typedef struct zap_table zap_table;

zap_table *zap_table_create (void);
void zap_table_destroy (zap_table **self_p);
/*  Adds the entry or replaces its principal. BG_INVALID, BG_LIMIT, BG_NO_MEMORY; then nothing has
    changed.  */
bg_result zap_table_put (zap_table *self, const bg_zap_entry *entry, bg_error *err) BG_CHECKED;
bool zap_table_remove (zap_table *self, const char *domain, const bg_key *key);
/*  The principal's text ("" when none), or NULL when the key is not known in domain. Valid until
    the next change.  */
const char *zap_table_find (const zap_table *self, const char *domain, const bg_key *key);
size_t zap_table_count (const zap_table *self);

#endif
