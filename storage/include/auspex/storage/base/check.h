#pragma once

namespace auspex::internal {
/// Prints the failed condition with its place and aborts. For our own bugs, where going on could write wrong data.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);
}  // namespace auspex::internal

/// Always on. One condition per check, so that the failure names it.
#define AUSPEX_CHECK(condition) \
  (static_cast<bool>(condition) ? (void)0 : ::auspex::internal::CheckFailed(__FILE__, __LINE__, #condition))

/// For hot loops: off in release builds.
#ifdef NDEBUG
#define AUSPEX_DCHECK(condition) ((void)sizeof(static_cast<bool>(condition)))
#else
#define AUSPEX_DCHECK(condition) AUSPEX_CHECK(condition)
#endif
