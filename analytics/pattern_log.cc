#include "pattern_log.h"

#include <algorithm>
#include <limits>
#include <map>

#include <xxhash.h>

#include "time_text.h"

namespace auspex::analytics {
namespace {

std::string KeyOf(const LogPattern& pattern) { return RecordTimeKey(pattern.last_seen_ms) + "/" + pattern.id; }

std::string MakeId(const LogPatternSeen& seen) {
  const std::string content = seen.template_text + '\0' + std::string(seen.labels.bytes());
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  return fmt::format("lp-{:016x}{:08x}", hash.high64, hash.low64 >> 32);
}

Status Check(const LogPatternSeen& seen) {
  if (seen.template_text.empty()) return InvalidArgument("log pattern: its template is empty");
  if (!IsUtf8(seen.template_text)) return InvalidArgument("log pattern: its template is not UTF-8");
  if (!IsUtf8(seen.sample)) return InvalidArgument("log pattern {}: its sample is not UTF-8", seen.template_text);
  if (seen.begin_ms > seen.end_ms || seen.begin_ms < kFirstTimeMs || seen.end_ms > kLastTimeMs) {
    return InvalidArgument("log pattern {}: seen from {} to {} ms, expected times of the years 0 to 9999", seen.template_text,
                           seen.begin_ms, seen.end_ms);
  }
  if (seen.lines_count == 0) return InvalidArgument("log pattern {}: seen in no line", seen.template_text);
  return OkStatus();
}

}  // namespace

Result<std::vector<std::string>> PatternLog::Add(TenantId tenant, std::span<const LogPatternSeen> seen) {
  std::vector<std::string> ids;
  if (seen.empty()) return ids;
  for (const LogPatternSeen& one : seen) AUSPEX_RETURN_IF_ERROR(Check(one));
  const std::lock_guard lock(adding_);
  constexpr int64_t kBegin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  AUSPEX_ASSIGN_OR_RETURN(std::vector<LogPattern> stored, Find(tenant, kBegin, kEnd, {}, 0));
  std::map<std::string, LogPattern> known;
  for (LogPattern& pattern : stored) known.emplace(pattern.id, std::move(pattern));

  Transaction transaction(tenant);
  std::map<std::string, const LogPattern*> changed;
  for (const LogPatternSeen& one : seen) {
    ids.push_back(MakeId(one));
    const auto [at, added] = known.try_emplace(ids.back());
    LogPattern& pattern = at->second;
    if (added) {
      pattern = {ids.back(), one.labels, one.template_text, one.sample, one.begin_ms, one.end_ms, 0};
    } else {
      transaction.Delete(RecordKind::kLogPattern, KeyOf(pattern));
    }
    if (one.begin_ms < pattern.first_seen_ms) pattern.sample = one.sample;
    pattern.first_seen_ms = std::min(pattern.first_seen_ms, one.begin_ms);
    pattern.last_seen_ms = std::max(pattern.last_seen_ms, one.end_ms);
    pattern.lines_count += one.lines_count;
    changed[pattern.id] = &pattern;
  }
  for (const auto& [id, pattern] : changed) {
    transaction.Put(RecordKind::kLogPattern, KeyOf(*pattern), ToJson(*pattern));
    WriteBatch& samples = transaction.samples();
    const SeriesRef counter = samples.AddSeries(pattern->labels.With(kMetricName, kCounter).With("pattern", id));
    samples.Add(counter, pattern->last_seen_ms, static_cast<double>(pattern->lines_count));
  }
  AUSPEX_RETURN_IF_ERROR(records_.Commit(transaction).status());
  return ids;
}

Result<std::vector<LogPattern>> PatternLog::Find(TenantId tenant, int64_t begin_ms, int64_t end_ms,
                                                 std::span<const Matcher> matchers, size_t limit) const {
  std::vector<LogPattern> out;
  Status bad;
  const Status scanned =
      records_.ScanRecords(tenant, RecordKind::kLogPattern, RecordTimeKey(begin_ms), "", false, [&](const Record& record) {
        auto pattern = LogPatternFromJson(record.value);
        if (!pattern.ok()) {
          bad = Corruption("log pattern {}: {}", record.key, pattern.status().message());
          return false;
        }
        const auto holds = [&](const Matcher& matcher) { return matcher.Matches(pattern->labels); };
        if (pattern->first_seen_ms <= end_ms && std::all_of(matchers.begin(), matchers.end(), holds)) {
          out.push_back(*std::move(pattern));
        }
        return limit == 0 || out.size() < limit;
      });
  AUSPEX_RETURN_IF_ERROR(scanned);
  AUSPEX_RETURN_IF_ERROR(bad);
  return out;
}

}  // namespace auspex::analytics
