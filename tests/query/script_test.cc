// Every tests/scripts/*.test, on the model and on the store in each of the states that its samples can be in.
#include <filesystem>

#include <gtest/gtest.h>

#include "auspex/storage/store.h"
#include "tests/support/model_store.h"
#include "tests/support/script.h"
#include "tests/support/temp_dir.h"

namespace auspex::testing {
namespace {

enum class Place { kModel, kMemory, kFlushed, kSealed, kReopened };

constexpr std::pair<Place, std::string_view> kPlaces[] = {
    {Place::kModel, "Model"},   {Place::kMemory, "Memory"},     {Place::kFlushed, "Flushed"},
    {Place::kSealed, "Sealed"}, {Place::kReopened, "Reopened"},
};

class ModelTarget final : public StoreScriptTarget {
 public:
  SeriesStore& store() override { return model_; }

 private:
  ModelStore model_;
};

class StoreTarget final : public StoreScriptTarget {
 public:
  explicit StoreTarget(Place place) : place_(place) {}
  Status Open() {
    StoreOptions options;
    options.path = dir_.path();
    options.in_memory = place_ == Place::kMemory;
    options.sync = SyncMode::kNever;
    AUSPEX_ASSIGN_OR_RETURN(store_, Store::Open(options));
    return OkStatus();
  }
  SeriesStore& store() override { return *store_; }
  Status Settle() override {
    if (place_ == Place::kFlushed) return store_->Flush();
    if (place_ == Place::kSealed) return store_->Seal();
    if (place_ != Place::kReopened) return OkStatus();
    AUSPEX_RETURN_IF_ERROR(store_->Close());
    store_.reset();
    return Open();
  }

 private:
  const Place place_;
  TempDir dir_;
  std::unique_ptr<Store> store_;
};

Result<std::unique_ptr<ScriptTarget>> MakeTarget(Place place) {
  if (place == Place::kModel) return std::unique_ptr<ScriptTarget>(std::make_unique<ModelTarget>());
  auto target = std::make_unique<StoreTarget>(place);
  AUSPEX_RETURN_IF_ERROR(target->Open());
  return std::unique_ptr<ScriptTarget>(std::move(target));
}

class ScriptTest : public ::testing::TestWithParam<std::tuple<std::string, std::pair<Place, std::string_view>>> {};

TEST_P(ScriptTest, Holds) {
  const auto& [path, place] = GetParam();
  const Place where = place.first;
  const Status status = RunScriptFile(path, [where] { return MakeTarget(where); });
  EXPECT_TRUE(status.ok()) << path << ": " << status.message();
}

INSTANTIATE_TEST_SUITE_P(All, ScriptTest, ::testing::Combine(::testing::ValuesIn(ScriptPaths()), ::testing::ValuesIn(kPlaces)),
                         [](const auto& test) {
                           return std::filesystem::path(std::get<0>(test.param)).stem().string() + "_" +
                                  std::string(std::get<1>(test.param).second);
                         });

}  // namespace
}  // namespace auspex::testing
