/*  Who listens on a port of this machine, as far as /proc lets us see: for sentences.  */
#ifndef BUGLE_BROKER_FRONT_HOLDER_H
#define BUGLE_BROKER_FRONT_HOLDER_H

#include "common/base/err.h"

/*  "bugle-broker (pid 123)", "a program of the user with id 7"; empty: nothing is to be seen.  */
typedef struct {
    char text[128];
} broker_holder;

broker_holder broker_port_holder (unsigned port);
/*  The port of a tcp endpoint, 0 when it has none.  */
unsigned broker_endpoint_port (const char *endpoint);

#endif
