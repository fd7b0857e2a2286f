#pragma once

namespace target_eye {

// From now on an exception that nobody catches, in any thread, ends the program at once, with a
// critical line in the log that says why. If the system is short of something (memory, threads,
// descriptors), the exit code is 1. Any other exception is a bug, and aborts, so that there is a
// core.
//
// As with kill -9, nothing is tidied up: what was acknowledged is on the disk, and what is half
// done in memory must not go on.
void SayWhyItEnds();

}  // namespace target_eye
