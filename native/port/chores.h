// Work for nobody in particular that must not be waited for: done by helper threads, several at a time.
//
// Problem: closing a packet socket makes the kernel wait until no processor looks at it any more (10 to 25 ms on an idle machine), and so it is
// with other things it does on the way; a thousand in a row are 20 seconds. Waits of several threads go on at the same time, and share their ends.
#pragma once
#include <functional>

namespace weft {

// In any order, on any of the helpers, which come when there is work and go when there is none.
void chore(std::function<void()> work);
// Returns when all chores asked for before are done.
void finish_chores();

}  // namespace weft
