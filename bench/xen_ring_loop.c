#include "messages.h"

#include <string.h>
/* xenctrl.h must come before ring.h, which uses its barriers. */
/* clang-format off */
#include <xenctrl.h>
#include <xen/io/ring.h>
/* clang-format on */

#define SIZE 16
#include "xen_ring_loop.h"
#define SIZE 64
#include "xen_ring_loop.h"
