#include "insight_log.h"

#include <algorithm>

namespace auspex::analytics {
namespace {

/// '0' follows '/': the end of an insight's revisions.
std::string BeginOf(std::string_view id) { return std::string(id) + "/"; }
std::string EndOf(std::string_view id) { return std::string(id) + "0"; }

Result<Insight> Parse(const Record& record) {
  auto insight = InsightFromJson(record.value);
  if (!insight.ok()) return Corruption("insight revision {}: {}", record.key, insight.status().message());
  return insight;
}

bool Overlaps(const TimeRange& range, const InsightFilter& filter) {
  if (filter.end_ms && range.start_ms > *filter.end_ms) return false;
  return !filter.begin_ms || !range.end_ms || *range.end_ms >= *filter.begin_ms;
}

bool Passes(const Insight& insight, const InsightFilter& filter) {
  if (filter.type && insight.type != *filter.type) return false;
  if (filter.status && insight.status != *filter.status) return false;
  if (filter.min_severity && insight.severity < *filter.min_severity) return false;
  if (!Overlaps(insight.time_range, filter)) return false;
  const auto all_hold = [&](const Labels& labels) {
    return std::all_of(filter.matchers.begin(), filter.matchers.end(),
                       [&](const Matcher& matcher) { return matcher.Matches(labels); });
  };
  return filter.matchers.empty() || all_hold(insight.collection) ||
         std::any_of(insight.anomalies.begin(), insight.anomalies.end(),
                     [&](const Anomaly& anomaly) { return all_hold(anomaly.labels); });
}

}  // namespace

InsightLog::Entry InsightLog::EntryOf(const Insight& insight) {
  return {insight.group, insight.cq, insight.type, insight.status, insight.severity, insight.time_range, insight.revision};
}

Status InsightLog::Load() {
  std::map<std::string, Entry, std::less<>> entries;
  Status bad;
  const Status scanned =
      records_.ScanRecords(kDefaultTenant, RecordKind::kInsightRevision, "", "", false, [&](const Record& record) {
        auto insight = Parse(record);
        if (!insight.ok()) {
          bad = insight.status();
          return false;
        }
        entries[insight->id] = EntryOf(*insight);  // in key order: the newest revision comes last
        return true;
      });
  AUSPEX_RETURN_IF_ERROR(scanned);
  AUSPEX_RETURN_IF_ERROR(bad);
  const std::lock_guard lock(mu_);
  entries_ = std::move(entries);
  return OkStatus();
}

void InsightLog::Put(Transaction& transaction, const Insight& revision) {
  transaction.Put(RecordKind::kInsightRevision, fmt::format("{}/{:08x}", revision.id, revision.revision), ToJson(revision));
}

void InsightLog::Stored(const Insight& revision) {
  const std::lock_guard lock(mu_);
  entries_[revision.id] = EntryOf(revision);
}

std::vector<std::pair<std::string, InsightLog::Entry>> InsightLog::Candidates(const InsightFilter& filter) const {
  std::vector<std::pair<std::string, Entry>> out;
  const std::lock_guard lock(mu_);
  for (const auto& [id, entry] : entries_) {
    if (!filter.group.empty() && entry.group != filter.group) continue;
    if (!filter.cq.empty() && entry.cq != filter.cq) continue;
    // What was known earlier may have been something else: only the newest revision can be judged from memory.
    if (!filter.known_at_ms) {
      if (filter.type && entry.type != *filter.type) continue;
      if (filter.status && entry.status != *filter.status) continue;
      if (filter.min_severity && entry.severity < *filter.min_severity) continue;
      if (!Overlaps(entry.time_range, filter)) continue;
    }
    out.emplace_back(id, entry);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    if (a.second.time_range.start_ms != b.second.time_range.start_ms)
      return a.second.time_range.start_ms > b.second.time_range.start_ms;
    return a.first < b.first;
  });
  return out;
}

Result<std::optional<Insight>> InsightLog::Read(std::string_view id, std::optional<int64_t> known_at_ms) const {
  std::optional<Insight> found;
  Status bad;
  const Status scanned = records_.ScanRecords(kDefaultTenant, RecordKind::kInsightRevision, BeginOf(id), EndOf(id), true,
                                              [&](const Record& record) {
                                                auto insight = Parse(record);
                                                if (!insight.ok()) {
                                                  bad = insight.status();
                                                  return false;
                                                }
                                                if (known_at_ms && insight->known_from_ms > *known_at_ms) return true;
                                                found = std::move(insight).value();
                                                return false;
                                              });
  AUSPEX_RETURN_IF_ERROR(scanned);
  AUSPEX_RETURN_IF_ERROR(bad);
  return found;
}

Result<std::vector<Insight>> InsightLog::Find(const InsightFilter& filter) const {
  std::vector<Insight> out;
  for (const auto& [id, entry] : Candidates(filter)) {
    AUSPEX_ASSIGN_OR_RETURN(std::optional<Insight> insight, Read(id, filter.known_at_ms));
    if (!insight || !Passes(*insight, filter)) continue;
    out.push_back(std::move(*insight));
    if (filter.limit > 0 && out.size() == filter.limit) break;
  }
  return out;
}

Result<Insight> InsightLog::Get(std::string_view id, std::optional<int64_t> known_at_ms) const {
  AUSPEX_ASSIGN_OR_RETURN(std::optional<Insight> insight, Read(id, known_at_ms));
  if (!insight) return NotFound("insight {}{}", id, known_at_ms ? ": was not known then" : "");
  return *std::move(insight);
}

Result<std::vector<Insight>> InsightLog::Revisions(std::string_view id) const {
  std::vector<Insight> out;
  Status bad;
  const Status scanned = records_.ScanRecords(kDefaultTenant, RecordKind::kInsightRevision, BeginOf(id), EndOf(id), false,
                                              [&](const Record& record) {
                                                auto insight = Parse(record);
                                                if (!insight.ok()) {
                                                  bad = insight.status();
                                                  return false;
                                                }
                                                out.push_back(std::move(insight).value());
                                                return true;
                                              });
  AUSPEX_RETURN_IF_ERROR(scanned);
  AUSPEX_RETURN_IF_ERROR(bad);
  if (out.empty()) return NotFound("insight {}", id);
  return out;
}

Status InsightLog::Expire(int64_t t_ms) {
  std::vector<std::string> expired;
  {
    const std::lock_guard lock(mu_);
    for (const auto& [id, entry] : entries_) {
      if (entry.status == InsightStatus::kClosed && entry.time_range.end_ms && *entry.time_range.end_ms < t_ms)
        expired.push_back(id);
    }
  }
  for (const std::string& id : expired) {
    Transaction transaction;
    AUSPEX_RETURN_IF_ERROR(records_.ScanRecords(kDefaultTenant, RecordKind::kInsightRevision, BeginOf(id), EndOf(id), false,
                                                [&](const Record& record) {
                                                  transaction.Delete(RecordKind::kInsightRevision, record.key);
                                                  return true;
                                                }));
    AUSPEX_RETURN_IF_ERROR(records_.Commit(transaction).status());
    const std::lock_guard lock(mu_);
    entries_.erase(id);
  }
  return OkStatus();
}

}  // namespace auspex::analytics
