#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auspex/storage/histogram.h"
#include "auspex/storage/labels.h"
#include "http_message.h"

namespace auspex::server {

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string& out, std::string_view text);
/// A sample value as Prometheus writes it, without quotes: shortest digits that read back to the same double, plain
/// between 1e-6 and 1e21, else with an exponent; "NaN", "+Inf", "-Inf".
void AppendSampleValue(std::string& out, double value);
/// Milliseconds as seconds: 1435781451.781, without a fraction when it is zero.
void AppendSeconds(std::string& out, int64_t t_ms);

/// Writes JSON into a response as it is made, 64 KiB at a time: an answer of any size needs no more memory than that.
/// Commas are put where they belong. One thread at a time. Borrows the response; Finish() before it is done with.
class JsonWriter {
 public:
  explicit JsonWriter(ResponseWriter& response) : response_(response) {}

  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  void Key(std::string_view name);
  void String(std::string_view text);
  void Int(int64_t value);
  void Number(double value);  ///< null when not finite
  void Bool(bool value);
  void Null() { Raw("null"); }
  /// JSON that is already text.
  void Raw(std::string_view json);
  /// {"__name__":"up","job":"api"}
  void LabelObject(const Labels& labels);
  /// [1435781451.781,"1"]
  void Sample(int64_t t_ms, double value);
  /// [1435781451.781,{"count":"3","sum":"4.5","buckets":[[0,"1","2","3"]]}]: a bucket is a rule, two bounds and a count; the rule
  /// says which bounds belong to it (0 the upper, 1 the lower, 2 none, 3 both). Empty buckets are left out.
  void Sample(int64_t t_ms, const Histogram& histogram);

  void Member(std::string_view name, std::string_view text) { Key(name), String(text); }
  void Member(std::string_view name, const char* text) { Key(name), String(text); }
  void Member(std::string_view name, const std::string& text) { Key(name), String(text); }
  void Member(std::string_view name, int64_t value) { Key(name), Int(value); }
  void Member(std::string_view name, uint64_t value) { Key(name), Int(static_cast<int64_t>(value)); }
  void Member(std::string_view name, bool value) { Key(name), Bool(value); }

  /// {"status":"success","data": as every answer of the API starts; what follows is the data, then EndObject().
  void BeginSuccess();

  /// Hands the rest to the response. False: the client has gone.
  bool Finish();
  /// False: the client has gone, and the rest need not be made.
  bool alive() const { return alive_; }

 private:
  void Open(char bracket);
  void Close(char bracket);
  void BeforeValue();
  void AfterValue();

  ResponseWriter& response_;
  std::string buffer_;
  bool comma_ = false;  // a value stands before, at this level
  bool alive_ = true;
};

}  // namespace auspex::server
