/*  Ids and keys for tests: one byte, repeated.  */
#ifndef BUGLE_TESTS_IDS_H
#define BUGLE_TESTS_IDS_H

#include "common/base/id.h"

static inline bg_id id_of (uint8_t byte)
{
    bg_id id;
    memset (id.bytes, byte, sizeof id.bytes);
    return id;
}

static inline bg_key key_of (uint8_t byte)
{
    bg_key key;
    memset (key.bytes, byte, sizeof key.bytes);
    return key;
}

#endif
