/*  bugle.  */
#include "ctl/program.h"

int main (int argc, char **argv)
{
    return ctl_program_run (argc, argv, ctl_run_fini);
}
