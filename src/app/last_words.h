#pragma once

namespace target_eye {

// From now on an exception that nobody catches, in any thread, ends the program at once, with a
// critical line in the log that says why. The exit code is 1 where the system is short of something
// (memory, threads, descriptors); any other exception is a bug, which aborts, for the core's sake.
//
// Nothing is tidied up, as by kill -9: what was acknowledged is on the disk, and what is half done
// in memory must not go on.
void SayWhyItEnds();

}  // namespace target_eye
