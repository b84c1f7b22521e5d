/*  What network.c shares with the broker's process and with the people.  */
#ifndef BUGLE_SIM_NETWORK_H
#define BUGLE_SIM_NETWORK_H

#include "tests/sim/people.h"
#include "tests/sim/world.h"

/*  What a change of the front's key table is.  */
enum { SIM_KEYS_RESET, SIM_KEYS_ADD, SIM_KEYS_CUT, SIM_KEYS_READY };

#endif
