/*  Under which address other machines find this one. A guess, made once by `bugle init` and then written down; nothing on
    this machine can prove that the others agree.
*/
#ifndef BUGLE_BROKER_HOME_ADDRESS_H
#define BUGLE_BROKER_HOME_ADDRESS_H

#include "common/base/err.h"

#define BROKER_ADDRESS_TEXT 129 /*  with the NUL  */

typedef struct {
    char host[BROKER_ADDRESS_TEXT]; /*  name or numeric address, without brackets  */
    char why[160];                  /*  how it was chosen, to follow "HOST: "  */
    bool is_doubtful;               /*  other machines may not find it  */
} broker_address;

/*  listen: as in broker.yaml, a wildcard or the name of an interface; a numeric address is itself. Order: the interface's
    own address; the machine's name with its domain, when that resolves to an address of this machine that others can
    have; the address that leads to the default route; any address but loopback; the host name.  */
broker_address broker_address_choose (const char *listen);

/*  The first numeric address of an interface, of version 4 before 6; false when there is no such interface or it has
    none.  */
bool broker_interface_address (const char *name, char text[BROKER_ADDRESS_TEXT]);

#endif
