/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/cli/report.ts > TAP > doctor shows the table, and below it cost and advice for what is not ok > must match snapshot 1`] = `
CHECK        STATE     FOUND
FUSE         ok        yes
I/O flusher  degraded  EPERM

I/O flusher
  costs: stalls
  to do: CAP_SYS_RESOURCE

`
