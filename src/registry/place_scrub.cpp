#include "registry/place_scrub.h"

#include "base/strings.h"
#include "content/paced_source.h"

namespace skiff::registry {

namespace {

constexpr std::string_view kScrubClaim = "scrub";
// So much is read twice by whoever goes on after a kill.
constexpr size_t kBlobsBetweenNotes = 100;
constexpr uint64_t kBytesBetweenNotes = uint64_t{256} << 20U;

// Where a pass over all is: as text its beginning, in nanoseconds, and the last digest.
struct Position {
  TimePoint began;
  std::string after;
  bool is_over = true;

  std::string text() const { return cat(unix_nanos(began), " ", is_over ? "over" : after); }
  static Position parse(const std::string& text) {
    Position out;
    const auto parts = split_once(text, ' ');
    const auto nanos = parts ? parse_int(parts->first) : std::nullopt;
    if (!nanos) return out;
    out.began = TimePoint(std::chrono::nanoseconds(*nanos));
    out.is_over = parts->second == "over";
    if (!out.is_over) out.after = parts->second;
    return out;
  }
};

class Pass {
 public:
  Pass(const PlaceScrub& with, const content::ScrubOptions& options,
       const std::function<void(const Error&)>& damaged, const CancelToken& cancel, Claim& claim)
      : with_(with),
        options_(options),
        damaged_(damaged),
        cancel_(cancel),
        claim_(claim),
        pace_(options.bytes_per_second) {}
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // From the position to the end.
  Result<> run(Position& position) {
    const Result<> read = with_.metadata.each_stored_blob(
        position.after, [&](const Audit::BlobRow& blob) -> Result<> {
          TRY(read_again(blob));
          position.after = blob.digest.str();
          if (++blobs_ >= kBlobsBetweenNotes || bytes_ >= kBytesBetweenNotes) {
            blobs_ = 0;
            bytes_ = 0;
            TRY(claim_.leave(position.text()));
          }
          return pace_.wait(totals_.bytes, cancel_);
        });
    position.is_over = read.has_value();
    TRY(claim_.leave(position.text()));
    return read;
  }
  const content::ScrubTotals& totals() const { return totals_; }

 private:
  Result<> read_again(const Audit::BlobRow& blob) {
    TRY(cancel_.check());
    // What is known to be damaged is told, and not read again and again.
    Result<> whole = Error(Code::kDataLoss, cat("blob ", blob.digest.str(), " is damaged"));
    if (!blob.damaged) {
      const content::VerifyOptions how{.always = true,
                                       .bytes_per_second = options_.bytes_per_second};
      whole = with_.blobs.verify(blob.digest, blob.at, how, cancel_);
      bytes_ += blob.at.size;
      totals_.bytes += blob.at.size;
    }
    ++totals_.blobs;
    if (!whole && whole.error().code() != Code::kDataLoss) return whole;
    if (!whole && (blob.damaged || TRY(with_.metadata.note_damage(blob.digest, blob.at.place)))) {
      ++totals_.damaged;
      damaged_(whole.error());
    }
    return {};
  }

  const PlaceScrub& with_;
  const content::ScrubOptions& options_;
  const std::function<void(const Error&)>& damaged_;
  const CancelToken& cancel_;
  Claim& claim_;
  content::Pace pace_;
  content::ScrubTotals totals_;
  size_t blobs_ = 0;  // since the position was noted
  uint64_t bytes_ = 0;
};

}  // namespace

Result<content::ScrubTotals> scrub_places(const PlaceScrub& with,
                                          const content::ScrubOptions& options,
                                          const std::function<void(const Error&)>& damaged,
                                          const CancelToken& cancel) {
  const auto claim =
      TRY(Claim::take(with.metadata, std::string(kScrubClaim), with.server, with.clock));
  if (!claim) return content::ScrubTotals{};
  Position position = Position::parse(claim->note());
  Pass pass(with, options, damaged, cancel, *claim);
  if (!position.is_over) TRY(pass.run(position));
  if (position.began < options.unread_since) {
    position = {.began = with.clock.now(), .after = "", .is_over = false};
    TRY(pass.run(position));
  }
  return pass.totals();
}

}  // namespace skiff::registry
