/* How many events this process has sent. */
#ifndef XENRING_TESTS_XEN_EVENTS_H
#define XENRING_TESTS_XEN_EVENTS_H

unsigned long events_sent(void);

#endif
