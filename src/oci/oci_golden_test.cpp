// References, platforms, manifests and configs as data files: tests/golden/.
#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/test_golden.h"

namespace skiff::oci {
namespace {

std::string error_line(const Error& error) {
  return cat(code_name(error.code()), ": ", error.message());
}

// One input a line; blank lines and comments stand as they are.
std::string show_lines(std::string_view text,
                       const std::function<std::string(const std::string&)>& show) {
  std::string out;
  for (const std::string& line : split(trim(text), '\n')) {
    const bool is_input = !line.empty() && line[0] != '#';
    out += is_input ? cat(line, "\n    ", show(line), "\n") : cat(line, "\n");
  }
  return out;
}

std::string show_reference(const std::string& text) {
  auto ref = Reference::parse(text);
  if (!ref) return error_line(ref.error());
  return cat(ref->domain(), " | ", ref->path(), " | ", ref->tag(), " | ",
             ref->digest() ? ref->digest()->str() : "", " | ", ref->familiar());
}

std::string show_platform(const std::string& text) {
  auto platform = Platform::parse(text);
  return platform ? platform->str() : error_line(platform.error());
}

std::string show(const std::map<std::string, std::string>& members, std::string_view name) {
  std::string out;
  for (const auto& [key, value] : members) {
    out += cat("  ", name, " ", key, "=", skiff::quoted(value), "\n");
  }
  return out;
}

std::string show(const Descriptor& d, std::string_view name) {
  std::string out = cat("  ", name, " ", d.media_type, " ", d.digest.str(), " ", d.size);
  if (d.platform) out += cat(" ", d.platform->normalized().str());
  if (!d.artifact_type.empty()) out += cat(" artifact ", d.artifact_type);
  for (const std::string& url : d.urls) out += cat(" url ", url);
  return cat(out, "\n", show(d.annotations, "  annotation"));
}

std::string show(const Result<Manifest>& parsed, std::string_view bytes) {
  if (!parsed) return cat("manifest: ", error_line(parsed.error()), "\n");
  EXPECT_EQ(parsed->raw, bytes);
  EXPECT_EQ(parsed->descriptor().digest, Digest::of(bytes));
  EXPECT_EQ(parsed->descriptor().size, bytes.size());
  std::string out = cat("manifest: ", parsed->media_type, " ", parsed->artifact_type, "\n");
  out += show(parsed->config, "config");
  for (const Descriptor& layer : parsed->layers) out += show(layer, "layer");
  if (parsed->subject) out += show(*parsed->subject, "subject");
  return out + show(parsed->annotations, "annotation");
}

std::string show(const Result<Index>& parsed, std::string_view bytes) {
  if (!parsed) return cat("index: ", error_line(parsed.error()), "\n");
  EXPECT_EQ(parsed->raw, bytes);
  EXPECT_EQ(parsed->descriptor().digest, Digest::of(bytes));
  std::string out = cat("index: ", parsed->media_type, " ", parsed->artifact_type, "\n");
  for (const Descriptor& entry : parsed->manifests) out += show(entry, "manifest");
  if (parsed->subject) out += show(*parsed->subject, "subject");
  return out + show(parsed->annotations, "annotation");
}

std::string show_config(std::string_view bytes) {
  auto parsed = ImageConfig::parse(bytes);
  if (!parsed) return error_line(parsed.error()) + "\n";
  const std::string canonical = parsed->serialize();
  auto again = ImageConfig::parse(canonical);
  EXPECT_TRUE(again) << again.error().message();
  EXPECT_EQ(again ? again->serialize() : "", canonical);
  return json::parse(canonical)->pretty() + "\n";
}

TEST(OciGolden, References) {
  check_golden("tests/golden/references", ".txt", 4,
               [](std::string_view text) { return show_lines(text, show_reference); });
}

TEST(OciGolden, Platforms) {
  check_golden("tests/golden/platforms", ".txt", 1,
               [](std::string_view text) { return show_lines(text, show_platform); });
}

TEST(OciGolden, ManifestsAndIndexes) {
  check_golden("tests/golden/manifests", ".json", 30, [](std::string_view bytes) {
    return cat("sniffed: ", sniff_media_type(bytes), "\n", show(Manifest::parse(bytes), bytes),
               show(Index::parse(bytes), bytes));
  });
}

TEST(OciGolden, ImageConfigs) { check_golden("tests/golden/configs", ".json", 15, show_config); }

}  // namespace
}  // namespace skiff::oci
