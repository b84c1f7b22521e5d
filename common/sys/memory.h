/*  Memory that a long-lived process does not need any more.

    Starting touches most of the libraries and leaves holes in the heap and pages below the stack's end; what follows
    needs a small part of them. The kernel would take such pages back only when memory is short, and until then every
    process that idles looks as large as its start.
*/
#ifndef BUGLE_SYS_MEMORY_H
#define BUGLE_SYS_MEMORY_H

/*  Gives back the free ends of the heap and of the first thread's stack (128 KiB, below 8 KiB that stay), and forgets
    the pages of code and constants of the program and its libraries: what is used again comes back from the page
    cache, a minor fault for each 64 KiB. Costs less than a millisecond. Call it once the start is over, from any
    thread, seldom. Cannot fail; where the kernel refuses, nothing is forgotten.  */
void bg_memory_give_back (void);

#endif
