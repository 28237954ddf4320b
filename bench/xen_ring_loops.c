#include "messages.h"

/* xenctrl.h must come before ring.h, which uses its barriers. */
/* clang-format off */
#include <xenctrl.h>
#include <xen/io/ring.h>
/* clang-format on */

#define KIND tx
#include "xen_ring_loop.h"
#define KIND rx
#include "xen_ring_loop.h"
#define KIND blk
#include "xen_ring_loop.h"
