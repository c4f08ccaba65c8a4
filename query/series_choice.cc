#include "series_choice.h"

#include <algorithm>
#include <map>
#include <utility>

namespace auspex::query {
namespace {

// Several selections as one.
class JoinedSelection final : public Selection {
 public:
  explicit JoinedSelection(std::vector<std::unique_ptr<Selection>> parts) : parts_(std::move(parts)) {
    std::map<Labels, std::pair<size_t, size_t>> places;
    for (size_t p = 0; p < parts_.size(); ++p) {
      for (size_t i = 0; i < parts_[p]->size(); ++i) places.try_emplace(parts_[p]->labels(i), p, i);
    }
    for (auto& [labels, place] : places) {
      labels_.push_back(labels);
      places_.push_back(place);
    }
  }
  size_t size() const override { return places_.size(); }
  Labels labels(size_t index) const override { return labels_[index]; }
  std::unique_ptr<SeriesReader> NewReader() const override { return std::make_unique<Reader>(*this); }

 private:
  class Reader final : public SeriesReader {
   public:
    explicit Reader(const JoinedSelection& joined) : joined_(joined), readers_(joined.parts_.size()) {}
    Status Read(size_t index, SampleColumns& out) override {
      const auto [part, place] = joined_.places_[index];
      return Of(part).Read(place, out);
    }
    Status ReadSummarized(size_t index, const SummaryUse& use, SummarizedColumns& out) override {
      const auto [part, place] = joined_.places_[index];
      return Of(part).ReadSummarized(place, use, out);
    }
    ReadCost cost() const override {
      ReadCost all;
      for (const auto& reader : readers_) {
        if (reader == nullptr) continue;
        const ReadCost one = reader->cost();
        all.blocks_decoded += one.blocks_decoded;
        all.blocks_skipped += one.blocks_skipped;
      }
      return all;
    }

   private:
    SeriesReader& Of(size_t part) {
      if (readers_[part] == nullptr) readers_[part] = joined_.parts_[part]->NewReader();
      return *readers_[part];
    }
    const JoinedSelection& joined_;
    std::vector<std::unique_ptr<SeriesReader>> readers_;
  };

  const std::vector<std::unique_ptr<Selection>> parts_;
  std::vector<Labels> labels_;
  std::vector<std::pair<size_t, size_t>> places_;  // of a series: the part, and where it stands there
};

}  // namespace

Result<std::unique_ptr<Selection>> SelectSeries(const SeriesStore& store, const SelectRequest& request,
                                                const std::vector<std::vector<Matcher>>& alternatives) {
  if (alternatives.empty()) return store.Select(request);
  std::vector<std::unique_ptr<Selection>> parts;
  SelectRequest one = request;
  for (const std::vector<Matcher>& matchers : alternatives) {
    one.matchers = matchers;
    AUSPEX_ASSIGN_OR_RETURN(std::unique_ptr<Selection> part, store.Select(one));
    parts.push_back(std::move(part));
  }
  return std::unique_ptr<Selection>(std::make_unique<JoinedSelection>(std::move(parts)));
}

}  // namespace auspex::query
