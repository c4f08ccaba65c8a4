#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "auspex/storage/write_batch.h"

namespace auspex::server {

/// The memory that decoding a request takes, handed from one request to the next: fresh pages cost more than what is written
/// into them. Thread-safe. Keeps no more than a few, and none that an unusual request made large.
class IngestBuffers {
 public:
  struct Set {
    std::string body;  ///< decompressed; what is in it is of no interest, only its size
    WriteBatch batch;
  };
  /// Gives its set back when it ends. Borrows the buffers.
  class Lease {
   public:
    explicit Lease(IngestBuffers& owner) : owner_(owner), set_(owner.Take()) {}
    ~Lease() { owner_.Give(std::move(set_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Set* operator->() { return set_.get(); }

   private:
    IngestBuffers& owner_;
    std::unique_ptr<Set> set_;
  };

 private:
  static constexpr size_t kKept = 4;
  static constexpr size_t kMaxBodyBytes = size_t{8} << 20;
  static constexpr size_t kMaxSamples = size_t{1} << 18;

  std::unique_ptr<Set> Take() {
    const std::lock_guard lock(mu_);
    if (sets_.empty()) return std::make_unique<Set>();
    std::unique_ptr<Set> set = std::move(sets_.back());
    sets_.pop_back();
    return set;
  }
  void Give(std::unique_ptr<Set> set) {
    if (set->body.capacity() > kMaxBodyBytes || set->batch.samples_count() > kMaxSamples) return;
    set->batch.Clear();
    const std::lock_guard lock(mu_);
    if (sets_.size() < kKept) sets_.push_back(std::move(set));
  }

  std::mutex mu_;
  std::vector<std::unique_ptr<Set>> sets_;  // guarded by mu_
};

}  // namespace auspex::server
